"""The documented network, 784-14-2, in int8 with weights that are the same everywhere."""

from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

import runtimes

SCALES = (1 / 255, 0.38, 1.09, 1 / 256)
"""Of the input, the hidden layer, its sums and the scores; near those of a trained model."""


def network(zeros: float = 0.0) -> bytes:
    """Return the model; FULLY_CONNECTED with RELU, FULLY_CONNECTED, LOGISTIC.

    Args:
        zeros: share of each kernel's weights, the smallest, that are 0.
    """
    rng = np.random.default_rng(14)
    tensors = [runtimes.tensor("pixels", (1, 784), "int8", (SCALES[0],), (-128,))]
    steps = []
    for index, (outputs, depth, spread, zero_point) in enumerate(
        ((14, 784, 22, -128), (2, 14, 70, 22))
    ):
        weights = np.clip(rng.normal(0, spread, (outputs, depth)), -127, 127).astype(np.int8)
        weights[np.abs(weights) < np.quantile(np.abs(weights), zeros)] = 0
        scales = tuple(float(one) for one in rng.uniform(0.007, 0.019, outputs).astype("f4"))
        bias = rng.integers(-900, 900, outputs).astype(np.int32)
        products = tuple(SCALES[index] * one for one in scales)
        given = len(tensors) - 1
        made = (SCALES[index + 1],), (zero_point,)
        zeros = (0,) * outputs
        tensors += [
            runtimes.tensor(f"w{index}", weights.shape, "int8", scales, zeros, weights),
            runtimes.tensor(f"b{index}", (outputs,), "int32", products, zeros, bias),
            runtimes.tensor(f"layer {index}", (1, outputs), "int8", *made),
        ]
        options = schema.FullyConnectedOptionsT()
        options.fusedActivationFunction = 1 - index
        steps.append(("FULLY_CONNECTED", options, [given, given + 1, given + 2], given + 3))
    tensors.append(runtimes.tensor("scores", (1, 2), "int8", (SCALES[3],), (-128,)))
    steps.append(("LOGISTIC", None, [len(tensors) - 2], len(tensors) - 1))
    return runtimes.network(steps, tensors, version=3)


def strokes(count: int) -> npt.NDArray[Any]:
    """Return [count, 784] int8 inputs, a fifth of each lit, as that of a digit is."""
    rng = np.random.default_rng(28)
    made = np.full((count, 28, 28), -128, np.int8)
    for image in made:
        top, left = rng.integers(0, 9), rng.integers(0, 20)
        lit = rng.integers(-127, 128, (rng.integers(8, 21), rng.integers(3, 9)))
        image[top : top + len(lit), left : left + lit.shape[1]] = lit
    return made.reshape(count, 784)
