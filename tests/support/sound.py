"""Sounds made by code, and the definition of their features in float64.

The definition is that of ``tf.signal``: ``stft`` with ``hann_window``, the power of its bins,
``linear_to_mel_weight_matrix`` (HTK's mel, triangles in mel, without bin 0), decibels, and
``mfccs_from_log_mel_spectrograms``. tests/edge_runtime/test_audio.py compares both.
"""

import wave
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.front_end import Audio

Pcm = npt.NDArray[np.int16]
Floats = npt.NDArray[np.float64]


def sounds(audio: Audio) -> dict[str, Pcm]:
    """Return an input for each kind of sound, int16 [samples]."""
    count, rate = audio.samples, audio.rate
    rng = np.random.default_rng(18)
    t = np.arange(count) / rate
    pitch = 2 * np.pi * np.cumsum(120 + 12 * np.sin(2 * np.pi * 3 * t)) / rate
    voice = np.sum([np.sin(k * pitch) / k for k in range(1, 30)], axis=0)
    syllables = np.maximum(0, np.sin(2 * np.pi * 2 * t))
    made: dict[str, npt.NDArray[Any]] = {
        "speech": voice * syllables * 4000 + rng.normal(0, 20, count),
        "loud noise": rng.uniform(-32768, 32767, count),
        "square": np.where(np.sin(2 * np.pi * 440 * t) > 0, 32767, -32768),
        "quiet noise": rng.integers(-8, 9, count),
        "quietest noise": rng.integers(-1, 2, count),
        "silence": np.zeros(count),
        "sine": 32767 * np.sin(2 * np.pi * 1000 * t),
        "chirp": 20_000 * np.sin(2 * np.pi * (50 * t + 1500 * t * t)),
        "quiet under loud": 30_000 * np.sin(2 * np.pi * 50 * t) + rng.normal(0, 2, count),
        "extremes": rng.choice([-32768, 32767], count),
        "offset": np.full(count, -32768),
    }
    return {
        name: np.clip(np.rint(one), -32768, 32767).astype(np.int16) for name, one in made.items()
    }


def mel_weights(audio: Audio) -> Floats:
    """Return the weights of the bins 1 to fft / 2 in the bands."""
    hertz = np.arange(1, audio.fft // 2 + 1) * audio.rate / audio.fft
    low, high, *_ = mels = 1127 * np.log1p(np.array([audio.low, audio.high, *hertz]) / 700)
    edges = np.linspace(low, high, audio.bands + 2)
    bins = mels[2:, None]
    rising = (bins - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - bins) / np.diff(edges)[1:]
    weights: Floats = np.maximum(0, np.minimum(rising, falling))
    return weights


def decibels(audio: Audio, pcm: Pcm) -> Floats:
    """Return the energies of the bands in dB, not clamped, [frames, bands]."""
    starts = audio.hop * np.arange(audio.frames)[:, None]
    frames = pcm[starts + np.arange(audio.window)] / 32768
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(audio.window) / audio.window)
    power = np.abs(np.fft.rfft(frames * hann, audio.fft)[:, 1:]) ** 2
    return 10 * np.log10(np.maximum(power @ mel_weights(audio), 1e-30))


def expected(audio: Audio, pcm: Pcm) -> Floats:
    """Return the features before they are rounded to bytes, [frames, width]."""
    clamped = np.clip(decibels(audio, pcm), audio.bottom, audio.top)
    levels = (clamped - audio.bottom) * 255 / (audio.top - audio.bottom)
    if not audio.coefficients:
        return np.asarray(levels)
    k, n = np.arange(audio.coefficients)[:, None], np.arange(audio.bands)
    rows = np.sqrt(2 / audio.bands) * np.cos(np.pi * k * (n + 0.5) / audio.bands)
    cepstra = levels @ rows.T / 2 + 128
    cepstra[:, 0] = levels.mean(axis=1)
    return np.clip(cepstra, 0, 255)


def write_wav(path: Path, samples: npt.NDArray[Any], rate: int) -> Path:
    """Write samples, [n] or [n, channels] of int16 or uint8, as a WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(samples.itemsize)
        file.setframerate(rate)
        file.writeframes(samples.astype(samples.dtype.newbyteorder("<")).tobytes())
    return path
