"""Infer all shapes, and run ops whose inputs are all constant."""

from __future__ import annotations

from edge_runtime.planner import limits
from edge_runtime.planner.limits import NotSupportedError
from edge_runtime.planner.plan import Slot, constant_slots
from edge_runtime.record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    from edge_runtime.graph import Graph, Op, Tensor
    from edge_runtime.ops.call import Call
    from edge_runtime.planner.lower import Lowering
    from edge_runtime.planner.plan import Engine
    from edge_runtime.unsupported import Unsupported


def fold_constants(
    graph: Graph, rounding: str, lowering: Lowering, engine: Engine
) -> tuple[Graph, list[Unsupported]]:
    """Infer all shapes, op by op, and turn the outputs of ops on constants into constants.

    For the outputs of an op that is not supported the shapes in the file are used. Ops that depend
    on unusable shapes are only looked up by name, and dropped like those not supported.

    Args:
        graph: its inputs have the shapes of the file, which determine all others.
        rounding: one of ``ops.ROUNDINGS``.
        lowering: lowers the ops of this graph.
        engine: runs the kernels of ops whose inputs are all constants.

    Returns:
        The graph of the ops that remain to be run, and the ops that are not supported.
    """
    tensors = list(graph.tensors)
    ready = {tensor.index for tensor in tensors if tensor.data is not None or tensor.variable}
    ready.update(graph.inputs)
    kept = []
    left: list[Unsupported] = []
    for op in graph.ops:
        try:
            limits.module_of(op, tensors)
            if any(index >= 0 and index not in ready for index in op.inputs):
                continue
            outputs = settle(op, tensors, rounding, lowering, engine)
        except NotSupportedError as error:
            left.append(error.what)
            if error.what.output_is_known:
                ready.update(
                    index for index in op.outputs if limits.usable(tensors[index], lowering.room)
                )
            continue
        for index, output in zip(op.outputs, outputs, strict=True):
            tensors[index] = output
            ready.add(index)
        if any(output.data is None for output in outputs):
            kept.append(op)
    return replace(graph, tensors=tuple(tensors), ops=tuple(kept)), left


def settle(
    op: Op, tensors: Sequence[Tensor], rounding: str, lowering: Lowering, engine: Engine
) -> tuple[Tensor, ...]:
    """Return the outputs of an op with their shapes and, where they are constant, their bytes.

    Raises:
        NotSupportedError: the engine does not run the op.
        ModelError: the model contradicts itself, or needs more memory than it may.
    """
    module = limits.module_of(op, tensors)
    call = limits.settled(limits.call_of(op, tensors, rounding), module, lowering.room)
    contents = _contents(call, module, lowering, engine)
    return tuple(
        output if output.data is data else replace(output, data=data)
        for output, data in zip(call.outputs, contents, strict=True)
    )


def _contents(
    call: Call, module: ModuleType, lowering: Lowering, engine: Engine
) -> tuple[memoryview | None, ...]:
    """Return the bytes of each output if they are constant, otherwise None for each."""
    if not any(output.elements for output in call.outputs):
        return (memoryview(b""),) * len(call.outputs)
    if hasattr(module, "fold"):
        lowering.count(call.op, call.output.size + _constants(call))
        return (memoryview(module.fold(call)),)
    computed = any(tensor is not None and tensor.data is None for tensor in call.inputs)
    if computed or any(output.variable for output in call.outputs):
        return (None,) * len(call.outputs)
    if hasattr(module, "ALIAS"):
        lowering.count(call.op, call.output.size)
        return (call.input(0).data,)
    lowering.count(call.op, sum(output.size for output in call.outputs) + _constants(call))
    kernel = lowering.kernel(call, module)
    reads = [_slot(call.input(position)) for position in kernel.inputs]
    reads += constant_slots(kernel.constants)
    outputs = engine.run(kernel, reads, [output.size for output in call.outputs])
    return tuple(memoryview(output) for output in outputs)


def _slot(tensor: Tensor) -> Slot:
    return Slot(tensor.dtype, tensor.size, tensor.data, "constant")


def _constants(call: Call) -> int:
    """Return the bytes of all constant inputs."""
    return sum(tensor.size for tensor in call.inputs if tensor and tensor.data is not None)
