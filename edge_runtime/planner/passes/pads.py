"""Fold PAD into the padding of the convolution after it."""

from __future__ import annotations

from edge_runtime.ops.constraints import whole_number
from edge_runtime.ops.window import PADS, REACH, VALID
from edge_runtime.planner.uses import Changes, changed, only_readers
from edge_runtime.record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from edge_runtime.graph import Graph, Op

CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")


def pads(graph: Graph) -> Graph:
    """Return the graph with convolutions that pad, in place of a PAD before them.

    A convolution leaves out the taps that lie outside of its input. Those on a padding of zeros, in
    integers of the zero point, add nothing either. It reads its input later than the PAD, so that
    this must not be a variable.
    """
    readers = only_readers(graph)
    changes: Changes = {}
    for op in graph.ops:
        paddings = _paddings(graph, op)
        convolution = readers.get(op.outputs[0]) if paddings else None
        if convolution is None or not _can_pad(convolution, op):
            continue
        options = {**convolution.options, PADS: paddings}
        inputs = (op.inputs[0], *convolution.inputs[1:])
        changes[convolution.outputs] = replace(convolution, inputs=inputs, options=options)
        changes[op.outputs] = None
    return changed(graph, changes)


def _paddings(graph: Graph, op: Op) -> tuple[int, ...]:
    """Return rows above and below, and columns on both sides; () of any other op or padding."""
    if op.name not in ("PAD", "PADV2") or op.custom:
        return ()
    source, output = graph.tensors[op.inputs[0]], graph.tensors[op.outputs[0]]
    known = whole_number(graph.tensors[op.inputs[1]])
    if len(source.shape) != 4 or source.variable or known is None:
        return ()
    if any((*known[:2], *known[6:])):
        return ()
    if source.quantization != output.quantization or max(known) > REACH:
        return ()
    if len(op.inputs) > 2 and not _is_zero(graph, op):
        return ()
    return known[2:6]


def _is_zero(graph: Graph, op: Op) -> bool:
    """Return whether the value of the padding stands for 0."""
    value = graph.tensors[op.inputs[2]]
    zero = value.zero_point or 0
    size = value.size
    return value.data is not None and bytes(value.data) == zero.to_bytes(
        size, "little", signed=zero < 0
    )


def _can_pad(convolution: Op, pad: Op) -> bool:
    return (
        convolution.name in CONVOLUTIONS
        and not convolution.custom
        and convolution.inputs[0] == pad.outputs[0]
        and pad.outputs[0] not in convolution.inputs[1:]
        and convolution.options["padding"] == VALID
        and PADS not in convolution.options
    )
