"""MEAN, SUM, REDUCE_MAX, REDUCE_MIN, REDUCE_PROD, REDUCE_ANY, REDUCE_ALL: many numbers to one.

Integers give the bytes of LiteRT's reference kernels with every rounding; TFLite Micro's arithmetic
is the same. In one case those kernels of LiteRT 2.3.0 are not followed: its SUM reads int8 as uint8
and int16 as int8. Here all types are added up as LiteRT adds up uint8, as later sources do.

Floats are added in the order in which they lie in memory, as LiteRT adds them.
"""

from __future__ import annotations

from math import prod

from edge_runtime.fixed_point import float_bits, quantize_multiplier, wrapped
from edge_runtime.ops.activation import FLOAT32_MAX, INFINITY
from edge_runtime.ops.call import Call, Constant, Kernel, int32s
from edge_runtime.ops.constraints import (
    LIMITS,
    affine,
    describe,
    not_both_of,
    small_integers_are_quantized,
    whole_number,
)

LOOPS = 4
"""Nested loops over what is kept, and over what is reduced; EK_REDUCE_LOOPS."""

NUMBERS = ("float32", "int32", "int64")
TYPES = {
    "MEAN": (*LIMITS, *NUMBERS),
    "SUM": (*LIMITS, *NUMBERS),
    "REDUCE_MAX": (*LIMITS, *NUMBERS),
    "REDUCE_MIN": (*LIMITS, *NUMBERS),
    "REDUCE_PROD": ("int8", "int16", *NUMBERS),
    "REDUCE_ANY": ("bool",),
    "REDUCE_ALL": ("bool",),
}
"""Op -> element types of input and output."""

ALL_BITS, SIGN_BIT = -1, -128
FLIPS = {"MEAN": 0, "SUM": 0, "REDUCE_MAX": 0, "REDUCE_ANY": 0}
"""Op -> bits that are flipped in each number before it is joined; ALL_BITS of the others, whose
least number is so the largest."""


def types_are_supported(call: Call) -> str | None:
    """Bool in REDUCE_ANY/ALL, else int8, uint8 (not PROD), int16, int32, int64 or float32."""
    return not_both_of(call, *TYPES[call.op.name])


def size_fits(call: Call) -> str | None:
    """The input has 1 to 2**31 - 1 elements in at most 8 dimensions."""
    tensor = call.input(0)
    fits = 0 < tensor.elements < 2**31 and len(tensor.shape) <= 2 * LOOPS
    return None if fits else describe(tensor)


def axes_are_known(call: Call) -> str | None:
    """The axes are constant, dimensions of the input."""
    rank, axes = len(call.input(0).shape), whole_number(call.input(1))
    if axes is not None and all(-rank <= axis < rank for axis in axes):
        return None
    return f"{axes} of {describe(call.input(0))}"


def maxima_keep_the_scale(call: Call) -> str | None:
    """REDUCE_MAX and REDUCE_MIN have an output quantised as the input is."""
    if call.output.dtype not in LIMITS or call.op.name not in ("REDUCE_MAX", "REDUCE_MIN"):
        return None
    pair = call.input(0).quantization, call.output.quantization
    return None if pair[0] == pair[1] else f"{pair[0]} and {pair[1]}"


def factor_fits(call: Call) -> str | None:
    """The factor of integers is less than 2**30 in sums, in a step of products less than 2**7."""
    if call.output.dtype not in LIMITS:
        return None
    limit = 2**7 if call.op.name == "REDUCE_PROD" else 2**30
    return None if _factor(call) < limit else str(_factor(call))


CONSTRAINTS = (
    types_are_supported,
    size_fits,
    axes_are_known,
    small_integers_are_quantized,
    maxima_keep_the_scale,
    factor_fits,
)


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return the input's shape without the axes, or with 1 in their place."""
    reduced = _axes(call)
    sizes = enumerate(call.input(0).shape)
    if call.op.options["keep_dims"]:
        return (tuple(1 if axis in reduced else size for axis, size in sizes),)
    return (tuple(size for axis, size in sizes if axis not in reduced),)


def _axes(call: Call) -> set[int]:
    """Return the axes that are reduced, counted from the front."""
    rank = len(call.input(0).shape)
    return {axis % rank for axis in whole_number(call.input(1)) or () if rank}


def _count(call: Call) -> int:
    """Return how many numbers each output is made of."""
    shape = call.input(0).shape
    return prod(shape[axis] for axis in _axes(call))


def _factor(call: Call) -> float:
    """Return the factor from sums, or of each step of a product, to the output.

    Source: PrepareMeanOrSum and GetQuantProdScaling in tensorflow/lite/kernels/reduce.cc.
    """
    (scale, _), (output, _) = affine(call.input(0)), affine(call.output)
    if call.op.name != "REDUCE_PROD":
        return scale / output
    root: float = output ** (1 / _count(call))
    return scale / root if root else INFINITY


def _loops(call: Call) -> tuple[dict[str, int], Constant]:
    """Return the parameters that all kernels have, and the loops: int32 [2][2][LOOPS].

    Neighbouring dimensions that are both kept or both reduced are one. The innermost of either kind
    is in the parameters; the others are loops, of which kept ones are the first row, with how often
    each runs and by how many elements it advances. The outermost is loop 0.
    """
    reduced, stride = _axes(call), 1
    # Kind (False: kept, True: reduced), size and stride, the innermost first.
    runs: list[tuple[bool, int, int]] = []
    for axis, size in reversed(list(enumerate(call.input(0).shape))):
        kind = axis in reduced
        if runs and runs[-1][0] == kind:
            runs[-1] = (kind, size * runs[-1][1], runs[-1][2])
        # The first dimension counts rows even where there is one.
        elif size > 1 or axis == 0:
            runs.append((kind, size, stride))
        stride *= size
    kept, taken = ([run[1:] for run in runs if run[0] == kind] for kind in (False, True))
    inner = kept.pop(0)[0] if kept and kept[0][1] == 1 else 1
    run, step = taken.pop(0) if taken else (1, 1)
    params = {
        "outer": prod(size for size, _ in kept),
        "inner": inner,
        "depth": prod(size for size, _ in taken),
        "run": run,
        "stride": step,
    }
    table: list[int] = []
    for loops in kept, taken:
        outermost = loops[-1:] or [(1, 0)]
        padded = [*outermost, *[(1, 0)] * (LOOPS - max(len(loops), 1)), *loops[-2::-1]]
        table += [size for size, _ in padded] + [stride for _, stride in padded]
    return params, int32s(table)


def lower(call: Call) -> Kernel:
    """Return the kernel of the op and the element type."""
    size, loops = _loops(call)
    name, params = _chosen(call)
    # The first dimension is the outermost loop unless it is reduced, or there is no other.
    rows = "outer" if _axes(call) and 0 not in _axes(call) else None
    return Kernel(f"reduce_{name}", {**size, **params}, (0,), (loops,), rows=rows)


def _chosen(call: Call) -> tuple[str, dict[str, int]]:
    """Return the name of the kernel and the parameters behind those of the loops."""
    op, dtype, count = call.op.name, call.output.dtype, _count(call)
    if op == "REDUCE_PROD":
        return _product(call) if dtype in LIMITS else (f"prod_{dtype}", {})
    if op in ("MEAN", "SUM"):
        if dtype in LIMITS:
            return _sum(call)
        divisor = {"count": count if op == "MEAN" else 1}
        if dtype == "float32":
            # LiteRT begins the sum of a whole tensor with its first number: -0.0 may remain.
            whole = op == "SUM" and len(_axes(call)) == len(call.input(0).shape)
            return "sum_float32", {**divisor, "start": float_bits(-0.0 if whole else 0.0)}
        return f"sum_{dtype}", divisor
    flip = FLIPS.get(op, ALL_BITS)
    if dtype == "float32":
        # Likewise an infinity remains.
        whole = len(_axes(call)) == len(call.input(0).shape)
        start = float_bits(-INFINITY if whole else -FLOAT32_MAX)
        return "max_float32", {"sign": -1 if flip else 1, "start": start}
    if dtype == "uint8":
        flip ^= SIGN_BIT
    return f"max_{'int8' if dtype in ('uint8', 'bool') else dtype}", {"flip": flip}


def _sum(call: Call) -> tuple[str, dict[str, int]]:
    """Return the kernel of integers with a scale: the sum, rescaled.

    A mean divides the multiplier by the count, with as many further bits as fit it.

    Source: QuantizedMeanOrSum in tensorflow/lite/kernels/internal/reference/reduce.h.
    """
    dtype, count = call.output.dtype, _count(call)
    multiplier, shift = quantize_multiplier(_factor(call))
    if call.op.name == "MEAN":
        more = min(count.bit_length() - 1, 31 + shift)
        multiplier, shift = (multiplier << more) // count, shift - more
    (_, offset), (_, zero_point) = affine(call.input(0)), affine(call.output)
    # As int8, uint8 numbers are 128 less.
    moved = 128 if dtype == "uint8" else 0
    low, high = LIMITS[dtype]
    return f"sum_{'int16' if dtype == 'int16' else 'int8'}_twice", {
        "flip": SIGN_BIT if dtype == "uint8" else 0,
        "offset": wrapped((moved - offset) * count),
        "multiplier": multiplier,
        "shift": shift,
        "zero_point": zero_point,
        "lowest": low,
        "highest": high,
    }


def _product(call: Call) -> tuple[str, dict[str, int]]:
    """Return the kernel of integers with a scale: each product is rescaled.

    Source: QuantizedReduceProd in tensorflow/lite/kernels/internal/reference/reduce.h.
    """
    multiplier, shift = quantize_multiplier(_factor(call))
    (_, offset), (_, zero_point) = affine(call.input(0)), affine(call.output)
    return f"prod_{call.output.dtype}_once", {
        "input_zero_point": offset,
        "multiplier": multiplier,
        "shift": shift,
        "zero_point": zero_point,
    }
