"""GATHER: the slices of a tensor along an axis that indices name."""

from __future__ import annotations

from math import prod

from edge_runtime.graph import SIZES
from edge_runtime.ops.axis import axis_is_there, axis_option
from edge_runtime.ops.call import Call, Kernel
from edge_runtime.ops.constraints import describe, same_type


def indices_are_whole(call: Call) -> str | None:
    """The type of the indices is int32 or int64."""
    dtype = call.input(1).dtype
    return None if dtype in ("int32", "int64") else dtype


def batches_fit(call: Call) -> str | None:
    """Input and indices share as many first dimensions as batch_dims says, up to the axis."""
    count, rank = call.op.options["batch_dims"], len(call.input(1).shape)
    if -rank <= count <= rank:
        count = _batch_dims(call)
        if (
            count <= axis_option(call)
            and call.input(0).shape[:count] == call.input(1).shape[:count]
        ):
            return None
    return f"{count} of {describe(call.input(0))} and {describe(call.input(1))}"


CONSTRAINTS = (same_type, indices_are_whole, axis_is_there, batches_fit)


def _batch_dims(call: Call) -> int:
    """Return how many dimensions the input and the indices share."""
    count: int = call.op.options["batch_dims"]
    return count + len(call.input(1).shape) if count < 0 else count


def shapes(call: Call) -> tuple[tuple[int, ...]]:
    """Return the input's shape with the indices' in place of the axis."""
    shape, axis = call.input(0).shape, axis_option(call)
    return ((*shape[:axis], *call.input(1).shape[_batch_dims(call) :], *shape[axis + 1 :]),)


def lower(call: Call) -> Kernel:
    """Return the kernel, which copies bytes and so serves every element type."""
    tensor, indices, axis, count = (
        call.input(0),
        call.input(1),
        axis_option(call),
        _batch_dims(call),
    )
    params = {
        "batches": prod(tensor.shape[:count]),
        "outer": prod(tensor.shape[count:axis]),
        "axis": tensor.shape[axis],
        "coordinates": prod(indices.shape[count:]),
        "bytes": prod(tensor.shape[axis + 1 :]) * SIZES[tensor.dtype],
    }
    return Kernel(f"gather_{indices.dtype}", params, (0, 1), rows=_rows(call, params))


def _rows(call: Call, params: dict[str, int]) -> str | None:
    """Return the parameter that counts what several tensors have more of.

    A constant is there once, however many tensors are run at once.
    """
    computed = [call.input(position).data is None for position in (0, 1)]
    if all(computed):
        return "batches"
    if params["batches"] > 1:
        return None
    if computed[0]:
        return "outer"
    return "coordinates" if params["outer"] == 1 else None
