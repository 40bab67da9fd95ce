"""CAST: numbers as another element type."""

from __future__ import annotations

from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import same_shape

CODES = {"int8": 1, "int16": 2, "int32": 4, "int64": 8, "uint8": -1, "bool": 0}
"""Element type -> its code in the kernels' parameters."""


def types_are_supported(call: Call) -> str | None:
    """Input and output are of one of int8, int16, int32, int64, uint8, bool, float32."""
    types = call.input(0).dtype, call.output.dtype
    return None if {*types} <= {*CODES, "float32"} else " to ".join(types)


CONSTRAINTS = (types_are_supported,)

shapes = same_shape

ELEMENTWISE = True


def lower(call: Call) -> Kernel:
    """Return the kernel; scales and zero points make no difference."""
    source, target, count = call.input(0).dtype, call.output.dtype, call.output.elements
    if source == target:
        return Kernel("copy", {"size": call.output.size}, (0,), rows="size")
    if source == "float32":
        return Kernel("cast_from_float32", {"count": count, "type": CODES[target]}, (0,))
    if target == "float32":
        return Kernel("cast_to_float32", {"count": count, "type": CODES[source]}, (0,))
    params = {"count": count, "source": CODES[source], "target": CODES[target]}
    return Kernel("cast_integers", params, (0,))
