"""A step in parts that threads run at the same time: the same kernel on parts of its tensors."""

from __future__ import annotations

from itertools import pairwise

from edge_runtime.record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from edge_runtime.ops.call import Kernel
    from edge_runtime.planner.plan import Slot, Step

UNIT = 64
"""Parts of long runs begin at multiples of it, so that few share a line of the cache."""

LONG = 16 * UNIT
"""Length of a part from which it may be shorter or longer by a unit than the others."""


@record
class Part:
    """A part of a step.

    Attributes:
        params: what its kernel reads in place of the step's parameters.
        spans: first byte and number of bytes of each tensor that it reads and writes.
    """

    params: Mapping[str, int]
    spans: tuple[tuple[int, int], ...]


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
    return (_whole(kernel, tensors),)


def work(step: Step, slots: Sequence[Slot]) -> int:
    """Return how much a step has to do, in multiply-accumulates."""
    return 10**9


def _whole(kernel: Kernel, tensors: Sequence[Slot]) -> Part:
    return Part(kernel.params, tuple((0, tensor.size) for tensor in tensors))


def _rows(kernel: Kernel, rows: str, tensors: Sequence[Slot], count: int) -> tuple[Part, ...]:
    """Return the parts of a kernel of independent rows, of which a constant has none."""
    total = kernel.params[rows]
    if any(tensor.data is None and tensor.size % total for tensor in tensors):
        return (_whole(kernel, tensors),)
    return tuple(
        Part({**kernel.params, rows: length}, _spans(tensors, first, length, total))
        for first, length in _ranges(total, count)
    )


def _bands(kernel: Kernel, tensors: Sequence[Slot], count: int) -> tuple[Part, ...]:
    """Return the parts of a kernel whose window moves over the one image of its first tensor."""
    params = kernel.params
    height, width = params["output_height"], params["output_width"]
    if _is_pointwise(params):
        # Positions of the image, as an image of one row.
        total = height * width
        return tuple(
            Part(
                {
                    **params,
                    **dict.fromkeys(("height", "output_height"), 1),
                    **dict.fromkeys(("width", "output_width"), length),
                },
                _spans(tensors, first, length, total),
            )
            for first, length in _ranges(total, count)
        )
    # Columns of a single row lie one after another, as rows do.
    size, start, stride, total = (
        ("output_height", "top", "stride_h", height)
        if height > 1
        else ("output_width", "left", "stride_w", width)
    )
    image, *others = tensors
    return tuple(
        Part(
            {**params, size: length, start: params[start] - first * params[stride]},
            ((0, image.size), *_spans(others, first, length, total)),
        )
        for first, length in _ranges(total, count)
    )


def _is_pointwise(params: Mapping[str, int]) -> bool:
    """Return whether each position of the output depends on the same position of the input."""
    single = params["window_height"] == params["window_width"] == 1
    whole = all(params[f"output_{side}"] == params[side] for side in ("height", "width"))
    unmoved = params["stride_h"] == params["stride_w"] == 1
    return single and whole and unmoved and params["top"] == params["left"] == 0


def _spans(
    tensors: Sequence[Slot], first: int, length: int, total: int
) -> tuple[tuple[int, int], ...]:
    """Return the spans of a part of the ``total`` rows; constants are read as a whole."""
    return tuple(
        (0, tensor.size)
        if tensor.data is not None
        else (tensor.size // total * first, tensor.size // total * length)
        for tensor in tensors
    )


def _ranges(total: int, count: int) -> list[tuple[int, int]]:
    """Return the first and the number of up to ``count`` ranges, which together are ``total``."""
    count = min(count, total)
    unit = UNIT if total >= count * LONG else 1
    marks = [*(total * i // count // unit * unit for i in range(count)), total]
    return [(first, end - first) for first, end in pairwise(marks)]
