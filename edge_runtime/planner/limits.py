"""Limits of a model as a whole, and reasons why an op cannot run."""

from __future__ import annotations

from edge_runtime import ops
from edge_runtime.check import label
from edge_runtime.errors import ModelError, UnsoundError
from edge_runtime.graph import SIZES
from edge_runtime.ops.call import Call
from edge_runtime.record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

    from edge_runtime.graph import Graph, Op, Tensor
    from edge_runtime.unsupported import Unsupported

ROOM, CONSTANTS, TIMES = 64 << 20, 16 << 20, 64
"""Inputs, outputs and arena of a model may use ROOM bytes together, and the constants that all its
ops read and make CONSTANTS bytes; both TIMES the size of its file if that is more.

A file of 300 bytes can ask for any number of gigabytes, but then it is damaged or hostile.
Activations do not depend on the weights: a convolution of 3x3 over 320x320 pixels, from 64 channels
to 64, has 150 KB of weights in float32, and with its input and its output 52 MB of activations.
Detectors and classifiers need no more than that. What ops make of constants does depend on these,
but thousands of ops may share them, each with a copy packed for its kernel."""

MAX_OPS = 4096
"""Most ops, and most outputs of them all. The time of planning grows with the square of their
number: half a second for this many tensors that are all alive at once."""

MAX_SCALES = 2**16
"""Most scales of slices of tensors, in total: each becomes a multiplier in 5 µs, at worst 80 µs.
Ops with the same tensors and options count once."""

MAX_TABLES = 2048
"""Most tables of 8-bit functions, in total: each needs half a millisecond, or two with the rounding
"tflite-micro". Ops with the same tensors and options count once."""

MAX_RANK = 8
"""Most dimensions of a tensor; the C extension has the same limit."""


class NotSupportedError(ModelError):
    """An op that the engine does not run."""

    def __init__(self, what: Unsupported) -> None:
        super().__init__(what.why)
        self.what = what


def room(graph: Graph) -> int:
    """Return the bytes that inputs, outputs and arena may use."""
    return max(ROOM, TIMES * graph.size)


def constants_room(graph: Graph) -> int:
    """Return the bytes of constants that ops may read and make."""
    return max(CONSTANTS, TIMES * graph.size)


def require_few_ops(graph: Graph) -> None:
    """Raise when a graph has more than MAX_OPS ops, or these more outputs."""
    if len(graph.ops) > MAX_OPS:
        raise ModelError(f"it has {len(graph.ops)} ops, and the engine takes at most {MAX_OPS}")
    if (outputs := sum(len(op.outputs) for op in graph.ops)) > MAX_OPS:
        raise ModelError(f"its ops have {outputs} outputs, and the engine takes at most {MAX_OPS}")


def require_ranks(graph: Graph) -> None:
    """Raise when an input has more than MAX_RANK dimensions."""
    for index in graph.inputs:
        if (rank := len(graph.tensors[index].shape)) > MAX_RANK:
            raise ModelError(f"its input has {rank} dimensions, at most {MAX_RANK} are run")


def require_filled(graph: Graph) -> None:
    """Raise when an input or output, of the shape that ops infer, has no elements."""
    for what, indices in ("input", graph.inputs), ("output", graph.outputs):
        for tensor in (graph.tensors[index] for index in indices):
            if not tensor.elements:
                raise ModelError(f"its {what} {tensor.name!r} is empty: {list(tensor.shape)}")


def require_few(op: Op, count: int, limit: int, what: str) -> None:
    """Raise when the ops up to this one exceed a limit on the time or memory of lowering."""
    if count > limit:
        raise ModelError(f"{label(op)}: all ops {what.format(limit)}; here it is more")


def module_of(op: Op, tensors: Sequence[Tensor]) -> ModuleType:
    """Return the module of an op whose tensors have types that the engine supports.

    Raises:
        NotSupportedError: the engine does not support the op, or the type of a tensor.
        UnsoundError: it lacks its first input, or has no output.
    """
    module = ops.find(op.name, custom=op.custom)
    if module is None:
        from edge_runtime.unsupported import no_such_op

        raise NotSupportedError(no_such_op(op, tensors))
    if not op.outputs or not op.inputs or op.inputs[0] < 0:
        raise UnsoundError(f"op {op.index}, {op.name}: it has to have a first input and one output")
    for index in *op.inputs, *op.outputs:
        tensor = tensors[index]
        sparse = tensor.sparse and not hasattr(module, "SPARSE")
        odd = tensor.dtype not in SIZES or sparse or tensor.blockwise
        if index >= 0 and (odd or (tensor.variable and tensor.data is not None)):
            from edge_runtime.unsupported import wrong_type

            raise NotSupportedError(wrong_type(op, tensors, tensor))
    return module


def call_of(op: Op, tensors: Sequence[Tensor], rounding: str) -> Call:
    """Return the op in the form that its module reads."""
    inputs = tuple(tensors[index] if index >= 0 else None for index in op.inputs)
    outputs, intermediates = (
        tuple(tensors[index] for index in indices) for indices in (op.outputs, op.intermediates)
    )
    return Call(op, inputs, outputs, rounding, intermediates)


def settled(call: Call, module: ModuleType, most: int) -> Call:
    """Return the op with the shapes of its outputs, after checking it.

    Args:
        call: the op.
        module: its module.
        most: most bytes of an output.

    Raises:
        NotSupportedError: the op is beyond a limit.
        UnsoundError: it has a wrong number of outputs.
    """
    if not hasattr(module, "EMPTY_INPUTS"):
        for tensor in call.inputs:
            if tensor is not None and not tensor.elements:
                raise refused(call, "Inputs are not empty", f"{list(tensor.shape)}")
    for constraint in module.CONSTRAINTS:
        value = constraint(call)
        if value is not None:
            raise refused(call, (constraint.__doc__ or "").rstrip("."), value)
    shapes = module.shapes(call)
    if len(shapes) != len(call.outputs):
        what = "one output" if len(shapes) == 1 else f"{len(shapes)} outputs"
        raise UnsoundError(
            f"op {call.op.index}, {call.op.name}: it has to have a first input and {what}"
        )
    for output, shape in zip(call.outputs, shapes, strict=True):
        if output.variable and output.shape != shape:
            value = f"{list(shape)} for {list(output.shape)}"
            raise refused(call, "A variable keeps the shape of its first value", value)
    outputs = tuple(
        output if output.shape == shape else replace(output, shape=shape)
        for output, shape in zip(call.outputs, shapes, strict=True)
    )
    is_empty = not any(output.elements for output in outputs)
    for output in outputs:
        _require_size(call, output, most, is_empty=is_empty)
    return call if outputs == call.outputs else replace(call, outputs=outputs)


def _require_size(call: Call, output: Tensor, most: int, *, is_empty: bool) -> None:
    shape, quantization = output.shape, output.quantization
    if len(shape) > MAX_RANK or bool(output.elements) == is_empty or output.size > most:
        limit = f"An output has at most {MAX_RANK} dimensions and {most} bytes, and is not empty"
        raise refused(call, limit, str(list(shape[: 2 * MAX_RANK])))
    if quantization is not None and quantization.per_channel:
        scales, axis = len(quantization.scales), quantization.axis
        if shape[axis : axis + 1] != (scales,):
            limit = "There is a scale for each slice of the output"
            raise refused(call, limit, f"{scales} along axis {axis} of {list(shape)}")


def require_int32(call: Call, params: Mapping[str, int]) -> None:
    """Raise when a parameter does not fit into int32."""
    for name, value in params.items():
        if not -(2**31) <= value < 2**31:
            raise refused(call, f"The kernel's {name} fits into int32", str(value))


def refused(call: Call, limit: str, value: str) -> NotSupportedError:
    """Return the error for a broken limit."""
    from edge_runtime.unsupported import broken_limit

    return NotSupportedError(broken_limit(call, limit, value))


def usable(tensor: Tensor, most: int) -> bool:
    """Return whether the file's description of a tensor that no kernel writes is sound."""
    return tensor.dtype in SIZES and len(tensor.shape) <= MAX_RANK and 0 < tensor.size <= most
