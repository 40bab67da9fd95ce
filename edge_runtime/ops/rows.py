"""Rows: the numbers along the last dimension, which some ops calculate with as a whole."""

from __future__ import annotations

from edge_runtime.ops.constraints import describe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from edge_runtime.graph import Tensor


def misfit(tensor: Tensor, most: dict[str, int]) -> str | None:
    """Describe a tensor without numbers in its rows, or with more than ``most`` of its type."""
    depth = tensor.shape[-1] if tensor.shape else 0
    return None if 0 < depth <= most.get(tensor.dtype, depth) else describe(tensor)


def rows(tensor: Tensor) -> dict[str, int]:
    """Return the parameters of a tensor's rows."""
    depth = tensor.shape[-1]
    return {"rows": tensor.elements // depth, "depth": depth}
