"""The forward pass of a float .tflite file: what its first and last ops say."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.graph import Graph
from edge_runtime.meaning import last_op
from edgekit.rescaling import rescaled

TENSORFLOW = {"SOFTMAX": "Softmax", "LOGISTIC": "Sigmoid", "LOG_SOFTMAX": "LogSoftmax"}
"""Op -> TensorFlow's name for it, where the meaning of an output depends on it."""


@dataclass(frozen=True)
class GraphForward:
    """A forward pass, as ``forward.Forward`` is one of TensorFlow.

    Attributes:
        graph: the float file's graph.
    """

    graph: Graph

    @property
    def last_op(self) -> str:
        """The op that makes the first output's numbers, by TensorFlow's name where it has one."""
        name = last_op(self.graph)
        return TENSORFLOW.get(name, name)

    def rescaled(self, values: npt.ArrayLike) -> npt.NDArray[np.float32] | None:
        """Return the file's own rescaling of inputs filled with one number each.

        Args:
            values: numbers [N].

        Returns:
            float32 [N, ...]; None where the file does not begin with products and sums.
        """
        results = [rescaled(self.graph, float(value)) for value in np.asarray(values).ravel()]
        complete = [result for result in results if result is not None]
        return np.stack(complete) if complete and len(complete) == len(results) else None
