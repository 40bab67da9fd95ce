"""Whole numbers, such as the words of an embedding, are the same in int8."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edge_runtime
import runtimes
from edge_runtime.reader import read
from edgekit import cli, frameworks

ROWS = 300


def convert(folder: Path, *options: str) -> int:
    paths = [folder / "model.keras", "--calibration", folder / "x.npy", "-o", folder / "m.tflite"]
    return cli.run(["convert", *map(str, paths), "--quantize", *options])


def saved(folder: Path, words: int, kind: str = "int32", *, largest: int = 0) -> Any:
    """Save a network of an embedding of words, and inputs to calibrate with; return it."""
    keras, layers = frameworks.keras(), frameworks.keras().layers
    keras.utils.set_random_seed(words)
    source = keras.Input((6,), dtype=kind)
    x = layers.Flatten()(layers.Embedding(words, 4)(source))
    model = keras.Model(source, layers.Dense(3)(x))
    model.layers[1].set_weights([np.random.default_rng(0).normal(size=(words, 4))])
    model.save(folder / "model.keras")
    inputs = np.random.default_rng(1).integers(0, largest or words, (ROWS, 6))
    np.save(folder / "x.npy", inputs.astype("f"))
    return model


@pytest.mark.parametrize(
    ("words", "kind", "quantizer"),
    [
        *((100, "int32", "tensorflow"), (200, "int32", "tensorflow"), (256, "int64", "litert")),
        *((200, "float32", "tensorflow"), (128, "float32", "litert")),
    ],
)
def test_each_word_is_read_as_itself(words: int, kind: str, quantizer: str, tmp_path: Path) -> None:
    # Of the last words the samples have none.
    model = saved(tmp_path, words, kind, largest=words - 3)
    assert convert(tmp_path, "--quantizer", quantizer) == 0
    inputs = np.random.default_rng(2).integers(0, words, (ROWS, 6)).astype("f")
    inputs[:, 0] = words - 1 - np.arange(ROWS) % 3
    expected = np.asarray(model(inputs))
    with edge_runtime.load(tmp_path / "m.tflite") as converted:
        answers = np.concatenate([converted.predict(one[None]) for one in inputs])
    # Any other word would change an answer by about a third of the answers' spread.
    within = np.clip(expected, answers.min(), answers.max())
    assert np.abs(answers - within).max() < 0.1 * expected.std()
    content = (tmp_path / "m.tflite").read_bytes()
    graph = read(content)
    assert {op.name for op in graph.ops}.isdisjoint({"DEQUANTIZE"})
    quantization = graph.tensors[graph.inputs[0]].quantization
    assert quantization is not None
    assert quantization.scales[0] == 1
    integers = (inputs + quantization.zero_points[0]).astype(np.int8)
    engines, litert = runtimes.engines(content), runtimes.builtin_ref(content)
    for one in integers:
        runtimes.agree(engines, one[None], litert(one[None]))


@pytest.mark.parametrize("quantizer", ["tensorflow", "litert"])
def test_more_words_than_8_bits_are_refused(
    quantizer: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved(tmp_path, 257, largest=20)
    assert convert(tmp_path, "--quantizer", quantizer) == 2
    *_, said = capsys.readouterr().err.splitlines()
    assert "has whole numbers up to 256, which int8 has not: --scheme dynamic" in said
    assert not (tmp_path / "m.tflite").exists()


def test_a_cast_input_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved(tmp_path, 100)
    assert convert(tmp_path) == 0
    assert "whole numbers are read as float32 and cast: " in capsys.readouterr().err


@pytest.mark.parametrize("kept", [(), ("--keep-float", "CAST", "--keep-float", "COS")])
def test_what_is_read_as_both_is_refused(
    kept: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keras, layers = frameworks.keras(), frameworks.keras().layers
    source = keras.Input((6,))
    words = layers.Flatten()(layers.Embedding(20, 4)(source))
    both = layers.Concatenate()([words, keras.ops.cos(source) if kept else source])
    keras.Model(source, layers.Dense(3)(both)).save(tmp_path / "model.keras")
    np.save(tmp_path / "x.npy", np.random.default_rng(1).integers(0, 20, (ROWS, 6)).astype("f"))
    assert convert(tmp_path, *kept) == 2
    assert "is read as whole numbers, and as others too" in capsys.readouterr().err


def test_two_tables_of_the_same_words(tmp_path: Path) -> None:
    keras, layers = frameworks.keras(), frameworks.keras().layers
    source = keras.Input((6,), dtype="int32")
    tables = [layers.Flatten()(layers.Embedding(words, 4)(source)) for words in (20, 150)]
    keras.Model(source, layers.Dense(3)(layers.Concatenate()(tables))).save(
        tmp_path / "model.keras"
    )
    np.save(tmp_path / "x.npy", np.random.default_rng(1).integers(0, 20, (ROWS, 6)).astype("f"))
    assert convert(tmp_path) == 0
    graph = read((tmp_path / "m.tflite").read_bytes())
    quantization = graph.tensors[graph.inputs[0]].quantization
    assert quantization is not None
    assert (quantization.scales[0], quantization.zero_points[0]) == (1, -128)
