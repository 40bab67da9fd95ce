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
            them is written.
    """

    positions: int = 1
    by_channel: bool = False
    rows: int = 1
    gathered: bool = False


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
    pixel, outputs = _bytes(params, size)
    pitch, image = params["width"] * pixel, params["height"] * params["width"] * pixel
    height, width = params["output_height"], params["output_width"]
    # The number of bytes grows, or falls, steadily between these columns.
    edge = -(-params["left"] // params["stride_w"])
    columns = {0, width - 1, *(x for x in (edge - 1, edge) if 0 < x < width)}

    def first_read(row: int, column: int) -> int:
        """Return where the window of a position, or of a later one in its row, begins."""
        y = max(0, row * params["stride_h"] - params["top"])
        x = max(0, column * params["stride_w"] - params["left"])
        return min(y * pitch + min(x, params["width"]) * pixel, image)

    rows = order.rows if params["stride_h"] == 1 else 1
    worst = 1
    for batch in {0, params["batches"] - 1}:
        for row in range(height):
            start = (batch * height + row) * width
            following = first_read(row + 1, 0) if row + 1 < height else image
            for column in columns:
                if order.by_channel:
                    written = min(rows, height - row) * width
                    needed = first_read(row, 0)
                else:
                    written = column + order.positions
                    following_column = written if order.gathered else column
                    needed = first_read(row, following_column)
                needed = batch * image + min(needed, following)
                worst = max(worst, (start + written) * outputs - needed)
    return min(worst, params["batches"] * height * width * outputs)


PIECE = 12
"""Positions of a piece of a pointwise kernel: whole groups of the 2, 3, 4 or 6 that its forms
calculate at once."""


def has_pieces(params: Mapping[str, int]) -> bool:
    """Return whether a kernel of ``Kernel.bands`` can be run from its last positions to its first.

    It is pointwise, and run on PIECE positions at a time, the rest first.
    """
    return is_pointwise(params) and params["batches"] == 1 and positions(params) > PIECE


def positions(params: Mapping[str, int]) -> int:
    """Return the number of positions of the output of a kernel of ``Kernel.bands``."""
    return params["batches"] * params["output_height"] * params["output_width"]


def piece(params: Mapping[str, int], length: int) -> dict[str, int]:
    """Return the parameters of a kernel that has pieces, for one of ``length`` positions."""
    heights = dict.fromkeys(("height", "output_height"), 1)
    return {**params, **heights, **dict.fromkeys(("width", "output_width"), length)}


def distance_behind(params: Mapping[str, int], size: int) -> int:
    """Return how many bytes the output of a kernel in pieces must begin behind the input.

    From there on a piece overwrites nothing that it or a piece before it reads.

    Args:
        params: parameters of a kernel that has pieces.
        size: bytes of an element of input and output.
    """
    pixel, outputs = _bytes(params, size)
    total = positions(params)
    firsts = {0, (total - 1) // PIECE * PIECE, max(0, (total - 1) // PIECE - 1) * PIECE}
    return max(min(first + PIECE, total) * pixel - first * outputs for first in firsts)


def _bytes(params: Mapping[str, int], size: int) -> tuple[int, int]:
    """Return the bytes of a position of the input and of the output."""
    channels = params["channels"]
    return channels * size, params.get("outputs", channels * params.get("multiplier", 1)) * size
