"""The Keras model run by others: Keras' predict, plain NumPy, ONNX Runtime.

Each peer has its own file, so that a fresh process starts from what a user would ship. That process
imports this module, which therefore imports only what the peers need.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgekit import clock
from edgekit.errors import EdgekitError, MissingExtraError

Floats = npt.NDArray[np.float32]
Function = Callable[[Floats], Floats]
"""Scaled images float32 [N, H, W, C] -> scores float32 [N, classes]."""

KERAS_BATCH = 1024
"""Batch size of Keras' predict; its default of 32 is three times slower."""
ONNX_OPSET = 17
ONNX_IR_VERSION = 8
"""The pair of ONNX 1.12, which every current ONNX Runtime reads."""


@dataclass(frozen=True)
class Dense:
    """A fully connected layer: kernel float32 [inputs, outputs], bias float32 [outputs]."""

    kernel: Floats
    bias: Floats
    activation: str


@dataclass(frozen=True)
class Peer:
    """Another way to run a Keras model.

    Attributes:
        prepare: (Keras file, scratch folder, trust) -> file for ``open``.
        open: (that file, trust) -> function from images to scores; ``trust`` runs the code that a
            Keras file contains.
        distributions: packages that must be installed to run it.
    """

    prepare: Callable[[Path, Path, bool], Path]
    open: Callable[[Path, bool], Function]
    distributions: tuple[str, ...]


class PeerError(EdgekitError):
    """The model does not exist, or the peer cannot express it."""


def answer_once(
    name: str, path: str, shape: tuple[int, ...], tensor: bytes, *, trust: bool
) -> bytes:
    """Open a peer's file, run it on one float32 input of ``shape`` and return float32 scores."""
    function = PEERS[name].open(Path(path), trust)
    return function(np.frombuffer(tensor, np.float32).reshape(shape)).tobytes()


def keras_model(file: Path, *, trust: bool = False) -> Any:
    """Load a Keras model that runs with one thread.

    Args:
        file: a .keras or an HDF5 file.
        trust: run the code that it contains or names; else such a file is refused.

    Raises:
        MissingExtraError: Keras is not installed.
        ModelFileError: the file is not a Keras model, or runs code.
        PeerError: the file does not exist.
    """
    from edgekit import frameworks, keras_files

    if not file.exists():
        raise PeerError(f"{file} is not there: edgekit train makes it")
    frameworks.tensorflow()
    with suppress(RuntimeError):  # TensorFlow has already started its threads
        frameworks.tensorflow().config.threading.set_intra_op_parallelism_threads(1)
    return keras_files.load(file, trust=trust, verbose=False).model


def dense_layers(model: Any) -> list[Dense]:
    """Return the layers of a Keras Sequential of Flatten, Dropout and Dense.

    Raises:
        PeerError: the model has other layers.
    """
    if type(model).__name__ != "Sequential":
        raise PeerError(f"this peer supports Sequential models only, not {type(model).__name__}")
    layers = []
    for layer in model.layers:
        match type(layer).__name__:
            case "InputLayer" | "Flatten" | "Dropout":
                pass
            case "Dense" if layer.activation.__name__ in ACTIVATIONS:
                kernel, *biases = layer.get_weights()
                bias = biases[0] if biases else np.zeros(kernel.shape[1], np.float32)
                layers.append(Dense(kernel, bias, layer.activation.__name__))
            case name:
                raise PeerError(f"this peer supports Flatten and Dense only, not {name}")
    return layers


def open_keras(file: Path, trust: bool) -> Function:
    """Return Keras' predict."""
    model = keras_model(file, trust=trust)
    shape = model.input_shape[1:]

    def predict(images: Floats) -> Floats:
        scores: Floats = model.predict(
            images if None in shape else images.reshape(len(images), *shape),
            batch_size=KERAS_BATCH,
            verbose=0,
        )
        return scores

    return predict


def prepare_numpy(keras_file: Path, scratch: Path, trust: bool) -> Path:
    """Write the layers into an .npz: kernel_0, bias_0, activation_0, kernel_1 and so on."""
    clock.require_for_zips()
    arrays: dict[str, Any] = {}
    for i, layer in enumerate(dense_layers(keras_model(keras_file, trust=trust))):
        arrays[f"kernel_{i}"] = layer.kernel
        arrays[f"bias_{i}"] = layer.bias
        arrays[f"activation_{i}"] = layer.activation
    file = scratch / "model.npz"
    np.savez(file, **arrays)
    return file


def open_numpy(file: Path, _trust: bool) -> Function:
    """Return the forward pass in NumPy: a product, a sum and an activation per layer."""
    with np.load(file) as arrays:
        layers = [
            (
                arrays[f"kernel_{i}"],
                arrays[f"bias_{i}"],
                ACTIVATIONS[str(arrays[f"activation_{i}"])],
            )
            for i in range(len(arrays) // 3)
        ]

    def forward(images: Floats) -> Floats:
        values = images.reshape(len(images), -1)
        for kernel, bias, activation in layers:
            values = activation(values @ kernel + bias)
        return values

    return forward


def prepare_onnx(keras_file: Path, scratch: Path, trust: bool) -> Path:
    """Write the layers as an ONNX model: Flatten, then Gemm and activation per layer."""
    for package in ("onnx", "onnxruntime"):
        if find_spec(package) is None:
            raise MissingExtraError(package, "peers", "this peer")
    import onnx
    from onnx import helper, numpy_helper

    model = keras_model(keras_file, trust=trust)
    layers = dense_layers(model)
    nodes = [helper.make_node("Flatten", ["images"], ["values"], axis=1)]
    constants = []
    value = "values"
    for i, layer in enumerate(layers):
        constants.append(numpy_helper.from_array(layer.kernel, f"kernel_{i}"))
        constants.append(numpy_helper.from_array(layer.bias, f"bias_{i}"))
        inputs = [value, f"kernel_{i}", f"bias_{i}"]
        nodes.append(helper.make_node("Gemm", inputs, [f"sum_{i}"]))
        value = f"activation_{i}"
        operator = "Identity" if layer.activation == "linear" else layer.activation.capitalize()
        nodes.append(helper.make_node(operator, [f"sum_{i}"], [value]))
    graph = helper.make_graph(
        nodes,
        "model",
        [_float_value("images", ["N", *model.inputs[0].shape[1:]])],
        [_float_value(value, ["N", layers[-1].bias.size])],
        constants,
    )
    file = scratch / "model.onnx"
    opset = helper.make_opsetid("", ONNX_OPSET)
    onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=ONNX_IR_VERSION), file)
    return file


def open_onnx(file: Path, _trust: bool) -> Function:
    """Return an ONNX Runtime session on the CPU with one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])

    def answer(images: Floats) -> Floats:
        scores: Floats
        (scores,) = session.run(None, {"images": images})
        return scores

    return answer


def relu(values: Floats) -> Floats:
    """max(0, x)."""
    return np.maximum(values, 0)


def sigmoid(values: Floats) -> Floats:
    """1 / (1 + exp(-x)), computed by tanh, which does not overflow."""
    half = np.float32(0.5)
    tanh: Floats = np.tanh(half * values)
    return half * tanh + half


def softmax(values: Floats) -> Floats:
    """exp(x) normalised over the last axis."""
    powers: Floats = np.exp(values - values.max(axis=-1, keepdims=True))
    total: Floats = powers.sum(axis=-1, keepdims=True)
    return powers / total


ACTIVATIONS: dict[str, Callable[[Floats], Floats]] = {
    "linear": lambda values: values,
    "relu": relu,
    "sigmoid": sigmoid,
    "softmax": softmax,
    "tanh": np.tanh,
}
"""Keras' name -> function. Capitalised, the names are those of ONNX operators, except linear."""

PEERS = {
    "keras": Peer(lambda file, _scratch, _trust: file, open_keras, ("tensorflow", "keras")),
    "numpy": Peer(prepare_numpy, open_numpy, ("numpy",)),
    "onnxruntime": Peer(prepare_onnx, open_onnx, ("onnxruntime",)),
}


def _float_value(name: str, shape: list[str | int]) -> Any:
    from onnx import TensorProto, helper

    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
