"""The audio front end in NumPy, which defines its meaning; in C audio.c. It is no op.

Samples times window have 31 bits, of which each stage of the Fourier transform drops one, so that
nothing overflows and noise of a few steps of int16 still has ten bits. Powers and the energies of
the bands are exact in 64 bits. ``edge_runtime.front_end`` makes the constants.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]
Wide: TypeAlias = npt.NDArray[np.int64]

LOW_WORD = np.uint64(0xFFFF_FFFF)


@record
class Audio:
    """Parameters of the kernel.

    Attributes:
        frames: number of frames.
        window: samples of a frame, at most fft.
        hop: samples from the start of a frame to that of the next.
        fft: points of the Fourier transform, a power of two from 64 on.
        bands: mel bands.
        coefficients: cepstral coefficients; 0 for log-mel.
        floor: binary logarithm of the energy that becomes 0, in 1/32768.
        gain: 1/256 of a byte for each 1/32768 of the logarithm, in 1/16777216.
    """

    frames: int
    window: int
    hop: int
    fft: int
    bands: int
    coefficients: int
    floor: int
    gain: int


def audio(
    params: Audio,
    pcm: Array,
    window: Array,
    sines: Array,
    counts: Array,
    weights: Array,
    logarithms: Array,
    cosines: Array,
) -> npt.NDArray[np.uint8]:
    """Define the kernel.

    Args:
        pcm: int16 [at least (frames - 1) * hop + window].
        window: uint16 [window // 2 + 1], the rising half of the window; 65535 is 1.
        sines: int32 [fft // 4 + 1], sines of a quarter turn; 2**31 is 1.
        counts: uint16 [bands + 2], bins before the first band, without bin 0, and in each interval
            between centres of bands.
        weights: uint16 [bins], in the upper band of the interval; 32768 is 1.
        logarithms: uint16 [65], binary logarithms of 1 + i / 64; 32768 is 1.
        cosines: int16 [coefficients * bands]; 65536 is 1.

    Returns:
        uint8 [frames * (coefficients or bands)].
    """
    p = params
    windows = np.lib.stride_tricks.sliding_window_view(pcm, p.window)
    frames = windows[: (p.frames - 1) * p.hop + 1 : p.hop]
    return of_frames(p, frames, window, sines, counts, weights, logarithms, cosines).ravel()


def of_frames(params: Audio, frames: Array, *constants: Array) -> npt.NDArray[np.uint8]:
    """Return the features of frames, int16 [n, window], as uint8 [n, coefficients or bands]."""
    window, sines, counts, weights, logarithms, cosines = constants
    p = params
    rising = window.astype(np.int64)
    whole = np.concatenate([rising, rising[1 : (p.window + 1) // 2][::-1]])
    padded = np.zeros((len(frames), p.fft), np.int64)
    padded[:, : p.window] = frames * whole >> 3
    powers = _powers(*_transform(padded[:, ::2], padded[:, 1::2], sines), sines)
    levels = _levels(p, _energies(powers, counts, weights), logarithms)
    values = levels + 128 >> 8
    if p.coefficients:
        sums = levels @ cosines.astype(np.int64).reshape(p.coefficients, p.bands).T
        values = sums + (1 << 23) >> 24
        values[:, 1:] += 128
    features: npt.NDArray[np.uint8] = np.clip(values, 0, 255).astype(np.uint8)
    return features


def _transform(re: Array, im: Array, sines: Array) -> tuple[Wide, Wide]:
    """Return the Fourier transform of complex numbers [n, points], divided by points / 4.

    The caller has divided by 4 what the first two stages, which have no factors, would overflow.
    """
    count, points = re.shape
    order = np.zeros(1, np.int64)
    while len(order) < points:
        order = np.concatenate([2 * order, 2 * order + 1])
    (a, b, c, d), (e, f, g, h) = ([part[:, order[i::4]] for i in range(4)] for part in (re, im))
    re = np.stack([a + b + c + d, a - b + g - h, a + b - c - d, a - b - g + h], axis=2)
    im = np.stack([e + f + g + h, e - f - c + d, e + f - g - h, e - f + c - d], axis=2)
    half = 4
    while half < points:
        # The second quarter turn is the first times -i.
        cosine, sine = _quarter(sines, points, half)
        shape = count, points // (2 * half), 2, 2, half // 2
        re, im = re.reshape(shape), im.reshape(shape)
        x, y = _times(re[:, :, 1], im[:, :, 1], cosine, sine)
        turned_re = np.stack([x[:, :, 0], y[:, :, 1]], axis=2)
        turned_im = np.stack([y[:, :, 0], -x[:, :, 1]], axis=2)
        kept_re, kept_im = re[:, :, 0] >> 1, im[:, :, 0] >> 1
        re = np.stack([kept_re + turned_re, kept_re - turned_re], axis=2)
        im = np.stack([kept_im + turned_im, kept_im - turned_im], axis=2)
        half *= 2
    return re.reshape(count, points), im.reshape(count, points)


def _quarter(sines: Array, points: int, half: int) -> tuple[Array, Array]:
    """Return cosines and sines of the first ``half / 2`` parts of a turn in ``2 * half``."""
    step = points // half
    wide = sines.astype(np.int64)
    return wide[::-step][: half // 2], wide[::step][: half // 2]


def _times(re: Array, im: Array, cosine: Array, sine: Array) -> tuple[Array, Array]:
    """Return half of the product with ``cosine - i * sine``."""
    return re * cosine + im * sine >> 32, im * cosine - re * sine >> 32


def _powers(re: Array, im: Array, sines: Array) -> npt.NDArray[np.uint64]:
    """Return the powers of the bins 1 to fft / 2 - 1 of real numbers, in place 0 nothing.

    Their even ones were the real, their odd ones the imaginary parts of what was transformed to
    [n, fft / 2]. Those of bins k and fft / 2 - k come from the same two numbers.
    """
    points = re.shape[1]
    low, high = np.arange(1, points // 2 + 1), np.arange(points - 1, points // 2 - 1, -1)
    re, im = re >> 1, im >> 1
    even_re, even_im = re[:, low] + re[:, high], im[:, low] - im[:, high]
    odd_re, odd_im = im[:, low] + im[:, high], re[:, high] - re[:, low]
    wide = sines.astype(np.int64)
    x, y = _times(odd_re, odd_im, wide[-1 - low], wide[low])
    even_re, even_im = even_re >> 1, even_im >> 1
    powers = np.zeros(re.shape, np.uint64)
    powers[:, low] = ((even_re + x) ** 2 + (even_im + y) ** 2).astype(np.uint64)
    powers[:, high] = ((even_re - x) ** 2 + (even_im - y) ** 2).astype(np.uint64)
    return powers


def _energies(powers: Array, counts: Array, weights: Array) -> npt.NDArray[np.uint64]:
    """Return the energies of the bands [n, bands]: sums of weighted powers, rounded down."""
    bounds = np.cumsum(counts, dtype=np.int64) + 1
    total = np.zeros((len(powers), len(counts) - 1), np.uint64)
    rising = total.copy()
    for i, (start, end) in enumerate(pairwise(bounds)):
        part = powers[:, start:end]
        weight = weights[start - bounds[0] : end - bounds[0]].astype(np.uint64)
        low = ((part & LOW_WORD) * weight).sum(axis=1)
        high = ((part >> np.uint64(32)) * weight).sum(axis=1)
        total[:, i] = part.sum(axis=1)
        rising[:, i] = (low >> np.uint64(15)) + (high << np.uint64(17))
    return rising[:, :-1] + (total - rising)[:, 1:]


def _levels(params: Audio, energies: Array, logarithms: Array) -> Wide:
    """Return energies on the scale of the bytes, in 1/256: 0 to 65280."""
    shifts = np.zeros(energies.shape, np.int64)
    mantissas = energies
    for step in (32, 16, 8, 4, 2, 1):
        small = mantissas >> np.uint64(64 - step) == 0
        mantissas = np.where(small, mantissas << np.uint64(step), mantissas)
        shifts += step * small
    # The leading 1, six bits that choose an interval, and 16 that interpolate in it.
    index = (mantissas >> np.uint64(57)).astype(np.int64) & 63
    rest = (mantissas >> np.uint64(41)).astype(np.int64) & 0xFFFF
    table = logarithms.astype(np.int64)
    fraction = table[index] + ((table[index + 1] - table[index]) * rest >> 16)
    octaves = np.where(energies == 0, 0, (63 - shifts << 15) + fraction)
    levels: Wide = np.clip((octaves - params.floor) * params.gain >> 24, 0, 255 << 8)
    return levels
