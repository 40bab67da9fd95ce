"""The interpolated sigmoid of int16 LOGISTIC and TANH: ``tanh(x) = 2 * sigmoid(2 * x) - 1``.

Source: sigmoid_table_uint16 in tensorflow/lite/kernels/internal/common.h, and
reference/integer_ops/logistic.h and tanh.h.
"""

from __future__ import annotations

from math import exp

from edge_runtime.fixed_point import power_of_two
from edge_runtime.ops.call import Call, Constant
from edge_runtime.ops.constraints import affine, per_tensor

INT16_SCALES = (2.0**-40, 8 / 3)
"""Least and greatest scale of an int16 input for which its multiplier has 1 to 15 bits."""


def scale_fits(call: Call) -> str | None:
    """The scale of an int16 input is from 2**-40 to 8/3, and its zero point 0."""
    tensor = call.input(0)
    if tensor.dtype != "int16":
        return None
    if not per_tensor(tensor):
        return str(tensor.quantization)
    scale, zero_point = affine(tensor)
    low, high = INT16_SCALES
    return None if low <= scale <= high and zero_point == 0 else f"{scale} and {zero_point}"


def params(call: Call, shifts: int) -> dict[str, int]:
    """Return the parameters for the scale of the input.

    Args:
        call: a LOGISTIC or TANH of int16.
        shifts: greatest power of two that the kernel has as a shift: the scale is at most
            ``2**(shifts - 12)`` for that.
    """
    count, (scale, _) = call.output.elements, affine(call.input(0))
    exponent = power_of_two(scale)
    if exponent is not None and 0 <= exponent + 12 <= shifts:
        return {"count": count, "multiplier": 3 << (exponent + 12), "shift": 0}
    multiplier, shift = scale * 4096 * 3, 0
    while multiplier <= 32767 / 2 and shift <= 30:
        multiplier, shift = multiplier * 2, shift + 1
    return {"count": count, "multiplier": int(multiplier), "shift": shift}


_TABLE: list[Constant] = []


def table() -> Constant:
    """Return the sigmoid of i / 24 in uint16, from 0 to 255, calculated once.

    Half of what a straight line misses in the middle between two points is added to each, which
    halves the error; the last one is where the kernels saturate.
    """
    if _TABLE:
        return _TABLE[0]

    def sigmoid(index: float) -> float:
        return 65536 / (1 + exp(-index / 24))

    values = [
        round(sigmoid(i) + (sigmoid(i + 0.5) - (sigmoid(i) + sigmoid(i + 1)) / 2) / 2)
        for i in range(255)
    ]
    data = b"".join(value.to_bytes(2, "little") for value in [*values, 65535])
    _TABLE.append(Constant("uint16", data))
    return _TABLE[0]
