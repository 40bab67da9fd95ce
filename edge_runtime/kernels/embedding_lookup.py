"""The kernel of EMBEDDING_LOOKUP of int8 in NumPy; in C embedding_lookup.c. Others are GATHER's."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]


@record
class EmbeddingLookup:
    """Parameters of ``embedding_lookup_hybrid``: indices, and rows and columns of the table."""

    count: int
    rows: int
    columns: int


def embedding_lookup_hybrid(
    params: EmbeddingLookup, indices: Array, table: Array, scales: Array
) -> npt.NDArray[np.float32]:
    """Define the kernel: rows times their scales; zeros where there is no such row.

    LiteRT ends with an error there, in the middle of an inference.

    Args:
        indices: int32 [count].
        table: int8 [rows * columns].
        scales: float32 [rows].
    """
    inside = (indices >= 0) & (indices < params.rows)
    at = np.where(inside, indices, 0)
    rows = table.reshape(params.rows, params.columns)[at].astype(np.float32) * scales[at, None]
    return np.where(inside[:, None], rows, np.float32(0)).ravel()
