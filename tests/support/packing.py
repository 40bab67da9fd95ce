"""Constants of FULLY_CONNECTED in the forms that only the export to C uses.

The kernels are in kernels/ and kernels/cortex_m/, fully_connected_int8_<form>.c;
each gives the bytes of ``fully_connected_int8_once``, whatever the input.

The form for Cortex-M cores with the DSP extension holds the weights of two outputs a, b for one
depth in a halfword P = 256 * b + a, and a word holds those of the depths k and k + 2; of four
depths the first word has the even ones, the second the odd ones, as SXTB16 splits four inputs. A
depth that is no multiple of 4 ends with the last four inputs, some of them for the second time:
these have weights of 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

    from edge_runtime.kernels.fully_connected import Int8

    Weights = npt.NDArray[np.int8]
    Int32 = npt.NDArray[np.int32]

STEP = 4
"""Depths of a word of inputs, which is one load."""

PASS = 3
"""Pairs of outputs of a pass of the dense kernel, as long as there are so many."""

BLOCK = 16
"""Outputs that the skipping kernels sum up at once."""

SPARSE = "fully_connected_int8_once_sparse"
"""The kernel whose weights hold no zeros; that for the DSP extension begins so, too."""

GROUP = 8
"""Weights that the sparse kernel takes in a round."""

FARTHEST = 15
"""What half a byte holds: the longest distance between two weights of the sparse form."""

HIGH_BITS = 24
"""Bits that the sum of the products with b has beside those of a."""


@dataclass(frozen=True)
class Packed:
    """What a step of the plan becomes.

    Attributes:
        name: of the kernel; the C function is called ``ek_`` and this.
        params: int32 values by name, in the order in which the C function reads them: those of
            ``fully_connected_int8_once``, then ``input_zero_point`` where zeros are skipped, then
            ``chunk`` with DSP: for how many words of depth the sums fit into HIGH_BITS.
        constants: weights, bias, multiplier and shift: the tensors between input and output.
    """

    name: str
    params: Mapping[str, int]
    constants: tuple[npt.NDArray[Any], ...]


def dsp(
    params: Int8, weights: Weights, bias: Int32, multiplier: Int32, shift: Int32
) -> Packed | None:
    """Return the form of ``fully_connected_int8_once`` for the DSP extension.

    Args:
        params: of ``fully_connected_int8_once``, as all that follows.
        weights: int8 [outputs, depth].
        bias: int32 [outputs], the input's zero point folded in.
        multiplier: int32 [outputs].
        shift: int32 [outputs].

    Returns:
        Weights are uint32: for every pass [words of depth][even, odd][pairs], one pass behind the
        other; the bias is padded to whole pairs. None when the depth is below 4, and when
        there is a pair of weights that no halfword holds: b is -128 and a is negative.
    """
    import numpy as np

    halfwords = _halfwords(weights)
    if halfwords is None:
        return None
    pairs = len(halfwords)
    passes = [PASS] * (pairs // PASS) + [1] * (pairs % PASS)
    starts = np.cumsum([0, *passes])
    packed = [_words(halfwords[at : at + n]).ravel() for at, n in zip(starts, passes, strict=False)]
    made = {**vars(params), "chunk": _chunk(weights, -128, 127)}
    constants = np.concatenate(packed), _even(bias), multiplier, shift
    return Packed("fully_connected_int8_once_dsp", made, constants)


def skip(
    params: Int8,
    weights: Weights,
    bias: Int32,
    multiplier: Int32,
    shift: Int32,
    zero_point: int,
) -> Packed:
    """Return the portable form that skips inputs that are zero.

    Args:
        params: as for ``dsp``, and so on.
        weights: int8 [outputs, depth].
        bias: int32 [outputs], the input's zero point folded in.
        multiplier: int32 [outputs].
        shift: int32 [outputs].
        zero_point: the input's.

    Returns:
        Weights are int8 [depth, outputs], and the input's zero point is not in the bias.
    """
    import numpy as np

    made = {**vars(params), "input_zero_point": zero_point}
    constants = (
        np.ascontiguousarray(weights.T),
        _unfolded(bias, weights, zero_point),
        multiplier,
        shift,
    )
    return Packed("fully_connected_int8_once_skip", made, constants)


def skip_dsp(
    params: Int8,
    weights: Weights,
    bias: Int32,
    multiplier: Int32,
    shift: Int32,
    zero_point: int,
) -> Packed | None:
    """Return the form for the DSP extension that skips words of four inputs that are all zero.

    Args:
        params: as for ``dsp``, and so on.
        weights: int8 [outputs, depth].
        bias: int32 [outputs], the input's zero point folded in.
        multiplier: int32 [outputs].
        shift: int32 [outputs].
        zero_point: the input's.

    Returns:
        Weights are uint32: for every BLOCK of outputs [words of depth][groups][even, odd][pairs]:
        a group of one pair if their number is odd, then groups of two. The input's zero point is
        not in the bias, which is padded to whole pairs. None as for ``dsp``.
    """
    import numpy as np

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
    made = {**vars(params), "input_zero_point": zero_point, "chunk": chunk}
    folded = _even(_unfolded(bias, weights, zero_point))
    constants = np.concatenate(packed), folded, multiplier, shift
    return Packed("fully_connected_int8_once_skip_dsp", made, constants)


def sparse(params: Int8, weights: Weights, bias: Int32, multiplier: Int32, shift: Int32) -> Packed:
    """Return the portable form that holds no weights of 0, of the same arguments as ``dsp``.

    Returns:
        Weights are bytes: for every output four with the number of its groups, the lowest first,
        then the groups, of GROUP weights each: their distances from the weight before or from the
        first input in half bytes, the lower half first, then the weights. Where a distance is above
        FARTHEST, and to fill the last group, there are weights of 0.
    """
    import numpy as np

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
    constants = words.view(np.int8), bias, multiplier, shift
    return Packed(SPARSE, vars(params), constants)


def sparse_dsp(portable: Packed) -> Packed:
    """Return what ``sparse`` made in the form for the DSP extension: the weights as uint32."""
    import numpy as np

    weights, *others = portable.constants
    words = weights.view("<u4").astype(np.uint32)
    return Packed(f"{SPARSE}_dsp", portable.params, (words, *others))


def _halfwords(weights: Weights) -> npt.NDArray[np.uint32] | None:
    """Return P as uint32 [pairs, depths], None when that is impossible."""
    import numpy as np

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


def _words(halfwords: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Return [pairs, depths] as [words of depth, even and odd one of each pair]."""
    import numpy as np

    pairs = len(halfwords)
    four = halfwords.reshape(pairs, -1, STEP)
    joined = four[..., :2] | four[..., 2:] << np.uint32(16)
    return joined.transpose(1, 2, 0).reshape(-1, 2 * pairs)


def _chunk(weights: Weights, lowest: int, highest: int) -> int:
    """Return how many words of depth may lie anywhere, and no sum of b leaves HIGH_BITS.

    Args:
        weights: int8 [outputs, depth].
        lowest: of the numbers that weights are multiplied with.
        highest: likewise.
    """
    import numpy as np

    high = np.pad(weights[1::2].astype(np.int64), ((0, 0), (0, -weights.shape[1] % STEP)))
    words = high.shape[1] // STEP
    products = np.stack([high * lowest, high * highest])
    sums = np.zeros((2, len(high), words + 1), np.int64)
    for end, extreme in zip(sums, (products.max(axis=0), -products.min(axis=0)), strict=True):
        end[:, 1:] = extreme.reshape(len(high), words, STEP).sum(axis=2).cumsum(axis=1)
    # No sum gets smaller by one word more: the largest that fits is found by halving.
    fits, fails = 1, words + 1
    while fails - fits > 1:
        middle = (fits + fails) // 2
        largest = (sums[..., middle:] - sums[..., :-middle]).max(initial=0)
        fits, fails = (middle, fails) if largest < 2 ** (HIGH_BITS - 1) else (fits, middle)
    return fits


def _unfolded(bias: Int32, weights: Weights, zero_point: int) -> Int32:
    """Return the bias without the input's zero point, in int32 arithmetic."""
    import numpy as np

    unfolded: Int32 = (bias + zero_point * weights.sum(axis=1, dtype=np.int64)).astype(np.int32)
    return unfolded


def _even(values: Int32) -> Int32:
    """Return the values, and a zero if their number is odd."""
    import numpy as np

    return np.pad(values, (0, len(values) % 2))
