"""Runs a plan with the NumPy definitions of its kernels: slow, readable, the meaning of each op."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from edge_runtime import kernels
from edge_runtime.errors import BackendError
from edge_runtime.planner import plan

if TYPE_CHECKING:
    import mmap

    import numpy.typing as npt
    from _typeshed import ReadableBuffer

    from edge_runtime.backends import Session
    from edge_runtime.graph import Graph
    from edge_runtime.planner import Plan


def unavailable() -> str | None:
    """Return why it cannot run here, None when it can."""
    if find_spec("numpy") is None:
        from edge_runtime.install import pip_line

        return f"NumPy is not installed: {pip_line('install', 'numpy')}"
    return None


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
        BackendError: NumPy is not installed, or the rounding is unknown.
        ModelError: an op of the model is not supported.
    """
    if reason := unavailable():
        raise BackendError(reason)
    return ReferenceSession(graph, plan(graph, rounding))


class ReferenceSession:
    """A plan and its constants; see :class:`edge_runtime.backends.Session`."""

    def __init__(self, graph: Graph, made: Plan) -> None:
        import numpy as np

        self._plan = made
        self._shape = graph.tensors[graph.outputs[0]].shape
        self._constants = {
            index: np.frombuffer(slot.data, slot.dtype)
            for index, slot in enumerate(self._plan.slots)
            if slot.data is not None
        }

    def run(self, tensor: ReadableBuffer | npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Run the model once."""
        import numpy as np

        values = {**self._constants, self._plan.input: np.asarray(tensor).ravel()}
        for step in self._plan.steps:
            *read, made = step.slots
            inputs = [values[slot] for slot in read]
            values[made] = kernels.run(step.kernel.name, step.kernel.params, *inputs)
        return values[self._plan.output].reshape(self._shape)

    def run_batch(self, batch: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Run one after another."""
        import numpy as np

        own = self._shape[0]
        return np.concatenate(
            [self.run(batch[start : start + own]) for start in range(0, len(batch), own)]
        )
