"""float32 numbers that parameters, which are int32, hold as bits; in C float_bits.h."""

from __future__ import annotations

import numpy as np


def float32_of(bits: int) -> np.float32:
    """Return the number of these bits, an int32."""
    number: np.float32 = np.int32(bits).view(np.float32)
    return number
