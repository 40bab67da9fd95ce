"""An opened model: the result of reading a Keras file, a SavedModel or a float .tflite file."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edge_runtime.graph import Graph
from edge_runtime.metadata import Metadata
from edgekit.convert import qat
from edgekit.convert.weights import Weight


@dataclass(frozen=True)
class TensorSpec:
    """An input or an output.

    Attributes:
        name: its name in the model.
        shape: shape with the batch; None where a dimension is open.
        dtype: NumPy's name for its element type.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str

    def __str__(self) -> str:
        """Return it as part of a sentence: image [?, 28, 28, 1]."""
        return f"{self.name} [{', '.join('?' if n is None else str(n) for n in self.shape)}]"


@dataclass(frozen=True)
class FloatFile:
    """A float .tflite file.

    Attributes:
        content: its bytes.
        graph: its ops and tensors.
        metadata: labels, normalisation, meaning, provenance; None when it has none.
    """

    content: bytes
    graph: Graph
    metadata: Metadata | None


@dataclass(frozen=True)
class Opened:
    """A model as stored in its file.

    Attributes:
        call: the forward pass, from a tensor for each input to a tensor for each output.
        inputs: all its inputs.
        outputs: all its outputs.
        origin: "Keras 3", "Keras 2", "SavedModel", "TFLite" or "ONNX".
        weights: all its weights.
        owner: the object that keeps the variables alive.
        loss: name of the loss that it was compiled with; "" when its file does not say.
        learned: the same model with the ranges of quantisation-aware training.
        note: what was chosen where the file leaves a choice; "" otherwise.
        trusted: what ``--trust`` allowed the file to do, a line each.
        file: the float .tflite file that it is, or was made of it; None for others.
    """

    call: Callable[..., tuple[Any, ...]]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    origin: str
    weights: tuple[Weight, ...]
    owner: Any
    loss: str = ""
    learned: qat.Learned | None = None
    note: str = ""
    trusted: tuple[str, ...] = ()
    file: FloatFile | None = None
