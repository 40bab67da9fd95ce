"""PAD and PADV2: a tensor with elements of one value around it."""

from __future__ import annotations

from edge_runtime.graph import SIZES
from edge_runtime.ops.call import Call, Constant, Kernel
from edge_runtime.ops.constraints import (
    LIMITS,
    describe,
    named,
    other_scale,
    pairs,
    same_type,
    whole_number,
)
from edge_runtime.ops.strides import merged, require_bytes, strides


def paddings_are_known(call: Call) -> str | None:
    """The paddings are constant, two numbers from 0 on for each dimension."""
    paddings, known = call.input(1), whole_number(call.input(1))
    if known is not None and paddings.shape == (len(call.input(0).shape), 2) and min(known) >= 0:
        return None
    return f"{paddings.name!r}, {describe(paddings)}{'' if known is None else f' {list(known)}'}"


def value_is_known(call: Call) -> str | None:
    """The value of the padding is one constant of the output's element type."""
    value = call.optional(2)
    if value is None or (
        value.data is not None and value.elements == 1 and value.dtype == call.output.dtype
    ):
        return None
    return named(value)


def value_fits(call: Call) -> str | None:
    """The value of the padding has the output's scale and zero point."""
    value, output = call.optional(2), call.output
    if value is None or output.dtype not in LIMITS:
        return None
    if not other_scale(value, output):
        return None
    return f"{value.quantization} for {output.quantization}"


CONSTRAINTS = (same_type, paddings_are_known, value_is_known, value_fits)


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return the input's shape with the paddings."""
    sizes = zip(call.input(0).shape, pairs(call.input(1)), strict=True)
    return (tuple(before + size + after for size, (before, after) in sizes),)


def lower(call: Call) -> Kernel:
    """Return the kernel, which copies bytes and so serves every element type.

    Without a value of its own the padding is the zero point of uint8, and of int8 and int16 if the
    input is quantised, otherwise 0.

    Source: Eval and EvalInt in tensorflow/lite/kernels/pad.cc.
    """
    require_bytes(call)
    tensor, output, value = call.input(0), call.output, call.optional(2)
    item, steps = SIZES[output.dtype], strides(output.shape)
    if value is not None and value.data is not None:
        content = bytes(value.data)
    else:
        quantized = output.dtype == "uint8" or (output.dtype in LIMITS and tensor.quantization)
        zero = (output.zero_point or 0) if quantized else 0
        content = zero.to_bytes(item, "little", signed=zero < 0)
    size, table = merged(list(zip(tensor.shape, steps, strict=True)), item, 1)
    offset = sum(
        before * step for (before, _), step in zip(pairs(call.input(1)), steps, strict=True)
    )
    params = {
        "rows": 1,
        "output_bytes": output.size,
        "size": size,
        "offset": offset * item,
        "element": item,
        "loops": len(table.data) // 8,
    }
    return Kernel("pad", params, (0,), (Constant("int8", content), table), rows="rows")
