"""What an engine executes, ``Plan``, and what the planner asks an engine, ``Engine``."""

from __future__ import annotations

from edge_runtime.record import record, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Protocol

    from edge_runtime.graph import Graph, Op, Tensor
    from edge_runtime.ops.call import Constant, Kernel

    class Engine(Protocol):
        """Runs kernels, and chooses their variants before memory is laid out."""

        def choose(self, kernel: Kernel, slots: Sequence[Slot]) -> tuple[str, int]:
            """Return the level of a kernel's variant, and the bytes of its scratch memory.

            Args:
                kernel: the kernel.
                slots: its inputs and constants.
            """

        def run(
            self, kernel: Kernel, slots: Sequence[Slot], sizes: Sequence[int]
        ) -> tuple[bytes, ...]:
            """Return the outputs of a kernel whose inputs are all constant.

            Args:
                kernel: the kernel.
                slots: its inputs and constants.
                sizes: bytes of each output.
            """


@record
class Slot:
    """A flat tensor of the plan.

    Attributes:
        dtype: NumPy's name of the element type.
        size: bytes.
        data: a constant's little-endian bytes; None for computed tensors.
        place: "constant", "input", "output" (both the caller's) or "arena".
        offset: offset in the arena; position among the inputs or outputs; 0 for a constant.
    """

    dtype: str
    size: int
    data: memoryview | None
    place: str
    offset: int = 0

    HIDDEN = ("data",)


def constant_slots(constants: Iterable[Constant]) -> list[Slot]:
    """Return slots of the constants that a lowering adds."""
    contents = ((constant.dtype, memoryview(constant.data)) for constant in constants)
    return [Slot(dtype, len(data), data, "constant", 0) for dtype, data in contents]


@record
class Step:
    """A kernel and its slots.

    Attributes:
        op: the op of the graph.
        kernel: the kernel that runs it.
        reads: slots of its inputs, then constants.
        writes: slots of its outputs.
        scratch: slot of the variant's scratch memory; at most one.
        level: level of the variant: "portable", or the name of an instruction set or form.
    """

    op: Op
    kernel: Kernel
    reads: tuple[int, ...]
    writes: tuple[int, ...]
    scratch: tuple[int, ...] = ()
    level: str = "portable"

    @property
    def slots(self) -> tuple[int, ...]:
        """All slots, in the order of the C function's tensors."""
        return (*self.reads, *self.writes, *self.scratch)


@record
class State:
    """A tensor that keeps its value from one inference to the next.

    Attributes:
        slot: its slot in the arena, which it shares with no other tensor.
        fill: the byte that fills it before the first inference.
        data: its bytes before the first inference, where they are not all the same.
    """

    slot: int
    fill: int
    data: memoryview | None = None

    HIDDEN = ("data",)


@record
class Plan:
    """What an engine executes.

    Attributes:
        slots: all tensors.
        steps: in execution order.
        inputs: slots of the model's inputs.
        outputs: slots of the model's outputs.
        arena: bytes of the arena, which the caller of the kernels owns.
        states: tensors that the arena keeps between inferences.
        graph: the graph after the passes; the steps run its ops.
    """

    slots: tuple[Slot, ...]
    steps: tuple[Step, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    arena: int
    states: tuple[State, ...]
    graph: Graph

    HIDDEN = ("graph",)


def with_output_shapes(graph: Graph, plan: Plan) -> Graph:
    """Return the graph of a file with the shapes that a plan of it infers for its outputs.

    Converters write others, or none, where a shape depends on what the ops calculate.
    """
    tensors = list(graph.tensors)
    for index, planned in zip(graph.outputs, plan.graph.outputs, strict=True):
        tensors[index] = _shaped(tensors[index], plan.graph.tensors[planned].shape)
    return graph if tensors == list(graph.tensors) else replace(graph, tensors=tuple(tensors))


def _shaped(tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
    if tensor.shape == shape:
        return tensor
    batch = tensor.signature[:1] if len(tensor.shape) == len(shape) else shape[:1]
    return replace(
        tensor, shape=shape, signature=(*(batch if -1 in batch else shape[:1]), *shape[1:])
    )
