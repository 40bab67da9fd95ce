"""STRIDED_SLICE: every so many elements of a tensor along each dimension."""

from __future__ import annotations

from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import describe, same_type, whole_number
from edge_runtime.ops.strides import Loop, strided_copy, strides
from edge_runtime.record import record

MOST_BOUNDS = 31
"""Most dimensions that the masks have a bit for: as in LiteRT."""


@record
class Part:
    """What is selected along a dimension.

    Attributes:
        axis: dimension of the input; None for a new one of size 1.
        positions: indices along it.
        kept: whether the output has the dimension.
    """

    axis: int | None
    positions: range
    kept: bool


def bounds_are_known(call: Call) -> str | None:
    """Begin, end and stride are constant and have one number each for as many dimensions."""
    numbers = [whole_number(tensor) for tensor in call.inputs[1:4]]
    known = [one for one in numbers if one is not None and len(one) <= MOST_BOUNDS]
    if len(known) == 3 and len({len(one) for one in known}) == 1 and all(known[2]):
        return None
    return ", ".join("computed" if one is None else str(list(one)) for one in numbers)


def dimensions_fit(call: Call) -> str | None:
    """Bounds and masks are for the input's dimensions, of which one ellipsis skips 1 or more."""
    count, options = len(_bounds(call)), call.op.options
    masks = {name: options[name] for name in ("ellipsis_mask", "new_axis_mask") if options[name]}
    ellipses = options["ellipsis_mask"].bit_count()
    # LiteRT looks at further bits of these masks, and loses dimensions then.
    inside = all(0 <= mask < 1 << count for mask in masks.values())
    if inside and ellipses <= 1 and _skipped(call) >= ellipses:
        return None
    return f"{count} bounds of {describe(call.input(0))}{f', {masks}' if masks else ''}"


def positions_are_inside(call: Call) -> str | None:
    """A position whose dimension the output lacks lies inside the tensor; its stride is above 0."""
    if all(part.kept or len(part.positions) == 1 for part in _parts(call)):
        return None
    return f"{[bounds[0] for bounds in _bounds(call)]} of {describe(call.input(0))}"


def offsets_fit(call: Call) -> str | None:
    """Where ends are offsets, there is one for each dimension, and none leaves the tensor."""
    if not call.op.options["offset"]:
        return None
    bounds, parts = _bounds(call), _parts(call)
    if len(bounds) == len(call.input(0).shape) == len(parts):
        lengths = [len(range(0, end, stride)) for _, end, stride in bounds]
        if all(
            not part.kept or len(part.positions) == length
            for part, length in zip(parts, lengths, strict=True)
        ):
            return None
    return f"{[end for _, end, _ in bounds]} of {describe(call.input(0))}"


CONSTRAINTS = (same_type, bounds_are_known, dimensions_fit, positions_are_inside, offsets_fit)


def _bounds(call: Call) -> list[tuple[int, int, int]]:
    """Return begin, end and stride of each dimension that has some."""
    begin, end, stride = (whole_number(tensor) or () for tensor in call.inputs[1:4])
    return list(zip(begin, end, stride, strict=True))


def _skipped(call: Call) -> int:
    """Return how many dimensions of the input have no bounds."""
    others: int = call.op.options["ellipsis_mask"] | call.op.options["new_axis_mask"]
    return len(call.input(0).shape) - len(_bounds(call)) + others.bit_count()


def _parts(call: Call) -> list[Part]:
    """Return what is selected along each dimension, of the input or new.

    Source: BuildStridedSliceParams in tensorflow/lite/kernels/strided_slice.cc; StartForAxis and
    EndForAxis in reference/strided_slice.h.
    """
    shape, options, skipped = call.input(0).shape, call.op.options, _skipped(call)
    parts: list[Part] = []
    axis = 0

    def skip() -> None:
        nonlocal axis
        for _ in range(skipped):
            parts.append(Part(axis, range(shape[axis]), kept=True))
            axis += 1

    def masked(name: str, bit: int) -> bool:
        return bool(options[name] >> bit & 1)

    for bit, bounds in enumerate(_bounds(call)):
        if masked("ellipsis_mask", bit):
            skip()
        elif masked("new_axis_mask", bit):
            parts.append(Part(None, range(1), kept=True))
        else:
            begin, end, stride = bounds
            low, high = (0, shape[axis]) if stride > 0 else (-1, shape[axis] - 1)
            start = min(max(begin + shape[axis] * (begin < 0), low), high)
            if masked("begin_mask", bit):
                start = low if stride > 0 else high
            shrinks = masked("shrink_axis_mask", bit)
            end += start * bool(options["offset"])
            stop = min(max(end + shape[axis] * (end < 0), low), high)
            if masked("end_mask", bit):
                stop = high if stride > 0 else low
            if shrinks:
                stop = min(start + 1, shape[axis])
            parts.append(Part(axis, range(start, stop, stride), kept=not shrinks))
            axis += 1
    if axis < len(shape):
        skip()
    return parts


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return how many elements are selected along each dimension that is kept."""
    return (tuple(len(part.positions) for part in _parts(call) if part.kept),)


def lower(call: Call) -> Kernel:
    """Return the kernel, which copies bytes and so serves every element type."""
    steps = strides(call.input(0).shape)
    loops: list[Loop] = []
    offset = 0
    for part in _parts(call):
        if part.axis is not None:
            step = steps[part.axis]
            loops.append((len(part.positions), part.positions.step * step))
            offset += part.positions.start * step
    return strided_copy(call, loops, offset)
