"""Small .tflite models, made in a millisecond: one or more of each op, and a few networks."""

from collections.abc import Sequence
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

TYPES = {"float32": 0, "int32": 2, "uint8": 3, "int64": 4, "bool": 6, "int16": 7, "int8": 9}
Node = tuple[str, list[int], int, dict[str, Any]]
"""Builtin, inputs, output, and options by the names of the schema's object API."""

OPTIONS = {
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "SOFTMAX": "SoftmaxOptions",
    "CONCATENATION": "ConcatenationOptions",
    "ADD": "AddOptions",
    "SUB": "SubOptions",
    "MUL": "MulOptions",
    "RESHAPE": "ReshapeOptions",
    "SQUEEZE": "SqueezeOptions",
    "STRIDED_SLICE": "StridedSliceOptions",
    "SHAPE": "ShapeOptions",
    "PACK": "PackOptions",
    "LEAKY_RELU": "LeakyReluOptions",
}


def tensor(
    shape: tuple[int, ...],
    dtype: str = "float32",
    scale: float | list[float] = 0.0,
    zero_point: int = 0,
    data: npt.NDArray[Any] | None = None,
) -> schema.TensorT:
    made = schema.TensorT(shape=list(shape), type=TYPES[dtype])
    if scale:
        scales = scale if isinstance(scale, list) else [scale]
        made.quantization = schema.QuantizationParametersT(
            scale=scales, zeroPoint=[zero_point] * len(scales)
        )
    made.content = data
    return made


def constant(values: Any, dtype: str, scale: float | list[float] = 0.0) -> schema.TensorT:
    data = np.asarray(values, dtype)
    return tensor(data.shape, dtype, scale, data=data)


def products(given: float, weights: float | list[float]) -> float | list[float]:
    """Return the scales of a bias."""
    return [given * one for one in weights] if isinstance(weights, list) else given * weights


def model(tensors: list[schema.TensorT], nodes: list[Node]) -> bytes:
    """Pack a model whose input is tensor 0 and whose output is the last node's."""
    made = schema.ModelT(version=3, buffers=[schema.BufferT()], operatorCodes=[])
    for index, one in enumerate(tensors):
        one.name = f"tensor {index}"
        if one.content is not None:
            one.buffer = len(made.buffers)
            content = np.frombuffer(one.content.tobytes(), np.uint8)
            made.buffers.append(schema.BufferT(data=content))
    graph = schema.SubGraphT(tensors=tensors, inputs=[0], outputs=[nodes[-1][2]], operators=[])
    for name, inputs, output, options in nodes:
        code = getattr(schema.BuiltinOperator, name)
        operator = schema.OperatorT(
            opcodeIndex=len(made.operatorCodes), inputs=inputs, outputs=[output]
        )
        made.operatorCodes.append(schema.OperatorCodeT(min(code, 127), None, 1, code))
        if name in OPTIONS:
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, OPTIONS[name])
            operator.builtinOptions = getattr(schema, f"{OPTIONS[name]}T")(**options)
        graph.operators.append(operator)
    made.subgraphs = [graph]
    return pack(made)


def file(
    subgraphs: Sequence[tuple[list[schema.TensorT], list[int], list[int]]],
    nodes: Sequence[Sequence[tuple[str, list[int], list[int], Any]]],
) -> bytes:
    """Pack a model of several subgraphs: tensors, inputs and outputs, and the ops of each.

    An op is its builtin's name, inputs, outputs and options as the object API has them.
    """
    made = schema.ModelT(version=3, buffers=[schema.BufferT()], operatorCodes=[], subgraphs=[])
    for (tensors, inputs, outputs), ops in zip(subgraphs, nodes, strict=True):
        graph = schema.SubGraphT(tensors=tensors, inputs=inputs, outputs=outputs, operators=[])
        for index, one in enumerate(tensors):
            one.name = f"tensor {index}"
            if one.content is not None:
                one.buffer = len(made.buffers)
                content = np.frombuffer(one.content.tobytes(), np.uint8)
                made.buffers.append(schema.BufferT(data=content))
        for name, read, written, options in ops:
            code = getattr(schema.BuiltinOperator, name)
            operator = schema.OperatorT(len(made.operatorCodes), inputs=read, outputs=written)
            made.operatorCodes.append(schema.OperatorCodeT(min(code, 127), None, 1, code))
            if options is not None:
                kind = type(options).__name__.removesuffix("T")
                operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
                operator.builtinOptions = options
            graph.operators.append(operator)
        made.subgraphs.append(graph)
    return pack(made)


def pack(tree: schema.ModelT) -> bytes:
    builder = flatbuffers.Builder(1024)
    builder.Finish(tree.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def seeds() -> dict[str, bytes]:
    """Return models by name, which together hold every op of the engine."""
    rng = np.random.default_rng(3)
    return {**_dense(rng), **_of_one_number(), **_of_two(rng), **_networks(rng)}


def _dense(rng: np.random.Generator) -> dict[str, bytes]:
    w = rng.integers(-127, 128, (5, 9))
    channels = [0.002 + 0.001 * i for i in range(5)]
    b = rng.integers(-2000, 2000, 5)

    def dense(
        dtype: str, bias: str, scale: float | list[float], zero: int, **options: Any
    ) -> bytes:
        float_ = dtype == "float32"
        weights = constant(w / 100 if float_ else w, "float32" if float_ else "int8", scale)
        tensors = [
            tensor((2, 9), dtype, 0.05, zero),
            weights,
            constant(b, bias, products(0.05, scale)),
            tensor((2, 5), dtype, 0.07, -zero),
        ]
        return model(tensors, [("FULLY_CONNECTED", [0, 1, 2], 3, options)])

    wide = [
        tensor((1, 2, 70), "int8", 0.05, 7),
        constant(rng.integers(-127, 128, (33, 70)), "int8", 0.01),
        tensor((1, 2, 33), "int8", 0.1),
    ]
    return {
        "dense int8": dense("int8", "int32", 0.01, 3),
        "dense int8 per channel": dense("int8", "int32", channels, -3, fusedActivationFunction=1),
        "dense int8 wide": model(wide, [("FULLY_CONNECTED", [0, 1, -1], 2, {"keepNumDims": True})]),
        "dense int16": dense("int16", "int64", channels, 0),
        "dense int16, int32 bias": dense("int16", "int32", 0.01, 0, fusedActivationFunction=3),
        "dense float32": dense("float32", "float32", 0, 0, fusedActivationFunction=3),
    }


FUNCTIONS = {
    "LOGISTIC": {"int8": (1 / 256, -128), "int16": (1 / 32768, 0)},
    "SOFTMAX": {"int8": (1 / 256, -128), "int16": (1 / 32768, 0)},
    "TANH": {"int8": (1 / 128, 0), "int16": (1 / 32768, 0)},
    "RELU": {"int8": (0.04, 1), "int16": (0.04, 0)},
    "RELU6": {"int8": (0.04, 1), "int16": (0.04, 0)},
    "RELU_N1_TO_1": {"int8": (0.04, 1), "int16": (0.04, 0)},
    "LEAKY_RELU": {"int8": (0.04, 1), "int16": (0.04, 0)},
}
"""Op -> scale and zero point of its output."""


def _of_one_number() -> dict[str, bytes]:
    made = {}
    for name, types in FUNCTIONS.items():
        options = {"SOFTMAX": {"beta": 1.0}, "LEAKY_RELU": {"alpha": 0.3}}.get(name, {})
        for dtype, (scale, zero_point) in {"float32": (0.0, 0), **types}.items():
            zero = 5 if dtype == "int8" else 0
            given = tensor((2, 19), dtype, 0.05 if scale else 0.0, zero)
            output = tensor((2, 19), dtype, scale, zero_point)
            made[f"{name} {dtype}"] = model([given, output], [(name, [0], 1, options)])
    for name, given, output in (
        ("QUANTIZE", "float32", "int8"),
        ("QUANTIZE", "float32", "int16"),
        ("QUANTIZE", "int8", "int8"),
        ("QUANTIZE", "int16", "int8"),
        ("DEQUANTIZE", "int8", "float32"),
        ("DEQUANTIZE", "int16", "float32"),
    ):
        tensors = [
            tensor((3, 11), dtype, 0.0 if dtype == "float32" else scale)
            for dtype, scale in ((given, 0.05), (output, 0.07))
        ]
        made[f"{name} {given} {output}"] = model(tensors, [(name, [0], 1, {})])
    return made


def _of_two(rng: np.random.Generator) -> dict[str, bytes]:
    made = {}
    for name in ("ADD", "SUB", "MUL"):
        for dtype, scale in ("float32", 0.0), ("int8", 0.05), ("int16", 0.05):
            row = rng.integers(-100, 100, (1, 13))
            tensors = [
                tensor((4, 13), dtype, scale),
                constant(row, dtype, scale / 2),
                tensor((4, 13), dtype, 1.5 * scale),
                tensor((4, 13), dtype, 2 * scale),
            ]
            nodes: list[Node] = [
                (name, [0, 1], 2, {"fusedActivationFunction": 1}),
                (name, [2, 0], 3, {}),
            ]
            made[f"{name} {dtype}"] = model(tensors, nodes)
    for dtype, scale in ("float32", 0.0), ("int8", 0.05):
        tensors = [
            tensor((2, 3, 4), dtype, scale),
            tensor((2, 3, 8), dtype, scale),
            tensor((4, 3, 8), dtype, scale),
        ]
        nodes = [
            ("CONCATENATION", [0, 0], 1, {"axis": -1}),
            ("CONCATENATION", [1, 1], 2, {"axis": 0}),
        ]
        made[f"CONCATENATION {dtype}"] = model(tensors, nodes)
    return made


def infinite() -> bytes:
    """Return a float32 model with infinity in its weights and in most of its outputs."""
    inf = float("inf")
    tensors = [
        tensor((1, 4)),
        constant([[inf, 1, 1, 1], [1, -inf, 1, 1], [1e38] * 4, [0.5] * 4], "float32"),
        constant([1, 1, -1, inf], "float32"),
        tensor((1, 4)),
    ]
    return model(tensors, [("FULLY_CONNECTED", [0, 1, 2], 3, {})])


def _networks(rng: np.random.Generator) -> dict[str, bytes]:
    def weights(outputs: int, depth: int, scale: float) -> list[schema.TensorT]:
        return [
            constant(rng.integers(-127, 128, (outputs, depth)), "int8", [0.01] * outputs),
            constant(rng.integers(-900, 900, outputs), "int32", [0.01 * scale] * outputs),
        ]

    documented = model(
        [
            tensor((1, 6, 6, 1), "int8", 1 / 255, -128),
            constant([-1, 36], "int32"),
            tensor((1, 36), "int8", 1 / 255, -128),
            *weights(14, 36, 1 / 255),
            tensor((1, 14), "int8", 0.05, -128),
            *weights(2, 14, 0.05),
            tensor((1, 2), "int8", 0.05, 4),
            tensor((1, 2), "int8", 1 / 256, -128),
        ],
        [
            ("RESHAPE", [0, 1], 2, {"newShape": [-1, 36]}),
            ("FULLY_CONNECTED", [2, 3, 4], 5, {"fusedActivationFunction": 1}),
            ("FULLY_CONNECTED", [5, 6, 7], 8, {}),
            ("LOGISTIC", [8], 9, {}),
        ],
    )
    shapes = model(
        [
            tensor((2, 3, 1, 4)),
            tensor((4,), "int32"),
            constant([0], "int32"),
            constant([1], "int32"),
            constant([1], "int32"),
            tensor((), "int32"),
            constant(12, "int32"),
            tensor((2,), "int32"),
            tensor((2, 12)),
            constant(rng.normal(size=(3, 12)), "float32"),
            tensor((2, 3)),
            constant(-1, "int32"),
            tensor((2, 3, 1)),
            tensor((2, 3)),
            tensor((2, 3)),
        ],
        [
            ("SHAPE", [0], 1, {"outType": 2}),
            ("STRIDED_SLICE", [1, 2, 3, 4], 5, {"shrinkAxisMask": 1}),
            ("PACK", [5, 6], 7, {"valuesCount": 2}),
            ("RESHAPE", [0, 7], 8, {}),
            ("FULLY_CONNECTED", [8, 9, -1], 10, {}),
            ("EXPAND_DIMS", [10, 11], 12, {}),
            ("SQUEEZE", [12], 13, {"squeezeDims": [2]}),
            ("LOGISTIC", [13], 14, {}),
        ],
    )
    return {"documented": documented, "shapes": shapes}
