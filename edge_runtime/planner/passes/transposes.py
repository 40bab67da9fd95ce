"""Move TRANSPOSEs behind the ops that they do not matter to, and cancel those that meet.

Files born in PyTorch have one before and one after each convolution.
"""

from __future__ import annotations

from struct import pack

from edge_runtime.graph import Tensor
from edge_runtime.ops.constraints import whole_number
from edge_runtime.planner.passes.tables import is_elementwise
from edge_runtime.planner.uses import only_readers
from edge_runtime.record import record, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from edge_runtime.graph import Graph, Op

Order = tuple[int, ...]
"""Dimensions of a source in the order of what is transposed."""


@record
class Transposed:
    """What a tensor is a TRANSPOSE of.

    Attributes:
        source: index of a tensor.
        order: its dimensions in their new order.
    """

    source: int
    order: Order


def transposes(graph: Graph) -> Graph:
    """Return the graph in which a TRANSPOSE is as late as possible, or not there.

    Two that follow each other become one, and one that only moves dimensions of length 1 a RESHAPE,
    which costs nothing. Variables stay as they are: their value is that of a moment.
    """
    if not any(op.name == "TRANSPOSE" and not op.custom for op in graph.ops):
        return graph
    readers, tensors = only_readers(graph), list(graph.tensors)
    transposed: dict[int, Transposed] = {}
    kept: list[Op] = []
    for op in graph.ops:
        if any(tensors[index].variable for index in (*op.inputs, *op.outputs)):
            kept.append(op)
            continue
        if op.name == "TRANSPOSE" and not op.custom:
            transposed[op.outputs[0]] = _composed(transposed, op, tensors)
            kept.append(_transpose(op, transposed[op.outputs[0]], tensors))
            continue
        order = _common_order(op, transposed, readers, tensors)
        if order is None:
            kept.append(op)
            continue
        output = tensors[op.outputs[0]]
        inputs = tuple(_before(index, order, transposed, tensors) for index in op.inputs)
        shape = tuple(output.shape[order.index(axis)] for axis in range(len(order)))
        moved = replace(output, index=len(tensors), shape=shape, signature=shape)
        tensors.append(moved)
        kept.append(replace(op, inputs=inputs, outputs=(moved.index,)))
        transposed[output.index] = Transposed(moved.index, order)
        kept.append(_transpose(op, transposed[output.index], tensors, output.index))
    return replace(graph, ops=tuple(kept), tensors=tuple(tensors))


def _composed(transposed: dict[int, Transposed], op: Op, tensors: list[Tensor]) -> Transposed:
    """Return what a TRANSPOSE makes, of the source of the one before it if there is one."""
    rank = len(tensors[op.inputs[0]].shape)
    order = tuple(axis % rank for axis in whole_number(tensors[op.inputs[1]]) or ())
    earlier = transposed.get(op.inputs[0])
    if earlier is None:
        return Transposed(op.inputs[0], order)
    return Transposed(earlier.source, tuple(earlier.order[axis] for axis in order))


def _transpose(op: Op, made: Transposed, tensors: list[Tensor], output: int | None = None) -> Op:
    """Return the op that transposes a source to the output of ``op``, or to another."""
    output = op.outputs[0] if output is None else output
    shape = tensors[made.source].shape
    long = [axis for axis in made.order if shape[axis] > 1]
    if long == sorted(long):
        options = {"new_shape": tensors[output].shape}
        return replace(
            op, name="RESHAPE", inputs=(made.source,), outputs=(output,), options=options
        )
    order = (len(made.order),)
    data = memoryview(pack(f"<{len(made.order)}i", *made.order))
    tensors.append(Tensor(len(tensors), "", order, order, "int32", data=data))
    inputs = (made.source, tensors[-1].index)
    return replace(op, name="TRANSPOSE", inputs=inputs, outputs=(output,), options={})


def _common_order(
    op: Op, transposed: dict[int, Transposed], readers: dict[int, Op], tensors: list[Tensor]
) -> Order | None:
    """Return the order of all inputs of an op that treats numbers one by one, None of others.

    Only this op reads the inputs that are transposed: their TRANSPOSE is not needed then, if it
    keeps the quantisation. A constant fits that has at most one dimension longer than 1.
    """
    if not is_elementwise(op):
        return None
    output = tensors[op.outputs[0]]
    orders = set()
    for index in op.inputs:
        tensor = tensors[index]
        if index in transposed and readers.get(index) is not None:
            source = tensors[transposed[index].source]
            if tensor.shape != output.shape or tensor.quantization != source.quantization:
                return None
            orders.add(transposed[index].order)
        elif tensor.data is None or sum(size > 1 for size in tensor.shape) > 1:
            return None
    if len(orders) != 1 or (output.quantization and output.quantization.per_channel):
        return None
    return orders.pop()


def _before(
    index: int, order: Order, transposed: dict[int, Transposed], tensors: list[Tensor]
) -> int:
    """Return the tensor that becomes ``index`` when it is transposed."""
    if index in transposed:
        return transposed[index].source
    tensor = tensors[index]
    wide = (1,) * (len(order) - len(tensor.shape)) + tensor.shape
    shape = tuple(wide[order.index(axis)] for axis in range(len(order)))
    tensors.append(replace(tensor, index=len(tensors), shape=shape, signature=shape))
    return tensors[-1].index
