"""A front end chosen by options, from a folder of WAV files to compiled C: the same bytes."""

import ctypes
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import exported
from edge_runtime import load
from edge_runtime.audio import features, read_wav, standard
from edge_runtime.quantize import encode
from edgekit import cli
from edgekit.benchmarks import dataset as test_inputs
from edgekit.convert.c.library import library
from edgekit.train import data
from edgekit.train.reading import Reading

RATE, SECONDS = 8000, 0.5

MODEL = """
import keras


def build(shape, classes):
    return keras.Sequential([
        keras.Input(shape),
        keras.layers.Flatten(),
        keras.layers.Dense(classes, activation="softmax"),
    ])
"""
CHOSEN = {
    "20 bands": Reading(group="^([^_]+)_", seconds=SECONDS, rate=RATE, bands=20),
    "13 MFCC": Reading(seconds=SECONDS, rate=RATE, mfcc=13),
    "10 MFCC of 24 bands": Reading(seconds=SECONDS, rate=RATE, bands=24, mfcc=10),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Low and high beeps of 5 speakers, and a small model, linear so that it surely learns."""
    random = np.random.default_rng(0)
    time = np.arange(round(RATE * SECONDS)) / RATE
    for kind, hertz in (("low", 300), ("high", 1800)):
        (tmp_path / "sounds" / kind).mkdir(parents=True)
        for number in range(25):
            beep = np.sin(2 * np.pi * hertz * random.uniform(0.9, 1.1) * time)
            sound = 0.3 * beep + random.normal(0, 0.01, len(time))
            path = tmp_path / "sounds" / kind / f"{number % 5}a_nohash_{number}.wav"
            soundfile.write(path, sound, RATE, "PCM_16")
    (tmp_path / "model.py").write_text(MODEL)
    return tmp_path


def options(reading: Reading) -> list[str]:
    """Return the options of the command line that are a reading."""
    pairs = zip(reading.options, reading.document.values(), strict=True)
    return [str(word) for pair in pairs for word in pair]


@pytest.mark.tensorflow
@pytest.mark.compiler
@pytest.mark.parametrize("name", CHOSEN)
def test_a_front_end_of_options_is_that_of_all_later_commands(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reading, source, artifacts = CHOSEN[name], folder / "sounds", folder / "artifacts"
    common = ["--artifacts", str(artifacts)]
    words = ["train", "--model", f"{folder / 'model.py'}:build", "--data", str(source)]
    words += ["--epochs", "20", "--batch-size", "8", "--learning-rate", "0.01"]
    assert cli.run([*words, *options(reading), *common]) == 0
    audio = standard(
        RATE,
        round(RATE * SECONDS),
        bands=reading.bands or 40,
        coefficients=reading.mfcc or 0,
    )
    metrics: dict[str, Any] = json.loads((artifacts / "metrics.json").read_text())["data"]
    assert metrics["reading"] == reading.document
    assert metrics["audio"] == audio.to_json()
    assert metrics["split"]["by"] == ("group" if reading.group else "class")

    assert cli.run(["convert", "--quantize", *common]) == 0
    file = artifacts / "model_int8.tflite"
    model = load(file)
    assert model.metadata is not None
    assert model.metadata.audio == audio
    assert model.metadata.provenance["data"]["reading"] == reading.document
    # bench and predict use it without being told.
    measured = test_inputs.for_models([file])
    assert (measured.audio, measured.reading) == (audio, reading)
    assert (measured.groups is not None) == (reading.group is not None)
    trained = data.load(str(source), None, None, reading=reading)
    assert measured.sha256 == trained.sha256 == metrics["sha256"]
    capsys.readouterr()
    assert cli.run(["predict", str(file), "--data", str(source), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["correct"] >= 48
    for other, needed in (("--bands", audio.bands), ("--mfcc", audio.coefficients)):
        for command in ("convert", "--quantize", *common), ("bench", str(file), *common):
            assert cli.run([*command, other, "9"]) == 2
            wanted = needed or "mel bands, without --mfcc"
            message = capsys.readouterr().err
            assert message.count("\n") == 1
            assert f"sounds: {other} 9: the model needs {wanted}" in message

    content = file.read_bytes()
    functions = exported.Exported(library(content, file.name, "ears"), folder / "c").functions
    for wav in (source / kind / "0a_nohash_0.wav" for kind in ("low", "high")):
        pcm = np.array(read_wav(wav, audio), np.int16)
        pixels = model.prepare(wav).pixels
        np.testing.assert_array_equal(features(audio, pcm).reshape(pixels.shape), pixels)
        wanted = encode(pixels[None], model.input, model.metadata)[0]
        tensor, scratch = np.zeros(audio.shape, np.int8), np.zeros(audio.scratch, np.int32)
        arrays = (array.ctypes.data_as(ctypes.c_void_p) for array in (pcm, tensor, scratch))
        assert functions.ears_from_pcm16(*arrays) == 0
        np.testing.assert_array_equal(tensor, wanted)
        assert model.classify(wav).label == wav.parent.name
