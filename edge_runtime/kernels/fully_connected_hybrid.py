"""The kernel of FULLY_CONNECTED of float32 with int8 weights, in NumPy; in C a file of its own."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.kernels.activation import clamped_float32
from edge_runtime.kernels.hybrid import quantize_hybrid
from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class Hybrid:
    """Parameters of ``fully_connected_hybrid``; the bounds are the bits of float32 numbers.

    ``asymmetric`` is whether rows are quantised with a zero point.
    """

    rows: int
    depth: int
    outputs: int
    asymmetric: int
    lowest: int
    highest: int


def fully_connected_hybrid(
    params: Hybrid, tensor: Array, weights: Array, bias: Array, scale: Array
) -> npt.NDArray[np.float32]:
    """Define the kernel: each row of the input quantised, int32 sums, and these as floats.

    Args:
        tensor: float32 [rows * depth].
        weights: int8 [outputs * depth], or uint8 of the same bytes.
        bias: float32 [outputs].
        scale: float32 [outputs], of the weights.

    Source: EvalHybridDense in tensorflow/lite/kernels/fully_connected.cc, and
    PortableMatrixBatchVectorMultiplyAccumulate in portable_tensor_utils.cc.
    """
    rows = tensor.reshape(params.rows, params.depth)
    quantized, steps = quantize_hybrid(rows, params.asymmetric)
    w = weights.view(np.int8).reshape(params.outputs, params.depth).astype(np.int64)
    sums = (quantized @ w.T).astype(np.float32)
    with np.errstate(all="ignore"):
        total = bias.view(np.float32) + sums * (steps[:, None] * scale)
    return clamped_float32(total, params.lowest, params.highest)
