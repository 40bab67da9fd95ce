"""Small float32 .tflite files as converters other than TensorFlow's write them, made by code."""

from pathlib import Path

import numpy as np

import build

SAME = {"strideW": 1, "strideH": 1, "dilationWFactor": 1, "dilationHFactor": 1}
SIZE = (6, 6, 2)
CLASSES = 3


def convolutional(seed: int = 0, *, name: str = "") -> bytes:
    """A float network of ops that the LiteRT quantiser knows, and of some that it does not.

    CONV_2D → LEAKY_RELU → EXPAND_DIMS → SQUEEZE → MAX_POOL_2D → REDUCE_MAX → FULLY_CONNECTED →
    SOFTMAX from [1, 6, 6, 2] to [1, 3], without a signature.
    """
    rng = np.random.default_rng(seed)

    def weights(*shape: int) -> np.ndarray:
        return rng.normal(size=shape).astype(np.float32) * 0.5

    tensors = [
        build.tensor((1, *SIZE), name=name or "input"),
        build.constant(weights(4, 3, 3, 2), "float32", name="net/conv/kernel"),
        build.constant(weights(4), "float32", name="net/conv/bias"),
        build.tensor((1, 6, 6, 4), name="net/conv/BiasAdd;net/conv/Conv2D"),
        build.tensor((1, 6, 6, 4), name="net/leaky/LeakyRelu"),
        build.constant(1, "int32", name="axis"),
        build.tensor((1, 1, 6, 6, 4), name="net/expand"),
        build.tensor((1, 6, 6, 4), name="net/squeeze"),
        build.tensor((1, 3, 3, 4), name="net/pool/MaxPool"),
        build.constant([1, 2], "int32", name="axes"),
        build.tensor((1, 4), name="net/highest/Max"),
        build.constant(weights(CLASSES, 4), "float32", name="net/dense/kernel"),
        build.constant(weights(CLASSES), "float32", name="net/dense/bias"),
        build.tensor((1, CLASSES), name="net/dense/MatMul"),
        build.tensor((1, CLASSES), name="scores"),
    ]
    pool = {"strideW": 2, "strideH": 2, "filterWidth": 2, "filterHeight": 2}
    return build.model(
        tensors,
        [
            ("CONV_2D", [0, 1, 2], 3, SAME),
            ("LEAKY_RELU", [3], 4, {"alpha": 0.2}),
            ("EXPAND_DIMS", [4, 5], 6, {}),
            ("SQUEEZE", [6], 7, {"squeezeDims": [1]}),
            ("MAX_POOL_2D", [7], 8, pool),
            ("REDUCE_MAX", [8, 9], 10, {}),
            ("FULLY_CONNECTED", [10, 11, 12], 13, {}),
            ("SOFTMAX", [13], 14, {"beta": 1.0}),
        ],
    )


def inputs(count: int = 64, seed: int = 1) -> np.ndarray:
    """Return inputs of that network, float32 [count, 6, 6, 2]."""
    return np.random.default_rng(seed).normal(size=(count, *SIZE)).astype(np.float32)


def written(folder: Path) -> tuple[Path, Path]:
    """Write that network and inputs for it; return both paths."""
    model, data = folder / "net.tflite", folder / "inputs.npy"
    model.write_bytes(convolutional())
    np.save(data, inputs())
    return model, data
