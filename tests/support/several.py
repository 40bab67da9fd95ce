"""Small .tflite models of several inputs and outputs, and with a state; and inputs for them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

import build
from build import Op


def drawn(dtype: str, inputs: int = 2, *, batch: int = 1, seed: int = 0) -> list[npt.NDArray[Any]]:
    """Random inputs [batch, 5]."""
    rng = np.random.default_rng(seed)
    return [rng.integers(-100, 100, (batch, 5)).astype(dtype) for _ in range(inputs)]


def two(dtype: str = "int8", batch: int = 2, signature: Any = None) -> bytes:
    """Sum and difference of two inputs; the first output is the sum's logistic."""
    scale, zero_point = (0.05, 3) if dtype == "int8" else (0.0, 0)
    tensors = [build.tensor((batch, 5), dtype, scale, zero_point) for _ in range(4)]
    tensors.append(build.tensor((batch, 5), dtype, 1 / 256 if scale else 0.0, -128))
    ops: list[Op] = [
        ("ADD", [0, 1], 2, {}),
        ("SUB", [0, 1], 3, {}),
        ("LOGISTIC", [2], 4, {}),
    ]
    return build.model(tensors, ops, inputs=[0, 1], outputs=[4, 3], signature=signature)


NAMED = {"inputs": {"left": 0, "right": 1}, "outputs": {"difference": 3, "probability": 4}}
"""The outputs in another order than the subgraph has them."""


def shared_sum(dtype: str, outputs: Sequence[int] = (4, 3), signature: Any = None) -> bytes:
    """Two inputs, 0 and 1; 2 is their sum, which 3 and 4 are computed from."""
    last: Op = ("RELU", [2], 4, {})
    tensors = _tensors(dtype, 5)
    if dtype == "int8":
        last = ("LOGISTIC", [2], 4, {})
        tensors[4] = build.tensor((1, 5), dtype, 1 / 256, -128)
    ops: list[Op] = [("ADD", [0, 1], 2, {}), ("SUB", [2, 1], 3, {}), last]
    return build.model(tensors, ops, inputs=[0, 1], outputs=outputs, signature=signature)


def renamed(dtype: str = "int8") -> bytes:
    """That model with names not all of which C has, its outputs in another order than the file."""
    names = {"inputs": {"left": 0, "int": 1}, "outputs": {"rest": 3, "Logistic-2": 4}}
    return shared_sum(dtype, signature=names)


def two_outputs() -> bytes:
    """One input and two int8 outputs."""
    tensors = _tensors("int8", 3)
    tensors[2] = build.tensor((1, 5), "int8", 1 / 256, -128)
    ops: list[Op] = [("ADD", [0, 0], 1, {}), ("LOGISTIC", [0], 2, {})]
    return build.model(tensors, ops, outputs=[1, 2])


def constant(dtype: str = "int8") -> bytes:
    """Two inputs; the second output is the sum of two constants."""
    tensors = _tensors(dtype, 6)
    for index in 2, 3:
        tensors[index].content = np.arange(5, dtype=dtype)[None] * index
    ops: list[Op] = [("ADD", [0, 1], 4, {}), ("ADD", [2, 3], 5, {})]
    return build.model(tensors, ops, inputs=[0, 1], outputs=[4, 5])


def sum_of(names: Sequence[str]) -> bytes:
    """The sum of int8 inputs of these names."""
    count = len(names)
    tensors = _tensors("int8", 2 * count - 1)
    for tensor, name in zip(tensors, names, strict=False):
        tensor.name = name
    ops: list[Op] = []
    total = 0
    for index in range(1, count):
        ops.append(("ADD", [total, index], count + index - 1, {}))
        total = count + index - 1
    return build.model(tensors, ops, inputs=range(count))


def _tensors(dtype: str, count: int) -> list[Any]:
    scale, zero_point = (0.05, 3) if dtype == "int8" else (0.0, 0)
    return [build.tensor((1, 5), dtype, scale, zero_point) for _ in range(count)]


def stateful(dtype: str = "int8", elements: int = 4) -> bytes:
    """The input and a state that nothing writes: what it is at first."""
    scale, zero_point = (0.5, -3) if dtype == "int8" else (0.0, 0)
    tensors = [
        build.tensor((1, elements), dtype, scale, zero_point, variable=index == 1)
        for index in range(3)
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
