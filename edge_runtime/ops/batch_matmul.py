"""BATCH_MATMUL: ``x @ y`` of the last two dimensions; the others are broadcast.

Integers give the bytes of LiteRT and TFLite Micro, which are the same, whatever the rounding:
XNNPACK's are not followed.
"""

from __future__ import annotations

from math import prod

from edge_runtime.fixed_point import f32, quantize_multiplier
from edge_runtime.ops.broadcast import joined
from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import affine, describe, not_affine

KERNELS = {
    ("float32", "float32", "float32"): "batch_matmul_float32",
    ("int8", "int8", "int8"): "batch_matmul_int8_twice",
    ("int8", "int8", "int32"): "batch_matmul_int8_int32",
    ("int16", "int16", "int16"): "batch_matmul_int16_once",
    ("int16", "int8", "int16"): "batch_matmul_int16_int8_once",
}
"""Element types of x, y and output -> kernel."""

RANKS = range(2, 6)
"""Dimensions of an input."""


def types_are_supported(call: Call) -> str | None:
    """Inputs and output are float32, int8 (the output also int32) or int16 (y also int8)."""
    types = call.input(0).dtype, call.input(1).dtype, call.output.dtype
    return None if types in KERNELS else ", ".join(types)


def ranks_fit(call: Call) -> str | None:
    """Inputs have 2 to 5 dimensions."""
    ranks = [len(call.input(at).shape) for at in (0, 1)]
    return None if all(rank in RANKS for rank in ranks) else " and ".join(map(str, ranks))


def shapes_fit(call: Call) -> str | None:
    """The rows of x are as long as the columns of y, and the other dimensions can be broadcast."""
    x, y = call.input(0), call.input(1)
    (*xs, _, depth), (*ys, other, _) = _matrix_shapes(call)
    fits = depth == other and joined([tuple(xs), tuple(ys)]) is not None
    if fits and x.elements and y.elements:
        return None
    return f"{describe(x)} and {describe(y)}"


def quantization_fits(call: Call) -> str | None:
    """Integers but int32 have one scale and zero point, int16 and what it is multiplied by 0."""
    tensors = [
        call.input(0),
        call.input(1),
        *(call.outputs if call.output.dtype != "int32" else ()),
    ]
    if description := not_affine(*tensors):
        return description
    offset = affine(call.input(1))[1] if call.input(0).dtype == "int16" else 0
    return f"{call.input(1).name!r}: zero point {offset}" if offset else None


CONSTRAINTS = (types_are_supported, ranks_fit, shapes_fit, quantization_fits)


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return the batches and the shape of the matrices' product."""
    x, y = _matrix_shapes(call)
    return ((*(joined([x[:-2], y[:-2]]) or ()), x[-2], y[-1]),)


def lower(call: Call) -> Kernel:
    """Return the kernel of the element types."""
    (*xs, rows, depth), (*ys, _, columns) = _matrix_shapes(call)
    adjoint, constant = call.op.options["adj_x"], call.input(1).data is not None
    if not adjoint and prod(ys) == 1:
        # All rows of x are multiplied by the same matrix.
        rows, xs, ys = rows * prod(xs), [], []
    batches = (1, 1, 1, *(joined([tuple(xs), tuple(ys)]) or ()))[-3:]
    params = dict(zip(("outer", "middle", "inner"), batches, strict=True))
    params |= _steps("x", xs, rows * depth) | _steps("y", ys, depth * columns)
    params |= {
        "rows": rows,
        "depth": depth,
        "columns": columns,
        "x_row": 1 if adjoint else depth,
        "x_step": rows if adjoint else 1,
        "transposed": int(call.op.options["adj_y"]),
        **_quantization(call),
    }
    kernel = KERNELS[call.input(0).dtype, call.input(1).dtype, call.output.dtype]
    alone = constant and not adjoint and prod(batches) == 1
    return Kernel(kernel, params, (0, 1), rows="rows" if alone else None)


def _matrix_shapes(call: Call) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the shapes of x and y without adjoints."""
    x, y = call.input(0).shape, call.input(1).shape
    if call.op.options["adj_x"]:
        x = (*x[:-2], x[-1], x[-2])
    return x, (*y[:-2], y[-1], y[-2]) if call.op.options["adj_y"] else y


def _steps(name: str, batches: list[int], size: int) -> dict[str, int]:
    """Return the elements from a batch to the next, in each loop, of matrices of a size."""
    sizes, steps = [1] * (3 - len(batches)) + batches, {}
    for loop in (2, 1, 0):
        steps[f"{name}_{('outer', 'middle', 'inner')[loop]}"] = size if sizes[loop] > 1 else 0
        size *= sizes[loop]
    return dict(reversed(steps.items()))


def _quantization(call: Call) -> dict[str, int]:
    """Return zero points and factor, all 0 where the kernel does not scale.

    Source: GetQuantizedConvolutionMultipler in tensorflow/lite/kernels/kernel_util.cc.
    """
    if call.output.dtype in ("float32", "int32"):
        return dict.fromkeys(
            ("x_zero_point", "y_zero_point", "multiplier", "shift", "zero_point"), 0
        )
    (x, x_zero_point), (y, y_zero_point) = affine(call.input(0)), affine(call.input(1))
    scale, zero_point = affine(call.output)
    multiplier, shift = quantize_multiplier(f32(x * y) / scale)
    return {
        "x_zero_point": x_zero_point,
        "y_zero_point": y_zero_point,
        "multiplier": multiplier,
        "shift": shift,
        "zero_point": zero_point,
    }
