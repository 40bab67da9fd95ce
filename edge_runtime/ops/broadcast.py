"""Constraints and shapes of ops of broadcast tensors, mostly two, and the loops over them."""

from __future__ import annotations

from math import prod

from edge_runtime.fixed_point import quantize_multiplier
from edge_runtime.ops.activation import activation_is_known
from edge_runtime.ops.call import Call, Constant, Kernel, int32s
from edge_runtime.ops.constraints import LIMITS, affine, describe, not_affine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_runtime.graph import Tensor

LOOPS = 6
"""Nested loops of a kernel, EK_LOOPS: as many dimensions as LiteRT's kernels broadcast."""


def two_inputs(call: Call) -> str | None:
    """It has two inputs."""
    count = sum(tensor is not None for tensor in call.inputs)
    return None if count == len(call.inputs) == 2 else str(count)


def not_all_of(call: Call, *types: str) -> str | None:
    """Describe the element types unless inputs and output have the same one, and it is of these."""
    found = [tensor.dtype for tensor in (*call.inputs, call.output) if tensor]
    return None if len(set(found)) == 1 and found[0] in types else ", ".join(found)


def types_are_supported(call: Call) -> str | None:
    """Inputs and output are all int8, uint8, int16, int32, int64 or float32."""
    return not_all_of(call, "int8", "uint8", "int16", "int32", "int64", "float32")


def shapes_fit(call: Call) -> str | None:
    """The shapes can be broadcast to each other, giving 1 to 2**31 - 1 elements."""
    shape = joined(_shapes(call))
    if shape is not None and 0 < prod(shape) < 2**31:
        return None
    return " and ".join(describe(tensor) for tensor in call.inputs if tensor)


def loops_fit(call: Call) -> str | None:
    """Broadcasting takes at most 6 loops; neighbouring dimensions broadcast alike are one."""
    return too_many_loops(_shapes(call))


def too_many_loops(shapes: Sequence[tuple[int, ...]]) -> str | None:
    """Return how many loops it takes to broadcast the shapes, None when a kernel has as many."""
    count = len(_runs(shapes))
    return None if count <= LOOPS else str(count)


def quantization_fits(call: Call) -> str | None:
    """Int8, uint8 and int16 have one scale and zero point, int16 the zero point 0."""
    if call.output.dtype not in LIMITS:
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
    """Return the shape that the inputs are broadcast to."""
    shape = joined(_shapes(call))
    assert shape is not None
    return (shape,)


def _shapes(call: Call) -> list[tuple[int, ...]]:
    return [tensor.shape for tensor in call.inputs if tensor]


def scale(call: Call, position: int) -> float:
    """Return the scale of input 0 or 1, or of the output at 2."""
    return affine(_tensor(call, position))[0]


def zero_point(call: Call, position: int) -> int:
    """Return the zero point of input 0 or 1, or of the output at 2."""
    return affine(_tensor(call, position))[1]


def _tensor(call: Call, position: int) -> Tensor:
    return call.output if position == 2 else call.input(position)


def shrinks(factor: float) -> bool:
    """Tell whether a factor is below 1, also when it is rounded to 31 bits."""
    return factor < 1 and quantize_multiplier(factor)[1] <= 0


def rescaling(call: Call, a_factor: float, b_factor: float) -> dict[str, int]:
    """Return the parameters of kernels that rescale both inputs before they join them."""
    a, b = quantize_multiplier(a_factor), quantize_multiplier(b_factor)
    return {
        "a_zero_point": zero_point(call, 0),
        "a_multiplier": a[0],
        "a_shift": a[1],
        "b_zero_point": zero_point(call, 1),
        "b_multiplier": b[0],
        "b_shift": b[1],
    }


def kernel(call: Call, name: str, params: dict[str, int]) -> Kernel:
    """Return a kernel of two inputs and the loops over them."""
    table = loops(_shapes(call))
    # A broadcast input is read again, and may have as many bytes as an output of a smaller type.
    whole = call.input(0).elements == call.output.elements
    return Kernel(name, params, (0, 1), (table,), in_place=whole, rows=None, loops=True)


def loops(shapes: Sequence[tuple[int, ...]]) -> Constant:
    """Return the loops of a kernel: int32 [1 + inputs][LOOPS], the innermost last.

    Rows: how often each loop runs; and for each input by how many elements it advances each time, 0
    where it is broadcast. In the innermost loop that is 0 or 1.
    """
    runs = _runs(shapes)
    runs = [(1, (True,) * len(shapes))] * (LOOPS - len(runs)) + runs
    table = [[size for size, _ in runs]]
    for position in range(len(shapes)):
        strides, stride = [0] * LOOPS, 1
        for loop in reversed(range(LOOPS)):
            if runs[loop][1][position]:
                strides[loop] = stride
                stride *= table[0][loop]
        table.append(strides)
    return int32s([number for row in table for number in row])


def joined(shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...] | None:
    """Return the shape that all are broadcast to, None when they do not fit."""
    output = []
    for sizes in _aligned(shapes):
        others = {size for size in sizes if size != 1}
        if len(others) > 1:
            return None
        output.append(others.pop() if others else 1)
    return tuple(output)


def _aligned(shapes: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Return the sizes of all in each dimension, ones put before the shorter shapes."""
    rank = max(map(len, shapes))
    filled = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    return list(zip(*filled, strict=True))


def _runs(shapes: Sequence[tuple[int, ...]]) -> list[tuple[int, tuple[bool, ...]]]:
    """Return loops, the innermost last: size, and which of the shapes have elements of it."""
    runs: list[tuple[int, tuple[bool, ...]]] = []
    for sizes in _aligned(shapes):
        size = max(sizes)
        advance = tuple(one != 1 for one in sizes)
        if size == 1:
            continue
        if runs and runs[-1][1] == advance:
            size *= runs.pop()[0]
        runs.append((size, advance))
    return runs
