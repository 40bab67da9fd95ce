"""LOGISTIC: ``1 / (1 + exp(-x))``."""

from __future__ import annotations

from math import exp

from edge_runtime.fixed_point import f32
from edge_runtime.ops import Call, Kernel, exponential
from edge_runtime.ops.constraints import per_tensor, told
from edge_runtime.ops.lookup import tabulate
from edge_runtime.record import record

# typing.TYPE_CHECKING, without the 8 ms that importing typing takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    import numpy.typing as npt


def types_are_supported(call: Call) -> str | None:
    """Input and output are both int8 or both float32."""
    given = (call.input(0).dtype, call.output.dtype)
    supported = (("int8", "int8"), ("float32", "float32"))
    return None if given in supported else ", ".join(given)


def quantization_fits(call: Call) -> str | None:
    """Integers have one scale and zero point, the output 1/256 and -128."""
    if call.output.dtype == "float32":
        return None
    made = call.output.quantization
    if not per_tensor(call.input(0)) or made is None:
        return told(call.input(0))
    fits = made.scales == (1 / 256,) and made.zero_points == (-128,)
    return None if fits else f"{made.scales[:4]} and {made.zero_points[:4]}"


CONSTRAINTS = (types_are_supported, quantization_fits)


@record
class Params:
    """Parameters of ``logistic_float32``."""

    count: int


def shape(call: Call) -> tuple[int, ...]:
    """Return the input's shape."""
    return call.input(0).shape


def lower(call: Call) -> Kernel:
    """Return a table for int8, the function for float32."""
    if call.output.dtype == "int8":
        return tabulate(call, _sigmoid)
    return Kernel(logistic_float32, Params(call.output.elements), (0,), in_place=True, rows="count")


def _sigmoid(x: float) -> float:
    """Return the float32 value, each step rounded."""
    return f32(1 / f32(1 + (f32(exp(-x)) if x > -88 else float("inf"))))


def logistic_float32(_: Params, tensor: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Define the float32 kernel: calculated in double, rounded once.

    Args:
        tensor: float32 [count].
    """
    import numpy as np

    return (1 / (1 + exponential.exp(-tensor.astype(np.float64)))).astype(np.float32)
