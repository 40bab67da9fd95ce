"""The error of each tensor, against a computation by hand."""

from dataclasses import asdict, replace
from math import inf
from pathlib import Path

import numpy as np
import pytest

from edge_runtime.reader import read
from edgekit import frameworks
from edgekit.cli import run
from edgekit.convert import compare, report
from edgekit.convert.calibration import FloatArray
from edgekit.convert.compare import TensorError, tensor_errors
from edgekit.convert.conversion import Conversion
from edgekit.convert.source import load
from edgekit.convert.tflite import to_tflite
from edgekit.train.dataset import Dataset, scaled


@pytest.fixture(scope="module")
def inputs(dataset: Dataset) -> FloatArray:
    return scaled(dataset.x_test[:40])


def test_a_model_against_itself_is_exact(float_model: Path, inputs: FloatArray) -> None:
    model = float_model.read_bytes()
    errors = tensor_errors(model, model, inputs)
    assert len(errors) == len(read(model).ops)
    assert {error.snr_db for error in errors} == {inf}
    assert {error.largest for error in errors} == {0.0}


def test_int8_noise_of_each_layer(float_model: Path, int8_model: Path, inputs: FloatArray) -> None:
    errors = tensor_errors(float_model.read_bytes(), int8_model.read_bytes(), inputs)
    assert [error.op.split()[1] for error in errors][-3:] == [
        "FULLY_CONNECTED",
        "FULLY_CONNECTED",
        "LOGISTIC",
    ]
    assert all(25 < error.snr_db < 60 for error in errors[-3:])


def test_the_last_layer_by_hand(float_model: Path, int8_model: Path, inputs: FloatArray) -> None:
    import edge_runtime

    x = edge_runtime.load(float_model).predict(inputs).astype(np.float64)
    y = edge_runtime.load(int8_model).predict(inputs).astype(np.float64)
    last = tensor_errors(float_model.read_bytes(), int8_model.read_bytes(), inputs)[-1]
    # XNNPACK and the built-in kernels differ by a step here and there, hence not to the last digit.
    assert last.snr_db == pytest.approx(10 * np.log10(np.sum(x**2) / np.sum((x - y) ** 2)), abs=1.5)
    assert last.largest == pytest.approx(np.abs(x - y).max(), abs=2 / 256)


def test_a_spoilt_layer_is_the_worst(
    float_model: Path, int8_model: Path, inputs: FloatArray
) -> None:
    graph = read(int8_model.read_bytes())
    (second,) = [op for op in graph.ops if op.name == "FULLY_CONNECTED"][1:]
    weights = graph.tensors[second.inputs[1]].data
    assert weights is not None
    content = bytearray(int8_model.read_bytes())
    start = content.find(bytes(weights))
    content[start] ^= 0x40
    before = tensor_errors(float_model.read_bytes(), int8_model.read_bytes(), inputs)
    after = tensor_errors(float_model.read_bytes(), bytes(content), inputs)
    assert after[1].snr_db == pytest.approx(before[1].snr_db)
    assert after[2].snr_db < before[2].snr_db - 10
    assert worst(after) == after[2].op


def worst(errors: list[TensorError]) -> str:
    """The op that the report names."""
    listed = [{**asdict(error), "exact": error.snr_db == inf} for error in errors]
    name, value = report._error_rows(listed, "int8")[0]
    assert name == "worst layer"
    return value.split(":")[0]


def test_the_layer_that_lost_it_is_named_and_not_the_one_with_least_left(
    float_model: Path, int8_model: Path, inputs: FloatArray
) -> None:
    graph = read(int8_model.read_bytes())
    (first, second) = [op for op in graph.ops if op.name == "FULLY_CONNECTED"]
    # By hand: the first layer turns 50 dB into 12, the second loses 10 more.
    lost = compare._lost(
        graph, {first.inputs[0]: 145.0, first.outputs[0]: 12.0, second.outputs[0]: 2.0}
    )
    assert lost[first.outputs[0]] == pytest.approx(compare.QUIET - 12)
    assert lost[second.outputs[0]] == pytest.approx(10)
    errors = tensor_errors(float_model.read_bytes(), int8_model.read_bytes(), inputs)
    figures = zip(
        errors, (145.0, 12.0, 2.0, 9.0), (0.0, compare.QUIET - 12, 10.0, 0.0), strict=True
    )
    spoilt = [replace(e, snr_db=snr, lost_db=gone) for e, snr, gone in figures]
    assert worst(spoilt) == errors[1].op


def test_no_signal_left_is_the_largest_loss(int8_model: Path) -> None:
    graph = read(int8_model.read_bytes())
    (first, second) = [op for op in graph.ops if op.name == "FULLY_CONNECTED"]
    lost = compare._lost(graph, {first.outputs[0]: -inf, second.outputs[0]: -inf})
    assert lost[first.outputs[0]] == inf
    assert lost[second.outputs[0]] == 0


def test_noise_without_signal_is_the_worst_and_not_exact(
    float_model: Path, int8_model: Path, inputs: FloatArray
) -> None:
    black = np.zeros_like(inputs[:1])
    errors = tensor_errors(float_model.read_bytes(), int8_model.read_bytes(), black)
    assert errors[0].snr_db == inf
    model = bytearray(float_model.read_bytes())
    graph = read(bytes(model))
    for op in graph.ops:
        for index in op.inputs[1:] if op.name == "FULLY_CONNECTED" else ():
            data = graph.tensors[index].data
            assert data is not None
            start = bytes(model).find(bytes(data))
            model[start : start + len(data)] = bytes(len(data))
    dead = tensor_errors(bytes(model), int8_model.read_bytes(), inputs)
    assert dead[1].snr_db == -inf


def test_a_convolution_in_float16_is_compared_with_itself(tmp_path: Path) -> None:
    keras = frameworks.keras()
    keras.utils.set_random_seed(1)
    layers = keras.layers
    convolution = layers.Conv2D(4, 3, activation="relu")
    head = [layers.Flatten(), layers.Dense(5, activation="relu"), layers.Dense(3, use_bias=False)]
    stack = [keras.Input((8, 8, 1)), convolution, layers.MaxPooling2D(), *head, layers.Softmax()]
    keras.Sequential(stack).save(tmp_path / "a.keras")
    trained = load(tmp_path / "a.keras")
    plain, half = to_tflite(trained, Conversion()), to_tflite(trained, Conversion("float16"))
    inputs = np.random.default_rng(0).random((10, 8, 8, 1)).astype(np.float32)
    errors = tensor_errors(plain, half, inputs)
    computing = [op.name for op in read(half).ops if op.name != "DEQUANTIZE"]
    assert [error.op.split()[1] for error in errors] == computing
    assert {"CONV_2D", "FULLY_CONNECTED", "SOFTMAX"} <= set(computing)
    assert min(error.snr_db for error in errors) > 40


def test_answers_that_are_no_numbers_are_no_agreement(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = tmp_path / "black.npz"
    black, labels = np.zeros((40, 28, 28), np.uint8), np.arange(40) % 2
    np.savez(images, x_train=black, y_train=labels, x_test=black, y_test=labels)
    keras = frameworks.keras()
    taken = keras.Input((28, 28, 1))
    bright = keras.ops.log(keras.layers.Flatten()(taken))
    dense = keras.layers.Dense(2, activation="softmax")
    keras.Model(taken, dense(bright)).save(tmp_path / "log.keras")
    output = tmp_path / "log.tflite"
    assert (
        run(["convert", str(tmp_path / "log.keras"), "--data", str(images), "-o", str(output)]) == 2
    )
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert "its weights are finite, but its answers to 40 of 40 test inputs are NaN" in error
    assert not output.exists()


def test_nan_on_the_way_leaves_nothing_to_compare() -> None:
    assert compare._decibels(float("nan"), 1.0) == -inf
    assert compare._decibels(1.0, float("nan")) == -inf
