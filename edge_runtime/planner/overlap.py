"""How far the output of a kernel may overlap its input without being read too late."""

from __future__ import annotations

from edge_runtime.planner.parts import is_pointwise
from edge_runtime.record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


@record
class Order:
    """The order in which a form of a kernel of ``Kernel.bands`` reads and writes.

    The positions of its output follow one another, row by row.

    Attributes:
        positions: number of positions that are calculated at once: all may be written while the
            input of the first is still read.
        by_channel: whether rows of the output are written channel by channel: all of them may be
            written while the input of their first position is still read.
        rows: number of rows of which that is true at once, where windows follow each other row by
            row; with a vertical stride it is true of one.
        gathered: whether all that positions which are calculated at once read is read before any of
            them is written. Fewer of them may then be calculated at once, anywhere.
        columns: number of positions of them, times the horizontal stride, whose windows are read in
            a channel before that is written, all of the channel's if the rows are no longer.
    """

    positions: int = 1
    by_channel: bool = False
    rows: int = 1
    gathered: bool = False
    columns: int = 1


def distance(params: Mapping[str, int], size: int, order: Order) -> int:
    """Return how many bytes the output must begin before the input, from 1 to its own size.

    From there on no byte of the input is overwritten before it was read for the last time; with as
    many bytes as the output has, the two do not overlap. A 3x3 kernel of stride 1 on 8 columns of 4
    bytes writes position 9 while it needs position 0: it must begin (9 + 1 - 0) * 4 bytes earlier.

    Args:
        params: parameters of a kernel of ``Kernel.bands``.
        size: bytes of an element of input and output.
        order: the order of its form.
    """
    outputs, image = _bytes(params, size)[1], _image(params, size)
    height, width = params["output_height"], params["output_width"]
    rows = order.rows if params["stride_h"] == 1 else 1
    worst = 1
    for batch in {0, params["batches"] - 1}:
        for row in _rows(params, rows):
            start = (batch * height + row) * width
            following = _first_read(params, size, row + 1, 0)
            for written, column in _written(params, order, min(rows, height - row)):
                needed = batch * image + min(_first_read(params, size, row, column), following)
                worst = max(worst, (start + written) * outputs - needed)
    return min(worst, params["batches"] * height * width * outputs)


def _written(params: Mapping[str, int], order: Order, rows: int) -> set[tuple[int, int]]:
    """Return positions of rows before which all may be written, and columns that are then read.

    Args:
        params: of the kernel.
        order: of its form.
        rows: rows that a form by channels writes.
    """
    if order.by_channel:
        return {(rows * params["output_width"], 0)}
    if not order.gathered:
        return {(column + order.positions, column) for column in _columns(params)}
    counts = range(1, order.positions + 1)
    return {(column + count, column + count) for column in _columns(params) for count in counts}


def distance_of_channels(params: Mapping[str, int], size: int, order: Order) -> int | None:
    """Return how many bytes the output must begin before the input if these are whole positions.

    A channel is then written over the same channel: of a kernel whose channels do not depend on
    each other, some are written before others are read. At least 0; None for other kernels.

    Args:
        params: parameters of a kernel of ``Kernel.bands``.
        size: bytes of an element of input and output.
        order: the order of its form.
    """
    if "depth" in params or params.get("multiplier", 1) != 1:
        return None
    outputs, image = _bytes(params, size)[1], _image(params, size)
    height, width = params["output_height"], params["output_width"]
    rows = order.rows if params["stride_h"] == 1 else 1
    whole = width <= max(1, order.columns // params["stride_w"])
    worst = 0
    for batch in {0, params["batches"] - 1}:
        for row in _rows(params, rows):
            # All columns of some rows are written, or those before one of them.
            count = min(rows, height - row)
            following = _first_read(params, size, row + count, 0)
            ends = [(count * width, following)]
            if not whole:
                ends += [
                    ((count - 1) * width + x, min(_first_read(params, size, row, x), following))
                    for x in {1, *_columns(params)} - {0}
                ]
            start = (batch * height + row) * width
            for written, needed in ends:
                worst = max(worst, (start + written) * outputs - batch * image - needed)
    return worst


def _rows(params: Mapping[str, int], count: int) -> set[int]:
    """Return rows between which the bytes that are written and read change steadily.

    Args:
        params: of the kernel.
        count: rows that are written at once.
    """
    height = params["output_height"]
    edge = -(-params["top"] // params["stride_h"])
    ends = (edge - count - 1, edge - count, edge - 1, edge, edge + 1, height - count - 1)
    return {0, height - 1, *(y for y in (*ends, height - count, height - 2) if 0 < y < height)}


def _columns(params: Mapping[str, int]) -> set[int]:
    """Return columns likewise."""
    width = params["output_width"]
    edge = -(-params["left"] // params["stride_w"])
    return {0, width - 1, *(x for x in (edge - 1, edge, edge + 1) if 0 < x < width)}


def _image(params: Mapping[str, int], size: int) -> int:
    return params["height"] * params["width"] * params["channels"] * size


def _first_read(params: Mapping[str, int], size: int, row: int, column: int) -> int:
    """Return where the window of a position, or of a later one in its row, begins in the image."""
    if row >= params["output_height"]:
        return _image(params, size)
    y = max(0, row * params["stride_h"] - params["top"])
    x = max(0, column * params["stride_w"] - params["left"])
    position = y * params["width"] + min(x, params["width"])
    return min(position * params["channels"] * size, _image(params, size))


PIECES = 12, 6
"""Positions of a piece of a pointwise kernel: whole groups of the 2, 3 or 6 that are calculated at
once."""


def has_pieces(params: Mapping[str, int]) -> bool:
    """Return whether a kernel of ``Kernel.bands`` can be run from its last positions to its first.

    It is pointwise, and run on as many positions at a time as one of PIECES, the rest first.
    """
    return is_pointwise(params) and params["batches"] == 1 and positions(params) > max(PIECES)


def positions(params: Mapping[str, int]) -> int:
    """Return the number of positions of the output of a kernel of ``Kernel.bands``."""
    return params["batches"] * params["output_height"] * params["output_width"]


def piece(params: Mapping[str, int], length: int) -> dict[str, int]:
    """Return the parameters of a kernel that has pieces, for one of ``length`` positions."""
    heights = dict.fromkeys(("height", "output_height"), 1)
    return {**params, **heights, **dict.fromkeys(("width", "output_width"), length)}


def distance_behind(params: Mapping[str, int], size: int, length: int) -> int:
    """Return how many bytes the output of a kernel in pieces must begin behind the input.

    From there on a piece overwrites nothing that it or a piece before it reads.

    Args:
        params: parameters of a kernel that has pieces.
        size: bytes of an element of input and output.
        length: positions of a piece.
    """
    pixel, outputs = _bytes(params, size)
    total = positions(params)
    last = (total - 1) // length * length
    firsts = {0, max(0, last - length), last}
    return max(min(first + length, total) * pixel - first * outputs for first in firsts)


def _bytes(params: Mapping[str, int], size: int) -> tuple[int, int]:
    """Return the bytes of a position of the input and of the output."""
    channels = params["channels"]
    return channels * size, params.get("outputs", channels * params.get("multiplier", 1)) * size
