"""A Graph made ready to run: shapes settled, constants folded, ops lowered, the arena laid out.

The file may come from anywhere. The reader has checked each thing by itself; here the things are
checked against each other, so that a kernel touches nothing but its tensors: what an op makes has
the shape, the size and the quantisation that whoever reads it relies on, every parameter fits into
int32, and the whole stays within what a file of its size may take.
"""

from __future__ import annotations

from edge_runtime import ops
from edge_runtime.check import label, require_order, require_runnable
from edge_runtime.errors import BackendError, ModelError, UnsoundError
from edge_runtime.ops import copy
from edge_runtime.ops.call import Call
from edge_runtime.planner.memory import Lifetime, place
from edge_runtime.record import record, replace

# typing.TYPE_CHECKING, without the 8 ms that importing typing takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    from edge_runtime.graph import Graph, Op, Tensor
    from edge_runtime.ops.call import Kernel
    from edge_runtime.unsupported import Unsupported

SIZES = {"float32": 4, "int8": 1, "int16": 2, "int32": 4, "int64": 8, "uint8": 1, "bool": 1}
"""Bytes of an element."""

ROOM, ROOM_TIMES = 16 << 20, 64
"""A model may take this many bytes, or so many times its file's size if that is more. A file of 300
bytes can ask for any number of gigabytes, and what asks for that is damaged or hostile: input,
output and activations of classifiers are smaller than their weights. The limit holds twice: for
input, output and arena together, and for the constants that all ops read and make together, since
thousands of ops may share the same weights, each with a copy packed for its kernel."""

MAX_OPS = 4096
"""Planning takes time that grows with the square of their number: half a second for so many
tensors that are all alive at once."""

MAX_SCALES = 2**16
"""Scales that ops have for slices of their tensors, all different ops together: each becomes a
multiplier, in 5 µs, in 80 µs at worst. Ops whose tensors and options are the same count once."""

MAX_TABLES = 2048
"""Functions of 8 bits that different ops tabulate, in half a millisecond, two with the rounding
"tflite-micro"."""

MAX_RANK = 8
"""Most dimensions of a tensor; the extension's number as well."""


@record
class Slot:
    """A flat tensor of the plan.

    Attributes:
        dtype: NumPy's name of the element type.
        size: bytes.
        data: a constant's little-endian bytes; None for what is computed.
        place: "constant", "input", "output" (both the caller's) or "arena".
        offset: in the arena; 0 elsewhere.
    """

    dtype: str
    size: int
    data: memoryview | None
    place: str
    offset: int = 0

    HIDDEN = ("data",)


@record
class Step:
    """A kernel and the slots it works on: inputs, constants, and last the output."""

    op: Op
    kernel: Kernel
    slots: tuple[int, ...]


@record
class Plan:
    """What an engine executes.

    Attributes:
        slots: all tensors.
        steps: in execution order.
        input: slot of the model's input.
        output: slot of the model's output.
        arena: bytes that the caller of the kernels has to own.
    """

    slots: tuple[Slot, ...]
    steps: tuple[Step, ...]
    input: int
    output: int
    arena: int


def plan(graph: Graph, rounding: str = "litert") -> Plan:
    """Plan a graph with one input and one output, for the batch that its shapes tell.

    Args:
        graph: the model.
        rounding: one of ``ops.ROUNDINGS``.

    Raises:
        BackendError: there is no such rounding.
        ModelError: ops are not supported; the message says which and how many. Or the model
            contradicts itself, or takes more memory than a file of its size may.
    """
    if rounding not in ops.ROUNDINGS:
        raise BackendError(f"rounding is one of {', '.join(ops.ROUNDINGS)}, not {rounding!r}")
    require_runnable(graph)
    given = graph.tensors[graph.inputs[0]]
    if len(given.shape) > MAX_RANK:
        raise ModelError(f"its input has {len(given.shape)} dimensions, at most {MAX_RANK} are run")
    room = _room(graph)
    tensors, source, lowered, left = _lowered(graph, graph.inputs, rounding, room)
    if left:
        from edge_runtime.unsupported import refusal

        raise ModelError(refusal(graph, left))
    if graph.subgraphs != 1:
        raise ModelError(f"it has {graph.subgraphs} subgraphs, and the engine runs one")
    made = _laid_out(graph, tensors, source, lowered)
    taken = made.arena + made.slots[made.input].size + made.slots[made.output].size
    if taken > room:
        raise ModelError(
            f"input, output and activations take {taken} bytes; a file of {graph.size} bytes may "
            f"take {room}"
        )
    return made


def unsupported(graph: Graph) -> list[Unsupported]:
    """Return all ops of a graph that the engine does not run; it may have several inputs.

    Raises:
        ModelError: the model contradicts itself, or takes more memory than it may.
    """
    require_order(graph)
    room = _room(graph)
    inputs = [index for index in graph.inputs if _usable(graph.tensors[index], room)]
    return _lowered(graph, inputs, "litert", room)[3]


def states_its_shapes(graph: Graph) -> bool:
    """Tell whether each tensor of a graph that can be planned has the shape that its op makes.

    The plan goes by the ops alone; others go by the file.
    """
    settled = _lowered(graph, graph.inputs, "litert", _room(graph))[0]
    return all(own.shape == one.shape for own, one in zip(graph.tensors, settled, strict=True))


def _room(graph: Graph) -> int:
    """Return the bytes that a model may take."""
    return max(ROOM, ROOM_TIMES * graph.size)


class _NotSupportedError(ModelError):
    """An op that the engine does not run."""

    def __init__(self, what: Unsupported) -> None:
        super().__init__(what.why)
        self.what = what


def _lowered(
    graph: Graph, inputs: Sequence[int], rounding: str, room: int
) -> tuple[list[Tensor], dict[int, int], list[tuple[Op, Kernel, int]], list[Unsupported]]:
    """Lower the ops one after another.

    After an op that is not supported the shapes that the file has for its outputs hold; where
    they are open, what depends on them is only looked up by name.

    Returns:
        The tensors with their shapes and data, the tensor where the bytes of each one lie, the
        kernels with their outputs, and the ops that are not supported.
    """
    if len(graph.ops) > MAX_OPS:
        raise ModelError(f"it has {len(graph.ops)} ops, and the engine takes at most {MAX_OPS}")
    constants = scales = tables = 0
    kernels: dict[tuple[object, ...], Kernel] = {}
    tensors = list(graph.tensors)
    source = {index: index for index, tensor in enumerate(tensors) if tensor.data is not None}
    source.update((index, index) for index in inputs)
    lowered: list[tuple[Op, Kernel, int]] = []
    left: list[Unsupported] = []
    for op in graph.ops:
        try:
            module = _module(op, tensors)
            if any(index >= 0 and index not in source for index in op.inputs):
                continue
            call = _settled(_call(op, tensors, rounding), module, room)
            folded = hasattr(module, "fold")
            read = (*call.inputs, call.output if folded else None)
            constants += sum(_size(one) for one in read if one and (one.data is not None or folded))
            _require_few(call, constants, room, "read and make at most {} bytes of constants")
            data = memoryview(module.fold(call)) if folded else None
            kernel = kernels.get(key := _key(call))
            if kernel is None and not folded:
                # A bias has those of its weights once more, and no multipliers of its own.
                scales += max(_slices(one) for one in read if one)
                _require_few(call, scales, MAX_SCALES, "have at most {} scales of slices")
                kernel = module.lower(call)
                if kernel is not None:
                    kernels[key] = kernel
                    tables += sum(constant.table for constant in kernel.constants)
                    _require_few(call, tables, MAX_TABLES, "have at most {} tabulated functions")
            if kernel is not None:
                constants += sum(len(constant.data) for constant in kernel.constants)
                _require_few(call, constants, room, "read and make at most {} bytes of constants")
                _require_int32(call, kernel)
        except _NotSupportedError as error:
            left.append(error.what)
            if error.what.output_is_known:
                usable = (index for index in op.outputs if _usable(tensors[index], room))
                source.update({index: index for index in usable})
            continue
        output = op.outputs[0]
        if data is None and kernel is None:
            source[output] = source[op.inputs[0]]
            data = tensors[op.inputs[0]].data
        else:
            source[output] = output
        tensors[output] = replace(call.output, data=data)
        if kernel is not None:
            lowered.append((op, kernel, output))
    return tensors, source, lowered, left


def _usable(tensor: Tensor, room: int) -> bool:
    """Tell whether what the file says about a tensor that no kernel makes can be relied on."""
    return (
        tensor.dtype in SIZES
        and len(tensor.shape) <= MAX_RANK
        and -1 not in tensor.signature[1:]
        and 0 < _size(tensor) <= room
    )


def _module(op: Op, tensors: list[Tensor]) -> ModuleType:
    """Return the module of an op whose tensors are of types that the engine has."""
    module = None if op.custom else ops.find(op.name)
    if module is None:
        from edge_runtime.unsupported import no_such_op

        raise _NotSupportedError(no_such_op(op, tensors))
    if len(op.outputs) != 1 or not op.inputs or op.inputs[0] < 0:
        raise UnsoundError(f"op {op.index}, {op.name}: it has to have a first input and one output")
    for index in *op.inputs, *op.outputs:
        tensor = tensors[index]
        odd = tensor.dtype not in SIZES or tensor.sparse or tensor.blockwise or tensor.variable
        if index >= 0 and odd:
            from edge_runtime.unsupported import wrong_type

            raise _NotSupportedError(wrong_type(op, tensors, tensor))
    return module


def _call(op: Op, tensors: list[Tensor], rounding: str) -> Call:
    """Return the op as its module sees it."""
    inputs = tuple(tensors[index] if index >= 0 else None for index in op.inputs)
    return Call(op, inputs, tuple(tensors[index] for index in op.outputs), rounding)


def _settled(call: Call, module: ModuleType, room: int) -> Call:
    """Return the op with the shape of its output, after all that could be wrong with it."""
    for constraint in module.CONSTRAINTS:
        value = constraint(call)
        if value is not None:
            raise _refused(call, (constraint.__doc__ or "").rstrip("."), value)
    (shape,) = module.shapes(call)
    output = replace(call.output, shape=shape)
    shape, quantization = output.shape, output.quantization
    if len(shape) > MAX_RANK or not output.elements or _size(output) > room:
        limit = f"An output has at most {MAX_RANK} dimensions and {room} bytes, and is not empty"
        raise _refused(call, limit, str(list(shape[: 2 * MAX_RANK])))
    if quantization is not None and quantization.per_channel:
        scales, axis = len(quantization.scales), quantization.axis
        if shape[axis : axis + 1] != (scales,):
            limit = "There is a scale for each slice of the output"
            raise _refused(call, limit, f"{scales} along axis {axis} of {list(shape)}")
    return replace(call, outputs=(output,))


def _size(tensor: Tensor) -> int:
    """Return bytes."""
    return tensor.elements * SIZES[tensor.dtype]


def _key(call: Call) -> tuple[object, ...]:
    """Return all that the lowering of an op depends on; a constant stands for its bytes."""
    parts = (
        one and (one.shape, one.dtype, one.quantization, -1 if one.data is None else one.index)
        for one in (*call.inputs, call.output)
    )
    # As text 0.0 and -0.0 are different, and NaN is NaN.
    return (call.op.name, repr(call.op.options), *parts)


def _slices(tensor: Tensor) -> int:
    """Return the number of scales where there is one for each slice."""
    own = tensor.quantization
    return len(own.scales) if own is not None and own.per_channel else 0


def _require_few(call: Call, count: int, limit: int, what: str) -> None:
    """Raise when the ops up to this one have too much of what takes time or memory to lower."""
    if count > limit:
        raise ModelError(f"{label(call.op)}: all ops {what.format(limit)}; here it is more")


def _require_int32(call: Call, kernel: Kernel) -> None:
    """Raise when a parameter is not what C can hold."""
    for name, value in kernel.params.items():
        if not -(2**31) <= value < 2**31:
            raise _refused(call, f"The kernel's {name} fits into int32", str(value))


def _refused(call: Call, limit: str, value: str) -> _NotSupportedError:
    """Return the error for a broken limit."""
    from edge_runtime.unsupported import broken_limit

    return _NotSupportedError(broken_limit(call, limit, value))


def _laid_out(
    graph: Graph,
    tensors: list[Tensor],
    source: dict[int, int],
    lowered: list[tuple[Op, Kernel, int]],
) -> Plan:
    """Give every tensor that a kernel touches a slot, and the computed ones a place."""
    given, wanted = graph.inputs[0], graph.outputs[0]
    maker = next((op for op in graph.ops if wanted in op.outputs), None)
    if maker is None:
        raise ModelError("its output is its input: no op makes it")
    if tensors[wanted].shape != graph.tensors[wanted].shape:
        raise UnsoundError(
            f"its output is {list(graph.tensors[wanted].shape)} in the file, and its ops make "
            f"{list(tensors[wanted].shape)}"
        )
    result = source[wanted]
    copied = result == given or tensors[result].data is not None
    numbers: dict[int, int] = {}
    slots: list[Slot] = []

    def number(index: int) -> int:
        index = source[index]
        if index not in numbers:
            tensor = tensors[index]
            where = "constant" if tensor.data is not None else "arena"
            if index == given:
                where = "input"
            elif index == result and not copied:
                where = "output"
            numbers[index] = len(slots)
            slots.append(Slot(tensor.dtype, _size(tensor), tensor.data, where))
        return numbers[index]

    number(given)
    steps: list[Step] = []
    for op, kernel, output in lowered:
        read = [number(op.inputs[position]) for position in kernel.inputs]
        for constant in kernel.constants:
            slots.append(
                Slot(constant.dtype, len(constant.data), memoryview(constant.data), "constant")
            )
            read.append(len(slots) - 1)
        steps.append(Step(op, kernel, (*read, number(output))))
    made = number(result)
    if copied:
        size = slots[made].size
        slots.append(Slot(slots[made].dtype, size, None, "output"))
        steps.append(Step(maker, copy.kernel(size), (made, len(slots) - 1)))
        made = len(slots) - 1
    arena = _place(slots, steps)
    return Plan(tuple(slots), tuple(steps), numbers[given], made, arena)


def _place(slots: list[Slot], steps: list[Step]) -> int:
    """Give computed slots their place, and return the arena's size.

    A kernel that can work in place takes its input's place over when nobody else needs it: so
    what comes before the model's output is calculated in the caller's output buffer.
    """
    last = {slot: index for index, step in enumerate(steps) for slot in step.slots}
    first = {step.slots[-1]: index for index, step in enumerate(steps)}
    storage = list(range(len(slots)))
    for index, step in reversed(list(enumerate(steps))):
        read, made = step.slots[0], step.slots[-1]
        if (
            step.kernel.in_place
            and slots[read].place == "arena"
            and slots[read].size == slots[made].size
            and last[read] == index
        ):
            storage[read] = storage[made]
    shared: dict[int, Lifetime] = {}
    for slot, root in enumerate(storage):
        if slots[slot].place == "arena" and slots[root].place == "arena":
            own = Lifetime(slots[slot].size, first[slot], last[slot])
            was = shared.get(root, own)
            start, end = min(was.first, own.first), max(was.last, own.last)
            shared[root] = Lifetime(own.size, start, end)
    offsets, size = place(list(shared.values()))
    where = dict(zip(shared, offsets, strict=True))
    for slot, root in enumerate(storage):
        if slots[slot].place == "arena":
            slots[slot] = replace(slots[slot], place=slots[root].place, offset=where.get(root, 0))
    return size
