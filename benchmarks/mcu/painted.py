"""How far the stack reached in memory that was painted before reset."""

import numpy as np
import numpy.typing as npt

PAINT = 0xA5
"""Initial content of the RAM below the stack."""

WORD = 4
"""Unit of stack growth, in bytes."""


def depth(room: npt.NDArray[np.uint8]) -> int:
    """Return the bytes from the stack's top to the lowest byte that changed, in whole words.

    Args:
        room: all memory below the stack's top that was painted, uint8 [bytes].
    """
    changed = np.flatnonzero(room != PAINT)
    return len(room) - int(changed[0]) // WORD * WORD if len(changed) else 0
