"""SPLIT in float32 that quantisers leave in int8 models, made int8.

TensorFlow's converter wants one scale for a SPLIT's input and outputs, and gives up where an output
that nothing reads has the widest range: the forget gate of an LSTM's first step, whose cell is
still 0. It then writes DEQUANTIZE, SPLIT in float32, and QUANTIZE of each output. A SPLIT of the
int8 input gives the QUANTIZE, which may change one scale into another, the same numbers. LiteRT's
quantiser leaves such an output alone in float32.
"""

from collections.abc import Collection

from edgekit.convert.object_tree import kind, pack, unpack

REQUANTIZES = 2
"""Version of QUANTIZE whose input may be int8, and of SPLIT with int8."""


def as_int8(model: bytes, kept: Collection[str] = ()) -> bytes:
    """Return ``model`` with such SPLITs in int8; the same bytes where it has none.

    Args:
        model: a quantised .tflite file.
        kept: names of tensors whose ops stay in float32.
    """
    from ai_edge_litert import schema_py_generated as litert

    tree, changed = unpack(model), False
    codes = tree.operatorCodes
    main = tree.subgraphs[0]
    makers = {index: op for op in main.operators for index in op.outputs}
    for split in (op for op in main.operators if kind(tree, op) == "SPLIT"):
        if any(main.tensors[index].name.decode() in kept for index in split.outputs):
            continue
        maker, source = makers.get(split.inputs[1]), main.tensors[split.inputs[1]]
        if source.type == litert.TensorType.INT8:
            for tensor in (main.tensors[index] for index in split.outputs):
                if tensor.type == litert.TensorType.FLOAT32:
                    tensor.type, tensor.quantization = source.type, source.quantization
                    changed = True
            continue
        readers = [op for op in main.operators if not set(split.outputs).isdisjoint(op.inputs)]
        given = not set(split.outputs).isdisjoint(main.outputs)
        if maker is None or given or kind(tree, maker) != "DEQUANTIZE":
            continue
        source = main.tensors[maker.inputs[0]]
        quantizers = all(kind(tree, op) == "QUANTIZE" for op in readers)
        if source.type != litert.TensorType.INT8 or not quantizers:
            continue
        split.inputs = [split.inputs[0], maker.inputs[0]]
        for tensor in (main.tensors[index] for index in split.outputs):
            tensor.type, tensor.quantization = source.type, source.quantization
        for op in (split, *readers):
            code = codes[op.opcodeIndex]
            code.version = max(code.version, REQUANTIZES)
        changed = True
    if not changed:
        return model
    read = {index for op in main.operators for index in op.inputs} | set(main.outputs)
    main.operators = [
        op for op in main.operators if kind(tree, op) != "DEQUANTIZE" or op.outputs[0] in read
    ]
    return pack(tree)
