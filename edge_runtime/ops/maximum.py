"""MAXIMUM and MINIMUM: the greater or the lesser of two numbers.

Quantised numbers are compared as they are stored, whatever the tensors' scales, as LiteRT and
TFLite Micro do.

Source: tensorflow/lite/kernels/maximum_minimum.cc.
"""

from __future__ import annotations

from edge_runtime.ops import broadcast
from edge_runtime.ops.call import Call, Kernel

CONSTRAINTS = (
    broadcast.two_inputs,
    broadcast.types_are_supported,
    broadcast.shapes_fit,
    broadcast.loops_fit,
)

shapes = broadcast.shapes

ELEMENTWISE = True


def lower(call: Call) -> Kernel:
    """Return the kernel of the element type."""
    params = {"greatest": int(call.op.name == "MAXIMUM")}
    return broadcast.kernel(call, f"maximum_{call.output.dtype}", params)
