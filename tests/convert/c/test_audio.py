"""Exported C that hears: the bytes of edge_runtime, whole, hop by hop, from a WAV file on."""

import ctypes
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import exported
import listener
import sound
from edge_runtime import audio as audio_module
from edge_runtime import load
from edge_runtime.audio import Audio, features, read_wav
from edge_runtime.quantize import encode
from edgekit.convert.c.library import CLibrary, library
from edgekit.convert.packages.readme import readme

FRONT_ENDS = {
    "log-mel": (listener.EARS, "int8"),
    "MFCC": (Audio(coefficients=10), "int8"),
    "float32": (listener.EARS, "float32"),
    "int16": (listener.EARS, "int16"),
}


def pointer(values: npt.NDArray[Any]) -> ctypes.c_void_p:
    return values.ctypes.data_as(ctypes.c_void_p)


def made(audio: Audio, dtype: str) -> CLibrary:
    return library(listener.model(audio, dtype), "ears.tflite", "ears")


@pytest.mark.parametrize("form", FRONT_ENDS)
def test_c_numpy_and_the_extension_agree_on_a_wav_file(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audio, dtype = FRONT_ENDS[form]
    file = tmp_path / "ears.tflite"
    file.write_bytes(listener.model(audio, dtype))
    model = load(file)
    checked = ("-fsanitize=undefined", "-fsanitize-undefined-trap-on-error")
    functions = exported.Exported(made(audio, dtype), tmp_path, *checked).functions
    assert functions.ears_check_constants() == 0
    for name in "speech", "extremes", "quiet noise":
        wav = sound.write_wav(tmp_path / "word.wav", sound.sounds(audio)[name], audio.rate)
        pcm = np.array(read_wav(wav, audio), np.int16)
        native = model.prepare(wav).pixels
        with monkeypatch.context() as patch:
            patch.setattr(audio_module, "_extension", lambda: None)
            np.testing.assert_array_equal(features(audio, pcm), native)
        wanted = encode(native[None], model.input, model.metadata)[0]

        tensor = np.zeros(audio.shape, dtype)
        scratch = np.zeros(audio.scratch, np.int32)
        assert functions.ears_from_pcm16(*map(pointer, (pcm, tensor, scratch))) == 0
        np.testing.assert_array_equal(tensor, wanted)


@pytest.mark.parametrize("audio", [listener.EARS, Audio(coefficients=10)], ids=["320", "59"])
def test_hops_give_what_the_whole_gives(audio: Audio, tmp_path: Path) -> None:
    functions = exported.Exported(made(audio, "int8"), tmp_path).functions
    pcm = np.tile(sound.sounds(audio)["speech"], 2)
    first = -(-audio.window // audio.hop)
    stream = np.zeros(2 * first * audio.hop + audio.frames * audio.width + 3 + 12, np.uint8)
    scratch, tensor = np.zeros(audio.scratch, np.int32), np.zeros(audio.shape, np.int8)

    def push(start: int) -> int:
        hop = np.ascontiguousarray(pcm[start : start + audio.hop])
        return int(functions.ears_push_pcm16(*map(pointer, (stream, hop, scratch))))

    hops = audio.frames - 1 + first
    missing = [push(i * audio.hop) for i in range(hops + 3)]
    assert missing == [*range(hops - 1, -1, -1), 0, 0, 0]
    start = 3 * audio.hop
    wanted = features(audio, pcm[start : start + audio.samples])
    assert functions.ears_from_stream(pointer(stream), pointer(tensor)) == 0
    np.testing.assert_array_equal(tensor, (wanted ^ 128).view(np.int8))


def test_null_is_refused(tmp_path: Path) -> None:
    functions = exported.Exported(made(listener.EARS, "int8"), tmp_path).functions
    room = bytes(4096)
    for name, count in ("from_pcm16", 3), ("push_pcm16", 3), ("from_stream", 2):
        for absent in range(count):
            pointers = [None if i == absent else room for i in range(count)]
            assert getattr(functions, f"ears_{name}")(*pointers) == -1


def test_the_example_hears(tmp_path: Path) -> None:
    program = tmp_path / "example"
    sources = exported.write(made(listener.EARS, "int8"), tmp_path)
    subprocess.run(["cc", *exported.C99, "-O1", "-o", program, *sources], check=True)
    said = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    assert "ears: self-test passed\n" in said
    assert "microphone" in sources[-1].read_text()


@pytest.mark.parametrize("keep_input", [False, True])
def test_the_readmes_code_compiles(keep_input: bool, tmp_path: Path) -> None:
    content = listener.model(Audio(), "int8")
    model = library(content, "ears.tflite", "ears", keep_input=keep_input)
    exported.write(model, tmp_path)
    text = readme(model, "").partition("## Sound")[2]
    (tmp_path / "use.c").write_text(text.partition("```c\n")[2].partition("```")[0])
    command = ["cc", *exported.C99, "-Wno-missing-prototypes", "-c", "use.c"]
    subprocess.run(command, check=True, cwd=tmp_path)


def test_a_model_that_does_not_hear_has_none_of_it() -> None:
    plain = library(listener.model(None, "int8"), "ears.tflite", "ears")
    for text in plain.header, plain.source, plain.example, readme(plain, ""):
        assert "pcm" not in text
        assert "audio" not in text
