"""What quantisers leave in float32, though integers could say it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import build
import runtimes
from edge_runtime.reader import read
from edgekit import cli, frameworks
from edgekit.convert.products import as_products
from edgekit.convert.targets import float_operators

SHAPE = (1, 6)


def test_negatives_and_squares_are_the_same_numbers_as_products() -> None:
    tensors = [build.tensor(SHAPE, name=name) for name in "abcd"]
    ops = [("NEG", [0], 1, {}), ("SQUARE", [1], 2, {}), ("NEG", [2], 3, {})]
    content = build.model(tensors, ops, outputs=[1, 2, 3])
    changed = as_products(content)
    assert [op.name for op in read(changed).ops] == ["MUL"] * 3
    numbers = np.array([[0, -0.0, 1.5, -1e19, 1e-40, 3e-20]], np.float32)
    before, after = (runtimes.run_builtin_ref(one, [numbers]) for one in (content, changed))
    assert [one.tobytes() for one in after] == [one.tobytes() for one in before]
    assert as_products(changed) == changed


def test_whole_numbers_stay_as_they_are() -> None:
    tensors = [build.tensor(SHAPE, "int32", name=name) for name in "ab"]
    content = build.model(tensors, [("NEG", [0], 1, {})])
    assert as_products(content) == content


def network(kind: str) -> Any:
    """A network that ends in a softmax, with an op that TensorFlow's quantiser does not know."""
    keras = frameworks.keras()
    layers = keras.layers
    source = x = keras.Input((8, 6))
    match kind:
        case "layer normalisation and attention":
            x = layers.LayerNormalization()(x)
            x = layers.Add()([x, layers.MultiHeadAttention(2, 4)(x, x)])
        case "group normalisation":
            x = layers.GroupNormalization(2)(layers.Conv1D(4, 3)(x))
        case "square":
            x = keras.ops.square(layers.Dense(4)(x))
        case "cosine":
            x = keras.ops.cos(layers.Dense(4)(x))
        case _:
            x = layers.Dense(4, activation=kind)(x)
    x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(source, layers.Dense(3, activation="softmax")(x))


def saved(kind: str, folder: Path) -> list[str]:
    """Save a network and inputs to calibrate with; return the command that converts it."""
    frameworks.keras().utils.set_random_seed(1)
    network(kind).save(folder / "model.keras")
    np.save(folder / "x.npy", np.random.default_rng(0).normal(size=(100, 8, 6)).astype("f"))
    paths = [folder / "model.keras", "--calibration", folder / "x.npy", "-o", folder / "m.tflite"]
    return ["convert", *map(str, paths), "--quantize"]


@pytest.mark.parametrize("quantizer", ["tensorflow", "litert"])
@pytest.mark.parametrize(
    "kind", ["layer normalisation and attention", "group normalisation", "square", "elu"]
)
def test_they_become_integers(kind: str, quantizer: str, tmp_path: Path) -> None:
    command = saved(kind, tmp_path)
    assert cli.run([*command, "--quantizer", quantizer]) == 0
    content = (tmp_path / "m.tflite").read_bytes()
    assert float_operators(read(content)) == []
    if kind == "elu":
        return  # BUILTIN_REF has none
    inputs = np.random.default_rng(1).integers(-128, 128, (20, 8, 6)).astype(np.int8)
    runtimes.equal_one_by_one(content, inputs)


def test_what_no_quantiser_knows_is_named_with_what_helps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = saved("cosine", tmp_path)
    assert cli.run(command) == 2
    said = capsys.readouterr().err
    assert "COS; try --quantizer litert, which knows others, or --keep-float COS, which" in said
    assert not (tmp_path / "m.tflite").exists()
    assert cli.run([*command, "--keep-float", "COS"]) == 0


def test_what_litert_does_not_run_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = saved("layer normalisation and attention", tmp_path)
    assert cli.run([*command, "--scheme", "int16x8"]) == 2
    said = capsys.readouterr().err
    assert "model.keras: LiteRT does not run it in int16x8 (SquaredDifference only supports" in said
    assert not (tmp_path / "m.tflite").exists()


@pytest.mark.parametrize("kind", ["LSTM", "masked LSTM"])
def test_a_part_that_an_lstm_drops_is_no_obstacle(kind: str, tmp_path: Path) -> None:
    """LiteRT's calibrator reads all tensors, also those to which XNNPACK gives no memory."""
    keras, layers = frameworks.keras(), frameworks.keras().layers
    keras.utils.set_random_seed(1)
    source = keras.Input((8, 6))
    x = layers.Masking()(source) if kind == "masked LSTM" else source
    model = keras.Model(source, layers.Dense(3)(layers.LSTM(5)(x)))
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(100, 8, 6)).astype("f"))
    paths = [tmp_path / "model.keras", "--calibration", tmp_path / "x.npy"]
    output = tmp_path / "m.tflite"
    command = ["convert", *map(str, paths), "--quantize", "--quantizer", "litert", "-o"]
    assert cli.run([*command, str(output)]) == 0
    content = output.read_bytes()
    assert float_operators(read(content)) == []
    inputs = np.random.default_rng(1).integers(-128, 128, (20, 8, 6)).astype(np.int8)
    runtimes.equal_one_by_one(content, inputs)
