"""NEG and SQUARE, which LiteRT runs on no 8 or 16 bits, as products, which it does.

Layer and group normalisation and attention have them. A number times -1 or itself is the same in
float32, bit for bit; where it overflows, LiteRT's MUL gives the largest number instead of infinity.
"""

import struct
from typing import Any

from edgekit.convert.object_tree import pack, unpack


def as_products(model: bytes) -> bytes:
    """Return a float .tflite file with MUL in place of NEG and SQUARE; the same without any."""
    from ai_edge_litert import schema_py_generated as litert

    tree = unpack(model)
    main, kinds = tree.subgraphs[0], litert.BuiltinOperator
    found = [
        (op, kind)
        for op in main.operators
        if (kind := tree.operatorCodes[op.opcodeIndex].builtinCode) in (kinds.NEG, kinds.SQUARE)
        and main.tensors[op.inputs[0]].type == litert.TensorType.FLOAT32
    ]
    if not found:
        return model
    product = len(tree.operatorCodes)
    code = litert.OperatorCodeT(deprecatedBuiltinCode=kinds.MUL, version=1, builtinCode=kinds.MUL)
    tree.operatorCodes.append(code)
    minus = None
    for op, kind in found:
        factor = op.inputs[0]
        if kind == kinds.NEG:
            minus = factor = _minus_one(tree) if minus is None else minus
        op.inputs = [op.inputs[0], factor]
        op.opcodeIndex = product
        op.builtinOptionsType = litert.BuiltinOptions.MulOptions
        op.builtinOptions = litert.MulOptionsT()
    # TensorFlow's calibrator opens no file that names an op without a kernel of its own.
    used = {op.opcodeIndex for graph in tree.subgraphs for op in graph.operators}
    tree.operatorCodes = [
        one if index in used else code for index, one in enumerate(tree.operatorCodes)
    ]
    return pack(tree)


def _minus_one(tree: Any) -> int:
    """Add the constant -1; return its tensor."""
    from ai_edge_litert import schema_py_generated as litert

    tensors = tree.subgraphs[0].tensors
    tree.buffers.append(litert.BufferT(data=list(struct.pack("<f", -1.0))))
    tensors.append(
        litert.TensorT(
            shape=[],
            type=litert.TensorType.FLOAT32,
            buffer=len(tree.buffers) - 1,
            name=b"minus_one",
        )
    )
    return len(tensors) - 1
