"""ELU of float32 in NumPy, which defines the meaning of the kernel; in C elu.c."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.kernels import exponential
from edge_runtime.kernels.unary import Count

Array: TypeAlias = npt.NDArray[Any]

SMALL = -(2.0**-12)
"""Above this the Taylor series is exact to 2**-41, and the difference loses digits."""


def elu_float32(_: Count, tensor: Array) -> npt.NDArray[np.float32]:
    """Define the kernel: e**x - 1 below 0, calculated in double; the error is below 0.501 ulp.

    Args:
        tensor: float32 [count].
    """
    x = tensor.astype(np.float64)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        small = x + x * x * (0.5 + x / 6)
        negative = np.where(x > SMALL, small, exponential.exp(x) - 1).astype(np.float32)
    return np.where(x < 0, negative, tensor)
