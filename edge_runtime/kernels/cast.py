"""The kernels of CAST in NumPy, which defines their meaning; in C cast.c."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]

TYPES = {1: "int8", 2: "int16", 4: "int32", 8: "int64", -1: "uint8", 0: "bool"}
"""Code of an element type in the parameters -> NumPy's name."""


@record
class CastFloat:
    """Parameters of ``cast_to_float32`` and ``cast_from_float32``: the code of the other type."""

    count: int
    type: int


@record
class CastIntegers:
    """Parameters of ``cast_integers``: codes of types."""

    count: int
    source: int
    target: int


def cast_to_float32(_: CastFloat, tensor: Array) -> npt.NDArray[np.float32]:
    """Define the kernel: the nearest number, of halves the even one."""
    return tensor.astype(np.float32)


def cast_from_float32(params: CastFloat, tensor: npt.NDArray[np.float32]) -> Array:
    """Define the kernel: the fraction is dropped, and the number clamped to the type's range.

    What is not a number becomes the greatest one. Source: SaturatingCastFloatingToInteger in
    tensorflow/lite/kernels/cast.cc.
    """
    dtype = TYPES[params.type]
    if dtype == "bool":
        return np.not_equal(tensor, 0)
    limits = np.iinfo(dtype)
    fits = (tensor >= limits.min) & (tensor < 2.0 ** (limits.bits - (limits.min < 0)))
    whole = np.where(fits, tensor, 0).astype(dtype)
    return np.where(fits, whole, np.where(tensor < 0, limits.min, limits.max)).astype(dtype)


def cast_integers(params: CastIntegers, tensor: Array) -> Array:
    """Define the kernel: the low bits; of bool 0 or 1, and bool of all others but 0."""
    numbers = tensor.view(np.uint8) != 0 if params.source == 0 else tensor
    return numbers.astype(TYPES[params.target])
