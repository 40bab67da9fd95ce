"""What int8 did, and what helps: collapses of several kinds are planted, and found."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit.commands.convert import command
from edgekit.convert import explained

pytestmark = pytest.mark.tensorflow


def planted(folder: Path, small: float, bad_calibration: float = 0.0) -> list[str]:
    """Write a model whose answer is the sign of its second input, and data for it.

    Args:
        folder: where to write.
        small: size of the second input; that of the first is 1, and says nothing.
        bad_calibration: size of the inputs to calibrate with; 0 for the training inputs.
    """
    import keras

    inputs = keras.Input((2,))
    hidden = keras.layers.Dense(2, name="hidden")
    outputs = keras.layers.Dense(2, activation="softmax", name="scores")
    model = keras.Model(inputs, outputs(hidden(inputs)))
    hidden.set_weights([np.array([[0, 0.01], [1, 0]], np.float32), np.zeros(2, np.float32)])
    kernel = np.array([[-9, 9], [0, 0]], np.float32) / small
    outputs.set_weights([kernel, np.zeros(2, np.float32)])
    model.compile(loss="categorical_crossentropy")
    model.save(folder / "model.keras")
    random = np.random.default_rng(0)
    x = random.uniform(-1, 1, (400, 2)) * (1, small)
    np.savez(folder / "data.npz", x=x.astype(np.float32), y=(x[:, 1] > 0).astype(int))
    arguments = [str(folder / "model.keras"), "--data", str(folder / "data.npz")]
    if bad_calibration:
        inputs = random.uniform(-1, 1, (200, 2)) * bad_calibration
        np.save(folder / "bad.npy", inputs.astype(np.float32))
        arguments += ["--calibration", str(folder / "bad.npy")]
    return [*arguments, "--artifacts", str(folder / "artifacts"), "--quiet"]


def converted(folder: Path, arguments: list[str], *options: str) -> tuple[int, dict[str, Any]]:
    """Return the exit code, and what the report says of layers and repairs."""
    output = folder / "model.tflite"
    code = command.main([*arguments, *options, "-o", str(output)], standalone_mode=False)
    report: dict[str, Any] = json.loads(Path(f"{output}.report.json").read_text())
    return code, report


def test_auto_takes_the_cheapest_repair_that_keeps_the_metric(tmp_path: Path) -> None:
    # One scale for inputs of sizes 1 and 1/300: int8 has a step of 1/127.
    code, report = converted(tmp_path, planted(tmp_path, 1 / 300), "--auto")
    found = report["explained"]
    first, *others = found["repairs"]
    assert first["repair"] == "int8"
    assert first["drop"] > 0.2
    assert code == 0
    assert others[-1]["repair"] == found["written"]
    assert others[-1]["drop"] <= 0.01
    assert all(row["problem"] or row["drop"] > 0.01 for row in others[:-1])
    assert report["accuracy"]["after"]["accuracy"] == others[-1]["metric"]
    assert report["recipe"]["scheme"] == "int16x8" or report["recipe"]["keep_float"]


def test_auto_leaves_int8_where_it_keeps_the_metric(tmp_path: Path) -> None:
    code, report = converted(tmp_path, planted(tmp_path, 1.0), "--auto")
    assert (code, report["explained"]["written"]) == (0, "int8")
    assert [row["repair"] for row in report["explained"]["repairs"]] == ["int8"]


def test_explain_shows_saturation_and_spread(tmp_path: Path, capsys: Any) -> None:
    arguments = planted(tmp_path, 1.0, bad_calibration=0.6)
    code, report = converted(tmp_path, arguments, "--quantize", "--explain")
    assert code == 0
    found = report["explained"]
    hidden = next(layer for layer in found["layers"] if layer["op"].endswith("FULLY_CONNECTED"))
    assert hidden["saturated"] > 0.1
    assert hidden["spread"] == pytest.approx(100, rel=0.05)
    scores = next(layer for layer in found["layers"] if layer["op"].endswith("SOFTMAX"))
    assert scores["saturated"] is None
    assert len(found["worst_inputs"]) == 5
    assert found["written"] == "int8"
    text = capsys.readouterr().out
    assert "range used" in text
    assert "int16 activations" in text


def test_auto_fails_where_nothing_helps(tmp_path: Path) -> None:
    arguments = planted(tmp_path, 1 / 300)
    code, report = converted(tmp_path, arguments, "--auto", "--target", "edgetpu")
    assert code == 1
    assert report["explained"]["written"] == "int8"
    assert any(row["problem"] for row in report["explained"]["repairs"])


def test_a_layer_whose_signal_is_all_lost_is_not_called_exact() -> None:
    use = {"used": 0.5, "saturated": None, "spread": None}
    layers = [{"op": f"{i} ADD", "tensor": str(i), **use} for i in range(4)]
    errors = [
        {"tensor": "0", "exact": True, "snr_db": None, "lost_db": 0.0},
        {"tensor": "1", "exact": False, "snr_db": None, "lost_db": None},
        {"tensor": "2", "exact": False, "snr_db": 20.0, "lost_db": 3.5},
    ]
    document: dict[str, Any] = {
        "task": {"name": "classify"},
        "tensor_errors": errors,
        "explained": {"layers": layers, "worst_inputs": [], "repairs": [], "written": "int8"},
    }
    exact, noise, some, unknown = (
        row.split("  ") for row in explained.text(document).splitlines() if " ADD" in row
    )
    assert [cell.strip() for cell in exact if cell][1:3] == ["exact", "0.0 dB"]
    assert [cell.strip() for cell in noise if cell][1:3] == ["noise only", "all"]
    assert [cell.strip() for cell in some if cell][1:3] == ["20.0 dB", "3.5 dB"]
    assert [cell.strip() for cell in unknown if cell][1:3] == ["–", "–"]
