"""A float32 .tflite of several FULLY_CONNECTED in a row, their inputs of any sizes."""

from itertools import pairwise

import numpy as np

import build


def dense(sizes: list[int]) -> bytes:
    """Return a model from [1, sizes[0]] to [1, sizes[-1]], a layer for each two neighbours."""
    tensors, ops = [build.tensor((1, sizes[0]), name="given")], []
    for layer, (depth, outputs) in enumerate(pairwise(sizes)):
        weights, output = 2 * layer + 1, 2 * layer + 2
        tensors += [
            build.constant(np.ones((outputs, depth)), "float32", name=f"weights {layer}"),
            build.tensor((1, outputs), name=f"layer {layer}"),
        ]
        ops.append(("FULLY_CONNECTED", [max(0, output - 2), weights, -1], output, {}))
    return build.model(tensors, ops)
