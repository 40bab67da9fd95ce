"""WAV files of any rate and width, cut or padded, as features of sound."""

import sys
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile

from edge_runtime.audio import features, read_wav, standard
from edgekit.errors import DataError, MissingExtraError
from edgekit.train import class_folders, data, recordings
from edgekit.train.reading import RECORDINGS, Reading
from edgekit.train.recordings import Changes, Pcm

pytestmark = pytest.mark.unsanitized


AUDIO = standard(8000, 4000)


def tone(rate: int, seconds: float, hertz: float = 440.0, amplitude: float = 0.5) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)


def read(path: Path, rate: int = 8000, samples: int = 4000) -> Pcm:
    return recordings.pcm(path, rate, samples, Changes())


def test_16_bits_at_the_same_rate_stay_as_they_are(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).integers(-32768, 32768, (5000, 2), np.int16)
    for channels in (1, 2):
        with wave.open(str(tmp_path / "a.wav"), "wb") as file:
            file.setparams((channels, 2, 8000, 0, "NONE", ""))
            file.writeframes(samples[:, :channels].astype("<i2").tobytes())
        expected = samples[:4000, 0] if channels == 1 else samples[:4000].sum(axis=1) // 2
        assert np.array_equal(read(tmp_path / "a.wav"), expected)
        assert read(tmp_path / "a.wav").dtype == np.int16
        assert read(tmp_path / "a.wav").tolist() == read_wav(tmp_path / "a.wav", AUDIO).tolist()
    padded = read(tmp_path / "a.wav", samples=6000)
    assert not padded[5000:].any()
    assert np.array_equal(padded[:4000], expected)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("rate", [8000, 16000, 44100, 6000])
def test_any_rate_and_width_is_the_same_tone(tmp_path: Path, subtype: str, rate: int) -> None:
    sound = tone(rate, 1.0)
    soundfile.write(tmp_path / "a.wav", np.stack((sound, sound / 2), axis=1), rate, subtype)
    found = read(tmp_path / "a.wav").astype(np.float64)
    expected = tone(8000, 0.5) * 0.75 * 32768
    error = np.abs(found - expected)[100:-100].max()
    assert error < (300 if subtype == "PCM_U8" else 2), error


def test_floats_somewhat_beyond_full_scale_are_clipped(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.array([2.0, -2.0, 0.5]), 8000, "FLOAT")
    assert read(tmp_path / "a.wav")[:4].tolist() == [32767, -32768, 16384, 0]


def folder_of(path: Path) -> Path:
    """Low and loud beeps of several rates and lengths."""
    for kind, amplitude in (("loud", 0.9), ("quiet", 0.1)):
        (path / kind).mkdir(parents=True)
        for i, (rate, seconds) in enumerate([(8000, 0.5), (16000, 0.5), (8000, 0.2), (8000, 2)]):
            sound = tone(rate, seconds, 500 + 50 * i, amplitude)
            soundfile.write(path / kind / f"{i}.wav", sound, rate, "PCM_16")
    return path


def test_a_folder_of_class_folders(tmp_path: Path) -> None:
    found = class_folders.found(folder_of(tmp_path))
    assert found.kind == RECORDINGS
    loaded = recordings.from_folders(found, AUDIO, Reading())
    x, y = loaded.arrays["x"], loaded.arrays["y"]
    assert loaded.names == ("loud", "quiet")
    assert (x.shape, x.dtype) == ((8, *AUDIO.shape), np.uint8)
    assert y.tolist() == [0] * 4 + [1] * 4
    # Long ones lose their end, short ones end in silence, and the resampled one sounds alike.
    for index, hertz, seconds in ((0, 500, 0.5), (1, 550, 0.5), (2, 600, 0.2), (3, 650, 0.5)):
        sound = np.zeros(4000, np.int16)
        beep = tone(8000, seconds, hertz, 0.9)
        sound[: len(beep)] = np.rint(beep * 32767)
        difference = x[index].astype(int) - features(AUDIO, sound)
        # A rectangular end leaks into all bands.
        assert np.abs(difference[:-2]).max() <= (60 if index == 1 else 3)
        assert np.abs(difference).mean() <= (8 if index == 1 else 0.1)
    assert loaded.files[5] == str(tmp_path / "quiet" / "1.wav")
    assert loaded.notes == (
        "2 recordings are resampled to 8000 Hz",
        "2 recordings are longer than 0.5 s and lose their end",
        "2 recordings are shorter than 0.5 s and end in silence",
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no sound", "no WAV file that can be read"),
        (b"", "no WAV file that can be read"),
        ("empty", "has no sound"),
        ("nan", "has NaN or infinity"),
        ("unscaled", "has samples of up to 30000, but floats of a WAV file are -1 to 1: divide"),
        ("slow", "has 10 samples a second"),
    ],
)
def test_recordings_that_cannot_be_used(tmp_path: Path, content: bytes | str, message: str) -> None:
    folder_of(tmp_path)
    bad = tmp_path / "loud" / "bad.wav"
    if isinstance(content, bytes):
        bad.write_bytes(content)
    elif content == "empty":
        soundfile.write(bad, np.zeros(0), 8000, "PCM_16")
    elif content == "nan":
        soundfile.write(bad, np.full(100, np.nan), 8000, "FLOAT")
    elif content == "unscaled":
        # The channels' mean is silence.
        soundfile.write(bad, np.full((100, 2), 30000.0) * (1, -1), 8000, "FLOAT")
    else:
        soundfile.write(bad, np.zeros(100), 10, "PCM_16")
    found = class_folders.found(tmp_path)
    with pytest.raises(DataError, match=message) as raised:
        recordings.from_folders(found, AUDIO, Reading())
    assert str(raised.value).startswith(str(bad))
    assert "\n" not in str(raised.value)
    loaded = recordings.from_folders(found, AUDIO, Reading(skip_bad=True))
    assert len(loaded.arrays["x"]) == len(loaded.arrays["y"]) == 8
    assert loaded.notes[-1].startswith(f"1 recordings are left out; the first: {bad}: ")


@pytest.mark.parametrize("package", ["soundfile", "soxr"])
def test_the_line_to_install_is_named(
    tmp_path: Path, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder_of(tmp_path) / "loud" / "1.wav"
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf"{package} is not installed, .*\[data\]"):
        read(path)


def test_recordings_become_a_dataset(tmp_path: Path) -> None:
    source = str(folder_of(tmp_path))
    dataset = data.load(source, None, None, reading=Reading(rate=8000, seconds=0.5))
    assert dataset.audio == AUDIO
    assert dataset.pixels
    assert (dataset.labels, dataset.split["by"]) == (("loud", "quiet"), "class")
    assert dataset.x_train.shape == (6, *AUDIO.shape)
    usual = data.load(source, None, None)
    assert usual.audio == standard(16000, 16000)
    # A model's own front end decides, whatever it is.
    own = standard(8000, 4000, bands=20, coefficients=10)
    assert data.load(source, None, own.shape, audio=own).x_test.shape[1:] == own.shape
    with pytest.raises(DataError, match=r"--rate 16000: the model needs 8000"):
        data.load(source, None, own.shape, audio=own, reading=Reading(rate=16000))
    with pytest.raises(DataError, match=r"--seconds 1: the model needs 0\.5"):
        data.load(source, None, own.shape, audio=own, reading=Reading(seconds=1.0))
    with pytest.raises(DataError, match=r"1 s at 16000 Hz become inputs of shape \[49, 40, 1\]"):
        data.load(source, None, own.shape)
    with pytest.raises(DataError, match="samples 200 is not window"):
        data.load(source, None, None, reading=Reading(rate=10000, seconds=0.02))


@pytest.mark.parametrize(
    ("reading", "problem"),
    [
        (Reading(bands=10, mfcc=13), "--mfcc 13: needs as many --bands, and they are 10"),
        (Reading(mfcc=41), "--mfcc 41: needs as many --bands, and they are 40"),
        (Reading(bands=128), "--bands 128: audio: no bin of the Fourier transform lies in band 2"),
        (Reading(bands=3, mfcc=3), "--bands 3: audio: coefficients need 4 bands"),
        (Reading(mfcc=1), "inputs of 49 frames of 1 are too small: .* more --mfcc, for 64 numbers"),
        (Reading(seconds=0.03), "inputs of 1 frames of 40 are too small: .* more --bands"),
    ],
)
def test_front_ends_that_cannot_be(tmp_path: Path, reading: Reading, problem: str) -> None:
    source = str(folder_of(tmp_path))
    with pytest.raises(DataError, match=problem) as raised:
        data.load(source, None, None, reading=reading)
    assert "\n" not in str(raised.value)
    assert str(raised.value).startswith(source)


def test_bands_and_coefficients_are_chosen_and_have_to_be_the_models(tmp_path: Path) -> None:
    source = str(folder_of(tmp_path))
    few = data.load(source, None, None, reading=Reading(bands=20, mfcc=13))
    assert few.audio == standard(16000, 16000, bands=20, coefficients=13)
    assert few.x_train.shape[1:] == (49, 13, 1)
    own = standard(8000, 4000, bands=20, coefficients=10)
    chosen = Reading(bands=20, mfcc=10)
    assert data.load(source, None, own.shape, audio=own, reading=chosen).audio == own
    for reading, problem in (
        (Reading(bands=40), "--bands 40: the model needs 20"),
        (Reading(mfcc=13), "--mfcc 13: the model needs 10"),
    ):
        with pytest.raises(DataError, match=problem):
            data.load(source, None, own.shape, audio=own, reading=reading)
    with pytest.raises(DataError, match="--mfcc 13: the model needs mel bands, without --mfcc"):
        data.load(source, None, AUDIO.shape, audio=AUDIO, reading=Reading(mfcc=13))
