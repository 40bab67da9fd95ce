"""Convert a Keras 3 model to tf_keras and back: same layers, same weights, equal outputs.

tensorflow-model-optimization supports only tf_keras. A model travels to the other process as a
description (plain data) and its weights by name; only weights travel back, into the Keras 3 model.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from edgekit.errors import ModelFileError
from edgekit.train.finetune.equivalents import equivalents

Weights = dict[str, npt.NDArray[np.float32]]
"""Arrays by "layer/weight", for example "dense/kernel"."""

CONVOLUTION = ("kernel_size", "strides", "padding", "data_format", "dilation_rate")
POOLING = ("pool_size", "strides", "padding", "data_format")
LAYERS: Mapping[str, tuple[str, ...]] = {
    "Activation": ("activation",),
    "Add": (),
    "AveragePooling1D": POOLING,
    "AveragePooling2D": POOLING,
    "BatchNormalization": ("axis", "momentum", "epsilon", "center", "scale"),
    "Concatenate": ("axis",),
    "Conv1D": ("filters", *CONVOLUTION, "groups", "activation", "use_bias"),
    "Conv2D": ("filters", *CONVOLUTION, "groups", "activation", "use_bias"),
    "Conv2DTranspose": ("filters", *CONVOLUTION, "output_padding", "activation", "use_bias"),
    "Cropping2D": ("cropping", "data_format"),
    "Dense": ("units", "activation", "use_bias"),
    "DepthwiseConv1D": ("depth_multiplier", *CONVOLUTION, "activation", "use_bias"),
    "DepthwiseConv2D": ("depth_multiplier", *CONVOLUTION, "activation", "use_bias"),
    "Dropout": ("rate", "seed"),
    "Flatten": ("data_format",),
    "GlobalAveragePooling1D": ("data_format", "keepdims"),
    "GlobalAveragePooling2D": ("data_format", "keepdims"),
    "GlobalMaxPooling1D": ("data_format", "keepdims"),
    "GlobalMaxPooling2D": ("data_format", "keepdims"),
    "LeakyReLU": ("negative_slope",),
    "MaxPooling1D": POOLING,
    "MaxPooling2D": POOLING,
    "Multiply": (),
    "Permute": ("dims",),
    "ReLU": ("max_value", "negative_slope", "threshold"),
    "Rescaling": ("scale", "offset"),
    "Reshape": ("target_shape",),
    "SeparableConv1D": ("filters", "depth_multiplier", *CONVOLUTION, "activation", "use_bias"),
    "SeparableConv2D": ("filters", "depth_multiplier", *CONVOLUTION, "activation", "use_bias"),
    "Softmax": ("axis",),
    "SpatialDropout1D": ("rate", "seed"),
    "SpatialDropout2D": ("rate", "seed"),
    "UpSampling2D": ("size", "data_format", "interpolation"),
    "ZeroPadding1D": ("padding",),
    "ZeroPadding2D": ("padding", "data_format"),
}
"""Layers that compute the same in both, with the arguments that determine what."""

RENAMED: Mapping[str, Mapping[str, str]] = {"LeakyReLU": {"negative_slope": "alpha"}}
"""Arguments with another name in tf_keras."""

ACTIVATIONS = frozenset(
    "linear relu relu6 sigmoid softmax tanh elu selu softplus softsign exponential".split()
)


def description(model: Any, where: str) -> dict[str, Any]:
    """Describe a Keras 3 Sequential or Functional model with one input and one output.

    Args:
        model: the built model.
        where: the model, as errors call it.

    Returns:
        Plain data for JSON: "name", "input_shape" without the batch, and "layers", each after the
        layers that its "inputs" name; the model's input is called "". "weights" of a layer say
        which weight of the model each of its own is; without them they have the same names.

    Raises:
        ModelFileError: a layer cannot be converted; the message has its name and type.
    """
    sequential = type(model).__name__ == "Sequential"
    if not sequential and type(model).__name__ != "Functional":
        raise ModelFileError(
            f"{where}: is a {type(model).__name__}; only Sequential and Functional models can be "
            "fine-tuned"
        )
    layers: list[dict[str, Any]] = []
    before = ""
    inputs: set[str] = set()
    for entry in model.get_config()["layers"]:
        name = entry["config"]["name"]
        if entry["class_name"] == "InputLayer":
            inputs.add(name)
            continue
        sources = [before] if sequential else _sources(entry, where)
        layers.append(
            {
                "name": name,
                "type": entry["class_name"],
                "arguments": _arguments(entry, where),
                "inputs": ["" if source in inputs else source for source in sources],
            }
        )
        before = name
    shape = list(model.inputs[0].shape[1:])
    channels = {one["name"]: model.get_layer(one["name"]).output.shape[-1] for one in layers}
    steps = equivalents(layers, {"": shape[-1], **channels})
    return {"name": model.name, "input_shape": shape, "layers": steps}


def _sources(entry: dict[str, Any], where: str) -> list[str]:
    """Return the names of the layers that feed a Functional model's layer."""
    calls = entry["inbound_nodes"]
    if len(calls) != 1:
        raise _refusal(entry, where, f"is called {len(calls)} times")
    try:
        tensors: Any = calls[0]["args"][0]
        listed = tensors if isinstance(tensors, list) else [tensors]
        return [str(tensor["config"]["keras_history"][0]) for tensor in listed]
    except (IndexError, KeyError, TypeError):
        raise _refusal(entry, where, "has inputs other than the outputs of layers") from None


def _arguments(entry: dict[str, Any], where: str) -> dict[str, Any]:
    keys = LAYERS.get(entry["class_name"])
    if keys is None or entry["module"] != "keras.layers":
        raise _refusal(entry, where, "has no equivalent in tf_keras that can be fine-tuned")
    config = entry["config"]
    activation = config.get("activation", "linear")
    if activation not in ACTIVATIONS if isinstance(activation, str) else True:
        raise _refusal(entry, where, f"has the activation {_shown(activation)}")
    if entry["class_name"].endswith("1D") and config.get("data_format") == "channels_first":
        raise _refusal(entry, where, "has the channels first")
    arguments = {key: config[key] for key in (*keys, "trainable") if key in config}
    for key, value in arguments.items():
        if isinstance(value, dict):
            raise _refusal(entry, where, f"has an object, {_shown(value)}, for {key}")
    return arguments


def _shown(activation: Any) -> str:
    if isinstance(activation, dict):
        return str(activation.get("registered_name") or activation.get("class_name"))
    return str(activation)


def _refusal(entry: dict[str, Any], where: str, reason: str) -> ModelFileError:
    return ModelFileError(
        f"{where}: layer {entry['config']['name']!r} ({entry['class_name']}) {reason}; "
        "--qat, --prune and --cluster do not support this model"
    )


def build(described: dict[str, Any], weights: Weights, keras2: Any) -> Any:
    """Build the tf_keras model of ``described`` with ``weights``.

    Args:
        described: from ``description``.
        weights: from ``weights_of``.
        keras2: the tf_keras module.
    """
    image = keras2.Input(tuple(described["input_shape"]))
    outputs = {"": image}
    result = image
    for layer in described["layers"]:
        names = RENAMED.get(layer["type"], {})
        arguments = {names.get(key, key): value for key, value in layer["arguments"].items()}
        keras_layer = getattr(keras2.layers, layer["type"])(**arguments, name=layer["name"])
        inputs = [outputs[name] for name in layer["inputs"]]
        result = outputs[layer["name"]] = keras_layer(inputs if len(inputs) > 1 else inputs[0])
    model = keras2.Model(image, result, name=described["name"])
    places = _places(described)
    for layer in model.layers:
        for variable in layer.weights:
            own = f"{layer.name}/{_name(variable)}"
            variable.assign(weights[places.get(own, own)].reshape(variable.shape))
    return model


def _places(described: dict[str, Any]) -> dict[str, str]:
    """Return which weight of the Keras 3 model a weight is, where their names differ."""
    return {
        f"{layer['name']}/{own}": place
        for layer in described["layers"]
        for own, place in layer.get("weights", {}).items()
    }


def carried_back(described: dict[str, Any], layers: Iterable[Any], weights: Weights) -> Weights:
    """Return the weights of ``build``'s layers by the names and in the shapes of ``weights``."""
    places = _places(described)
    found = {places.get(own, own): value for own, value in weights_of(layers).items()}
    # Training in int8 has added variables of its own.
    return {name: found[name].reshape(before.shape) for name, before in weights.items()}


def weights_of(layers: Iterable[Any]) -> Weights:
    """Return the weights of Keras 3 or tf_keras ``layers``; a wrapper counts as its inner layer."""
    return {
        f"{getattr(layer, 'layer', layer).name}/{_name(variable)}": np.asarray(variable)
        for layer in layers
        for variable in layer.weights
    }


def set_weights(model: Any, weights: Weights) -> None:
    """Set all weights of the Keras 3 ``model``."""
    for layer in model.layers:
        for variable in layer.weights:
            variable.assign(weights[f"{layer.name}/{_name(variable)}"])


def _name(variable: Any) -> str:
    """Return the name inside the layer; tf_keras' "dense/kernel:0" is "kernel", as in Keras 3."""
    name = str(variable.name).split(":")[0].rsplit("/", 1)[-1]
    return "kernel" if name == "depthwise_kernel" else name
