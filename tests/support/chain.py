"""A float32 .tflite of several FULLY_CONNECTED in a row, their inputs of any sizes."""

from itertools import pairwise

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema


def dense(sizes: list[int]) -> bytes:
    """Return a model from [1, sizes[0]] to [1, sizes[-1]], a layer for each two neighbours."""
    made, graph = schema.ModelT(), schema.SubGraphT()
    made.version, made.buffers = 3, [schema.BufferT()]
    graph.tensors, graph.operators = [], []

    def tensor(name: str, shape: tuple[int, ...], *, constant: bool = False) -> int:
        one = schema.TensorT()
        one.name, one.shape, one.type = name, list(shape), schema.TensorType.FLOAT32
        if constant:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ones(shape, np.float32).tobytes(), np.uint8)
            made.buffers.append(buffer)
            one.buffer = len(made.buffers) - 1
        graph.tensors.append(one)
        return len(graph.tensors) - 1

    graph.inputs = [tensor("given", (1, sizes[0]))]
    last = graph.inputs[0]
    for layer, (depth, outputs) in enumerate(pairwise(sizes)):
        weights = tensor(f"weights {layer}", (outputs, depth), constant=True)
        op = schema.OperatorT()
        op.inputs, op.outputs = [last, weights, -1], [tensor(f"layer {layer}", (1, outputs))]
        op.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
        op.builtinOptions = schema.FullyConnectedOptionsT()
        graph.operators.append(op)
        (last,) = op.outputs
    graph.outputs = [last]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.FULLY_CONNECTED
    code.version = 1
    made.operatorCodes, made.subgraphs = [code], [graph]
    builder = flatbuffers.Builder()
    builder.Finish(made.Pack(builder), b"TFL3")
    return bytes(builder.Output())
