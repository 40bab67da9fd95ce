"""Runs a plan with the NumPy definitions of its kernels: slow, readable, the meaning of each op."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from edge_runtime import kernels
from edge_runtime.backends import lacks_numpy
from edge_runtime.errors import BackendError
from edge_runtime.planner import plan
from edge_runtime.planner.plan import with_output_shapes

if TYPE_CHECKING:
    import mmap
    from collections.abc import Sequence

    import numpy.typing as npt
    from _typeshed import ReadableBuffer

    from edge_runtime.backends import Session
    from edge_runtime.graph import Graph
    from edge_runtime.planner.plan import Plan


def unavailable() -> str | None:
    """Return why it cannot run here; None when it can."""
    return lacks_numpy() if find_spec("numpy") is None else None


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
        BackendError: NumPy is not installed, or the rounding is unknown.
        ModelError: an op of the model is not supported.
    """
    if reason := unavailable():
        raise BackendError(reason)
    return ReferenceSession(graph, plan(graph, rounding))


class ReferenceSession:
    """A plan and its constants; see :class:`edge_runtime.backends.Session`."""

    def __init__(self, graph: Graph, plan: Plan) -> None:
        import numpy as np

        self._plan = plan
        self.graph = graph = with_output_shapes(graph, plan)
        self._inputs = [graph.tensors[index].shape for index in graph.inputs]
        self._outputs = [graph.tensors[index].shape for index in graph.outputs]
        self._constants = {
            index: np.frombuffer(slot.data, slot.dtype)
            for index, slot in enumerate(plan.slots)
            if slot.data is not None
        }
        self.reset()

    def reset(self) -> None:
        """Set the tensors that keep their values between runs to their initial values."""
        import numpy as np

        slots = self._plan.slots
        self._states = {
            state.slot: np.frombuffer(
                state.data or bytes([state.fill]) * slots[state.slot].size, slots[state.slot].dtype
            ).copy()  # a kernel may write it where it lies
            for state in self._plan.states
        }

    def run(self, tensors: Sequence[ReadableBuffer | npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        """Run the model once."""
        import numpy as np

        values = {**self._constants, **self._states}
        values |= {
            slot: np.asarray(tensor).ravel()
            for slot, tensor in zip(self._plan.inputs, tensors, strict=True)
        }
        for step in self._plan.steps:
            inputs = [values[slot] for slot in step.reads]
            outputs = kernels.run(step.kernel.name, step.kernel.params, *inputs)
            several = outputs if isinstance(outputs, tuple) else (outputs,)
            values.update(zip(step.writes, several, strict=True))
        self._states = {slot: values[slot] for slot in self._states}
        return [
            values[slot].reshape(shape)
            for slot, shape in zip(self._plan.outputs, self._outputs, strict=True)
        ]

    def run_batch(self, batches: Sequence[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        """Run the images one after another."""
        import numpy as np

        sizes = [shape[0] for shape in self._inputs]
        answers = [
            self.run(
                [
                    batch[position * size : (position + 1) * size]
                    for batch, size in zip(batches, sizes, strict=True)
                ]
            )
            for position in range(len(batches[0]) // sizes[0])
        ]
        return [np.concatenate(outputs) for outputs in zip(*answers, strict=True)]
