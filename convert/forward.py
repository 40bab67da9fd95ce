"""A forward pass as a frozen TensorFlow graph: what its first and last operators say."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgekit import frameworks

INPUT = "input"
CARRIERS = frozenset(("Identity", "Cast", "Reshape", "ExpandDims", "Squeeze", "StopGradient"))
"""Operators that leave the numbers as they are."""

AFFINE = frozenset(("Mul", "AddV2", "Add", "Sub", "RealDiv", "BiasAdd", "DivNoNan"))
"""Operators that make up a rescaling or a normalisation, where one operand is constant."""

SHAPES = frozenset(("Shape", "StridedSlice", "Pack", "Prod"))
"""Operators that read a tensor's shape, and not its numbers."""


@dataclass(frozen=True)
class Forward:
    """A forward pass.

    Attributes:
        graph: the GraphDef, all functions inlined and all variables constants.
        output: name of the node of the first output.
        shape: shape of the first input with the batch.
    """

    graph: Any
    output: str
    shape: tuple[int, ...]

    @property
    def last_op(self) -> str:
        """The operator that makes the output's numbers, as "Softmax", "Sigmoid", "BiasAdd"."""
        nodes = {node.name: node for node in self.graph.node}
        node = nodes[self.output]
        while node.op in CARRIERS and node.input:
            node = nodes[_source(node.input[0])]
        return str(node.op)

    def rescaled(self, values: npt.ArrayLike) -> npt.NDArray[np.float32] | None:
        """Return the own rescaling of a model of one input, of inputs filled with one number each.

        This runs its leading products and sums with constants: a Rescaling, a Normalization, or the
        same as plain operators.

        Args:
            values: numbers [N].

        Returns:
            float32 [N, ...]; None when the model does not begin with such operators.
        """
        end = self._end_of_rescaling()
        if end is None:
            return None
        tf = frameworks.tensorflow()
        filled = [np.full(self.shape, value, np.float32) for value in np.asarray(values)]

        def run(tensor: Any) -> Any:
            (result,) = tf.graph_util.import_graph_def(
                self.graph, input_map={INPUT: tensor}, return_elements=[f"{end}:0"], name=""
            )
            return result

        compiled = tf.function(run, autograph=False)
        return np.stack([np.asarray(compiled(tf.constant(array))) for array in filled])

    def _end_of_rescaling(self) -> str | None:
        """Return the last node of the leading products and sums; None where there are none."""
        nodes = {node.name: node for node in self.graph.node}
        readers: dict[str, list[Any]] = {}
        for node in self.graph.node:
            for name in node.input:
                readers.setdefault(_source(name), []).append(node)
        varying = _depending(self.graph.node)
        end, at = None, INPUT
        while True:
            after = [node for node in readers.get(at, []) if node.op not in SHAPES]
            if len(after) != 1 or at == self.output:
                return end
            (node,) = after
            others = [name for name in map(_source, node.input) if name != at]
            carried = node.op in CARRIERS and _source(node.input[0]) == at
            scaled = node.op in AFFINE and not any(name in varying for name in others)
            if not (carried or scaled) or nodes[at] is node:
                return end
            end, at = (node.name if scaled else end), node.name


def trace(call: Callable[..., Any], *shapes: tuple[int, ...]) -> Forward:
    """Trace a forward pass on float32 inputs of ``shapes``, the batch included."""
    tf = frameworks.tensorflow()
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    names = [INPUT, *(f"{INPUT}_{i}" for i in range(1, len(shapes)))]
    signature = [
        tf.TensorSpec(shape, tf.float32, name=name)
        for shape, name in zip(shapes, names, strict=True)
    ]
    traced = tf.function(call, input_signature=signature, autograph=False)
    frozen = convert_variables_to_constants_v2(traced.get_concrete_function())
    return Forward(frozen.graph.as_graph_def(), frozen.outputs[0].op.name, shapes[0])


def _depending(nodes: Any) -> set[str]:
    """Return the names of the nodes whose numbers depend on the input."""
    varying = {INPUT}
    waiting = list(nodes)
    while True:
        more = {
            node.name
            for node in waiting
            if node.op not in SHAPES and any(_source(name) in varying for name in node.input)
        }
        if more <= varying:
            return varying
        varying |= more


def _source(name: str) -> str:
    """Return the node that an input names: "^name" and "name:1" refer to the node "name"."""
    return name.lstrip("^").partition(":")[0]
