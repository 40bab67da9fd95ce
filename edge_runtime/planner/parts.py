"""A step in parts that threads run at the same time: the same kernel on parts of its tensors."""

from __future__ import annotations

import struct
from itertools import pairwise

from edge_runtime.record import record, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edge_runtime.ops.call import Kernel
    from edge_runtime.planner.plan import Slot, Step

UNIT = 64
"""Parts of long runs begin at multiples of it, so that few share a line of the cache."""

LONG = 16 * UNIT
"""Length of a part from which it may be shorter or longer by a unit than the others."""


Span = tuple[int, int]
"""First byte and number of bytes."""


MANY = 4
"""Rows of a part from which one has no more than another."""


UNCHANGED: Mapping[int, bytes] = {}


@record
class Part:
    """A part of a step.

    Attributes:
        params: what its kernel reads in place of the step's parameters.
        spans: first byte and number of bytes of each tensor that its kernel gets.
        image: likewise of the first tensor, what it reads of that.
        constants: bytes that it reads in place of those of a constant, by the tensor's position.
    """

    params: Mapping[str, int]
    spans: tuple[Span, ...]
    image: Span
    constants: Mapping[int, bytes] = UNCHANGED


def parts(step: Step, slots: Sequence[Slot], count: int) -> tuple[Part, ...]:
    """Return a step in up to ``count`` parts of about the same size; one where it has no parts.

    They may run in any order and at the same time: each writes to a part of the outputs that no
    other reads or writes, also where the output lies where the input lay.
    """
    kernel = step.kernel
    tensors = [slots[slot] for slot in (*step.reads, *step.writes)]
    if kernel.rows is not None and kernel.params[kernel.rows] > 1:
        return _rows(kernel, kernel.rows, tensors, count)
    if kernel.bands:
        return _bands(kernel, tensors, count)
    if kernel.loops:
        return _loops(kernel, tensors, count)
    return (_whole(kernel, tensors),)


def _whole(kernel: Kernel, tensors: Sequence[Slot]) -> Part:
    spans = tuple((0, tensor.size) for tensor in tensors)
    return Part(kernel.params, spans, spans[0])


def _rows(kernel: Kernel, rows: str, tensors: Sequence[Slot], count: int) -> tuple[Part, ...]:
    """Return the parts of a kernel of independent rows, of which a constant has none."""
    total = kernel.params[rows]
    if any(tensor.data is None and tensor.size % total for tensor in tensors):
        return (_whole(kernel, tensors),)
    unit = UNIT if total >= count * LONG else 1
    return tuple(
        _part({**kernel.params, rows: length}, tensors, first, length, total)
        for first, length in _ranges(total, count, unit)
    )


def _part(
    params: Mapping[str, int], tensors: Sequence[Slot], first: int, length: int, total: int
) -> Part:
    """Return rows of the ``total`` that each tensor has but for constants, read as a whole."""
    spans = tuple(
        (0, tensor.size)
        if tensor.data is not None
        else (tensor.size // total * first, tensor.size // total * length)
        for tensor in tensors
    )
    return Part(params, spans, spans[0])


def _bands(kernel: Kernel, tensors: Sequence[Slot], count: int) -> tuple[Part, ...]:
    """Return the parts of a kernel whose window moves over the one image of its first tensor."""
    params = kernel.params
    height, width = params["output_height"], params["output_width"]
    if is_pointwise(params):
        # Positions of the image, as an image of one row; whole rows where there are many of them.
        total, unit = height * width, width if height >= count * MANY else 1
        return tuple(
            _part(
                {
                    **params,
                    **dict.fromkeys(("height", "output_height"), 1),
                    **dict.fromkeys(("width", "output_width"), length),
                },
                tensors,
                first,
                length,
                total,
            )
            for first, length in _ranges(total, count, unit)
        )
    # Columns of a single row lie one after another, as rows do.
    names, total = (
        (("h", "height", "top"), height) if height > 1 else (("w", "width", "left"), width)
    )
    return tuple(
        _band(params, tensors, names, (first, length, total))
        for first, length in _ranges(total, count)
    )


def _band(
    params: Mapping[str, int],
    tensors: Sequence[Slot],
    names: tuple[str, str, str],
    rows: tuple[int, int, int],
) -> Part:
    """Return some of the rows of an output, or of its columns.

    Args:
        params: of the kernel.
        tensors: the first is the image.
        names: of the axis, its length and the padding before.
        rows: the first, how many they are, and how many there are.
    """
    (axis, side, start), (first, length, total) = names, rows
    stride = params[f"stride_{axis}"]
    moved = {f"output_{side}": length, start: params[start] - first * stride}
    reach = (params[f"window_{side}"] - 1) * params.get(f"dilation_{axis}", 1) + 1
    low = max(first * stride - params[start], 0)
    high = min((first + length - 1) * stride - params[start] + reach, params[side])
    image, each = tensors[0], tensors[0].size // params[side]
    part = _part({**params, **moved}, tensors, first, length, total)
    spans = (0, image.size), *part.spans[1:]
    if axis == "w" and params["height"] > 1:  # columns of several rows lie apart
        return replace(part, spans=spans, image=spans[0])
    return replace(part, spans=spans, image=(low * each, max(high - low, 0) * each))


def _loops(kernel: Kernel, tensors: Sequence[Slot], count: int) -> tuple[Part, ...]:
    """Return the parts of a kernel of broadcast tensors: of its outermost loop that is long."""
    place = len(kernel.inputs)
    inputs, output = tensors[:place], tensors[-1]
    found = outermost_loop(kernel, inputs)
    if found is None:
        return (_whole(kernel, tensors),)
    table, at, advances = found
    total, parts = table[at], []
    for first, length in _ranges(total, count, UNIT if total >= count * LONG else 1):
        own = struct.pack(f"<{len(table)}i", *table[:at], length, *table[at + 1 :])
        spans = tuple(
            (slot.size // total * first, slot.size // total * length) if by else (0, slot.size)
            for slot, by in zip((*inputs, output), (*advances, 1), strict=True)
        )
        spans = *spans[:place], (0, len(own)), spans[place]
        parts.append(Part(kernel.params, spans, spans[0], {place: own}))
    return tuple(parts)


def outermost_loop(
    kernel: Kernel, inputs: Sequence[Slot]
) -> tuple[tuple[int, ...], int, tuple[int, ...]] | None:
    """Return a kernel's table of loops, the outermost that is long, and how inputs advance in it.

    None where no loop is long, or a constant advances in it.

    Args:
        kernel: a kernel of broadcast tensors.
        inputs: the slots of these.
    """
    data, each = kernel.constants[0].data, 1 + len(inputs)
    table = struct.unpack(f"<{len(data) // 4}i", data)
    loops = len(table) // each
    at = next((loop for loop in range(loops) if table[loop] > 1), None)
    if at is None:
        return None
    advances = table[loops + at :: loops]
    if any(slot.data is not None and by for slot, by in zip(inputs, advances, strict=True)):
        return None
    return table, at, advances


def is_pointwise(params: Mapping[str, int]) -> bool:
    """Return whether each position of the output depends on the same position of the input."""
    single = params["window_height"] == params["window_width"] == 1
    whole = all(params[f"output_{side}"] == params[side] for side in ("height", "width"))
    unmoved = params["stride_h"] == params["stride_w"] == 1
    return single and whole and unmoved and params["top"] == params["left"] == 0


def _ranges(total: int, count: int, unit: int = 1) -> list[Span]:
    """Return the first and the number of up to ``count`` ranges, which together are ``total``.

    They begin at multiples of ``unit``.
    """
    count = min(count, total)
    marks = [*(total * i // count // unit * unit for i in range(count)), total]
    return [(first, end - first) for first, end in pairwise(marks)]
