"""The kernels of POW in NumPy, which defines their meaning; in C pow.c.

Both have two flat inputs of the type in their name, and the loops over them, int32 [3 * LOOPS]: see
``broadcast.loops``. They return the flat output, of the same type.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.kernels.broadcast import Elements, spread
from edge_runtime.kernels.exponential import exp
from edge_runtime.kernels.logarithm import log

Array: TypeAlias = npt.NDArray[Any]


def pow_int32(_: Elements, a: Array, b: Array, loops: Array) -> npt.NDArray[np.int32]:
    """Define the int32 kernel: a power that wraps; of a negative exponent 0, 1 or -1."""
    a, b = spread(a, b, loops)
    power = np.ones(np.broadcast_shapes(a.shape, b.shape), np.uint32)
    for bit in range(31, -1, -1):
        power *= power
        power = np.where(b >> bit & 1, power * a.astype(np.uint32), power)
    unit = np.where(a == 1, 1, np.where(a == -1, 1 - 2 * (b & 1), 0))
    output: npt.NDArray[np.int32] = np.where(b < 0, unit, power.astype(np.int32)).ravel()
    return output.astype(np.int32)


def pow_float32(_: Elements, a: Array, b: Array, loops: Array) -> npt.NDArray[np.float32]:
    """Define the float32 kernel: ``exp(b * ln(a))`` in double, and what C says of special numbers.

    A negative number has a power if the exponent is whole, the negative one if that is odd.
    """
    a, b = (x.astype(np.float64) for x in np.broadcast_arrays(*spread(a, b, loops)))
    with np.errstate(all="ignore"):
        whole = np.floor(b) == b
        odd = whole & (np.abs(b) < 2.0**53) & (b % 2 == 1)
        size = np.abs(a)
        usual = (size > 0) & np.isfinite(size) & np.isfinite(b)
        power = exp(b * log(np.where(usual, size, 1)))
        # Zero, infinite and equal to 1: the limits.
        grows = (size > 1) == (b > 0)
        limit = np.where(size == 1, 1.0, np.where(grows, np.inf, 0.0))
        output = np.where(usual, power, limit).astype(np.float32)
        output = np.where(np.signbit(a) & odd, -output, output)
        output = np.where((a < 0) & np.isfinite(a) & ~whole, np.float32("nan"), output)
        output = np.where(np.isnan(a) | np.isnan(b), np.float32("nan"), output)
        flat: npt.NDArray[np.float32] = np.where((b == 0) | (a == 1), np.float32(1), output).ravel()
    return flat
