"""Small .tflite models of several inputs and outputs, and one with a state."""

from collections.abc import Mapping

from ai_edge_litert import schema_py_generated as schema

import models


def signed(data: bytes, inputs: Mapping[str, int], outputs: Mapping[str, int]) -> bytes:
    """Return the model with a signature that names its tensors."""
    tree = schema.ModelT.InitFromPackedBuf(data, 0)
    tree.signatureDefs = [
        schema.SignatureDefT(
            inputs=[schema.TensorMapT(name, index) for name, index in inputs.items()],
            outputs=[schema.TensorMapT(name, index) for name, index in outputs.items()],
            signatureKey="serving_default",
        )
    ]
    return models.pack(tree)


def two(dtype: str = "int8", batch: int = 2) -> bytes:
    """Sum and difference of two inputs; the first output is the sum's logistic."""
    scale, zero_point = (0.05, 3) if dtype == "int8" else (0.0, 0)
    tensors = [models.tensor((batch, 5), dtype, scale, zero_point) for _ in range(4)]
    tensors.append(models.tensor((batch, 5), dtype, 1 / 256 if scale else 0.0, -128))
    add = schema.AddOptionsT()
    sub = schema.SubOptionsT()
    ops = [
        ("ADD", [0, 1], [2], add),
        ("SUB", [0, 1], [3], sub),
        ("LOGISTIC", [2], [4], None),
    ]
    return models.file([(tensors, [0, 1], [4, 3])], [ops])


NAMED = {"inputs": {"left": 0, "right": 1}, "outputs": {"difference": 3, "probability": 4}}
"""The outputs in another order than the subgraph has them."""


def stateful(dtype: str = "int8") -> bytes:
    """The input and a state that nothing writes: what it is at first."""
    scale, zero_point = (0.5, -3) if dtype == "int8" else (0.0, 0)
    tensors = [models.tensor((1, 4), dtype, scale, zero_point) for _ in range(3)]
    tensors[1].isVariable = True
    ops = [("ADD", [0, 1], [2], schema.AddOptionsT())]
    return models.file([(tensors, [0], [2])], [ops])


def split() -> bytes:
    """One input, and two outputs: its logistic, and its positive part."""
    tensors = [models.tensor((1, 4)) for _ in range(3)]
    ops = [("LOGISTIC", [0], [1], None), ("RELU", [0], [2], None)]
    return models.file([(tensors, [0], [1, 2])], [ops])


def joined() -> bytes:
    """Two inputs, and the scores of four classes: the softmax of the sum."""
    tensors = [models.tensor((1, 4)) for _ in range(4)]
    ops = [
        ("ADD", [0, 1], [2], schema.AddOptionsT()),
        ("SOFTMAX", [2], [3], schema.SoftmaxOptionsT(beta=1.0)),
    ]
    return models.file([(tensors, [0, 1], [3])], [ops])
