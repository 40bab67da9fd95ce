"""What ops of two broadcast tensors share: shapes, the loops over them, constraints."""

from __future__ import annotations

from math import prod

from edge_runtime.ops.call import Call, Constant, int32s
from edge_runtime.ops.constraints import per_tensor, told

LOOPS = 6
"""Nested loops of a kernel, EK_LOOPS: as many dimensions as LiteRT's kernels broadcast."""


def two_inputs(call: Call) -> str | None:
    """It has two inputs."""
    there = [tensor for tensor in call.inputs if tensor is not None]
    return None if len(there) == len(call.inputs) == 2 else str(len(there))


def types_are_supported(call: Call) -> str | None:
    """Inputs and output are all int8, int16, int32 or float32."""
    given = [call.input(0).dtype, call.input(1).dtype, call.output.dtype]
    same = len(set(given)) == 1 and given[0] in ("int8", "int16", "int32", "float32")
    return None if same else ", ".join(given)


def shapes_fit(call: Call) -> str | None:
    """The shapes can be broadcast to each other, giving 1 to 2**31 - 1 elements."""
    made = _joined(call.input(0).shape, call.input(1).shape)
    if made is not None and 0 < prod(made) < 2**31:
        return None
    return f"{told(call.input(0))} and {told(call.input(1))}"


def loops_fit(call: Call) -> str | None:
    """Broadcasting takes at most 6 nested loops, neighbours of the same kind being one."""
    count = len(_runs(call.input(0).shape, call.input(1).shape))
    return None if count <= LOOPS else str(count)


def quantization_fits(call: Call) -> str | None:
    """Int8 and int16 have one scale and zero point, int16 the zero point 0."""
    if call.output.dtype not in ("int8", "int16"):
        return None
    for tensor in call.input(0), call.input(1), call.output:
        quantization = tensor.quantization
        if quantization is None or not per_tensor(tensor):
            return f"{tensor.name!r}: {quantization}"
        if tensor.dtype == "int16" and quantization.zero_points != (0,):
            return f"{tensor.name!r}: zero point {quantization.zero_points[0]}"
    return None


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return the shape that both inputs are broadcast to."""
    made = _joined(call.input(0).shape, call.input(1).shape)
    assert made is not None
    return (made,)


def scale(call: Call, position: int) -> float:
    """Return the scale of input 0 or 1, or of the output at 2."""
    return _affine(call, position)[0]


def zero_point(call: Call, position: int) -> int:
    """Return the zero point of input 0 or 1, or of the output at 2."""
    return _affine(call, position)[1]


def _affine(call: Call, position: int) -> tuple[float, int]:
    tensor = call.output if position == 2 else call.input(position)
    assert tensor.quantization is not None
    return tensor.quantization.scales[0], tensor.quantization.zero_points[0]


def loops(call: Call) -> Constant:
    """Return the loops of a kernel: int32 [3][LOOPS], the innermost last.

    Rows: how often each loop runs; how many elements the first input, and the second input,
    advances each time, 0 where it is broadcast. In the innermost loop that is 0 or 1.
    """
    runs = _runs(call.input(0).shape, call.input(1).shape)
    runs = [(1, True, True)] * (LOOPS - len(runs)) + runs
    table = [[size for size, *_ in runs]]
    for own in ([a for _, a, _ in runs], [b for *_, b in runs]):
        strides, stride = [0] * LOOPS, 1
        for loop in reversed(range(LOOPS)):
            if own[loop]:
                strides[loop] = stride
                stride *= table[0][loop]
        table.append(strides)
    return int32s([number for row in table for number in row])


def _joined(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the shape that ``a`` and ``b`` are broadcast to, None when they do not fit."""
    pairs = _aligned(a, b)
    if any(m != n and 1 not in (m, n) for m, n in pairs):
        return None
    return tuple(n if m == 1 else m for m, n in pairs)


def _aligned(a: tuple[int, ...], b: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return the dimensions of both, ones put before the shorter shape."""
    rank = max(len(a), len(b))
    a, b = (1,) * (rank - len(a)) + a, (1,) * (rank - len(b)) + b
    return list(zip(a, b, strict=True))


def _runs(a: tuple[int, ...], b: tuple[int, ...]) -> list[tuple[int, bool, bool]]:
    """Return loops, the innermost last: size, and whether ``a`` and ``b`` have elements of it."""
    runs: list[tuple[int, bool, bool]] = []
    for m, n in _aligned(a, b):
        if m == n == 1:
            continue
        size = n if m == 1 else m
        if runs and runs[-1][1:] == (m != 1, n != 1):
            size *= runs.pop()[0]
        runs.append((size, m != 1, n != 1))
    return runs
