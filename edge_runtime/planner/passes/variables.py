"""Turn resource variables into tensors that keep their values from one inference to the next.

A VAR_HANDLE names a variable, READ_VARIABLE and ASSIGN_VARIABLE use it through that handle, and a
subgraph that CALL_ONCE runs before the first inference assigns its first value.
"""

from __future__ import annotations

from bisect import bisect

from edge_runtime.check import label, short
from edge_runtime.errors import ModelError
from edge_runtime.graph import SIZES
from edge_runtime.record import record, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from edge_runtime.graph import Graph, Op, Tensor

OPS = ("CALL_ONCE", "VAR_HANDLE", "READ_VARIABLE", "ASSIGN_VARIABLE")

Name = tuple[str, str]
"""Container and shared name of a variable."""


@record
class Use:
    """A READ_VARIABLE or ASSIGN_VARIABLE.

    Attributes:
        at: position among the ops.
        op: the op.
        name: the variable.
        tensor: index of the tensor that it reads into, or assigns.
    """

    at: int
    op: Op
    name: Name
    tensor: int


def variables(graph: Graph) -> Graph:
    """Return the graph with a variable tensor for each resource variable that it assigns.

    A variable that is only read is a constant. One that is read is used where it lies, if all that
    read it come before the next assignment, and copied otherwise; an assignment is a copy.

    Raises:
        ModelError: a variable has no first value that is a constant, or another shape later; a
            handle is used in another way.
    """
    if not any(op.name in OPS and not op.custom for op in graph.ops):
        return graph
    from edge_runtime.ops.copy import copy_op

    uses = _uses(graph)
    first = _first_values(graph)
    tensors, initial = list(graph.tensors), dict(graph.initial)
    last_read = {index: at for at, op in enumerate(graph.ops) for index in op.inputs}
    assigned: dict[Name, list[int]] = {}
    for one in uses.values():
        if one.op.name == "ASSIGN_VARIABLE":
            assigned.setdefault(one.name, []).append(one.at)
    states: dict[Name, int] = {}
    replaced: dict[int, int] = {}
    kept: list[Op] = []
    for at, op in enumerate(graph.ops):
        use = uses.get(at)
        if use is None:
            if op.custom or op.name not in OPS:
                inputs = tuple(replaced.get(index, index) for index in op.inputs)
                kept.append(op if inputs == op.inputs else replace(op, inputs=inputs))
            continue
        value = first.get(use.name)
        if value is None or value.data is None:
            raise ModelError(
                f"{label(op)}: variable {short(use.name[1])!r} has no constant as its first value"
            )
        tensor = graph.tensors[use.tensor]
        _require_same(op, tensor, value)
        if use.name not in assigned:
            tensors[use.tensor] = replace(tensor, shape=value.shape, data=value.data)
            continue
        if use.name not in states:
            states[use.name] = len(tensors)
            initial[len(tensors)] = value.data
            state = replace(value, index=len(tensors), name=use.name[1], data=None, variable=True)
            tensors.append(state)
        index = states[use.name]
        if op.name == "ASSIGN_VARIABLE":
            kept.append(copy_op(op.index, replaced.get(use.tensor, use.tensor), index))
        elif use.tensor not in graph.outputs and _is_kept(
            assigned[use.name], at, last_read.get(use.tensor, at)
        ):
            replaced[use.tensor] = index
            if tensor.quantization is not None:
                tensors[index] = replace(tensors[index], quantization=tensor.quantization)
        else:
            kept.append(copy_op(op.index, index, use.tensor))
    return replace(graph, tensors=tuple(tensors), ops=tuple(kept), initial=initial)


def _uses(graph: Graph) -> dict[int, Use]:
    """Return where variables are read and assigned, by position.

    Raises:
        ModelError: a handle is an output of the model, or something else reads it.
    """
    handles = _handles(graph)
    uses = {}
    for at, op in enumerate(graph.ops):
        if op.name in ("READ_VARIABLE", "ASSIGN_VARIABLE") and not op.custom:
            ports = (*op.inputs, *op.outputs)
            if len(ports) != 2 or ports[0] not in handles or ports[1] < 0:
                raise ModelError(f"{label(op)}: it does not have a handle and a tensor")
            uses[at] = Use(at, op, handles[ports[0]], ports[1])
        elif not handles.keys().isdisjoint(op.inputs):
            raise ModelError(f"{label(op)}: it reads the handle of a variable")
    if not handles.keys().isdisjoint(graph.outputs):
        raise ModelError("its output is the handle of a variable")
    return uses


def _handles(graph: Graph) -> dict[int, Name]:
    """Return the variable of each handle."""
    return {
        op.outputs[0]: (op.options["container"], op.options["shared_name"])
        for op in graph.ops
        if op.name == "VAR_HANDLE" and not op.custom and op.outputs
    }


def _first_values(graph: Graph) -> dict[Name, Tensor]:
    """Return what the subgraphs that are called once assign to each variable.

    Raises:
        ModelError: there is no such subgraph, or a variable has two first values.
    """
    values: dict[Name, Tensor] = {}
    numbers: set[int] = set()
    for op in graph.ops:
        if op.name != "CALL_ONCE" or op.custom:
            continue
        number = op.options["init_subgraph"] - 1
        if number in numbers:
            continue
        numbers.add(number)
        if not 0 <= number < len(graph.others):
            raise ModelError(f"{label(op)}: there is no subgraph {number + 1} to call")
        called = graph.others[number]
        for use in _uses(called).values():
            if use.op.name == "ASSIGN_VARIABLE":
                if use.name in values:
                    raise ModelError(f"{label(op)}: it assigns {short(use.name[1])!r} twice")
                values[use.name] = called.tensors[use.tensor]
    return values


def _require_same(op: Op, tensor: Tensor, value: Tensor) -> None:
    """Raise unless what is read or assigned is like the first value."""
    if tensor.dtype != value.dtype or value.dtype not in SIZES or not value.elements:
        raise ModelError(
            f"{label(op)}: {tensor.dtype} of a variable of {value.dtype} {list(value.shape)}"
        )
    quantization = tensor.quantization
    if quantization and quantization.per_channel and tensor.shape != value.shape:
        raise ModelError(
            f"{label(op)}: scales of slices of {list(tensor.shape)}, and the variable is "
            f"{list(value.shape)}"
        )


def _is_kept(assigned: list[int], read: int, last: int) -> bool:
    """Return whether a variable keeps its value from where it is read to the last use of it.

    Args:
        assigned: positions of its assignments, in their order.
        read: position of the READ_VARIABLE.
        last: position of the last op that uses what was read.
    """
    following = bisect(assigned, read)
    return following == len(assigned) or assigned[following] >= last
