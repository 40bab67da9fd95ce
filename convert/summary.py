"""The contents of a .tflite file in figures: tensors, ops, bytes of constants, MACs."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edge_runtime.errors import MetadataError
from edge_runtime.graph import Graph, Op, Tensor, ports
from edge_runtime.metadata import Metadata, read_metadata
from edge_runtime.reader import read
from edgekit.convert.macs import Count, counted, subgraphs_of, tensors_of, total


@dataclass(frozen=True)
class TensorSummary:
    """One input or output of the model.

    Attributes:
        name: its name in the file.
        key: name by which ``Model.run`` knows it: the signature's, else the tensor's.
        dtype: element type, as in :class:`edge_runtime.graph.Tensor`.
        shape: -1 at dynamic dimensions.
        scales: scales of the quantisation; empty when not quantised.
        zero_points: as many as ``scales``.
    """

    name: str
    key: str
    dtype: str
    shape: tuple[int, ...]
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]


@dataclass(frozen=True)
class OpSummary:
    """One operator, in execution order.

    Attributes:
        name: builtin name or custom code.
        version: the op's version in the file.
        inputs: shapes of the inputs that are computed, -1 at dynamic dimensions.
        outputs: shapes of the outputs.
        weights: element type and granularity of the weights, such as "int8 per-channel" or
            "float32"; None for an op without weights.
        constant_bytes: bytes of all constant inputs, and of all constants of a loop's body.
        macs: multiply-accumulates of one inference by ``MAC_FORMULAS``; None for other ops.
        macs_at_least: whether there may be more: a loop of unknown length counts once, an op that
            hides what it does none.
    """

    name: str
    version: int
    inputs: tuple[tuple[int, ...], ...]
    outputs: tuple[tuple[int, ...], ...]
    weights: str | None
    constant_bytes: int
    macs: int | None
    macs_at_least: bool = False


@dataclass(frozen=True)
class MetadataEntry:
    """One metadata entry of the model: its name, its bytes, and its text when it is text."""

    name: str
    size: int
    text: str | None


@dataclass(frozen=True)
class Summary:
    """The contents of a .tflite file.

    Attributes:
        size: bytes of the file.
        sha256: hex digest of the file.
        description: description that the converter wrote.
        subgraphs: number of subgraphs: the model, and bodies of loops and branches, whose figures
            count with the op that runs them.
        inputs: the model's inputs.
        outputs: the model's outputs.
        ops: the operators in execution order.
        constant_bytes: bytes of all constants, each buffer counted once.
        macs: multiply-accumulates of one inference, a dynamic dimension counted as 1.
        macs_at_least: whether there may be more.
        metadata: labels, normalisation, provenance; None when the file has none.
        metadata_error: what is wrong with the metadata, or None.
        entries: all metadata entries.
    """

    size: int
    sha256: str
    description: str
    subgraphs: int
    inputs: tuple[TensorSummary, ...]
    outputs: tuple[TensorSummary, ...]
    ops: tuple[OpSummary, ...]
    constant_bytes: int
    macs: int
    macs_at_least: bool
    metadata: Metadata | None
    metadata_error: str | None
    entries: tuple[MetadataEntry, ...]


def summarise(data: bytes) -> Summary:
    """Summarise the .tflite file with content ``data``.

    Raises:
        ModelError: it is not a .tflite file or is damaged. Damaged metadata does not raise.
    """
    graph = read(data)
    graphs = (graph, *graph.others)
    counts = counted(graphs)
    ops = tuple(_op(graphs, op, count) for op, count in zip(graph.ops, counts, strict=True))
    metadata, metadata_error = None, None
    try:
        metadata = read_metadata(graph, data)
    except MetadataError as error:
        metadata_error = str(error)
    return Summary(
        size=graph.size,
        sha256=hashlib.sha256(data).hexdigest(),
        description=graph.description,
        subgraphs=graph.subgraphs,
        inputs=_tensors(graph, graph.inputs, graph.input_names),
        outputs=_tensors(graph, graph.outputs, graph.output_names),
        ops=ops,
        constant_bytes=_constant_bytes(
            tensor for subgraph in graphs for tensor in subgraph.tensors
        ),
        macs=total(counts).macs or 0,
        macs_at_least=not total(counts).exact,
        metadata=metadata,
        metadata_error=metadata_error,
        entries=tuple(
            MetadataEntry(name, len(content), _text(content))
            for name, content in graph.metadata.items()
        ),
    )


def _op(graphs: Sequence[Graph], op: Op, count: Count) -> OpSummary:
    graph = graphs[0]
    inputs = [graph.tensors[index] for index in op.inputs if index >= 0]
    return OpSummary(
        name=op.name,
        version=op.version,
        inputs=tuple(tensor.signature for tensor in inputs if tensor.data is None),
        outputs=tuple(graph.tensors[index].signature for index in op.outputs),
        weights=None if count.macs is None or subgraphs_of(op) else _weights(inputs),
        constant_bytes=_constant_bytes(tensors_of(graphs, op)),
        macs=count.macs,
        macs_at_least=not count.exact,
    )


def _weights(inputs: list[Tensor]) -> str | None:
    """Describe the second input, where all ops of MAC_FORMULAS have their weights."""
    if len(inputs) < 2 or inputs[1].data is None:
        return None
    weights = inputs[1]
    if weights.quantization is None:
        return weights.dtype
    granularity = "per-channel" if weights.quantization.per_channel else "per-tensor"
    return f"{weights.dtype} {granularity}"


def _tensors(
    graph: Graph, indices: Sequence[int], names: Sequence[str]
) -> tuple[TensorSummary, ...]:
    return tuple(
        TensorSummary(
            name=tensor.name,
            key=key,
            dtype=tensor.dtype,
            shape=tensor.signature,
            scales=tensor.quantization.scales if tensor.quantization else (),
            zero_points=tensor.quantization.zero_points if tensor.quantization else (),
        )
        for key, tensor in ports(graph, indices, names).items()
    )


def _constant_bytes(tensors: Iterable[Tensor]) -> int:
    """Return the bytes of all constants; tensors that share a buffer share its view."""
    views = {id(tensor.data): len(tensor.data) for tensor in tensors if tensor.data is not None}
    return sum(views.values())


def _text(content: memoryview) -> str | None:
    """Return the content of a metadata entry as text, None when it is not."""
    try:
        text = str(content, "utf-8").rstrip("\0")
    except ValueError:
        return None
    return text if text.isprintable() else None
