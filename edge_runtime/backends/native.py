"""Runs a plan with edgekit's own C kernels: no interpreter, no NumPy, the same bytes as LiteRT."""

from __future__ import annotations

import os
import struct

from edge_runtime.errors import BackendError, ModelError
from edge_runtime.graph import FORMATS
from edge_runtime.planner import plan

# typing.TYPE_CHECKING, without the 8 ms that importing typing takes.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import mmap
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

    import numpy.typing as npt
    from _typeshed import ReadableBuffer

    from edge_runtime.backends import Session
    from edge_runtime.graph import Graph, Tensor
    from edge_runtime.ops.call import Kernel
    from edge_runtime.planner import Plan, Step

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
    """Return why it cannot run here, None when it can."""
    if _extension() is None:
        return (
            "edge_runtime's C extension is not there: install edgekit's wheel for this platform, "
            "or a C compiler and edgekit again; backend='reference' needs neither"
        )
    return None


def instructions() -> tuple[str, ...]:
    """Return the instruction sets that this machine has kernels for, the best first.

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
        rounding: whose bytes integers give: one of ``edge_runtime.ops.ROUNDINGS``.

    Raises:
        BackendError: there is no extension, EDGEKIT_INSTRUCTIONS names what is not there, or the
            rounding is unknown.
        ModelError: an op of the model is not supported.
    """
    known, forced = instructions(), os.environ.get(VARIABLE)
    if forced and forced not in known:
        raise BackendError(f"{VARIABLE}={forced}: this machine has {', '.join(known)}")
    return NativeSession(graph, plan(graph, rounding), _required(), forced)


class NativeSession:
    """A plan in C; see :class:`edge_runtime.backends.Session`."""

    def __init__(self, graph: Graph, made: Plan, extension: ModuleType, forced: str | None) -> None:
        self._input = graph.tensors[graph.inputs[0]]
        self._output = graph.tensors[graph.outputs[0]]
        self._size = made.slots[made.output].size
        slots = tuple((slot.place, slot.size, slot.data, slot.offset) for slot in made.slots)
        steps = tuple(_step(step, made, extension, forced) for step in made.steps)
        ports = _port(self._input, made.slots[made.input].size), _port(self._output, self._size)
        work = sum(slot.size for slot in made.slots)
        try:
            self._native = extension.Session(slots, steps, made.arena, *ports, work, forced)
        except MemoryError:
            raise ModelError("its packed weights and activations take too much memory") from None

    def bind(self, slow: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Return a function that runs a fitting ndarray at once and calls ``slow`` on the rest."""
        bound: Callable[[Any], Any] = self._native.bind(slow)
        return bound

    def run(self, tensor: ReadableBuffer | npt.NDArray[Any]) -> memoryview:
        """Run the model once."""
        output: Any = memoryview(bytearray(self._size))
        self._native.compute(tensor, output)
        shaped: memoryview = output.cast(FORMATS[self._output.dtype], self._output.shape)
        return shaped

    def run_batch(self, batch: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Run the images one after another, in C."""
        import numpy as np

        count = len(batch) // self._input.shape[0]
        shape = (count * self._output.shape[0], *self._output.shape[1:])
        outputs = np.empty(shape, self._output.dtype)
        self._native.compute(np.ascontiguousarray(batch), outputs)
        return outputs


def _step(step: Step, made: Plan, extension: ModuleType, highest: str | None) -> tuple[Any, ...]:
    """Return kernel, level, parameters, those for a group, and slots."""
    params, group_params = _parameters(step.kernel, extension.GROUP)
    constants = tuple(made.slots[slot].data for slot in step.slots)
    level, _ = extension.choose(step.kernel.name, highest, params, constants)
    return step.kernel.name, level, params, group_params, step.slots


def _parameters(kernel: Kernel, group: int) -> tuple[bytes, bytes | None]:
    """Return the parameters and hints as C has them, and those for ``group`` tensors at once."""
    fields = {**kernel.params, **kernel.hints}
    form = f"={len(fields)}i"
    single = struct.pack(form, *fields.values())
    if kernel.rows is None or fields[kernel.rows] * group >= 2**31:
        return single, None
    many = fields | {kernel.rows: fields[kernel.rows] * group}
    return single, struct.pack(form, *many.values())


def _port(tensor: Tensor, size: int) -> tuple[int, int, tuple[int, ...]]:
    """Return NumPy's type number, bytes and shape."""
    return NUMPY_TYPES[tensor.dtype], size, tensor.shape
