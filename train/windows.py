"""Windows of a time series, none of which crosses from one run of rows to the next."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edgekit.train.dataset import Array

Rows = npt.NDArray[np.int64]
"""[N, 2]: the first row of each window and the one behind its last."""


def cut(begins: npt.NDArray[np.bool_], columns: Sequence[Array]) -> npt.NDArray[np.bool_]:
    """Return where runs begin: where they have to, and where one of the columns changes.

    Args:
        begins: rows [N] that follow no other row, such as the first one of a file.
        columns: arrays [N] or [N, K] that are constant within a run.
    """
    found = begins.copy()
    found[:1] = True
    for column in columns:
        changed = column[1:] != column[:-1]
        found[1:] |= changed.reshape(len(changed), -1).any(axis=1)
    return found


def windows(begins: npt.NDArray[np.bool_], length: int, stride: int) -> Rows:
    """Return the windows of ``length`` rows, ``stride`` apart, of each run that has as many rows.

    Args:
        begins: where runs begin, [N].
        length: rows of a window.
        stride: rows from one window to the next of the same run.
    """
    first = np.flatnonzero(begins)
    lengths = np.diff(first, append=len(begins))
    counts = np.where(lengths < length, 0, (lengths - length) // stride + 1)
    # Of each window its number within its run.
    number = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    starts = np.repeat(first, counts) + number * stride
    return np.stack((starts, starts + length), axis=1)


def too_short(begins: npt.NDArray[np.bool_], length: int) -> tuple[int, int]:
    """Return how many runs have fewer rows than a window, and the rows of the longest run."""
    lengths = np.diff(np.flatnonzero(begins), append=len(begins))
    return int(np.sum(lengths < length)), int(lengths.max(initial=0))


def gathered(x: Array, rows: Rows) -> Array:
    """Return the rows of each window: [W, length, ...] of x [N, ...]."""
    if not len(rows):
        return np.zeros((0, 0, *x.shape[1:]), x.dtype)
    return np.lib.stride_tricks.sliding_window_view(x, rows[0, 1] - rows[0, 0], axis=0)[
        rows[:, 0]
    ].swapaxes(1, -1)
