"""The audio front end: its definition, the same bytes everywhere, streams, WAV files."""

import hashlib
import json
import math
import os
import struct
import subprocess
import sys
import threading
from array import array
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

import listener
import sound
from edge_runtime import audio as audio_module
from edge_runtime import load
from edge_runtime.audio import Audio, Stream, encode, features, from_json, read_wav, standard
from edge_runtime.errors import InputError
from edge_runtime.front_end import bin_weights, tables
from edge_runtime.kernels import audio as kernel
from edgekit.errors import DataError
from edgekit.train import recordings

MFCC = Audio(coefficients=13)
FRONT_ENDS = {
    "log-mel": Audio(),
    "MFCC": MFCC,
    "8 kHz": standard(8_000, 8_000, bands=20),
    "44.1 kHz": standard(44_100, 22_050, bands=64),
    "smallest": Audio(
        *(16_000, 900, 33, 7, 64, 4, 300.0, 8_000.0, 4),
    ),
    "largest": Audio(window=4_095, hop=4_000, fft=4_096, bands=128, low=0.0, high=8_000.0),
}

MOST = {
    **dict.fromkeys(("speech", "loud noise", "square", "quiet noise", "extremes"), 0.08),
    "quietest noise": 0.08,
    "silence": 0.0,
    # Bands 100 dB below the loudest one have the window's rounding to 16 bits in them.
    "sine": 1.0,
    "chirp": 1.5,
    "quiet under loud": 3.0,
    "offset": 3.0,
}
"""Sound -> the most by which bytes differ from the definition, beyond the half of rounding."""


def in_numpy(audio: Audio, pcm: sound.Pcm) -> npt.NDArray[np.uint8]:
    result = np.empty((audio.frames, audio.width), np.uint8)
    audio_module._calculate(audio, pcm[None], result)
    return result.reshape(audio.shape)


@pytest.mark.parametrize("name", MOST)
@pytest.mark.parametrize("audio", [Audio(), MFCC], ids=["log-mel", "MFCC"])
def test_bytes_are_those_of_the_definition(audio: Audio, name: str) -> None:
    pcm = sound.sounds(audio)[name]
    error = np.abs(in_numpy(audio, pcm)[:, :, 0] - sound.expected(audio, pcm))
    assert error.max() <= 0.5 + MOST[name]
    # Rounding alone is a quarter on average.
    assert error.mean() <= (0.27 if MOST[name] < 0.1 else 0.5)


def test_quiet_sounds_are_not_lost() -> None:
    pcm = sound.sounds(Audio())
    quiet, none = (features(Audio(), pcm[name]) for name in ("quiet noise", "silence"))
    assert not none.any()
    # The energies of noise vary, but at -47 dB hardly one is below -60.
    assert np.mean(quiet > 0) > 0.97
    assert np.unique(quiet).size > 30


@pytest.mark.tensorflow
def test_the_definition_is_tensorflows() -> None:
    import tensorflow as tf

    audio = Audio()
    pcm = sound.sounds(audio)["speech"]
    signal = tf.constant(pcm / np.float32(32768), tf.float32)
    stft = tf.signal.stft(signal, audio.window, audio.hop, audio.fft, tf.signal.hann_window)
    weights = tf.signal.linear_to_mel_weight_matrix(
        audio.bands, audio.fft // 2 + 1, audio.rate, audio.low, audio.high
    )
    np.testing.assert_allclose(weights[1:], sound.mel_weights(audio), atol=2e-5)
    energies = tf.square(tf.abs(stft)) @ weights
    levels = 10 * np.log10(energies.numpy())
    np.testing.assert_allclose(levels, sound.decibels(audio, pcm), atol=0.01)
    clamped = np.clip(levels, audio.bottom, audio.top)
    cepstra = tf.signal.mfccs_from_log_mel_spectrograms(clamped.astype(np.float32)).numpy()
    scaled = 128 + cepstra[:, 1:13] * 255 / (audio.top - audio.bottom) / 2
    ours = sound.expected(MFCC, pcm)[:, 1:]
    inside = (ours > 0) & (ours < 255)
    assert inside.mean() > 0.9
    np.testing.assert_allclose(scaled[inside], ours[inside], atol=0.05)


@pytest.mark.parametrize("audio", FRONT_ENDS.values(), ids=FRONT_ENDS)
def test_c_gives_the_bytes_of_numpy(audio: Audio, monkeypatch: pytest.MonkeyPatch) -> None:
    clips = np.stack(list(sound.sounds(audio).values()))
    native = features(audio, clips)
    monkeypatch.setattr(audio_module, "_extension", lambda: None)
    monkeypatch.setattr(audio_module, "FRAMES", 37)
    np.testing.assert_array_equal(features(audio, clips), native)
    assert native.shape == (len(clips), *audio.shape)
    assert np.unique(native).size > 50


@pytest.mark.parametrize("audio", FRONT_ENDS.values(), ids=FRONT_ENDS)
def test_one_hop_at_a_time_gives_the_bytes_of_the_whole(audio: Audio) -> None:
    whole = np.tile(sound.sounds(audio)["speech"], 3)
    stream, first = Stream(audio), audio.hop * 5
    states: list[bytes] = []
    for start in range(0, len(whole) - audio.hop + 1, audio.hop):
        frame = stream.push(whole[start : start + audio.hop])
        if stream.features is not None:
            assert stream.features.endswith(frame)
            states.append(stream.features)
    assert states[0] == features(audio, whole[: audio.samples]).tobytes()
    assert states[5] == features(audio, whole[first : first + audio.samples]).tobytes()


def test_streams_take_a_hop() -> None:
    with pytest.raises(InputError, match="expected a hop, 320 of int16, got 638 bytes"):
        Stream(Audio()).push(bytes(638))


def test_the_kernel_is_defined_in_numpy() -> None:
    audio, pcm = Audio(), sound.sounds(Audio())["speech"]
    constants = tables(audio)
    arrays = [np.frombuffer(one, one.typecode) for one in constants.constants]
    params = kernel.Audio(audio.frames, *constants.params.values())
    assert kernel.audio(params, pcm, *arrays).tobytes() == encode(audio, pcm)
    assert list(constants.params) == list(kernel.Audio.__annotations__)[1:]


SCRIPT = """
import sys
from array import array
from edge_runtime.audio import Audio, Stream, encode
audio = Audio()
pcm = array("h", [(i * i) % 30011 - 15000 for i in range(audio.samples)])
whole = encode(audio, pcm)
stream = Stream(audio)
for start in range(0, audio.samples, audio.hop):
    stream.push(pcm[start : start + audio.hop])
assert stream.features == whole
assert "numpy" not in sys.modules
print(whole.hex())
"""


def test_no_numpy_is_needed() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    pcm = np.array([(i * i) % 30011 - 15000 for i in range(16_000)], np.int16)
    assert done.stdout.strip() == features(Audio(), pcm).tobytes().hex()


DIGESTS = {
    "log-mel": "949d21ea7af2ca70",
    "MFCC": "6bc2cf238800d40c",
    "8 kHz": "b4d1e971568a1518",
    "44.1 kHz": "c75de6dbc2d5b889",
    "smallest": "bf7a8aaa19c890b4",
    "largest": "bd3cfc3a905a0619",
}


@pytest.mark.parametrize("name", DIGESTS)
def test_tables_are_the_same_on_every_machine(name: str) -> None:
    """They are made of Python's integers; no number of the machine's takes part."""
    constants = tables(FRONT_ENDS[name])
    content = json.dumps([constants.params, *map(list, constants.constants)])
    assert hashlib.sha256(content.encode()).hexdigest()[:16] == DIGESTS[name]


@pytest.mark.parametrize("audio", FRONT_ENDS.values(), ids=FRONT_ENDS)
def test_tables_are_the_nearest_integers(audio: Audio) -> None:
    t = tables(audio)
    near = 0.5 + 1e-6

    def check(values: object, exact: object, near: float = near) -> None:
        assert np.abs(np.asarray(values, float) - exact).max() <= near

    i = np.arange(audio.window // 2 + 1)
    check(t.window, 65535 * (0.5 - 0.5 * np.cos(2 * np.pi * i / audio.window)))
    exact = np.sin(2 * np.pi * np.arange(audio.fft // 4 + 1) / audio.fft) * 2.0**31
    check(t.sines, np.minimum(exact, 2**31 - 1), 0.501)
    check(t.logarithms, np.log2(1 + np.arange(65) / 64) * 32768)
    weights, counts = sound.mel_weights(audio) * 32768, np.array(t.counts)
    bins = counts[0] + np.arange(len(t.weights))
    band = np.repeat(np.arange(audio.bands + 1), counts[1:])
    padded = np.pad(weights, ((0, 0), (0, 1)))
    last = band == audio.bands
    check(np.array(t.weights)[~last], padded[bins, band][~last], 0.501)
    check(32768 - np.array(t.weights)[last], padded[bins, band - 1][last], 0.501)
    if audio.coefficients:
        k, n = np.arange(audio.coefficients)[:, None], np.arange(audio.bands)
        rows = np.sqrt(0.5 / audio.bands) * np.cos(np.pi * k * (n + 0.5) / audio.bands)
        rows[0] = 1 / audio.bands
        check(t.cosines, rows.ravel() * 65536)
    unit = 60 - 2 * math.log2(audio.fft)
    check(t.params["floor"], 32768 * (audio.bottom / 10 * math.log2(10) + unit))
    check(t.params["gain"], 2**17 * 2550 / math.log2(10) / (audio.top - audio.bottom))


def test_each_bin_weighs_one_at_most() -> None:
    counts, weights = bin_weights(Audio())
    assert sum(counts) <= 255
    assert len(weights) == sum(counts[1:])
    assert 0 < min(weights) <= max(weights) <= 32768


def test_shape_and_json() -> None:
    assert Audio().shape == (49, 40, 1)
    assert MFCC.shape == (49, 13, 1)
    assert from_json(json.loads(json.dumps(MFCC.to_json()))) == MFCC
    assert standard(16_000, 16_000) == Audio()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rate": 100}, "audio: rate 100 is not 1000 to 384000 Hz"),
        ({"rate": "16000"}, "audio: rate is '16000', and has to be a whole number"),
        ({"rate": True}, "audio: rate is True, and has to be a whole number"),
        (
            {"samples": 10**400},
            "audio: samples is 10{35}[.0]*, and has to be a whole number up to 16",
        ),
        ({"top": 10**400}, "audio: top is 10{35}[.0]*, and has to be a number"),
        ({"low": math.nan}, "audio: low is nan, and has to be a number"),
        ({"fft": 500}, "audio: fft 500 is none of 64, 128, 256, 512, 1024, 2048, 4096"),
        ({"window": 513}, "audio: window 513 is not 16 to fft, which is 512"),
        ({"hop": 481}, "audio: hop 481 is not 1 to window, which is 480"),
        ({"samples": 479}, "audio: samples 479 is not window, which is 480, to 16777216"),
        ({"bands": 129}, "audio: bands 129 is not 1 to 128"),
        ({"high": 8001}, "audio: low 20 and high 8001 are not 0 <= low < high <= rate / 2"),
        ({"coefficients": 41}, "audio: coefficients 41 is not 0 to bands, which is 40"),
        ({"bands": 3, "coefficients": 3}, "audio: coefficients need 4 bands"),
        ({"bottom": 35.0}, "audio: bottom 35 and top 40 dB are not -100 to 150, 10 apart"),
        (
            {"fft": 256, "window": 256, "hop": 128, "bands": 90},
            r"audio: no bin of the Fourier transform lies in band \d+ of 90: use fewer bands",
        ),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(Audio(), **changes)
    with pytest.raises(InputError, match=message):
        from_json({**Audio().to_json(), **changes})


@pytest.mark.parametrize("document", [None, [], {}, {**Audio().to_json(), "gain": 1}])
def test_other_json_is_refused(document: object) -> None:
    with pytest.raises(InputError, match="audio: expected the fields rate, samples, window"):
        from_json(document)


@pytest.mark.parametrize("pcm", [np.zeros(16_000), np.zeros(5, np.int16), np.int16(3)])
def test_other_arrays_are_refused(pcm: object) -> None:
    with pytest.raises(InputError, match=r"expected int16 PCM \[16000\] or \[N, 16000\], got "):
        features(Audio(), pcm)
    with pytest.raises(InputError, match="expected 16000 samples of int16, got 10 bytes"):
        encode(Audio(), bytes(10))


def test_wav_files_are_cut_padded_and_mixed(tmp_path: Path) -> None:
    audio = Audio(samples=1_000)
    pcm = np.arange(-600, 600, dtype=np.int16)
    path = sound.write_wav(tmp_path / "long.wav", pcm, 16_000)
    assert list(read_wav(path, audio)) == list(pcm[:1_000])
    path = sound.write_wav(tmp_path / "short.wav", pcm[:7], 16_000)
    assert list(read_wav(path, audio)) == [*pcm[:7], *[0] * 993]
    stereo = np.stack([pcm, np.full(1_200, -32768, np.int16)], axis=1)
    path = sound.write_wav(tmp_path / "stereo.wav", stereo, 16_000)
    assert list(read_wav(path, audio)) == list((pcm[:1_000].astype(int) - 32768) // 2)


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = sound.write_wav(tmp_path / "slow.wav", np.zeros(9, np.int16), 8_000)
    with pytest.raises(InputError, match=r"slow.wav: 16 bits at 8000 Hz; the model takes 16 bits"):
        read_wav(path, Audio())
    path = sound.write_wav(tmp_path / "coarse.wav", np.zeros(9, np.uint8), 16_000)
    with pytest.raises(InputError, match=r"coarse.wav: 8 bits at 16000 Hz; .* `ffmpeg -i IN -ar"):
        read_wav(path, Audio())
    for content in (b"", b"RIFF", b"RIFF\0\0\0\0WAVEfmt \x02\0\0\0\0", b"fLaC" * 50):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"coarse.wav: no WAV file of PCM: ."):
            read_wav(path, Audio())
    with pytest.raises(InputError, match=r"none.wav: no WAV file of PCM: No such file"):
        read_wav(tmp_path / "none.wav", Audio())


PLAIN = struct.pack("<HHIIHH", 1, 1, 16_000, 32_000, 2, 16)


def wav_of(
    content: bytes, size: int, fmt: bytes = PLAIN, riff: int = 0, before: bytes = b""
) -> bytes:
    """A WAV file whose header says so many bytes of samples, whatever there are."""
    chunks = before + b"fmt " + struct.pack("<I", len(fmt)) + fmt + b"data"
    return b"RIFF" + struct.pack("<I", riff) + b"WAVE" + chunks + struct.pack("<I", size) + content


@pytest.mark.parametrize(
    ("size", "read"),
    [(200, 100), (100, 50), (101, 50), (0xFFFFFFFF, 100), (0x7FFFFFDB, 100), (0, 0), (1, 0)],
)
@pytest.mark.parametrize("riff", [0, 236, 0xFFFFFFFF])
def test_sizes_in_a_header_are_read_as_in_training(
    size: int, read: int, riff: int, tmp_path: Path
) -> None:
    audio, pcm = Audio(samples=1_000), np.arange(1, 101, dtype="<i2")
    path = tmp_path / "a.wav"
    path.write_bytes(wav_of(pcm.tobytes(), size, riff=riff))
    if read:
        expected = [*pcm[:read], *[0] * (1_000 - read)]
        assert list(read_wav(path, audio)) == expected
        assert recordings.pcm(path, 16_000, 1_000, recordings.Changes()).tolist() == expected
        return
    for error, reading in (
        (InputError, lambda: read_wav(path, audio)),
        (DataError, lambda: recordings.pcm(path, 16_000, 1_000, recordings.Changes())),
    ):
        with pytest.raises(error, match=r"a\.wav: has no sound, or a header that says so: `ffmpeg"):
            reading()


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_the_extensible_format_is_read(channels: int, tmp_path: Path) -> None:
    pcm = np.random.default_rng(0).integers(-32768, 32768, (1_000, channels), np.int16)
    path = tmp_path / "a.wav"
    soundfile.write(path, pcm, 16_000, "PCM_16", format="WAVEX")
    assert path.read_bytes()[20:22] == b"\xfe\xff"
    expected = pcm.astype(int).sum(axis=1) // channels
    assert list(read_wav(path, Audio(samples=1_000))) == expected.tolist()
    trained = recordings.pcm(path, 16_000, 1_000, recordings.Changes())
    assert trained.tolist() == expected.tolist()


@pytest.mark.parametrize("container", ["WAV", "WAVEX"])
@pytest.mark.parametrize(
    ("subtype", "shown"),
    [("FLOAT", "32 bits of float"), ("DOUBLE", "64 bits of float"), ("ULAW", "8 bits of format 7")],
)
def test_other_formats_say_how_to_convert_them(
    subtype: str, shown: str, container: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.zeros(100), 16_000, subtype, format=container)
    with pytest.raises(InputError, match=rf"a\.wav: {shown} at 16000 Hz; .* `ffmpeg -i IN -ar"):
        read_wav(path, Audio())


def test_chunks_before_the_samples_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    odd = b"LIST" + struct.pack("<I", 70_001) + bytes(70_002)
    path.write_bytes(wav_of(b"\1\0\2\0", 4, before=odd))
    assert list(read_wav(path, Audio(samples=1_000)))[:3] == [1, 2, 0]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (wav_of(b"\1\0", 2, PLAIN[:2] + b"\0\0" + PLAIN[4:]), "it has 0 channels"),
        (wav_of(b"\1\0", 2, PLAIN[:2] + b"\xff\xff" + PLAIN[4:]), "it has 65535 channels"),
        (wav_of(b"\1\0", 2)[:40], "it ends before its samples"),
        (wav_of(b"\1\0", 2, before=b"LIST\xff\xff\xff\xff"), "it ends before its samples"),
        (wav_of(b"\1\0", 2, PLAIN[:9]), "."),
    ],
    ids=["no channels", "too many channels", "cut", "a chunk too long", "a format too short"],
)
def test_damaged_headers_are_refused(content: bytes, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"a\.wav: no WAV file of PCM: {problem}"):
        read_wav(path, Audio())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_a_pipe_is_read(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(wav_of(b"\1\0\2\0", 0xFFFFFFFF),))
    writer.start()
    assert list(read_wav(path, Audio(samples=1_000)))[:3] == [1, 2, 0]
    writer.join()


def test_a_model_hears(tmp_path: Path) -> None:
    file = tmp_path / "listener.tflite"
    file.write_bytes(listener.model())
    model = load(file)
    pcm = sound.sounds(listener.EARS)["speech"]
    wav = sound.write_wav(tmp_path / "word.wav", pcm, listener.EARS.rate)
    pixels = features(listener.EARS, pcm)
    scores = model.predict(pixels[None])
    np.testing.assert_array_equal(model.predict(wav), scores)
    np.testing.assert_array_equal(model.predict(pcm[None]), scores)
    assert model.classify(pcm).scores == tuple(scores[0].tolist())
    # Logits: without NumPy, whose exponential differs in the last bits.
    assert model.classify(wav).scores == model.predict(array("h", pcm))
    assert model.classify(wav).scores == pytest.approx(scores[0], abs=1e-7)
    np.testing.assert_array_equal(model.prepare(str(wav)).pixels, pixels)
    with pytest.raises(InputError, match=r"word.png: no WAV file of PCM: No such file"):
        model.classify("word.png")
    with pytest.raises(InputError, match=r"expected int16 PCM \[720\] or .* got 'B' \[9, 9\]"):
        model.classify(np.zeros((9, 9), np.uint8))
