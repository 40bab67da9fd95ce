"""Runs a plan with edgekit's C kernels: no interpreter, no NumPy, the same bytes as LiteRT."""

from __future__ import annotations

import os

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
    from edge_runtime.planner.plan import Plan, Slot

VARIABLE = "EDGEKIT_INSTRUCTIONS"
"""Environment variable that names the instruction set to use instead of the best one."""

NUMPY_TYPES = {"float32": 11, "int8": 1, "int16": 3, "int32": 5, "int64": 9, "uint8": 2, "bool": 0}
"""NumPy's type numbers (enum NPY_TYPES)."""


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
) -> Session:
    """Open a model.

    Args:
        graph: the model.
        data: content of the .tflite file.
        rounding: the runtime whose integers are reproduced: one of ``edge_runtime.ops.ROUNDINGS``.

    Raises:
        BackendError: there is no extension, EDGEKIT_INSTRUCTIONS names an instruction set that is
            not available, or the rounding is unknown.
        ModelError: an op of the model is not supported.
    """
    engine = open_engine()
    return NativeSession(graph, plan(graph, rounding, engine), engine)


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

    def __init__(self, graph: Graph, plan: Plan, engine: NativeEngine) -> None:
        self.graph = graph = with_output_shapes(graph, plan)
        self._inputs = [graph.tensors[index] for index in graph.inputs]
        self._outputs = [graph.tensors[index] for index in graph.outputs]
        self._sizes = [plan.slots[slot].size for slot in plan.outputs]
        extension = engine.extension
        slots = tuple((slot.place, slot.size, slot.data, slot.offset) for slot in plan.slots)
        steps = tuple(
            (
                step.kernel.name,
                step.level,
                *_parameters(step.kernel, extension.GROUP),
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
                slots, steps, plan.arena, inputs, outputs, states, work, engine.forced
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


def _parameters(kernel: Kernel, group: int) -> tuple[bytes, bytes | None]:
    """Return parameters and hints as C reads them, and those for ``group`` tensors at once."""
    if kernel.rows is None or (rows := kernel.params[kernel.rows] * group) >= 2**31:
        return kernel.packed, None
    return kernel.packed, replace(kernel, params={**kernel.params, kernel.rows: rows}).packed
