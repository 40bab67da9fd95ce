"""Ops that a quantiser leaves in float32 between DEQUANTIZE and QUANTIZE, made integers.

LiteRT's quantiser has rules for some fifty ops, TensorFlow's has none for ELU; LiteRT's kernels run
more of them on int8. Both surround what they do not know with DEQUANTIZE of an integer tensor and
QUANTIZE to another, whose range was observed. So an op that only moves numbers changes places with
either, and one that calculates each number from one reads the first tensor and writes the second.
"""

from collections.abc import Callable, Collection
from copy import copy
from dataclasses import dataclass
from typing import Any

from edgekit.convert.object_tree import kind, maker, pack, readers, unpack

MOVES = {
    "BATCH_TO_SPACE_ND": 2,
    "DEPTH_TO_SPACE": 2,
    "EXPAND_DIMS": 1,
    "REDUCE_MAX": 2,
    "REVERSE_V2": 1,
    "SPACE_TO_BATCH_ND": 2,
    "SQUEEZE": 1,
}
"""Op whose outputs are among its first input's numbers -> its version with int8."""

FUNCTIONS = {"ELU": 1, "EXP": 2, "LEAKY_RELU": 2, "LOG": 2, "RELU6": 2}
"""Op that calculates each number from one -> its version with int8."""

ON_INT16 = ("EXPAND_DIMS", "LEAKY_RELU", "QUANTIZE", "SQUEEZE")
"""Ops of these, and QUANTIZE, that LiteRT runs on int16 as well."""

REQUANTIZES = 2
"""Version of QUANTIZE whose input may be integers."""


def as_integers(model: bytes, kept: Collection[str] = ()) -> bytes:
    """Return ``model`` with such ops on integers; the same bytes where it has none.

    Args:
        model: a quantised .tflite file.
        kept: names of tensors whose ops stay in float32.
    """
    tree = unpack(model)
    graph = _Ops.of(tree, kept)
    steps = (_after_dequantize, _before_quantize, _between, _without_float)
    changed = False
    while any(step(graph, op) for op in tuple(graph.main.operators) for step in steps):
        changed = True
    if not changed:
        return model
    read = {index for op in graph.main.operators for index in op.inputs} | set(graph.main.outputs)
    graph.main.operators = [
        op for op in graph.main.operators if graph.name(op) != "DEQUANTIZE" or op.outputs[0] in read
    ]
    return pack(tree)


@dataclass(frozen=True)
class _Ops:
    """The main subgraph of a file as LiteRT's objects.

    Attributes:
        tree: the whole file.
        name: the builtin name of an op; "" of one that stays as it is.
    """

    tree: Any
    name: Callable[[Any], str]

    @classmethod
    def of(cls, tree: Any, kept: Collection[str]) -> "_Ops":
        tensors = tree.subgraphs[0].tensors

        def name(op: Any) -> str:
            if any(tensors[index].name.decode() in kept for index in op.outputs):
                return ""
            return kind(tree, op)

        return cls(tree, name)

    @property
    def main(self) -> Any:
        return self.tree.subgraphs[0]

    def maker(self, index: int) -> Any:
        """Return the op that computes a tensor; None for an input or a constant."""
        return maker(self.tree, index)

    def readers(self, index: int) -> list[Any]:
        """Return the ops that read a tensor; none for an output of the model, which stays."""
        if index in self.main.outputs:
            return []
        return readers(self.tree, index)

    def is_integer(self, index: int, op: Any) -> bool:
        """Tell whether a tensor has integers on which LiteRT runs an op."""
        from ai_edge_litert.schema_py_generated import TensorType

        dtype = self.main.tensors[index].type
        on_int16 = self.name(op) in ON_INT16
        return bool(dtype == TensorType.INT8 or (dtype == TensorType.INT16 and on_int16))

    def like(self, index: int, quantized: int) -> int:
        """Add a tensor of the shape of one and the quantisation of another; return its index."""
        tensor, scale = copy(self.main.tensors[index]), self.main.tensors[quantized]
        tensor.type, tensor.quantization = scale.type, scale.quantization
        tensor.name += b"_quantized"
        self.main.tensors.append(tensor)
        return len(self.main.tensors) - 1

    def swap_names(self, one: int, other: int) -> None:
        """Give the tensor that an op writes from now on the name of the one it wrote before."""
        first, second = self.main.tensors[one], self.main.tensors[other]
        first.name, second.name = second.name, first.name

    def added(self, name: str, source: int, output: int, beside: Any, place: int) -> None:
        """Insert a DEQUANTIZE or QUANTIZE before (0) or after (1) an op."""
        pattern = next(op for op in self.main.operators if self.name(op) == name)
        new = copy(pattern)
        new.inputs, new.outputs = [source], [output]
        operators = list(self.main.operators)
        operators.insert(next(i for i, op in enumerate(operators) if op is beside) + place, new)
        self.main.operators = operators

    def dropped(self, unwanted: Any) -> None:
        self.main.operators = [op for op in self.main.operators if op is not unwanted]

    def at_least(self, op: Any, version: int) -> None:
        code = self.tree.operatorCodes[op.opcodeIndex]
        code.version = max(code.version, version)

    def rewired(self, op: Any, source: int, output: int) -> None:
        op.inputs = [source, *op.inputs[1:]]
        op.outputs = [output]


def _dequantized(graph: _Ops, op: Any) -> Any:
    """Return the DEQUANTIZE of integers that an op's first input comes from; None without one."""
    maker = graph.maker(op.inputs[0]) if len(op.inputs) else None
    if maker is None or graph.name(maker) != "DEQUANTIZE":
        return None
    return maker if graph.is_integer(maker.inputs[0], op) else None


def _quantizer(graph: _Ops, op: Any) -> Any:
    """Return the QUANTIZE to integers that alone reads an op's output; None without one."""
    readers = graph.readers(op.outputs[0]) if len(op.outputs) == 1 else []
    if len(readers) != 1 or graph.name(readers[0]) != "QUANTIZE":
        return None
    return readers[0] if graph.is_integer(readers[0].outputs[0], op) else None


def _after_dequantize(graph: _Ops, op: Any) -> bool:
    """Let an op that moves numbers move the integers, and dequantise what it moved."""
    before = _dequantized(graph, op) if graph.name(op) in MOVES else None
    if before is None:
        return False
    output = op.outputs[0]
    moved = graph.like(output, before.inputs[0])
    graph.swap_names(moved, output)
    graph.rewired(op, before.inputs[0], moved)
    graph.added("DEQUANTIZE", moved, output, op, 1)
    graph.at_least(op, MOVES[graph.name(op)])
    return True


def _before_quantize(graph: _Ops, op: Any) -> bool:
    """Let an op that moves numbers move the integers that its output becomes."""
    after = _quantizer(graph, op) if graph.name(op) in MOVES else None
    source = op.inputs[0]
    if after is None or graph.maker(source) is None or graph.is_integer(source, op):
        return False
    quantized = graph.like(source, after.outputs[0])
    graph.added("QUANTIZE", source, quantized, op, 0)
    graph.swap_names(after.outputs[0], op.outputs[0])
    graph.rewired(op, quantized, after.outputs[0])
    graph.dropped(after)
    graph.at_least(op, MOVES[graph.name(op)])
    return True


def _between(graph: _Ops, op: Any) -> bool:
    """Let a function read the integers before it and write those after it."""
    if graph.name(op) not in FUNCTIONS:
        return False
    before, after = _dequantized(graph, op), _quantizer(graph, op)
    if before is None or after is None:
        return False
    graph.swap_names(after.outputs[0], op.outputs[0])
    graph.rewired(op, before.inputs[0], after.outputs[0])
    graph.dropped(after)
    graph.at_least(op, FUNCTIONS[graph.name(op)])
    return True


def _without_float(graph: _Ops, op: Any) -> bool:
    """Requantise integers without a detour by float32; not at all where the scales are equal."""
    before = _dequantized(graph, op) if graph.name(op) == "QUANTIZE" else None
    if before is None or not graph.is_integer(op.outputs[0], op):
        return False
    source, output = before.inputs[0], op.outputs[0]
    if output in graph.main.outputs or not _same_scale(graph, source, output):
        graph.rewired(op, source, output)
        graph.at_least(op, REQUANTIZES)
        return True
    for reader in graph.readers(output):
        reader.inputs = [source if index == output else index for index in reader.inputs]
    graph.dropped(op)
    return True


def _same_scale(graph: _Ops, one: int, other: int) -> bool:
    first, second = (graph.main.tensors[index].quantization for index in (one, other))
    return bool(
        list(first.scale) == list(second.scale) and list(first.zeroPoint) == list(second.zeroPoint)
    )
