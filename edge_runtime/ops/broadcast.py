"""Constraints and shapes of ops of two broadcast tensors, and the loops over them."""

from __future__ import annotations

from math import prod

from edge_runtime.ops.activation import activation_is_known
from edge_runtime.ops.call import Call, Constant, int32s
from edge_runtime.ops.constraints import affine, describe, not_affine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from edge_runtime.graph import Tensor

LOOPS = 6
"""Nested loops of a kernel, EK_LOOPS: as many dimensions as LiteRT's kernels broadcast."""


def two_inputs(call: Call) -> str | None:
    """It has two inputs."""
    count = sum(tensor is not None for tensor in call.inputs)
    return None if count == len(call.inputs) == 2 else str(count)


def types_are_supported(call: Call) -> str | None:
    """Inputs and output are all int8, int16, int32 or float32."""
    types = [call.input(0).dtype, call.input(1).dtype, call.output.dtype]
    same = len(set(types)) == 1 and types[0] in ("int8", "int16", "int32", "float32")
    return None if same else ", ".join(types)


def shapes_fit(call: Call) -> str | None:
    """The shapes can be broadcast to each other, giving 1 to 2**31 - 1 elements."""
    shape = _joined(call.input(0).shape, call.input(1).shape)
    if shape is not None and 0 < prod(shape) < 2**31:
        return None
    return f"{describe(call.input(0))} and {describe(call.input(1))}"


def loops_fit(call: Call) -> str | None:
    """Broadcasting takes at most 6 nested loops, neighbours of the same kind being one."""
    count = len(_runs(call.input(0).shape, call.input(1).shape))
    return None if count <= LOOPS else str(count)


def quantization_fits(call: Call) -> str | None:
    """Int8 and int16 have one scale and zero point, int16 the zero point 0."""
    if call.output.dtype not in ("int8", "int16"):
        return None
    return not_affine(call.input(0), call.input(1), call.output)


CONSTRAINTS = (
    two_inputs,
    types_are_supported,
    shapes_fit,
    loops_fit,
    quantization_fits,
    activation_is_known,
)
"""The constraints that all such ops have."""


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return the shape that both inputs are broadcast to."""
    shape = _joined(call.input(0).shape, call.input(1).shape)
    assert shape is not None
    return (shape,)


def scale(call: Call, position: int) -> float:
    """Return the scale of input 0 or 1, or of the output at 2."""
    return affine(_tensor(call, position))[0]


def zero_point(call: Call, position: int) -> int:
    """Return the zero point of input 0 or 1, or of the output at 2."""
    return affine(_tensor(call, position))[1]


def _tensor(call: Call, position: int) -> Tensor:
    return call.output if position == 2 else call.input(position)


def loops(call: Call) -> Constant:
    """Return the loops of a kernel: int32 [3][LOOPS], the innermost last.

    Rows: how often each loop runs; by how many elements the first input advances each time, 0
    where it is broadcast; and by how many the second input. In the innermost loop that is 0 or 1.
    """
    runs = _runs(call.input(0).shape, call.input(1).shape)
    runs = [(1, True, True)] * (LOOPS - len(runs)) + runs
    table = [[size for size, *_ in runs]]
    for advances in ([a for _, a, _ in runs], [b for *_, b in runs]):
        strides, stride = [0] * LOOPS, 1
        for loop in reversed(range(LOOPS)):
            if advances[loop]:
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
