"""A model's weights, checked before the conversion for NaN, infinity and too large numbers."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.graph import Graph
from edgekit.errors import ModelFileError

MASK = (0.0, -np.inf)
"""Numbers of a mask that is added to scores before a softmax: its infinity is intended."""

LARGEST_FLOAT16 = 65504


@dataclass(frozen=True)
class Weight:
    """A weight, or a constant of the graph.

    Attributes:
        name: name for messages, as "layer 'dense' (kernel)".
        values: its numbers, for ``np.asarray``.
    """

    name: str
    values: Any


def of_variables(variables: Iterable[Any]) -> tuple[Weight, ...]:
    """Return the weights of Keras' or TensorFlow's variables, named by their layers."""
    return tuple(_named(variable) for variable in variables)


def of_graph(graph: Any) -> tuple[Weight, ...]:
    """Return the constants of a frozen GraphDef, but for masks and single numbers."""
    from tensorflow import make_ndarray

    constants = {
        node.name: make_ndarray(node.attr["value"].tensor)
        for node in graph.node
        if node.op == "Const"
    }
    return tuple(
        Weight(f"constant {name!r}", values)
        for name, values in constants.items()
        # An operator may have such a number: the upper limit of a clip, for example.
        if values.size > 1 and not (values.dtype.kind == "f" and np.isin(values, MASK).all())
    )


def of_file(graph: Graph) -> tuple[Weight, ...]:
    """Return the float16 constants of a .tflite file, but for masks and single numbers."""
    constants = {
        tensor.name: np.frombuffer(tensor.data, np.float16)
        for tensor in graph.tensors
        if tensor.dtype == "float16" and tensor.data is not None and tensor.elements > 1
    }
    return tuple(
        Weight(f"tensor {name!r}", values)
        for name, values in constants.items()
        if not np.isin(values, (0.0, -LARGEST_FLOAT16)).all()
    )


def require_finite(path: Path, weights: Iterable[Weight]) -> None:
    """Refuse weights that are not finite.

    Raises:
        ModelFileError: a weight contains NaN or infinity.
    """
    bad = []
    for weight in weights:
        values = _floats(weight)
        if np.isfinite(values).all():
            continue
        problem = "NaN" if np.isnan(values).any() else ""
        if np.isinf(values).any():
            problem += " or infinite" if problem else "infinite"
        bad.append(_counted(weight, ~np.isfinite(values), problem))
    _refuse(path, bad, "its training diverged? Train it again with a smaller learning rate")


def require_float16(path: Path, weights: Iterable[Weight]) -> None:
    """Refuse weights too large for float16; TensorFlow writes its largest number instead.

    Raises:
        ModelFileError: a weight is too large.
    """
    bad = []
    for weight in weights:
        beyond = np.abs(_floats(weight)) >= LARGEST_FLOAT16
        if beyond.any():
            bad.append(
                _counted(weight, beyond, f"not below {LARGEST_FLOAT16}, the largest float16")
            )
    _refuse(path, bad, "use another --scheme")


def _floats(weight: Weight) -> npt.NDArray[Any]:
    """Return its numbers; none for anything else, such as the state of a random seed."""
    values = np.asarray(weight.values)
    return values if values.dtype.kind == "f" else np.zeros(0, np.float32)


def _counted(weight: Weight, bad: npt.NDArray[np.bool_], problem: str) -> str:
    count = int(bad.sum())
    return f"{weight.name}: {count} of {bad.size} numbers {'is' if count == 1 else 'are'} {problem}"


def _refuse(path: Path, bad: list[str], advice: str) -> None:
    if bad:
        more = f", and so in {len(bad) - 1} more" if len(bad) > 1 else ""
        raise ModelFileError(f"{path}: {bad[0]}{more}: {advice}")


def _named(variable: Any) -> Weight:
    # Keras 3 has "dense/kernel", Keras 2 and TensorFlow "dense/kernel:0".
    path = getattr(variable, "path", None) or str(variable.name).partition(":")[0]
    layer, _, name = path.rpartition("/")
    return Weight(f"layer {layer!r} ({name})" if layer else f"variable {name!r}", variable)
