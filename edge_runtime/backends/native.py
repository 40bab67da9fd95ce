"""Runs a plan with edgekit's C kernels: no interpreter, no NumPy, the same bytes as LiteRT."""

from __future__ import annotations

import os
import struct

from edge_runtime.backends import require_threads
from edge_runtime.errors import BackendError, ModelError
from edge_runtime.graph import FORMATS
from edge_runtime.planner import plan
from edge_runtime.planner.plan import with_output_shapes
from edge_runtime.record import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    import mmap
    from collections.abc import Sequence
    from types import ModuleType
    from typing import Any

    import numpy.typing as npt
    from _typeshed import ReadableBuffer

    from edge_runtime.backends import Session
    from edge_runtime.graph import Graph
    from edge_runtime.ops.call import Kernel
    from edge_runtime.planner.parts import Part
    from edge_runtime.planner.plan import Plan, Slot, Step

VARIABLE = "EDGEKIT_INSTRUCTIONS"
"""Environment variable that names the instruction set to use instead of the best one."""

NUMPY_TYPES = {"float32": 11, "int8": 1, "int16": 3, "int32": 5, "int64": 9, "uint8": 2, "bool": 0}
"""NumPy's type numbers (enum NPY_TYPES)."""

ALIGNMENT = 64
"""Alignment of the scratch memory of each part, in bytes."""


def _extension() -> ModuleType | None:
    """Return the C extension, None where it was not built."""
    try:
        return __import__("edge_runtime._native", fromlist=["_native"])
    except ImportError:
        return None


def unavailable() -> str | None:
    """Return why it cannot run here; None when it can."""
    if _extension() is None:
        return (
            "edge_runtime's C extension is not there: install edgekit's wheel for this platform, "
            "or a C compiler and edgekit again; backend='reference' needs neither"
        )
    return None


def instructions() -> tuple[str, ...]:
    """Return the instruction sets of this machine that there are kernels for, the best first.

    Raises:
        BackendError: there is no extension.
    """
    return tuple(_required().instructions())


def _required() -> ModuleType:
    """Return the extension, or raise BackendError."""
    extension = _extension()
    if extension is None:
        raise BackendError(str(unavailable()))
    return extension


def open_session(
    graph: Graph,
    data: bytes | mmap.mmap,  # noqa: ARG001 - the graph has views of it
    *,
    rounding: str = "litert",
    num_threads: int = 1,
) -> Session:
    """Open a model.

    Args:
        graph: the model.
        data: content of the .tflite file.
        rounding: the runtime whose integers are reproduced: one of ``edge_runtime.ops.ROUNDINGS``.
        num_threads: number of threads that share the work of a call; the answers are the same.

    Raises:
        BackendError: there is no extension, EDGEKIT_INSTRUCTIONS names an instruction set that is
            not available, or the rounding is unknown. ``num_threads`` is not a whole number from 1
            to ``MOST_THREADS``, or above 1 on Windows.
        ModelError: an op of the model is not supported.
    """
    require_threads(num_threads)
    if num_threads > _required().MOST_THREADS:
        raise BackendError(f"num_threads={num_threads}: this system has no threads of POSIX: use 1")
    engine = open_engine()
    return NativeSession(graph, plan(graph, rounding, engine), engine, num_threads)


def open_engine() -> NativeEngine:
    """Return the engine with the instruction set that EDGEKIT_INSTRUCTIONS names, or the best.

    Raises:
        BackendError: there is no extension, or EDGEKIT_INSTRUCTIONS names an instruction set that
            is not available.
    """
    available, forced = instructions(), os.environ.get(VARIABLE)
    if forced and forced not in available:
        raise BackendError(f"{VARIABLE}={forced}: this machine has {', '.join(available)}")
    return NativeEngine(_required(), forced)


class NativeEngine:
    """The extension's kernels; see :class:`edge_runtime.planner.plan.Engine`.

    Args:
        extension: the C extension.
        forced: the best level to use; None for the machine's best.
    """

    def __init__(self, extension: ModuleType, forced: str | None) -> None:
        self.extension = extension
        self.forced = forced

    def choose(self, kernel: Kernel, slots: Sequence[Slot]) -> tuple[str, int]:
        """Return the best variant for this machine."""
        constants = tuple(slot.data for slot in slots)
        chosen: tuple[str, int] = self.extension.choose(
            kernel.name, self.forced, kernel.packed, constants
        )
        return chosen

    def run(self, kernel: Kernel, slots: Sequence[Slot], sizes: Sequence[int]) -> tuple[bytes, ...]:
        """Run the portable kernel."""
        constants = tuple(slot.data for slot in slots)
        outputs: tuple[bytes, ...] = self.extension.run(
            kernel.name, kernel.packed, constants, tuple(sizes)
        )
        return outputs


class NativeSession:
    """A plan in C; see :class:`edge_runtime.backends.Session`."""

    def __init__(
        self, graph: Graph, plan: Plan, engine: NativeEngine, num_threads: int = 1
    ) -> None:
        self.graph = graph = with_output_shapes(graph, plan)
        extension, threads = engine.extension, ()
        # A model that keeps a state runs in one thread: its images follow each other.
        if num_threads > 1 and not plan.states:
            plan, threads = _shared(plan, engine, num_threads)
        self._inputs = [graph.tensors[index] for index in graph.inputs]
        self._outputs = [graph.tensors[index] for index in graph.outputs]
        self._sizes = [plan.slots[slot].size for slot in plan.outputs]
        slots = tuple((slot.place, slot.size, slot.data, slot.offset) for slot in plan.slots)
        steps = tuple(
            (
                step.kernel.name,
                step.level,
                *_parameters(step.kernel, extension.GROUPS),
                step.slots,
                same,
            )
            for step, same in zip(plan.steps, _same(plan), strict=True)
        )
        inputs, outputs = (
            tuple(
                (NUMPY_TYPES[tensor.dtype], plan.slots[slot].size, tensor.shape)
                for tensor, slot in zip(tensors, numbers, strict=True)
            )
            for tensors, numbers in ((self._inputs, plan.inputs), (self._outputs, plan.outputs))
        )
        states = tuple(
            (plan.slots[state.slot].offset, plan.slots[state.slot].size, state.fill, state.data)
            for state in plan.states
        )
        work = sum(slot.size for slot in plan.slots)
        try:
            self._native = extension.Session(
                slots, steps, plan.arena, inputs, outputs, states, work, engine.forced, *threads
            )
        except MemoryError:
            raise ModelError("its packed weights and activations take too much memory") from None
        self.bind = self._native.bind
        """Return a function that runs fitting ndarrays, and calls another for the rest; also pass
        the names of the inputs and of the outputs."""

    def run(self, tensors: Sequence[ReadableBuffer | npt.NDArray[Any]]) -> list[memoryview]:
        """Run the model once."""
        outputs: list[Any] = [memoryview(bytearray(size)) for size in self._sizes]
        self._native.compute(tuple(tensors), tuple(outputs))
        return [
            output.cast(FORMATS[tensor.dtype], tensor.shape)
            for output, tensor in zip(outputs, self._outputs, strict=True)
        ]

    def profile(self, tensors: Sequence[ReadableBuffer | npt.NDArray[Any]]) -> list[int]:
        """Run the model once; return nanoseconds of each step, then what reading the clock costs.

        The clock is read after each step, so that each takes that much longer.
        """
        outputs = tuple(bytearray(size) for size in self._sizes)
        times: bytes = self._native.profile(tuple(tensors), outputs)
        return memoryview(times).cast("q").tolist()

    def run_batch(self, batches: Sequence[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        """Run the images one after another, in C."""
        import numpy as np

        count = len(batches[0]) // self._inputs[0].shape[0]
        outputs = [
            np.empty((count * tensor.shape[0], *tensor.shape[1:]), tensor.dtype)
            for tensor in self._outputs
        ]
        self._native.compute(tuple(map(np.ascontiguousarray, batches)), tuple(outputs))
        return outputs

    def reset(self) -> None:
        """Set the tensors that keep their values between runs to their initial values."""
        self._native.reset()

    def close(self) -> None:
        """End the threads."""
        self._native.close()


def _shared(plan: Plan, engine: NativeEngine, count: int) -> tuple[Plan, tuple[Any, ...]]:
    """Return a plan for threads, and the extension's arguments: threads, scratch memory, stages."""
    from edge_runtime.planner.stages import share  # only threads need it

    packing = _Packing(engine, plan)
    moved, stages = share(plan, count, lambda step, part: packing.of(step, part) is not None)
    described = []
    for stage in stages:
        steps = plan.steps[stage.first : stage.first + len(stage.parts)]
        each: tuple[Any, ...] = ()
        if len(stage.parts[0]) > 1:
            of_steps = [
                [(packing.of(step, part), _tensors(part)) for part in shared]
                for step, shared in zip(steps, stage.parts, strict=True)
            ]
            each = tuple(zip(*of_steps, strict=True))
        described.append((stage.first, len(steps), each))
    scratch = -(-packing.scratch // ALIGNMENT) * ALIGNMENT
    return moved, (count, scratch, tuple(described))


def _tensors(part: Part) -> tuple[int | bytes, ...]:
    """Return for each tensor of a part its first byte, or bytes in place of a constant's."""
    return tuple(part.constants.get(at, first) for at, (first, _) in enumerate(part.spans))


class _Packing:
    """What parts of steps read in place of their parameters.

    Attributes:
        scratch: bytes of scratch memory that a part needs at most.
    """

    def __init__(self, engine: NativeEngine, plan: Plan) -> None:
        self.scratch = 0
        self._engine, self._slots = engine, plan.slots
        self._whole: dict[int, Any] = {}
        self._parts: dict[tuple[object, ...], bytes | None] = {}

    def of(self, step: Step, part: Part) -> bytes | None:
        """Return a part's parameters as the step's variant reads them.

        Returns:
            None where another variant would run the part, or would not read the same constants.
        """
        kernel = step.kernel
        key = id(kernel), *part.params.values()
        if key not in self._parts:
            if id(kernel) not in self._whole:
                self._whole[id(kernel)] = self._packed(step, kernel)
            own = replace(kernel, params=part.params)
            level, scratch = self._engine.choose(own, [self._slots[slot] for slot in step.reads])
            packed = self._packed(step, own) if level == step.level else None
            fits = packed is not None and packed[1] == self._whole[id(kernel)][1]
            self._parts[key] = packed[0] if packed is not None and fits else None
            self.scratch = max(self.scratch, scratch)
        return self._parts[key]

    def _packed(self, step: Step, kernel: Kernel) -> tuple[bytes, tuple[bytes | None, ...]]:
        constants = tuple(self._slots[slot].data for slot in step.reads)
        packed: tuple[bytes, tuple[bytes | None, ...]] = self._engine.extension.pack(
            kernel.name, step.level, kernel.packed, constants
        )
        return packed


def _same(plan: Plan) -> list[int]:
    """Return for each step the first one with the same kernel and constants; -1 where it is that.

    The rounds of a loop are such steps: their weights are packed once.
    """
    first: dict[tuple[int, tuple[int, ...]], int] = {}
    same = []
    for index, step in enumerate(plan.steps):
        constants = tuple(slot for slot in step.reads if plan.slots[slot].data is not None)
        earlier = first.setdefault((id(step.kernel), constants), index)
        same.append(earlier if earlier < index else -1)
    return same


def _parameters(kernel: Kernel, groups: Sequence[int]) -> tuple[bytes, tuple[bytes, ...] | None]:
    """Return parameters and hints as C reads them, and those for so many tensors at once."""
    packed = kernel.packed
    if kernel.rows is None or (rows := kernel.params[kernel.rows]) * groups[-1] >= 2**31:
        return packed, None
    at = 4 * list(kernel.params).index(kernel.rows)
    counts = (struct.pack("=i", rows * group) for group in groups)
    return packed, tuple(packed[:at] + count + packed[at + 4 :] for count in counts)
