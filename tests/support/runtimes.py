""".tflite files of one op or a few, with any quantisation; LiteRT and our engines to run them."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

import edge_runtime
from edge_runtime import _native
from edge_runtime.backends import native

TYPES = {"float32": 0, "int32": 2, "uint8": 3, "int64": 4, "int16": 7, "int8": 9}
Run = Callable[[npt.NDArray[Any]], npt.NDArray[Any]]


def tensor(
    name: str,
    shape: tuple[int, ...],
    dtype: str,
    scales: tuple[float, ...] = (),
    zero_points: tuple[int, ...] = (),
    data: npt.NDArray[Any] | None = None,
) -> dict[str, Any]:
    return dict(locals())


def model(
    op: str, options: Any, tensors: list[dict[str, Any]], inputs: list[int], *, version: int = 4
) -> bytes:
    """Return a model of one op; tensor 0 is its input, the last one its output."""
    return network([(op, options, inputs, len(tensors) - 1)], tensors, version=version)


def network(
    steps: list[tuple[str, Any, list[int], int]],
    tensors: list[dict[str, Any]],
    *,
    version: int = 4,
) -> bytes:
    """Return a model of several ops: (name, options, input tensors, output tensor) each."""
    made = schema.ModelT()
    made.version = 3
    made.buffers = [schema.BufferT()]
    graph = schema.SubGraphT()
    graph.tensors, graph.operators, made.operatorCodes = [], [], []
    for given in tensors:
        one = schema.TensorT()
        one.name, one.shape = given["name"], list(given["shape"])
        one.type = TYPES[given["dtype"]]
        if given["scales"]:
            one.quantization = schema.QuantizationParametersT()
            one.quantization.scale = list(given["scales"])
            one.quantization.zeroPoint = list(given["zero_points"])
        if given["data"] is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(given["data"].tobytes(), np.uint8)
            made.buffers.append(buffer)
            one.buffer = len(made.buffers) - 1
        graph.tensors.append(one)
    for index, (op, options, inputs, output) in enumerate(steps):
        code = schema.OperatorCodeT()
        code.builtinCode = getattr(schema.BuiltinOperator, op)
        code.deprecatedBuiltinCode, code.version = min(code.builtinCode, 127), version
        made.operatorCodes.append(code)
        operator = schema.OperatorT()
        operator.opcodeIndex, operator.inputs, operator.outputs = index, inputs, [output]
        if options is not None:
            operator.builtinOptions = options
            kind = type(options).__name__.removesuffix("T")
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
        graph.operators.append(operator)
    graph.inputs, graph.outputs = [0], [len(tensors) - 1]
    made.subgraphs = [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(made.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def unary(
    op: str,
    given: tuple[str, float, int],
    made: tuple[str, float, int],
    elements: int,
    **options: Any,
) -> bytes:
    """Return a model of an op with one input and one output: element type, scale, zero point.

    The op's options have the schema's names; a float32 tensor has no scale.
    """
    tensors = [
        tensor(name, (1, elements), dtype, *(((scale,), (zero_point,)) if scale else ()))
        for name, (dtype, scale, zero_point) in (("x", given), ("y", made))
    ]
    told = None
    if options:
        told = getattr(schema, op.title().replace("_", "") + "OptionsT")()
        vars(told).update(options)
    return model(op, told, tensors, [0], version=1 if op != "LEAKY_RELU" else 2)


INSTRUCTIONS = _native.instructions()
"""Instruction sets that this machine has kernels for."""


def engines(data: bytes, **options: Any) -> dict[str, edge_runtime.Model]:
    """Return the reference, and native with each instruction set, opened on a model."""
    opened = {}
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        path = Path(folder, "model.tflite")
        path.write_bytes(data)
        opened["reference"] = edge_runtime.load(path, backend="reference", **options)
        for level in INSTRUCTIONS:
            patch.setenv(native.VARIABLE, level)
            opened[f"native {level}"] = edge_runtime.load(path, backend="native", **options)
    return opened


def builtin_ref(data: bytes) -> Run:
    """Return LiteRT's BUILTIN_REF as a function of the raw input."""
    return _litert(data, OpResolverType.BUILTIN_REF)


def xnnpack(data: bytes) -> Run:
    """Return LiteRT with its XNNPACK delegate as a function of the raw input."""
    return _litert(data, OpResolverType.AUTO)


def _litert(data: bytes, resolver: OpResolverType) -> Run:
    interpreter = Interpreter(
        model_content=data, num_threads=1, experimental_op_resolver_type=resolver
    )
    interpreter.allocate_tensors()
    given = interpreter.get_input_details()[0]["index"]
    made = interpreter.get_output_details()[0]["index"]

    def run(tensor: npt.NDArray[Any]) -> npt.NDArray[Any]:
        interpreter.set_tensor(given, tensor)
        interpreter.invoke()
        output: npt.NDArray[Any] = interpreter.get_tensor(made)
        return output

    return run
