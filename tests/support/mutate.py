"""Damage to .tflite files: to bytes, and to fields through the schema's objects."""

import random
import struct
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

import build
from edge_runtime import ops
from edge_runtime.schema import BUILTIN_OPERATORS

NUMBERS = (
    0,
    1,
    -1,
    2,
    3,
    4,
    7,
    8,
    16,
    64,
    127,
    128,
    255,
    256,
    2**15,
    2**16,
    2**24,
    2**30,
    2**31 - 1,
)
SCALES = (0.0, 1.0, 1e-45, 1e-38, 1e-20, 1e-6, 3.0, 1e20, 3.4e38, -1.0, float("inf"), float("nan"))


def mutant(original: bytes, rng: random.Random) -> bytes:
    """Return a damaged copy."""
    if rng.random() < 0.6:
        tree = schema.ModelT.InitFromPackedBuf(original)
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            try:
                rng.choice(FIELDS)(tree, rng)
            except (
                IndexError,
                AttributeError,
                ValueError,
            ):  # an earlier change removed it
                continue
        try:
            data = build.pack(tree)
        # What the schema's objects cannot hold, such as a number outside its type.
        except (struct.error, TypeError, ValueError, OverflowError, AttributeError):
            data = original
        if rng.random() < 0.9:
            return data
        original = data
    return _bytes(original, rng)


def _bytes(original: bytes, rng: random.Random) -> bytes:
    data = bytearray(original)
    way = rng.randrange(6)
    if way == 0:
        return bytes(data[: rng.randrange(len(data))])
    if way == 1:
        size = rng.choice((4, 16, 64, len(data) // 4))
        first, second = (rng.randrange(len(data) - size) for _ in range(2))
        data[first : first + size], data[second : second + size] = (
            data[second : second + size],
            data[first : first + size],
        )
    for _ in range(rng.choice((1, 1, 2, 4))):
        code, size = rng.choice((("B", 1), ("H", 2), ("I", 4), ("I", 4), ("Q", 8)))
        place = rng.randrange(len(data) - size)
        if way == 2:
            data[place] ^= 1 << rng.randrange(8)
        elif way == 3:
            del data[place : place + rng.randrange(8)]
        elif way >= 4:
            value = rng.choice((*NUMBERS, len(data), rng.randrange(256**size)))
            struct.pack_into(f"<{code}", data, place, value % 256**size)
    return bytes(data)


def _number(rng: random.Random, old: int = 0) -> int:
    return rng.choice((old + 1, old - 1, 2 * old, rng.randrange(-4, 40), rng.choice(NUMBERS)))


def _tensor(tree: Any, rng: random.Random) -> Any:
    return rng.choice(rng.choice(tree.subgraphs).tensors)


def _op(tree: Any, rng: random.Random) -> Any:
    return rng.choice(rng.choice(tree.subgraphs).operators)


def _list(values: Any, rng: random.Random, other: Any) -> list[Any]:
    """Return the list with an item changed, dropped, doubled or moved."""
    values = [] if values is None else list(values)
    way = rng.randrange(6)
    place = rng.randrange(len(values)) if values else 0
    if way == 0:
        del values[place : place + 1]
    elif way == 1:
        values.insert(place, other)
    elif way == 2:
        rng.shuffle(values)
    elif way == 3 and values:
        values = values * rng.choice((0, 2, 3))
    elif values:
        values[place] = other
    return values


def _shape(tree: Any, rng: random.Random) -> None:
    tensor = _tensor(tree, rng)
    old = rng.choice(tensor.shape) if tensor.shape is not None and len(tensor.shape) else 1
    tensor.shape = _list(tensor.shape, rng, _number(rng, int(old)))


def _type(tree: Any, rng: random.Random) -> None:
    _tensor(tree, rng).type = rng.choice((*build.TYPES.values(), rng.randrange(20)))


def _buffer_index(tree: Any, rng: random.Random) -> None:
    _tensor(tree, rng).buffer = rng.randrange(len(tree.buffers) + 1)


def _buffer(tree: Any, rng: random.Random) -> None:
    buffer = rng.choice(tree.buffers)
    data = b"" if buffer.data is None else bytes(buffer.data)
    size = max(0, len(data) + rng.choice((0, 0, 0, 1, -1, -4, 4, 8)))
    fills = (b"\xff", b"\x80", b"\x7f", b"\xff\xff\xff\x7f", b"\0\0\0\x80")
    full = (rng.choice(fills) * (size + 1))[:size]
    content = rng.choice((data.ljust(size, b"\x80")[:size], rng.randbytes(size), full))
    buffer.data = np.frombuffer(content, np.uint8)


def _quantization(tree: Any, rng: random.Random) -> None:
    tensor = _tensor(tree, rng)
    quantization = tensor.quantization or schema.QuantizationParametersT()
    tensor.quantization = quantization
    way = rng.randrange(5)
    if way == 0:
        quantization.scale = _list(quantization.scale, rng, rng.choice(SCALES))
    elif way == 1:
        other = rng.choice((-128, 127, -(2**63), *NUMBERS))
        quantization.zeroPoint = _list(quantization.zeroPoint, rng, other)
    elif way == 2:
        quantization.quantizedDimension = _number(rng)
    elif way == 3:
        count = rng.choice((1, *(int(size) for size in tensor.shape[:2] if size < 1000)))
        quantization.scale = [abs(rng.choice(SCALES[1:9])) for _ in range(count)]
        quantization.zeroPoint = [rng.choice((0, 0, -128, 127, 5))] * count
    else:
        tensor.quantization = _tensor(tree, rng).quantization


def _op_ports(tree: Any, rng: random.Random) -> None:
    graph = rng.choice(tree.subgraphs)
    op, count = rng.choice(graph.operators), len(graph.tensors)
    ports = rng.choice(("inputs", "inputs", "outputs"))
    setattr(op, ports, _list(getattr(op, ports), rng, rng.randrange(-1, count + 1)))


def _op_code(tree: Any, rng: random.Random) -> None:
    code = rng.choice(tree.operatorCodes)
    code.builtinCode = BUILTIN_OPERATORS.index(rng.choice(list(ops.OPS)))
    if rng.random() < 0.1:
        code.builtinCode, code.customCode = 32, rng.choice((None, "custom\nop"))
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    if rng.random() < 0.8:  # options of another op are refused at once
        for op in tree.subgraphs[0].operators:
            op.builtinOptions, op.builtinOptionsType = None, 0


def _options(tree: Any, rng: random.Random) -> None:
    options = _op(tree, rng).builtinOptions
    if options is None:
        return
    name, value = rng.choice(sorted(vars(options).items()))
    if isinstance(value, float):
        setattr(options, name, rng.choice(SCALES))
    elif isinstance(value, bool):
        setattr(options, name, not value)
    elif isinstance(value, int):
        setattr(options, name, _number(rng, value))
    else:
        setattr(options, name, _list(value, rng, _number(rng)))


def _ports(tree: Any, rng: random.Random) -> None:
    graph = tree.subgraphs[0]
    ports = rng.choice(("inputs", "outputs"))
    index = rng.randrange(len(graph.tensors))
    setattr(graph, ports, rng.choice(([index], [index], [], [index, index])))


def _nodes(tree: Any, rng: random.Random) -> None:
    graph = tree.subgraphs[0]
    graph.operators = _list(graph.operators, rng, _op(tree, rng))


def _tensors(tree: Any, rng: random.Random) -> None:
    graph = tree.subgraphs[0]
    graph.tensors = _list(graph.tensors, rng, _tensor(tree, rng))


def _variable(tree: Any, rng: random.Random) -> None:
    _tensor(tree, rng).isVariable = rng.random() < 0.8


def _sparse(tree: Any, rng: random.Random) -> None:
    _tensor(tree, rng).sparsity = schema.SparsityParametersT()
    _buffer(tree, rng)


FIELDS = (
    *(_shape, _shape, _type, _buffer_index, _buffer, _buffer, _quantization, _quantization),
    *(
        _op_ports,
        _op_ports,
        _op_code,
        _options,
        _options,
        _ports,
        _nodes,
        _tensors,
        _sparse,
        _variable,
    ),
)
