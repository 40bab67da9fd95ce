"""FLOOR_DIV: the greatest whole number that is at most ``a / b``; FLOOR_MOD: what it leaves of a.

Quantised numbers are divided as they are stored, whatever the tensors' scales, as LiteRT does.
Integers divided by 0, which LiteRT refuses to run, give 0, and so does what is left of them.

Source: tensorflow/lite/kernels/floor_div.cc, floor_mod.cc.
"""

from __future__ import annotations

from edge_runtime.ops import broadcast
from edge_runtime.ops.call import Call, Kernel


def types_are_supported(call: Call) -> str | None:
    """Inputs and output are all int8, int16, int32, float32 or, for FLOOR_MOD, int64."""
    types = ["int8", "int16", "int32", "float32"]
    return broadcast.not_all_of(call, *types, *(["int64"] if call.op.name == "FLOOR_MOD" else []))


CONSTRAINTS = (
    broadcast.two_inputs,
    types_are_supported,
    broadcast.shapes_fit,
    broadcast.loops_fit,
)

shapes = broadcast.shapes

ELEMENTWISE = True


def lower(call: Call) -> Kernel:
    """Return the kernel of the element type."""
    params = {"remainder": int(call.op.name == "FLOOR_MOD")}
    return broadcast.kernel(call, f"floor_div_{call.output.dtype}", params)
