"""What an engine executes: slots, steps, a plan of them; and what it says of its variants."""

from __future__ import annotations

from edge_runtime.record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    from edge_runtime.graph import Graph, Op
    from edge_runtime.ops.call import Kernel

    class Engine(Protocol):
        """What runs kernels: it chooses their variants before memory is laid out."""

        def choose(self, kernel: Kernel, slots: Sequence[Slot]) -> tuple[str, int]:
            """Return the level of the variant that runs a kernel, and bytes of its scratch.

            Args:
                kernel: the kernel.
                slots: its inputs and constants.
            """

        def run(
            self, kernel: Kernel, slots: Sequence[Slot], sizes: Sequence[int]
        ) -> tuple[bytes, ...]:
            """Return the outputs of a kernel whose inputs are all known.

            Args:
                kernel: the kernel.
                slots: its inputs and constants.
                sizes: bytes of its outputs.
            """


@record
class Slot:
    """A flat tensor of the plan.

    Attributes:
        dtype: NumPy's name of the element type.
        size: bytes.
        data: a constant's little-endian bytes; None for what is computed.
        place: "constant", "input", "output" (both the caller's) or "arena".
        offset: in the arena; of an input or output its position among them; 0 for a constant.
    """

    dtype: str
    size: int
    data: memoryview | None
    place: str
    offset: int = 0

    HIDDEN = ("data",)


@record
class Step:
    """A kernel and the slots it works on.

    Attributes:
        op: of the graph.
        kernel: what runs it.
        reads: inputs, then constants.
        writes: outputs.
        scratch: memory of the variant's own while it runs; at most one.
        level: of the variant: "portable", or the name of an instruction set or form.
    """

    op: Op
    kernel: Kernel
    reads: tuple[int, ...]
    writes: tuple[int, ...]
    scratch: tuple[int, ...] = ()
    level: str = "portable"

    @property
    def slots(self) -> tuple[int, ...]:
        """All slots, in the order in which the C function has its tensors."""
        return (*self.reads, *self.writes, *self.scratch)


@record
class State:
    """A tensor that keeps its value from one inference to the next.

    Attributes:
        slot: in the arena, where nothing else lies.
        fill: the byte of which it is full before the first inference.
    """

    slot: int
    fill: int


@record
class Plan:
    """What an engine executes.

    Attributes:
        slots: all tensors.
        steps: in execution order.
        inputs: slots of the model's inputs.
        outputs: slots of the model's outputs.
        arena: bytes that the caller of the kernels has to own.
        states: what the arena keeps between inferences.
        graph: the graph after the passes, whose ops the steps run.
    """

    slots: tuple[Slot, ...]
    steps: tuple[Step, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    arena: int
    states: tuple[State, ...]
    graph: Graph

    HIDDEN = ("graph",)
