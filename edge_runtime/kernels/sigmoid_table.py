"""The interpolated sigmoid of int16 LOGISTIC and TANH, in NumPy; in C sigmoid_table.h."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class SigmoidTable:
    """Parameters of ``logistic_int16`` and ``tanh_int16``.

    Attributes:
        multiplier: converts an input to steps of 1/(3 * 2**12), times ``2**shift``.
        shift: bits by which the product is shifted to the right.
    """

    count: int
    multiplier: int
    shift: int


def interpolated(size: Array, table: Array, bits: int, greatest: int) -> Array:
    """Return the table's value with ``bits`` more of fraction.

    Args:
        size: int64, not negative, in steps of ``2**-bits`` of the table's.
        table: uint16 [256].
        bits: of the fraction that is added, at least 1.
        greatest: the value from the table's last step on.
    """
    index = np.minimum(size >> bits, 254)
    below, above = table[index].astype(np.int64), table[index + 1].astype(np.int64)
    value = (below << bits) + (size & ((1 << bits) - 1)) * (above - below)
    result: Array = np.where(size >> bits >= 255, greatest, value)
    return result


def moved(params: SigmoidTable, tensor: Array) -> Array:
    """Return the int16 input in steps of 1/(3 * 2**12), in int64."""
    return (
        tensor.astype(np.int64) * params.multiplier + ((1 << params.shift) >> 1)
    ) >> params.shift
