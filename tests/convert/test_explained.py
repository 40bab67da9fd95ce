"""What int8 did, and what helps: collapses of several kinds are planted, and found."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from edge_runtime.reader import read
from edgekit.commands.convert import command
from edgekit.convert import explained
from edgekit.errors import DataError
from edgekit.train.finetune import run

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


def two_layers(
    folder: Path,
    hidden: npt.ArrayLike,
    scores: npt.ArrayLike,
    x: npt.NDArray[Any],
    y: npt.NDArray[Any],
    *,
    bias: float = 0.0,
    activation: str | None = None,
) -> list[str]:
    """Write a model of two dense layers, and data for it; return the arguments of the command.

    Args:
        folder: where to write.
        hidden: weights of the first layer, [inputs, units].
        scores: weights of the logit of class 1, [units]; that of class 0 is its negative.
        x: inputs.
        y: classes, 0 or 1.
        bias: added to the logit of class 1.
        activation: of the first layer.
    """
    import keras

    kernel, last = np.asarray(hidden, np.float32), np.asarray(scores, np.float32)
    inputs = keras.Input((len(kernel),))
    first = keras.layers.Dense(kernel.shape[1], activation=activation, name="hidden")
    second = keras.layers.Dense(2, activation="softmax", name="scores")
    model = keras.Model(inputs, second(first(inputs)))
    first.set_weights([kernel, np.zeros(kernel.shape[1], np.float32)])
    second.set_weights([np.stack([-last, last], axis=1), np.array([-bias, bias], np.float32)])
    model.compile(loss="categorical_crossentropy")
    model.save(folder / "model.keras")
    np.savez(folder / "data.npz", x=x.astype(np.float32), y=y.astype(int))
    arguments = [str(folder / "model.keras"), "--data", str(folder / "data.npz")]
    return [*arguments, "--artifacts", str(folder / "artifacts"), "--quiet"]


def drops(report: dict[str, Any]) -> dict[str, float]:
    """Return how much each repair that was possible drops."""
    rows = report["explained"]["repairs"]
    return {row["repair"]: row["drop"] for row in rows if not row["problem"]}


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


def test_equalised_channels_mend_what_one_scale_of_weights_loses(tmp_path: Path) -> None:
    # The unit that answers has weights of 1/300 of the other's, which are 0 in steps of 1/127.
    x = np.random.default_rng(0).uniform(-1, 1, (400, 2))
    arguments = two_layers(tmp_path, [[1, 0], [0, 1 / 300]], [0.1, 900], x, x[:, 1] > 0)
    options = "--auto", "--explain", "--target", "mcu"
    code, report = converted(tmp_path, arguments, *options)
    found = drops(report)
    assert (code, report["explained"]["written"]) == (0, "equalised channels")
    assert report["recipe"]["equalize"]
    assert found.pop("equalised channels") <= 0.01
    assert {"int8", "int16 activations"} == found.keys()
    assert min(found.values()) > 0.2
    again = tmp_path / "again.tflite"
    options = "--quantize", "--equalize", "--target", "mcu", "-o", str(again)
    assert command.main([*arguments, *options], standalone_mode=False) == 0
    assert again.read_bytes() == (tmp_path / "model.tflite").read_bytes()


def test_layers_in_float32_mend_what_no_other_format_holds(tmp_path: Path) -> None:
    # The answer is in the 12th bit of the weights, of which float16 has 11.
    x = np.random.default_rng(0).uniform(-1, 1, (400, 2))
    kernel = [[1, 1], [1 + 2.0**-12, 1]]
    arguments = two_layers(tmp_path, kernel, [2.0**15, -(2.0**15)], x, x[:, 1] > 0)
    code, report = converted(tmp_path, arguments, "--auto", "--explain")
    found = drops(report)
    assert code == 0
    written = report["explained"]["written"]
    assert written.endswith("in float32")
    assert len(report["recipe"]["keep_float"]) == 2
    assert found.pop(written) <= 0.01
    assert {"int16 activations", "float16 weights", "equalised channels"} <= found.keys()
    assert min(found.values()) > 0.2


def test_the_training_data_mend_what_other_calibration_data_cut_off(tmp_path: Path) -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (400, 2))
    identity = [[1, 0], [0, 1]]
    arguments = two_layers(tmp_path, identity, [0.5, 30], x, x[:, 1] > 0.5, bias=-15)
    np.save(tmp_path / "small.npy", (x * 0.45).astype(np.float32))
    options = ("--calibration", str(tmp_path / "small.npy"), "--target", "mcu")
    options += ("--auto", "--max-drop", "0.03", "--explain")
    code, report = converted(tmp_path, arguments, *options)
    found = drops(report)
    assert (code, report["explained"]["written"]) == (0, "calibration with the training data")
    assert report["calibration"]["source"] == "data.npz"
    assert report["warnings"] == []
    assert found.pop("calibration with the training data") <= 0.03
    assert {"int8", "equalised channels", "int16 activations"} == found.keys()
    assert min(found.values()) > 0.2


@pytest.mark.slow
def test_training_mends_what_no_number_format_can(tmp_path: Path) -> None:
    # The third input is all but 0, but its weights leave the others a step of 0.4.
    random = np.random.default_rng(0)
    x = random.uniform(-1, 1, (1000, 3)) * (1, 1, 1e-4)
    direction = np.array([0.15, 0.475])
    other = random.normal(size=(2, 8)) * 0.4
    kernel = np.column_stack([direction, -direction, other, -other])
    kernel = np.vstack([kernel, np.full(18, 50.0)])
    scores = [2, -2, *[0.0] * 16]
    y = x[:, :2] @ direction > 0
    arguments = two_layers(tmp_path, kernel, scores, x, y, activation="relu")
    options = "--auto", "--max-drop", "0.03", "--target", "mcu"
    code, report = converted(tmp_path, arguments, *options)
    *others, last = report["explained"]["repairs"]
    assert code == 0
    assert report["explained"]["written"] == last["repair"] == "quantisation-aware training"
    assert all(row["problem"] or row["drop"] > 0.06 for row in others)
    assert last["training_seconds"] > 0
    assert report["ranges"] == "learned"
    before = report["accuracy"]["before"]["accuracy"]
    assert before == 1, "that of the model before it was trained further"
    assert before - last["metric"] == pytest.approx(last["drop"])
    kept = tmp_path / "model_qat"
    metrics = json.loads((kept / "metrics.json").read_text())
    assert metrics["model_sha256"] == report["model"]["sha256"]
    again = tmp_path / "again.tflite"
    options = "--quantize", "--target", "mcu", "-o", str(again)
    arguments = [str(kept / "model.keras"), *options, "--artifacts", str(kept), "--quiet"]
    assert command.main(arguments, standalone_mode=False) == 0
    pair = (read(path.read_bytes()) for path in (again, tmp_path / "model.tflite"))
    weights = [[one.data for one in graph.tensors] for graph in pair]
    assert weights[0] == weights[1]
    with pytest.raises(DataError, match="learned its ranges"):
        command.main([*arguments, "--equalize"], standalone_mode=False)


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
    assert "not tried, as it trains: edgekit tune --qat" in text


def test_auto_fails_where_nothing_helps(
    tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(run.PACKAGES, "no_such_package", "no-such-package")
    arguments = planted(tmp_path, 1 / 300)
    code, report = converted(tmp_path, arguments, "--auto", "--target", "edgetpu")
    assert code == 1
    assert report["explained"]["written"] == "int8"
    last = report["explained"]["repairs"][-1]
    assert last["repair"] == "quantisation-aware training"
    assert "no-such-package" in last["problem"]
    assert "quantisation-aware training: not possible: " in capsys.readouterr().out
    assert not (tmp_path / "model_qat").exists()


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
