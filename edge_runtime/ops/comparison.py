"""EQUAL, NOT_EQUAL, LESS, LESS_EQUAL, GREATER and GREATER_EQUAL: two numbers compared, as a bool.

Quantised numbers are compared as LiteRT and TFLite Micro do it: each input is multiplied by its
scale and rounded twice to 8 bits of fraction, so that small differences between small numbers
vanish. int16 is rescaled by EQUAL and NOT_EQUAL where it is quantised; in all other cases it is
compared as it is stored. (LiteRT's NOT_EQUAL writes nothing for int16 that is not quantised.)

Source: tensorflow/lite/kernels/comparisons.cc.
"""

from __future__ import annotations

from edge_runtime.ops import broadcast
from edge_runtime.ops.broadcast import scale
from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import not_affine

HOLDS = {
    "EQUAL": (0, 1, 0),
    "NOT_EQUAL": (1, 0, 1),
    "LESS": (1, 0, 0),
    "LESS_EQUAL": (1, 1, 0),
    "GREATER": (0, 0, 1),
    "GREATER_EQUAL": (0, 1, 1),
}
"""What the op gives where the first number is less, equal and greater."""

EQUALITIES = ("EQUAL", "NOT_EQUAL")

TRUTH = {"EQUAL": 0b1001, "NOT_EQUAL": 0b0110}
"""Tables of two bools for the kernel ``logical``."""


def types_are_supported(call: Call) -> str | None:
    """Inputs are both int8, uint8, int16, int32, int64, float32 or, for (NOT_)EQUAL, bool."""
    types = call.input(0).dtype, call.input(1).dtype
    supported = ["int8", "uint8", "int16", "int32", "int64", "float32"]
    if call.op.name in EQUALITIES:
        supported.append("bool")
    return None if types[0] == types[1] in supported else ", ".join(types)


def output_type_is_bool(call: Call) -> str | None:
    """The output is bool."""
    return None if call.output.dtype == "bool" else call.output.dtype


def quantization_fits(call: Call) -> str | None:
    """Quantised inputs have one scale, below 1, and a zero point, int16 the zero point 0."""
    if not _rescaled(call):
        return None
    if reason := not_affine(call.input(0), call.input(1)):
        return reason
    scales = scale(call, 0), scale(call, 1)
    return None if max(scales) < 1 else f"{scales[0]} and {scales[1]}"


CONSTRAINTS = (
    broadcast.two_inputs,
    types_are_supported,
    output_type_is_bool,
    broadcast.shapes_fit,
    broadcast.loops_fit,
    quantization_fits,
)

shapes = broadcast.shapes

ELEMENTWISE = True


def lower(call: Call) -> Kernel:
    """Return the kernel of the element type; bool has that of LOGICAL_AND and LOGICAL_OR."""
    dtype = call.input(0).dtype
    if dtype == "bool":
        return broadcast.kernel(call, "logical", {"truth": TRUTH[call.op.name]})
    params = dict(zip(("less", "equal", "greater"), HOLDS[call.op.name], strict=True))
    if dtype == "float32":
        params["unordered"] = int(call.op.name == "NOT_EQUAL")
    if not _rescaled(call):
        return broadcast.kernel(call, f"comparison_{dtype}", params)
    rescaling = broadcast.rescaling(call, scale(call, 0), scale(call, 1))
    return broadcast.kernel(call, f"comparison_{dtype}_twice", {**rescaling, **params})


def _rescaled(call: Call) -> bool:
    """Tell whether inputs are multiplied by their scales before they are compared."""
    tensor = call.input(0)
    if tensor.dtype == "int16":
        return call.op.name in EQUALITIES and tensor.quantization is not None
    return tensor.dtype in ("int8", "uint8")
