"""The kernels of REVERSE_SEQUENCE in NumPy; in C reverse_sequence.c."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class ReverseSequence:
    """Parameters of the kernels.

    Attributes:
        outer: product of the dimensions before batches and sequences.
        first: of these two, the dimension that comes first.
        middle: product of the dimensions between them.
        second: the other dimension.
        bytes: of an element of the second.
        batch_first: whether the first is that of batches.
    """

    outer: int
    first: int
    middle: int
    second: int
    bytes: int
    batch_first: int


def reverse_sequence_int32(params: ReverseSequence, tensor: Array, lengths: Array) -> Array:
    """Define the kernel of int32 lengths.

    A length below 0 counts as 0, and one beyond the sequence as its end. (LiteRT ends with an error
    there, in the middle of an inference.)

    Args:
        tensor: of any type.
        lengths: one for each batch.
    """
    size = params.bytes // tensor.itemsize
    blocks = tensor.reshape(params.outer, params.first, params.middle, params.second, size)
    batch, sequence = (1, 3) if params.batch_first else (3, 1)
    steps = blocks.shape[sequence]
    output = np.empty_like(blocks)
    for index, length in enumerate(np.clip(lengths, 0, steps).tolist()):
        order = np.arange(steps)
        order[:length] = order[:length][::-1]
        one: list[Any] = [slice(None)] * 5
        one[batch] = slice(index, index + 1)
        output[tuple(one)] = blocks[tuple(one)].take(order, axis=sequence)
    return output.ravel()


def reverse_sequence_int64(params: ReverseSequence, tensor: Array, lengths: Array) -> Array:
    """Define the kernel of int64 lengths."""
    return reverse_sequence_int32(params, tensor, lengths)
