"""Layers that tensorflow-model-optimization does not know, as several that it does.

Descriptions are those of ``train.finetune.carry``. What is along one axis, [L, C], becomes a
picture of one row, [1, L, C], and stays one for as long as the layers allow: a batch norm has to
follow its convolution.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

Described = dict[str, Any]

IN_TWO_DIMENSIONS: Mapping[str, str] = {
    "AveragePooling1D": "AveragePooling2D",
    "Conv1D": "Conv2D",
    "DepthwiseConv1D": "DepthwiseConv2D",
    "GlobalAveragePooling1D": "GlobalAveragePooling2D",
    "GlobalMaxPooling1D": "GlobalMaxPooling2D",
    "MaxPooling1D": "MaxPooling2D",
    "SeparableConv1D": "SeparableConv2D",
    "SpatialDropout1D": "SpatialDropout2D",
    "ZeroPadding1D": "ZeroPadding2D",
}
"""A layer along one axis -> the same one of pictures."""

EITHER = frozenset(
    "Activation Add BatchNormalization Concatenate Dropout LeakyReLU Multiply ReLU".split()
)
"""Layers that compute the same of [L, C] and of [1, L, C], if their axis is the last."""

SIZES = ("kernel_size", "dilation_rate", "pool_size")
OF_DEPTHWISE = ("depth_multiplier", "kernel_size", "strides", "padding", "dilation_rate")


def equivalents(layers: Iterable[Described], channels: Mapping[str, int]) -> list[Described]:
    """Return layers that compute the same, each after those that it needs.

    Args:
        layers: descriptions of a model's layers, in such an order.
        channels: size of the last axis of each layer's output, and of the model's input, "".
    """
    steps: list[Described] = []
    # Name of a layer -> name of what has its output, as it is and as a row.
    plain, rows = {"": ""}, dict[str, str]()

    def as_it_is(name: str) -> str:
        if name not in plain:
            plain[name] = f"{name}_flat"
            steps.append(
                _step("Reshape", plain[name], [rows[name]], target_shape=(-1, channels[name]))
            )
        return plain[name]

    def as_row(name: str) -> str:
        if name not in rows:
            rows[name] = f"{name or 'input'}_row"
            shape = (1, -1, channels[name])
            steps.append(_step("Reshape", rows[name], [plain[name]], target_shape=shape))
        return rows[name]

    name = ""
    for layer in layers:
        name, inputs = layer["name"], layer["inputs"]
        in_row = layer["type"] in IN_TWO_DIMENSIONS and not layer["arguments"].get("keepdims")
        if in_row or (_either(layer) and all(one in rows for one in inputs)):
            known = {**layer, "inputs": [as_row(one) for one in inputs]}
            ends = layer["type"].startswith("Global")
            (plain if ends else rows)[name] = name
            steps += _known(_of_one_row(known) if in_row else [_last_axis(known)])
        else:
            plain[name] = name
            steps += _known([{**layer, "inputs": [as_it_is(one) for one in inputs]}])
    as_it_is(name)
    return steps


def _known(layers: Iterable[Described]) -> Iterator[Described]:
    """Return the layers, those of pictures that the library does not know as several."""
    for layer in layers:
        if layer["type"] == "SeparableConv2D":
            yield from _separated(layer)
        elif layer["type"] == "Rescaling" and np.any(layer["arguments"]["offset"]):
            yield from _scaled_then_shifted(layer)
        else:
            yield layer


def _either(layer: Described) -> bool:
    return layer["type"] in EITHER and layer["arguments"].get("axis", -1) in (-1, 2)


def _last_axis(layer: Described) -> Described:
    axis = {"axis": -1} if "axis" in layer["arguments"] else {}
    return {**layer, "arguments": layer["arguments"] | axis}


def _scaled_then_shifted(layer: Described) -> Iterator[Described]:
    """Split a Rescaling with an offset: int8 needs a range between product and sum."""
    scaled, arguments = f"{layer['name']}_scaled", layer["arguments"]
    yield {**layer, "name": scaled, "arguments": {**arguments, "offset": 0.0}}
    yield {**layer, "inputs": [scaled], "arguments": {**arguments, "scale": 1.0}}


def _of_one_row(layer: Described) -> Iterator[Described]:
    """Return a layer along one axis as layers of a row; its input is one already."""
    name, inputs, arguments = layer["name"], layer["inputs"], dict(layer["arguments"])
    padding = arguments.get("padding")
    if padding == "causal":
        before = (arguments["kernel_size"][0] - 1) * arguments["dilation_rate"][0]
        yield _step("ZeroPadding2D", f"{name}_padded", inputs, padding=((0, 0), (before, 0)))
        inputs, arguments["padding"] = [f"{name}_padded"], "valid"
    elif padding is not None and not isinstance(padding, str):
        arguments["padding"] = ((0, 0), padding)
    for key in SIZES:
        if key in arguments:
            arguments[key] = (1, *arguments[key])
    if "strides" in arguments:
        # TensorFlow wants equal strides; a single row has no second place to go to.
        arguments["strides"] = (arguments["strides"][0],) * 2
    kind = IN_TWO_DIMENSIONS[layer["type"]]
    yield {**layer, "type": kind, "inputs": inputs, "arguments": arguments}


def _separated(layer: Described) -> Iterator[Described]:
    name, arguments = layer["name"], layer["arguments"]
    depthwise = f"{name}_depthwise"
    own = {key: arguments[key] for key in (*OF_DEPTHWISE, "trainable") if key in arguments}
    first = _step("DepthwiseConv2D", depthwise, layer["inputs"], use_bias=False, **own)
    yield first | {"weights": {"kernel": f"{name}/kernel"}}
    kept = {key: value for key, value in arguments.items() if key not in OF_DEPTHWISE}
    second = _step("Conv2D", name, [depthwise], kernel_size=(1, 1), **kept)
    yield second | {"weights": {"kernel": f"{name}/pointwise_kernel"}}


def _step(kind: str, name: str, inputs: list[str], **arguments: Any) -> Described:
    return {"name": name, "type": kind, "arguments": arguments, "inputs": inputs}
