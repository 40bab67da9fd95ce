"""Put SPACE_TO_BATCH_ND, a convolution and BATCH_TO_SPACE_ND together to a dilated convolution."""

from __future__ import annotations

from edge_runtime.ops.constraints import whole_number
from edge_runtime.ops.window import PADS, REACH, VALID
from edge_runtime.planner.passes.pads import CONVOLUTIONS
from edge_runtime.planner.uses import Changes, changed, only_readers
from edge_runtime.record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from edge_runtime.graph import Graph, Op


def dilations(graph: Graph) -> Graph:
    """Return the graph with dilated convolutions in place of such triples.

    They read their input later than the first of the three, so that it must not be a variable.

    Source: how TensorFlow runs tf.nn.convolution with a dilation.
    """
    readers = only_readers(graph)
    changes: Changes = {}
    for first in graph.ops:
        if first.name != "SPACE_TO_BATCH_ND" or first.custom:
            continue
        middle = readers.get(first.outputs[0])
        last = readers.get(middle.outputs[0]) if middle else None
        if middle and last and (dilated := _dilated(graph, first, middle, last)):
            changes |= {first.outputs: None, middle.outputs: None, last.outputs: dilated}
    return changed(graph, changes)


def _dilated(graph: Graph, first: Op, middle: Op, last: Op) -> Op | None:
    """Return the dilated convolution of three ops, None where they are not one."""
    tensors, options = graph.tensors, middle.options
    plain = middle.name in CONVOLUTIONS and not middle.custom and PADS not in options
    if not plain or last.name != "BATCH_TO_SPACE_ND" or last.custom:
        return None
    steps = [options[name] for name in ("stride_h", "stride_w", "dilation_h", "dilation_w")]
    if steps != [1] * 4 or options["padding"] != VALID:
        return None
    if middle.inputs[0] != first.outputs[0] or middle.outputs[0] != last.inputs[0]:
        return None
    block, pads, other, crops = (
        whole_number(tensors[op.inputs[position]]) or ()
        for op, position in ((first, 1), (first, 2), (last, 1), (last, 2))
    )
    if block != other or len(block) != 2 or not len(pads) == len(crops) == 4:
        return None
    source, output = tensors[first.inputs[0]], tensors[last.outputs[0]]
    same = (
        source.quantization == tensors[first.outputs[0]].quantization
        and output.quantization == tensors[middle.outputs[0]].quantization
    )
    # A hybrid convolution quantises each image, and SPACE_TO_BATCH_ND makes several of one.
    hybrid = source.dtype == "float32" != tensors[middle.inputs[1]].dtype
    if not same or hybrid or source.variable:
        return None
    paddings = tuple(pad - crop for pad, crop in zip(pads, crops, strict=True))
    if not all(0 <= padding <= REACH for padding in paddings):
        return None
    return replace(
        middle,
        index=last.index,
        inputs=(first.inputs[0], *middle.inputs[1:]),
        outputs=last.outputs,
        options={**options, "dilation_h": block[0], "dilation_w": block[1], PADS: paddings},
    )
