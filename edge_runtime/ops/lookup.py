"""An int8 function of one number as a table of its 256 values."""

from __future__ import annotations

from edge_runtime.fixed_point import f32, half_away
from edge_runtime.ops import Call, Constant, Kernel
from edge_runtime.record import record

# typing.TYPE_CHECKING, without the 8 ms that importing typing takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    import numpy as np
    import numpy.typing as npt

    Array = npt.NDArray[Any]


@record
class Params:
    """Parameters of ``lookup_int8``."""

    count: int


def tabulate(call: Call, function: Callable[[float], float]) -> Kernel:
    """Return the kernel that applies ``function`` from the input's scale to the output's.

    Source: LUTPopulate in tensorflow/lite/kernels/internal/common.h, which calculates in float32.

    Args:
        call: an op with one int8 input and an int8 output, both per-tensor.
        function: of a float32 number, rounded to float32.
    """
    given, made = call.input(0).quantization, call.output.quantization
    assert given is not None
    assert made is not None
    inverse = f32(1 / made.scales[0])
    table = bytearray()
    for value in range(-128, 128):
        real = function(f32(given.scales[0] * (value - given.zero_points[0])))
        scaled = half_away(f32(f32(real) * inverse)) + made.zero_points[0]
        table += max(-128, min(127, scaled)).to_bytes(1, "little", signed=True)
    params = Params(call.output.elements)
    return Kernel(
        lookup_int8, params, (0,), (Constant("int8", bytes(table)),), in_place=True, rows="count"
    )


def lookup_int8(_: Params, tensor: Array, table: Array) -> npt.NDArray[np.int8]:
    """Define the kernel: ``table[x + 128]`` for each element.

    Args:
        tensor: int8 [count].
        table: int8 [256].
    """
    import numpy as np

    result: npt.NDArray[np.int8] = table[tensor.astype(np.int64) + 128]
    return result
