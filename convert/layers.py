"""Layers of a float .tflite file by the names that a user gives them."""

from collections.abc import Sequence
from pathlib import Path

from edge_runtime.graph import Graph, Op
from edgekit.errors import ModelFileError, did_you_mean

BETWEEN_NAMES = str.maketrans(";/", "  ")


def named(path: Path, graph: Graph, layers: Sequence[str]) -> tuple[int, ...]:
    """Return the indices of the ops that ``layers`` name.

    Args:
        path: path for messages.
        graph: the float file's graph.
        layers: positions ("3"), kinds of ops ("SOFTMAX"), positions and kinds as reports have them
            ("3 SOFTMAX"), names of tensors, or parts of them between "/" or ";", as Keras' layers
            are ("dense_1").

    Raises:
        ModelFileError: no op has such a name.
    """
    found: set[int] = set()
    for layer in layers:
        matching = [op.index for op in graph.ops if layer in _names(graph, op)]
        if not matching:
            names = dict.fromkeys(name for op in graph.ops for name in _names(graph, op))
            raise ModelFileError(
                f"--keep-float {layer}: {path} has no such layer{did_you_mean(layer, names)}; "
                f"its ops are {', '.join(_label(op) for op in graph.ops[:32])}"
                + (", …" if len(graph.ops) > 32 else "")
            )
        found.update(matching)
    return tuple(sorted(found))


def _names(graph: Graph, op: Op) -> list[str]:
    """Return the names of an op, those of reports first."""
    names = [_label(op), str(op.index), op.name]
    for index in op.outputs:
        tensor = graph.tensors[index].name
        names += [tensor, *tensor.translate(BETWEEN_NAMES).split()]
    return names


def _label(op: Op) -> str:
    return f"{op.index} {op.name}"
