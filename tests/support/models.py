"""Small .tflite models, made in a millisecond: one or more of each op, and a few networks."""

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

import build


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
        weights = build.constant(w / 100 if float_ else w, "float32" if float_ else "int8", scale)
        tensors = [
            build.tensor((2, 9), dtype, 0.05, zero),
            weights,
            build.constant(b, bias, build.products(0.05, scale)),
            build.tensor((2, 5), dtype, 0.07, -zero),
        ]
        return build.model(tensors, [("FULLY_CONNECTED", [0, 1, 2], 3, options)])

    wide = [
        build.tensor((1, 2, 70), "int8", 0.05, 7),
        build.constant(rng.integers(-127, 128, (33, 70)), "int8", 0.01),
        build.tensor((1, 2, 33), "int8", 0.1),
    ]
    op: build.Op = ("FULLY_CONNECTED", [0, 1, -1], 2, {"keepNumDims": True})
    return {
        "dense int8": dense("int8", "int32", 0.01, 3),
        "dense int8 per channel": dense("int8", "int32", channels, -3, fusedActivationFunction=1),
        "dense int8 wide": build.model(wide, [op]),
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
            given = build.tensor((2, 19), dtype, 0.05 if scale else 0.0, zero)
            output = build.tensor((2, 19), dtype, scale, zero_point)
            made[f"{name} {dtype}"] = build.model([given, output], [(name, [0], 1, options)])
    for name, given, output in (
        ("QUANTIZE", "float32", "int8"),
        ("QUANTIZE", "float32", "int16"),
        ("QUANTIZE", "int8", "int8"),
        ("QUANTIZE", "int16", "int8"),
        ("DEQUANTIZE", "int8", "float32"),
        ("DEQUANTIZE", "int16", "float32"),
    ):
        tensors = [
            build.tensor((3, 11), dtype, 0.0 if dtype == "float32" else scale)
            for dtype, scale in ((given, 0.05), (output, 0.07))
        ]
        made[f"{name} {given} {output}"] = build.model(tensors, [(name, [0], 1, {})])
    return made


def _of_two(rng: np.random.Generator) -> dict[str, bytes]:
    made = {}
    for name in ("ADD", "SUB", "MUL"):
        for dtype, scale in ("float32", 0.0), ("int8", 0.05), ("int16", 0.05):
            row = rng.integers(-100, 100, (1, 13))
            tensors = [
                build.tensor((4, 13), dtype, scale),
                build.constant(row, dtype, scale / 2),
                build.tensor((4, 13), dtype, 1.5 * scale),
                build.tensor((4, 13), dtype, 2 * scale),
            ]
            nodes: list[build.Op] = [
                (name, [0, 1], 2, {"fusedActivationFunction": 1}),
                (name, [2, 0], 3, {}),
            ]
            made[f"{name} {dtype}"] = build.model(tensors, nodes)
    for dtype, scale in ("float32", 0.0), ("int8", 0.05):
        tensors = [
            build.tensor((2, 3, 4), dtype, scale),
            build.tensor((2, 3, 8), dtype, scale),
            build.tensor((4, 3, 8), dtype, scale),
        ]
        nodes = [
            ("CONCATENATION", [0, 0], 1, {"axis": -1}),
            ("CONCATENATION", [1, 1], 2, {"axis": 0}),
        ]
        made[f"CONCATENATION {dtype}"] = build.model(tensors, nodes)
    return made


def infinite() -> bytes:
    """Return a float32 model with infinity in its weights and in most of its outputs."""
    inf = float("inf")
    tensors = [
        build.tensor((1, 4)),
        build.constant([[inf, 1, 1, 1], [1, -inf, 1, 1], [1e38] * 4, [0.5] * 4], "float32"),
        build.constant([1, 1, -1, inf], "float32"),
        build.tensor((1, 4)),
    ]
    return build.model(tensors, [("FULLY_CONNECTED", [0, 1, 2], 3, {})])


def _networks(rng: np.random.Generator) -> dict[str, bytes]:
    def weights(outputs: int, depth: int, scale: float) -> list[schema.TensorT]:
        return [
            build.constant(rng.integers(-127, 128, (outputs, depth)), "int8", [0.01] * outputs),
            build.constant(rng.integers(-900, 900, outputs), "int32", [0.01 * scale] * outputs),
        ]

    documented = build.model(
        [
            build.tensor((1, 6, 6, 1), "int8", 1 / 255, -128),
            build.constant([-1, 36], "int32"),
            build.tensor((1, 36), "int8", 1 / 255, -128),
            *weights(14, 36, 1 / 255),
            build.tensor((1, 14), "int8", 0.05, -128),
            *weights(2, 14, 0.05),
            build.tensor((1, 2), "int8", 0.05, 4),
            build.tensor((1, 2), "int8", 1 / 256, -128),
        ],
        [
            ("RESHAPE", [0, 1], 2, {"newShape": [-1, 36]}),
            ("FULLY_CONNECTED", [2, 3, 4], 5, {"fusedActivationFunction": 1}),
            ("FULLY_CONNECTED", [5, 6, 7], 8, {}),
            ("LOGISTIC", [8], 9, {}),
        ],
    )
    shapes = build.model(
        [
            build.tensor((2, 3, 1, 4)),
            build.tensor((4,), "int32"),
            build.constant([0], "int32"),
            build.constant([1], "int32"),
            build.constant([1], "int32"),
            build.tensor((), "int32"),
            build.constant(12, "int32"),
            build.tensor((2,), "int32"),
            build.tensor((2, 12)),
            build.constant(rng.normal(size=(3, 12)), "float32"),
            build.tensor((2, 3)),
            build.constant(-1, "int32"),
            build.tensor((2, 3, 1)),
            build.tensor((2, 3)),
            build.tensor((2, 3)),
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
