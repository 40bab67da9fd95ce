"""What the packers of FULLY_CONNECTED write, in NumPy: the C packers are compared with this.

The form for Cortex-M cores with the DSP extension holds the weights of two outputs a, b for one
depth in a halfword P = 256 * b + a, and a word holds those of the depths k and k + 2; of four
depths the first word has the even ones, the second the odd ones, as SXTB16 splits four inputs. A
depth that is no multiple of 4 ends with the last four inputs, some of them for the second time:
these have weights of 0.

Each function is called like its level and has the same arguments: weights int8 or float32
[outputs, depth], bias, multiplier, shift int32 [outputs], the input's zero point, and whether
outputs are clamped to int8 only. It returns the parameters that are appended and the tensors from
the weights on, None where one stays; or None when it does not pack this.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Packed = tuple[tuple[int, ...], tuple[Array | None, ...]]

WIDTH = 16
"""Outputs of a block of the kernels for x86."""

STEP = 4
"""Depths of a word of inputs, which is one load."""

PASS = 3
"""Pairs of outputs of a pass of the dense kernel, as long as there are so many."""

BLOCK = 16
"""Outputs that the skipping kernels sum up at once."""

GROUP = 8
"""Weights that the sparse kernel multiplies in a round."""

FARTHEST = 15
"""What half a byte holds: the longest distance between two weights of the sparse form."""

HIGH_BITS = 24
"""Bits that the sum of the products with b has beside those of a."""


def float32(weights: Array, bias: Array) -> Packed:
    """Blocks of 16 outputs, the last padded with zeros: [bias, then each depth's weights][16]."""
    rows = np.concatenate([bias[np.newaxis], weights.T])
    padded = np.pad(rows, ((0, 0), (0, -rows.shape[1] % WIDTH)))
    blocks = padded.reshape(len(rows), -1, WIDTH).transpose(1, 0, 2)
    return (), (np.ascontiguousarray(blocks).ravel(),)


def neon(weights: Array, *_: Any) -> Packed:
    """Blocks of 8 outputs, then 4, 2, 1, each [depth / 16][outputs][16]; then: none is -128."""
    rest = np.pad(weights, ((0, 0), (0, -weights.shape[1] % 16)))
    parts = []
    while len(rest):
        width = next(one for one in (8, 4, 2, 1) if one <= len(rest))
        parts.append(rest[:width].reshape(width, -1, 16).transpose(1, 0, 2).ravel())
        rest = rest[width:]
    narrow = np.array([(weights != -128).all()], np.int8)
    return (), (np.concatenate([*parts, narrow]),)


dotprod = neon


def dsp(
    weights: Array, bias: Array, _multiplier: Array, shift: Array, _zero_point: int, whole: bool
) -> Packed | None:
    """Pack words [words of depth][even, odd][pairs] for every pass, and pad the bias to pairs.

    None when the depth is below 4, and when there is a pair of weights that no halfword holds: b is
    -128 and a is negative.
    """
    halfwords = _halfwords(weights)
    if halfwords is None:
        return None
    pairs = len(halfwords)
    passes = [PASS] * (pairs // PASS) + [pairs % PASS] * (pairs % PASS > 0)
    starts = np.cumsum([0, *passes])
    packed = [_words(halfwords[at : at + n]).ravel() for at, n in zip(starts, passes, strict=False)]
    odd = len(bias) % 2
    padded = _even(bias) if odd else None
    shifts = _shifts(shift, whole)
    return (_chunk(weights, -128, 127),), (np.concatenate(packed), padded, None, shifts)


def skip(
    weights: Array, bias: Array, _multiplier: Array, _shift: Array, zero_point: int, *_: Any
) -> Packed:
    """Pack int8 [depth, outputs], and take the input's zero point out of the bias."""
    return (zero_point,), (weights.T, _unfolded(bias, weights, zero_point))


def skip_dsp(
    weights: Array, bias: Array, _multiplier: Array, shift: Array, zero_point: int, whole: bool
) -> Packed | None:
    """Pack words for every BLOCK of outputs, [words of depth][groups][even, odd][pairs].

    There is a group of one pair if their number is odd, then groups of two. The input's zero point
    is not in the bias, which is padded to whole pairs. None as for ``dsp``.
    """
    halfwords = _halfwords(weights)
    if halfwords is None:
        return None
    packed = []
    for start in range(0, len(halfwords), BLOCK // 2):
        block = halfwords[start : start + BLOCK // 2]
        odd = len(block) % 2
        groups = [_words(block[:odd])] if odd else []
        groups += [_words(block[at : at + 2]) for at in range(odd, len(block), 2)]
        packed.append(np.concatenate(groups, axis=1).ravel())
    chunk = _chunk(weights, -128 - zero_point, 127 - zero_point)
    folded = _even(_unfolded(bias, weights, zero_point))
    return (zero_point, chunk), (np.concatenate(packed), folded, None, _shifts(shift, whole))


def sparse(weights: Array, *_: Any) -> Packed:
    """Pack bytes: for every output four with the number of its groups, the lowest first, and these.

    A group has GROUP weights: their distances from the weight before or from the first input in
    half bytes, the lower half first, then the weights. Where a distance is above FARTHEST, and to
    fill the last group, there are weights of 0.
    """
    outputs = len(weights)
    rows, positions = np.nonzero(weights)
    is_first = np.diff(rows, prepend=-1) != 0
    distances = np.where(is_first, positions, np.diff(positions, prepend=0))
    # A weight that is too far from the one before follows weights of 0, each as far as may be.
    between = np.maximum(distances - 1, 0) // FARTHEST
    counts = np.bincount(rows, between + 1, outputs).astype(np.int64)
    groups = -(-counts // GROUP)
    room, before = groups * GROUP, np.cumsum(groups) - groups
    start = before * GROUP
    places = np.cumsum(between + 1) - 1 + (start - np.cumsum(counts) + counts)[rows]
    within = np.arange(room.sum()) - np.repeat(start, room)
    steps = np.where(within < np.repeat(counts, room), FARTHEST, 0).astype(np.uint8)
    steps[places] = distances - FARTHEST * between
    values = np.zeros(len(steps), np.uint8)
    values[places] = weights[rows, positions].view(np.uint8)
    halves = (steps[0::2] | steps[1::2] << 4).reshape(-1, GROUP // 2)
    group = np.concatenate([halves, values.reshape(-1, GROUP)], axis=1).view("<u4")
    words = np.empty(outputs + group.size, "<u4")
    heads = np.arange(outputs) + before * group.shape[1]
    is_group = np.ones(len(words), bool)
    is_group[heads] = False
    words[heads], words[is_group] = groups, group.ravel()
    return (), (words.view(np.int8),)


def sparse_dsp(
    weights: Array, _bias: Array, _multiplier: Array, shift: Array, _zero_point: int, whole: bool
) -> Packed:
    """Pack the same as words of the machine's order."""
    params, (packed,) = sparse(weights)
    assert packed is not None
    words = packed.view("<u4").astype(np.uint32)
    return params, (words, None, None, _shifts(shift, whole))


def _shifts(shift: Array, whole: bool) -> Array:
    """Return int8 [1 + outputs]: whether the form is short, then the shifts.

    It is where outputs are clamped to int8 only and all products are divided by 2**33 to 2**55; a
    shift is then by how much more than 2**33.
    """
    more = -2 - shift.astype(np.int64)
    short = whole and bool(((more >= 0) & (more <= 22)).all())
    return np.concatenate([[short], more if short else shift]).astype(np.int8)


def _halfwords(weights: Array) -> Array | None:
    """Return P as uint32 [pairs, depths], None when that is impossible."""
    outputs, depth = weights.shape
    if depth < STEP:
        return None
    wide = np.pad(weights.astype(np.int32), ((0, outputs % 2), (0, 0)))
    twice = np.zeros((len(wide), -depth % STEP), np.int32)
    whole = depth // STEP * STEP
    wide = np.concatenate([wide[:, :whole], twice, wide[:, whole:]], axis=1)
    joined = 256 * wide[1::2] + wide[0::2]
    if joined.min() < -(2**15):
        return None
    return joined.astype(np.uint16).astype(np.uint32)


def _words(halfwords: Array) -> Array:
    """Return [pairs, depths] as [words of depth, even and odd one of each pair]."""
    pairs = len(halfwords)
    four = halfwords.reshape(pairs, -1, STEP)
    joined = four[..., :2] | four[..., 2:] << np.uint32(16)
    return joined.transpose(1, 2, 0).reshape(-1, 2 * pairs)


def _chunk(weights: Array, lowest: int, highest: int) -> int:
    """Return how many words of depth may lie anywhere, and no sum of b leaves HIGH_BITS.

    Args:
        weights: int8 [outputs, depth].
        lowest: of the numbers that weights are multiplied with.
        highest: likewise.
    """
    high = np.pad(weights[1::2].astype(np.int64), ((0, 0), (0, -weights.shape[1] % STEP)))
    words = high.shape[1] // STEP
    products = np.stack([high * lowest, high * highest])
    sums = np.zeros((2, len(high), words + 1), np.int64)
    for end, extreme in zip(sums, (products.max(axis=0), -products.min(axis=0)), strict=True):
        end[:, 1:] = extreme.reshape(len(high), words, STEP).sum(axis=2).cumsum(axis=1)
    # Another word never decreases the sums: the largest that fits is found by bisection.
    fits, fails = 1, words + 1
    while fails - fits > 1:
        middle = (fits + fails) // 2
        largest = (sums[..., middle:] - sums[..., :-middle]).max(initial=0)
        fits, fails = (middle, fails) if largest < 2 ** (HIGH_BITS - 1) else (fits, middle)
    return fits


def _unfolded(bias: Array, weights: Array, zero_point: int) -> Array:
    """Return the bias without the input's zero point, in int32 arithmetic."""
    unfolded: Array = (bias + zero_point * weights.sum(axis=1, dtype=np.int64)).astype(np.int32)
    return unfolded


def _even(values: Array) -> Array:
    """Return the values, and a zero if their number is odd."""
    return np.pad(values, (0, len(values) % 2))
