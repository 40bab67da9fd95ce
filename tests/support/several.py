"""Small .tflite models of several inputs and outputs, and one with a state."""

from typing import Any

import build


def two(dtype: str = "int8", batch: int = 2, signature: Any = None) -> bytes:
    """Sum and difference of two inputs; the first output is the sum's logistic."""
    scale, zero_point = (0.05, 3) if dtype == "int8" else (0.0, 0)
    tensors = [build.tensor((batch, 5), dtype, scale, zero_point) for _ in range(4)]
    tensors.append(build.tensor((batch, 5), dtype, 1 / 256 if scale else 0.0, -128))
    ops: list[build.Op] = [
        ("ADD", [0, 1], 2, {}),
        ("SUB", [0, 1], 3, {}),
        ("LOGISTIC", [2], 4, {}),
    ]
    return build.model(tensors, ops, inputs=[0, 1], outputs=[4, 3], signature=signature)


NAMED = {"inputs": {"left": 0, "right": 1}, "outputs": {"difference": 3, "probability": 4}}
"""The outputs in another order than the subgraph has them."""


def stateful(dtype: str = "int8") -> bytes:
    """The input and a state that nothing writes: what it is at first."""
    scale, zero_point = (0.5, -3) if dtype == "int8" else (0.0, 0)
    tensors = [
        build.tensor((1, 4), dtype, scale, zero_point, variable=index == 1) for index in range(3)
    ]
    return build.model(tensors, [("ADD", [0, 1], 2, {})])


def split() -> bytes:
    """One input, and two outputs: its logistic, and its positive part."""
    tensors = [build.tensor((1, 4)) for _ in range(3)]
    ops = [("LOGISTIC", [0], 1, {}), ("RELU", [0], 2, {})]
    return build.model(tensors, ops, inputs=[0], outputs=[1, 2])


def joined() -> bytes:
    """Two inputs, and the scores of four classes: the softmax of the sum."""
    tensors = [build.tensor((1, 4)) for _ in range(4)]
    ops = [
        ("ADD", [0, 1], 2, {}),
        ("SOFTMAX", [2], 3, {"beta": 1.0}),
    ]
    return build.model(tensors, ops, inputs=[0, 1], outputs=[3])
