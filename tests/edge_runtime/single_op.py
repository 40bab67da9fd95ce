""".tflite files of one op with any quantisation, and LiteRT's reference kernels to run them."""

from collections.abc import Callable
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

TYPES = {"float32": 0, "int32": 2, "int8": 9, "int16": 7, "int64": 4}


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
    made = schema.ModelT()
    made.version = 3
    made.buffers = [schema.BufferT()]
    graph = schema.SubGraphT()
    graph.tensors = []
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
    code = schema.OperatorCodeT()
    code.builtinCode = getattr(schema.BuiltinOperator, op)
    code.deprecatedBuiltinCode, code.version = min(code.builtinCode, 127), version
    made.operatorCodes = [code]
    operator = schema.OperatorT()
    operator.inputs, operator.outputs = inputs, [len(tensors) - 1]
    if options is not None:
        operator.builtinOptions = options
        kind = type(options).__name__.removesuffix("T")
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
    graph.operators, graph.inputs, graph.outputs = [operator], [0], [len(tensors) - 1]
    made.subgraphs = [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(made.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def builtin_ref(data: bytes) -> Callable[[npt.NDArray[Any]], npt.NDArray[Any]]:
    """Return LiteRT's BUILTIN_REF as a function of the raw input."""
    interpreter = Interpreter(
        model_content=data, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
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
