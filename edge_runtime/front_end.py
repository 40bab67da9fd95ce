"""The audio front end: what turns PCM into the bytes of a model's input, and its integer tables.

Log-mel energies as ``tf.signal`` and Keras' MelSpectrogram define them, in fixed point:

    frame i     int16 samples hop*i ... hop*i + window - 1, scaled to -1 ... 1
    spectrum    |rfft(frame * Hann window (periodic), zero-padded to fft)|**2
    energies    triangles of HTK's mel scale, linear in mel, of height 1; DC is left out
    decibels    10 * log10(energy), clamped to bottom ... top, which become the bytes 0 ... 255
    MFCC        of the clamped decibels the mean over the bands, which is mapped likewise, then
                those of ``mfccs_from_log_mel_spectrograms``, as 128 + coefficient / 2 in bytes

The tables are calculated with Python's integers alone, so that they are the same everywhere.
"""

from __future__ import annotations

from array import array
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import pairwise
from math import isfinite, isqrt
from typing import TYPE_CHECKING, Any

from edge_runtime.errors import InputError

if TYPE_CHECKING:
    from fractions import Fraction

FFT_SIZES = (64, 128, 256, 512, 1024, 2048, 4096)

MOST_BANDS, LEAST_CEPSTRAL_BANDS = 128, 4

MOST_SAMPLES = 1 << 24
"""Most samples of an input: 17 minutes at 16 kHz."""

LOWEST, HIGHEST, LEAST_SPAN = -100.0, 150.0, 10.0
"""Limits of ``bottom`` and ``top``, and of their distance, in dB."""


@dataclass(frozen=True)
class Audio:
    """How PCM becomes the input of a model: uint8 [frames, bands or coefficients, 1].

    Attributes:
        rate: samples a second.
        samples: samples of an input.
        window: samples of a frame.
        hop: samples from the start of a frame to that of the next.
        fft: points of the Fourier transform, a power of two; frames are padded to it with zeros.
        bands: mel bands.
        low: lower edge of the first band, in Hz.
        high: upper edge of the last band, in Hz.
        coefficients: cepstral coefficients (MFCC) instead of bands; 0 for log-mel.
        bottom: energy that becomes 0, in dB; that of a sine of full scale is
            ``20 * log10(window / 4)``.
        top: energy that becomes 255, in dB.

    Raises:
        InputError: a field is out of its range, or contradicts another.
    """

    rate: int = 16_000
    samples: int = 16_000
    window: int = 480
    hop: int = 320
    fft: int = 512
    bands: int = 40
    low: float = 20.0
    high: float = 7_600.0
    coefficients: int = 0
    bottom: float = -60.0
    top: float = 40.0

    def __post_init__(self) -> None:
        for name, kind in self.__annotations__.items():
            value = getattr(self, name)
            whole = type(value) is int and abs(value) <= MOST_SAMPLES
            if whole and kind == "float":
                object.__setattr__(self, name, float(value))
            elif not whole and (type(value) is not float or kind == "int" or not isfinite(value)):
                what = f"a whole number up to {MOST_SAMPLES}" if kind == "int" else "a number"
                raise InputError(f"audio: {name} is {value!r:.40}, and has to be {what}")
        for wrong, message in _limits(self):
            if wrong:
                raise InputError(f"audio: {message}")
        counts = bin_weights(self)[0]
        for band in range(self.bands):
            if not counts[1 + band] + counts[2 + band]:
                raise InputError(
                    f"audio: no bin of the Fourier transform lies in band {band + 1} of "
                    f"{self.bands}: use fewer bands, a larger fft, or a higher low"
                )

    @property
    def frames(self) -> int:
        """Number of frames in an input."""
        return 1 + (self.samples - self.window) // self.hop

    @property
    def width(self) -> int:
        """Bytes of a frame: coefficients, or bands."""
        return self.coefficients or self.bands

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of the features: frames, bands or coefficients, and 1."""
        return self.frames, self.width, 1

    @property
    def scratch(self) -> int:
        """Elements of the kernel's scratch memory, which are int32."""
        return self.fft + self.bands * (self.coefficients > 0)

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name, as JSON can hold them."""
        return asdict(self)


def from_json(document: object) -> Audio:
    """Return what :meth:`Audio.to_json` described.

    Raises:
        InputError: a field is missing, unknown or wrong.
    """
    names = set(Audio.__annotations__)
    if not isinstance(document, dict) or set(document) != names:
        raise InputError(f"audio: expected the fields {', '.join(Audio.__annotations__)}")
    return Audio(**document)


def standard(rate: int, samples: int, *, bands: int = 40, coefficients: int = 0) -> Audio:
    """Return a front end of usual proportions: windows of 30 ms every 20 ms, up to 0.475 * rate.

    Args:
        rate: samples a second.
        samples: samples of an input.
        bands: mel bands.
        coefficients: cepstral coefficients; 0 for log-mel.

    Raises:
        InputError: see :class:`Audio`.
    """
    window = rate * 30 // 1000
    fft = next((size for size in FFT_SIZES if size >= window), FFT_SIZES[-1])
    return Audio(rate, samples, window, rate // 50, fft, bands, 20.0, rate * 0.475, coefficients)


def _limits(audio: Audio) -> list[tuple[bool, str]]:
    """Return what must not be, each with the message that says so."""
    a = audio
    span = f"bottom {a.bottom:g} and top {a.top:g} dB"
    return [
        (not 1_000 <= a.rate <= 384_000, f"rate {a.rate} is not 1000 to 384000 Hz"),
        (a.fft not in FFT_SIZES, f"fft {a.fft} is none of {', '.join(map(str, FFT_SIZES))}"),
        (not 16 <= a.window <= a.fft, f"window {a.window} is not 16 to fft, which is {a.fft}"),
        (not 1 <= a.hop <= a.window, f"hop {a.hop} is not 1 to window, which is {a.window}"),
        (
            not a.window <= a.samples <= MOST_SAMPLES,
            f"samples {a.samples} is not window, which is {a.window}, to {MOST_SAMPLES}",
        ),
        (not 1 <= a.bands <= MOST_BANDS, f"bands {a.bands} is not 1 to {MOST_BANDS}"),
        (
            not 0 <= a.low < a.high <= a.rate / 2,
            f"low {a.low:g} and high {a.high:g} are not 0 <= low < high <= rate / 2, which is "
            f"{a.rate / 2:g}",
        ),
        (
            not 0 <= a.coefficients <= a.bands,
            f"coefficients {a.coefficients} is not 0 to bands, which is {a.bands}",
        ),
        (
            a.coefficients > 0 and a.bands < LEAST_CEPSTRAL_BANDS,
            f"coefficients need {LEAST_CEPSTRAL_BANDS} bands",
        ),
        (
            not (a.bottom >= LOWEST and a.top <= HIGHEST and a.top - a.bottom >= LEAST_SPAN),
            f"{span} are not {LOWEST:g} to {HIGHEST:g}, {LEAST_SPAN:g} apart",
        ),
    ]


@dataclass(frozen=True)
class Tables:
    """The constants of the kernel ``audio``, which kernels/audio.py describes.

    Attributes:
        params: the parameters but for the number of frames, by name.
        window: uint16 [window // 2 + 1].
        sines: int32 [fft // 4 + 1].
        counts: uint16 [bands + 2].
        weights: uint16 [bins].
        logarithms: uint16 [65].
        cosines: int16 [coefficients * bands].
    """

    params: dict[str, int]
    window: array[int]
    sines: array[int]
    counts: array[int]
    weights: array[int]
    logarithms: array[int]
    cosines: array[int]

    @property
    def constants(self) -> tuple[array[int], ...]:
        """The arrays in the order of the kernel's tensors."""
        return (
            *(self.window, self.sines, self.counts, self.weights, self.logarithms),
            self.cosines,
        )


@lru_cache
def tables(audio: Audio) -> Tables:
    """Return the constants of a front end."""
    from fractions import Fraction

    a = audio
    counts, weights = bin_weights(a)
    # Energies are calculated as those of samples -1 to 1, times 2**60 / fft**2.
    unit = 60 - 2 * (a.fft.bit_length() - 1)
    ten = _log2(10 * ONE)
    floor = Fraction(a.bottom) * Fraction(ten, 10 * ONE) + unit
    gain = Fraction(255 * 10 * ONE, ten) / (Fraction(a.top) - Fraction(a.bottom))
    params = {
        "window": a.window,
        "hop": a.hop,
        "fft": a.fft,
        "bands": a.bands,
        "coefficients": a.coefficients,
        "floor": _rounded(floor * (1 << 15)),
        "gain": _rounded(gain * (1 << 17)),
    }
    hann = [(ONE - cosine) * 65535 >> 17 for cosine, _ in _turns(a.window, a.window // 2 + 1)]
    sines = [sine for _, sine in _turns(a.fft, a.fft // 4 + 1)]
    logarithms = [_log2(ONE + ONE * i // 64) for i in range(65)]
    return Tables(
        params,
        array("H", [_scaled(one, 16) for one in hann]),
        array("i", [min(_scaled(one, 31), 2**31 - 1) for one in sines]),
        array("H", counts),
        array("H", weights),
        array("H", [_scaled(one, 15) for one in logarithms]),
        array("h", _cosine_transform(a.coefficients, a.bands)),
    )


BITS = 96
ONE = 1 << BITS
"""1 in the fixed point of the tables' calculation."""

PI = 0x3243F6A8885A308D313198A2E03707344A4093822299F31D008 >> (200 - BITS)
"""pi: its digits in hexadecimal are 3.243F6A88...; 200 bits behind the point."""


def _scaled(value: int, bits: int) -> int:
    """Return a number with fewer bits behind the point, halves rounded up."""
    return (value + (1 << (BITS - bits - 1))) >> (BITS - bits)


def _rounded(value: Fraction) -> int:
    """Return the nearest whole number, halves rounded up."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def _log2(value: int) -> int:
    """Return the binary logarithm of a number from 1 on, digit by digit; 64 are right."""
    whole = value.bit_length() - 1 - BITS
    value >>= whole
    result = whole << BITS
    for bit in range(1, 65):
        value = value * value >> BITS
        if value >> (BITS + 1):
            value >>= 1
            result += ONE >> bit
    return result


def _turns(parts: int, count: int) -> list[tuple[int, int]]:
    """Return cosine and sine of the first ``count`` of ``parts`` equal parts of a turn."""
    angle = 2 * PI // parts
    step = [0, 0]
    term, power = ONE, 0
    while term:
        step[power % 2] += -term if power % 4 > 1 else term
        power += 1
        term = term * angle // (power << BITS)
    cosine, sine = ONE, 0
    turns = []
    for _ in range(count):
        turns.append((cosine, sine))
        cosine, sine = (
            (cosine * step[0] - sine * step[1]) >> BITS,
            (sine * step[0] + cosine * step[1]) >> BITS,
        )
    return turns


@lru_cache
def bin_weights(audio: Audio) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the triangles of the mel bands, by bin of the Fourier transform.

    The centres of the bands, and the outer edges of the first and the last, are equally far apart
    in mel: between two of them, a bin weighs w in the band above and 1 - w in that below.

    Returns:
        The bins below the first edge, bin 0 not counted, and those between two neighbours, [bands +
        2]; and w of the latter, 32768 for 1.
    """
    from fractions import Fraction

    low, high = (_log2(_mel(Fraction(edge))) for edge in (audio.low, audio.high))
    mels = [_log2(_mel(Fraction(audio.rate * k, audio.fft))) for k in range(1, audio.fft // 2)]
    parts = audio.bands + 1
    edges = [low + (high - low) * i // parts for i in range(parts + 1)]
    counts = [sum(mel <= low for mel in mels)]
    weights: list[int] = []
    for lower, upper in pairwise(edges):
        between = [mel for mel in mels if lower < mel <= upper]
        counts.append(len(between))
        width = upper - lower
        weights += [((mel - lower << 16) + width) // (2 * width) for mel in between]
    return tuple(counts), tuple(weights)


def _mel(hertz: Fraction) -> int:
    """Return a number whose logarithm is proportional to HTK's mel of a frequency."""
    ratio = 1 + hertz / 700
    return ONE * ratio.numerator // ratio.denominator


def _cosine_transform(coefficients: int, bands: int) -> list[int]:
    """Return the cosine transform of the bands, [coefficients * bands], 65536 for 1.

    The mean, then half of HTK's coefficients: ``sqrt(2 / bands) * cos(pi * k * (n + 0.5) / bands)``
    """
    turns = _turns(4 * bands, 4 * bands)
    norm = isqrt(ONE * ONE // (2 * bands))
    rows = []
    for k in range(coefficients):
        for n in range(bands):
            cosine = turns[k * (2 * n + 1) % (4 * bands)][0]
            rows.append(_scaled(norm * cosine >> BITS if k else ONE // bands, 16))
    return rows
