"""The content of a .tflite file as frozen data: tensors, ops, inputs, outputs, metadata."""

from __future__ import annotations

from math import prod

from edge_runtime.record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

EMPTY: Mapping[str, Any] = {}
EMPTY_INDICES: Mapping[int, int] = {}
EMPTY_CONTENTS: Mapping[int, memoryview] = {}


FORMATS = {
    "float32": "f",
    "int8": "b",
    "uint8": "B",
    "int16": "h",
    "int32": "i",
    "int64": "q",
    "bool": "?",
}
"""Element types of a model's inputs and outputs, and their codes in the buffer protocol."""


SIZES = {
    "float32": 4,
    "float16": 2,
    "int8": 1,
    "int16": 2,
    "int32": 4,
    "int64": 8,
    "uint8": 1,
    "bool": 1,
}
"""Element types that the engine supports, and bytes of an element; float16 for constants alone."""


@record
class Quantization:
    """Affine quantisation of a tensor: ``real = scale * (q - zero_point)``.

    Source: the TFLite 8-bit quantisation specification.

    Attributes:
        scales: one scale (per-tensor) or one for each slice along ``axis`` (per-channel).
        zero_points: one for each scale.
        axis: the quantised dimension; meaningless for per-tensor.
    """

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int = 0

    @property
    def per_channel(self) -> bool:
        """Whether each slice along ``axis`` has its own scale."""
        return len(self.scales) > 1


@record
class Blockwise:
    """Quantisation with a scale for each block of a row of weights.

    Attributes:
        scales: index of the tensor of scales, unchecked: it may not exist.
        zero_points: index of the tensor of zero points; 0 or -1 for none.
        block: elements in a block.
    """

    scales: int
    zero_points: int
    block: int


@record
class Sparsity:
    """Where the numbers of a sparse constant belong; others are 0.

    Attributes:
        order: what each level is an index of: a dimension, or, from the rank up, a block.
        blocks: the dimension that each block divides.
        levels: of each level its size, or segments and indices as compressed rows have them.
    """

    order: tuple[int, ...]
    blocks: tuple[int, ...]
    levels: tuple[int | tuple[tuple[int, ...], tuple[int, ...]], ...]


@record
class Tensor:
    """One tensor of the graph.

    Attributes:
        index: position in the subgraph's tensor list; what ops refer to.
        name: its name in the file.
        shape: static shape; a dynamic dimension appears here as 1.
        signature: shape with -1 at the dynamic dimensions; equal to ``shape`` when static.
        dtype: NumPy's name for the element type, "int8", "float32", …, or the schema's for those
            that NumPy does not have: "int4", "string", "resource", …
        quantization: None for a tensor that is not quantised.
        data: the constant's raw little-endian bytes, a view into the file; None when computed.
            Tensors that share a buffer of the file share the view. Elements of 2 or 4 bits are
            packed, the first one in the lowest bits.
        sparsity: where the numbers of ``data`` belong if it holds only the non-zero blocks, in the
            schema's sparse layout.
        blockwise: how blocks are quantised, where ``quantization`` is None for that reason.
        variable: whether the tensor keeps its value from one inference to the next.
    """

    HIDDEN = ("data",)

    index: int
    name: str
    shape: tuple[int, ...]
    signature: tuple[int, ...]
    dtype: str
    quantization: Quantization | None = None
    data: memoryview | None = None
    sparsity: Sparsity | None = None
    blockwise: Blockwise | None = None
    variable: bool = False

    @property
    def sparse(self) -> bool:
        """Whether ``data`` holds only the non-zero blocks."""
        return self.sparsity is not None

    @property
    def scale(self) -> float | None:
        """Scale of ``real = scale * (q - zero_point)``; None unless one holds for all elements."""
        quantization = self.quantization
        if quantization is None or quantization.per_channel:
            return None
        return quantization.scales[0]

    @property
    def zero_point(self) -> int | None:
        """Zero point that belongs to ``scale``."""
        quantization = self.quantization
        if quantization is None or quantization.per_channel:
            return None
        return quantization.zero_points[0]

    @property
    def elements(self) -> int:
        """Number of elements of the static shape."""
        return prod(self.shape)

    @property
    def size(self) -> int:
        """Size in bytes, of a tensor whose type the engine supports."""
        return self.elements * SIZES[self.dtype]


@record
class Op:
    """One operator of the graph, in execution order.

    Attributes:
        index: position in the subgraph.
        name: builtin name as in the TFLite schema ("FULLY_CONNECTED"), or the custom code.
        version: the op's version in the file.
        inputs: tensor indices; -1 for an optional input that is absent.
        outputs: tensor indices.
        custom: whether ``name`` is a custom code ("edgetpu-custom-op") and not a builtin.
        options: the fields of the builtin's options by their names in ``schema.OPTIONS``; empty
            for an op that is not there.
        intermediates: indices of tensors that hold nothing but the quantisation of what the op
            calculates in between.
    """

    index: int
    name: str
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    custom: bool = False
    options: Mapping[str, Any] = EMPTY
    intermediates: tuple[int, ...] = ()


@record
class Graph:
    """A subgraph of a .tflite file, usually the first one, and the file's metadata entries.

    Attributes:
        description: what the converter wrote about the file.
        tensors: all tensors of the subgraph.
        ops: all operators in execution order.
        inputs: tensor indices of the model's inputs.
        outputs: tensor indices of the model's outputs.
        input_names: names of the inputs in the signature; empty unless it names each of them once.
        output_names: names of the outputs in the signature, likewise.
        aliases: index of a tensor -> index of the tensor whose bytes it shares under another
            shape; a pass of the planner fills it in.
        others: the other subgraphs: those of further signatures, of control flow, and what is
            called once before the first inference.
        initial: index of a variable tensor -> its bytes before the first inference, where these
            are not the default; a pass of the planner fills it in.
        metadata: metadata buffers by their name ("TFLITE_METADATA", "min_runtime_version", …).
        size: bytes of the whole file.
    """

    HIDDEN = ("metadata", "others", "initial")

    description: str
    tensors: tuple[Tensor, ...]
    ops: tuple[Op, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    metadata: Mapping[str, memoryview]
    size: int
    input_names: tuple[str, ...] = ()
    output_names: tuple[str, ...] = ()
    aliases: Mapping[int, int] = EMPTY_INDICES
    others: tuple[Graph, ...] = ()
    initial: Mapping[int, memoryview] = EMPTY_CONTENTS

    @property
    def subgraphs(self) -> int:
        """Number of subgraphs in the file."""
        return 1 + len(self.others)


def storage(graph: Graph, index: int) -> int:
    """Return the index of the tensor that holds the bytes: itself, or the one it aliases."""
    return graph.aliases.get(index, index)


def ports(graph: Graph, indices: Sequence[int], names: Sequence[str]) -> dict[str, Tensor]:
    """Return inputs or outputs by their names.

    Args:
        graph: the model.
        indices: indices of the tensors.
        names: names from the signature; empty to use those of the tensors. A position is appended
            to a name that is empty or already used.
    """
    named: dict[str, Tensor] = {}
    for position, index in enumerate(indices):
        name = names[position] if names else graph.tensors[index].name
        while not name or name in named:
            name = f"{name}_{position}"
        named[name] = graph.tensors[index]
    return named
