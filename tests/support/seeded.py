"""The documented network, 784-14-2, in int8 with weights that are the same everywhere."""

from typing import Any

import numpy as np
import numpy.typing as npt

import build

SCALES = (1 / 255, 0.38, 1.09, 1 / 256)
"""Of the input, the hidden layer, its sums and the scores; near those of a trained model."""


def network(zeros: float = 0.0) -> bytes:
    """Return the model; FULLY_CONNECTED with RELU, FULLY_CONNECTED, LOGISTIC.

    Args:
        zeros: share of each kernel's weights, the smallest, that are 0.
    """
    rng = np.random.default_rng(14)
    tensors = [build.tensor((1, 784), "int8", SCALES[0], -128, name="pixels")]
    ops: list[build.Op] = []
    for index, (outputs, depth, spread, zero_point) in enumerate(
        ((14, 784, 22, -128), (2, 14, 70, 22))
    ):
        weights = np.clip(rng.normal(0, spread, (outputs, depth)), -127, 127).astype(np.int8)
        weights[np.abs(weights) < np.quantile(np.abs(weights), zeros)] = 0
        scales = [float(one) for one in rng.uniform(0.007, 0.019, outputs).astype("f4")]
        bias = rng.integers(-900, 900, outputs).astype(np.int32)
        products = build.products(SCALES[index], scales)
        source, sums = len(tensors) - 1, (1, outputs)
        tensors += [
            build.constant(weights, "int8", scales, name=f"w{index}"),
            build.constant(bias, "int32", products, name=f"b{index}"),
            build.tensor(sums, "int8", SCALES[index + 1], zero_point, name=f"layer {index}"),
        ]
        inputs, options = [source, source + 1, source + 2], {"fusedActivationFunction": 1 - index}
        ops.append(("FULLY_CONNECTED", inputs, source + 3, options))
    tensors.append(build.tensor((1, 2), "int8", SCALES[3], -128, name="scores"))
    ops.append(("LOGISTIC", [len(tensors) - 2], len(tensors) - 1, {}))
    return build.model(tensors, ops)


def strokes(count: int) -> npt.NDArray[Any]:
    """Return [count, 784] int8 inputs, a fifth of each lit, as that of a digit is."""
    rng = np.random.default_rng(28)
    images = np.full((count, 28, 28), -128, np.int8)
    for image in images:
        top, left = rng.integers(0, 9), rng.integers(0, 20)
        lit = rng.integers(-127, 128, (rng.integers(8, 21), rng.integers(3, 9)))
        image[top : top + len(lit), left : left + lit.shape[1]] = lit
    return images.reshape(count, 784)
