"""Nested loops over a tensor whose steps are not those of its layout; in C strides.h."""

from __future__ import annotations

from functools import reduce
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]


def positions(table: Array, size: int, offset: int, item: int) -> Array:
    """Return where the elements of all runs are, in the order of the loops.

    Args:
        table: int32 [2 * loops]: how often each loop runs, and its stride in bytes.
        size: bytes of a run.
        offset: bytes before the first run.
        item: bytes of an element.
    """
    loops = [np.arange(count) * stride for count, stride in table.reshape(2, -1).T.tolist()]
    runs = reduce(np.add.outer, loops)
    at = np.add.outer((runs + offset) // item, np.arange(size // item))
    result: Array = at.ravel()
    return result
