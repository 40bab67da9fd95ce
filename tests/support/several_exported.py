"""Small models of several inputs and outputs, and with a state."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

import build
from build import Op


def _tensors(dtype: str, count: int) -> list[schema.TensorT]:
    scale, zero_point = {"float32": (0.0, 0), "int8": (0.05, 3)}[dtype]
    return [build.tensor((1, 5), dtype, scale, zero_point) for _ in range(count)]


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
    return build.pack(tree)


def two(dtype: str, outputs: Sequence[int] = (4, 3)) -> bytes:
    """Return a model of two inputs, 0 and 1; 2 is their sum, which 3 and 4 are computed from."""
    last: Op = ("RELU", [2], [4], {})
    tensors = _tensors(dtype, 5)
    if dtype == "int8":
        last = ("LOGISTIC", [2], [4], {})
        tensors[4] = build.tensor((1, 5), dtype, 1 / 256, -128)
    ops: list[Op] = [
        ("ADD", [0, 1], [2], {}),
        ("SUB", [2, 1], [3], {}),
        last,
    ]
    return build.model(tensors, ops, inputs=[0, 1], outputs=list(outputs))


def two_outputs() -> bytes:
    """Return a model of one input and two outputs."""
    tensors = _tensors("int8", 3)
    tensors[2] = build.tensor((1, 5), "int8", 1 / 256, -128)
    ops: list[Op] = [
        ("ADD", [0, 0], [1], {}),
        ("LOGISTIC", [0], [2], {}),
    ]
    return build.model(tensors, ops, inputs=[0], outputs=[1, 2])


def named(dtype: str = "int8") -> bytes:
    """Return that model with names, its outputs in another order than in the subgraph."""
    return signed(two(dtype), {"left": 0, "int": 1}, {"rest": 3, "Logistic-2": 4})


def constant(dtype: str = "int8") -> bytes:
    """Return a model whose second output is the sum of two constants."""
    tensors = _tensors(dtype, 6)
    for index in 2, 3:
        tensors[index].content = np.arange(5, dtype=dtype)[None] * index
    ops: list[Op] = [
        ("ADD", [0, 1], [4], {}),
        ("ADD", [2, 3], [5], {}),
    ]
    return build.model(tensors, ops, inputs=[0, 1], outputs=[4, 5])


def stateful(dtype: str = "int8") -> bytes:
    """Return a model of one input that adds a state, which no op writes."""
    tensors = _tensors(dtype, 3)
    tensors[1].isVariable = True
    ops: list[Op] = [("ADD", [0, 1], [2], {})]
    return build.model(tensors, ops, inputs=[0], outputs=[2])


def sum_of(names: Sequence[str]) -> bytes:
    """Return a model whose only output is the sum of inputs of these names."""
    count = len(names)
    tensors = _tensors("int8", 2 * count - 1)
    ops: list[Op] = []
    total = 0
    for index in range(1, count):
        ops.append(("ADD", [total, index], [count + index - 1], {}))
        total = count + index - 1
    data = build.model(tensors, ops, inputs=list(range(count)), outputs=[total])
    tree = schema.ModelT.InitFromPackedBuf(data, 0)
    for tensor, name in zip(tree.subgraphs[0].tensors, names, strict=False):
        tensor.name = name
    return build.pack(tree)


def litert(data: bytes, inputs: Sequence[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
    """Run LiteRT's reference kernels; inputs and outputs in the order of the subgraph."""
    interpreter = Interpreter(
        model_content=data, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    for detail, value in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(detail["index"], value)
    interpreter.invoke()
    return [interpreter.get_tensor(one["index"]) for one in interpreter.get_output_details()]


def drawn(dtype: str, inputs: int, seed: int = 0) -> list[npt.NDArray[Any]]:
    """Return random inputs [1, 5]."""
    rng = np.random.default_rng(seed)
    return [rng.integers(-100, 100, (1, 5)).astype(dtype) for _ in range(inputs)]
