"""Labels, normalisation and provenance, written into a .tflite file.

The layout is the TFLite Metadata standard's (see edge_runtime/metadata.py, which reads it): apps
that use MediaPipe, ML Kit or Android's TFLite Support read labels and normalisation from it.
"""

import io
import json
import re
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edge_runtime import metadata_schema as schema
from edge_runtime import schema as tflite_schema
from edge_runtime.errors import MetadataError, ModelError
from edge_runtime.graph import Graph
from edge_runtime.meaning import LOGITS, NUMBERS
from edge_runtime.metadata import (
    EDGEKIT_ENTRY,
    EDGEKIT_FORMAT,
    GROUNDS,
    Metadata,
    Preprocessing,
    read_metadata,
    require_normalization,
)
from edge_runtime.reader import read
from edgekit.convert.seal import PLACEHOLDER, seal
from edgekit.errors import ModelFileError
from edgekit.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flatbuffers import Builder

LABEL_FILE = "labels.txt"

MIN_PARSER_VERSION = "1.0.0"
"""First version of the metadata schema that has all the fields written here."""

STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
"""A string in JSON."""

BUFFER_ALIGNMENT = 16
"""``force_align`` of Buffer.data in the TFLite schema."""


def attach(model: bytes, metadata: Metadata) -> bytes:
    """Return ``model`` with its metadata replaced by ``metadata``.

    The rest of the model keeps its content; only its place in the file changes. The same
    arguments give the same bytes, and attaching twice is the same as attaching once. The file
    contains a digest of itself (see edgekit.convert.seal).

    TensorFlow's converter packs the file with Python code that ignores the schema's alignment of
    constants; the file returned has every buffer at a multiple of 16 bytes.

    Args:
        model: a .tflite file.
        metadata: labels as many as output 0 has scores (two for a single one), none empty and
            none with a line break.

    Raises:
        ModelError: ``model`` is not a usable .tflite file, or is damaged in a part that running it
            does not need.
        ModelFileError: it keeps constants outside the FlatBuffer, as models above 2 GB do.
        MetadataError: ``metadata`` contradicts itself or the model, or cannot be written.
    """
    # Imported here because it loads NumPy and LiteRT's library.
    from ai_edge_litert import schema_py_generated as litert_schema

    if metadata.labels and metadata.meaning == NUMBERS:
        raise MetadataError("labels for an output that is numbers and not the scores of classes")
    graph = read(model)
    if not graph.inputs or not graph.outputs:
        raise MetadataError("the model has no input or no output to describe")
    try:
        tree = litert_schema.ModelT.InitFromPackedBuf(model)
    # The schema's own code checks nothing, and unpacks parts that nothing else reads.
    except Exception as error:
        raise ModelError(f"damaged in a part that running it does not read: {error}") from error
    if any(buffer.offset > 1 for buffer in tree.buffers):
        raise ModelFileError("the model keeps its constants outside the FlatBuffer: too large")
    _set_entry(tree, schema.ENTRY, _model_metadata(graph, metadata))
    _set_entry(tree, EDGEKIT_ENTRY, _own_entry(metadata))
    attached = seal(_append_labels(_pack(tree), metadata.labels))
    # The reader decides: what it would refuse is not written.
    read_metadata(read(attached), attached)
    return attached


def _set_entry(tree: Any, name: str, content: bytes) -> None:
    """Make ``content`` the model's metadata entry ``name``."""
    import numpy as np
    from ai_edge_litert.schema_py_generated import BufferT, MetadataT

    buffer = BufferT(data=np.frombuffer(content, np.uint8))
    entries = tree.metadata or []
    for entry in entries:
        if entry.name == name.encode():
            tree.buffers[entry.buffer] = buffer
            return
    tree.buffers.append(buffer)
    tree.metadata = [*entries, MetadataT(name=name, buffer=len(tree.buffers) - 1)]


def _own_entry(metadata: Metadata) -> bytes:
    """Return as JSON what the standard has no place for."""
    document = {
        "format": EDGEKIT_FORMAT,
        "sha256": PLACEHOLDER,  # right here, where seal() finds it
        "framing": metadata.framing,
        **({"meaning": metadata.meaning} if metadata.meaning else {}),
        **({} if metadata.ground == GROUNDS[0] else {"ground": metadata.ground}),
        **({"features": True} if metadata.features else {}),
        **({"audio": metadata.audio.to_json()} if metadata.audio else {}),
        **({"task": metadata.task} if metadata.task else {}),
        **({} if metadata.threshold is None else {"threshold": metadata.threshold}),
        "provenance": dict(metadata.provenance),
    }
    try:
        text = json.dumps(document, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise MetadataError(f"the provenance cannot be written as JSON: {error}") from error
    return STRING.sub(_without_brackets, text).encode()


def _without_brackets(string: re.Match[str]) -> str:
    """Return a string of JSON with its opening brackets escaped, which a reader counts."""
    return string[0].replace("[", r"\u005b").replace("{", r"\u007b")


@dataclass(frozen=True)
class _AlignedBuffer:
    """Stands in for the schema's BufferT, whose ``Pack`` leaves the alignment to chance."""

    buffer: Any

    def Pack(self, builder: "Builder") -> int:  # noqa: N802 - the schema's name
        if self.buffer.data is not None:
            builder.Prep(BUFFER_ALIGNMENT, len(self.buffer.data))
        return int(self.buffer.Pack(builder))


def _pack(tree: Any) -> bytes:
    """Serialise a model of LiteRT's object API with aligned constants."""
    from flatbuffers import Builder

    tree.buffers = [_AlignedBuffer(buffer) for buffer in tree.buffers]
    builder = Builder(0)
    builder.Finish(tree.Pack(builder), tflite_schema.IDENTIFIER)
    return bytes(builder.Output())


def _append_labels(model: bytes, labels: "Sequence[str]") -> bytes:
    """Return ``model`` followed by a zip archive with the label file, if there are labels."""
    if not labels:
        return model
    for label in labels:
        if not label or "\n" in label or "\r" in label:
            raise MetadataError(f"label {label!r}: a label file has one label a line, none empty")
    file = io.BytesIO(model)
    with zipfile.ZipFile(file, "a") as archive:
        # The 1st of January 1980, where zip's calendar begins, in every file; and Unix everywhere.
        entry = zipfile.ZipInfo(LABEL_FILE)
        entry.create_system = 3
        archive.writestr(entry, "".join(f"{label}\n" for label in labels))
    return file.getvalue()


def _model_metadata(graph: Graph, metadata: Metadata) -> bytes:
    """Return the standard's ModelMetadata FlatBuffer."""
    from flatbuffers import Builder

    builder = Builder(0)
    # The standard wants one table for each input and output; only the first ones have content.
    inputs = [_input_metadata(builder, graph.tensors[graph.inputs[0]].shape, metadata)]
    inputs += [_table(builder, {}) for _ in graph.inputs[1:]]
    outputs = [_output_metadata(builder, metadata)]
    outputs += [_table(builder, {}) for _ in graph.outputs[1:]]
    subgraph = _table(
        builder,
        {
            schema.SubGraphMetadata.INPUT_TENSOR_METADATA: _vector(builder, inputs),
            schema.SubGraphMetadata.OUTPUT_TENSOR_METADATA: _vector(builder, outputs),
        },
    )
    root = _table(
        builder,
        {
            schema.ModelMetadata.NAME: builder.CreateString(
                "edgekit model" if metadata.meaning == NUMBERS else "edgekit classifier"
            ),
            schema.ModelMetadata.DESCRIPTION: builder.CreateString(
                f"Turns {_input_name(metadata)} into {_output_name(metadata)}."
            ),
            schema.ModelMetadata.VERSION: builder.CreateString(f"edgekit {__version__}"),
            schema.ModelMetadata.SUBGRAPH_METADATA: _vector(builder, [subgraph]),
            schema.ModelMetadata.MIN_PARSER_VERSION: builder.CreateString(MIN_PARSER_VERSION),
        },
    )
    builder.Finish(root, schema.IDENTIFIER)
    return bytes(builder.Output())


def _input_name(metadata: Preprocessing) -> str:
    if metadata.audio is not None:
        return "a spectrogram"
    return "an image" if metadata.mean and not metadata.features else "an input"


def _output_name(metadata: Metadata) -> str:
    return "numbers" if metadata.meaning == NUMBERS else "one score for each class"


def _input_metadata(builder: "Builder", shape: tuple[int, ...], metadata: Preprocessing) -> int:
    """Write the TensorMetadata of the input; return its offset."""
    if metadata.mean or metadata.std:
        require_normalization(metadata.mean, metadata.std)
    if metadata.features or not metadata.mean:
        fields = {
            schema.TensorMetadata.NAME: builder.CreateString("input"),
            schema.TensorMetadata.CONTENT: _content(
                builder, schema.Content.FEATURE_PROPERTIES, _table(builder, {})
            ),
        }
    else:
        color_space = (
            schema.ImageProperties.RGB
            if len(shape) == 4 and shape[-1] == 3
            else schema.ImageProperties.GRAYSCALE
        )
        properties = _table(builder, {}, {schema.ImageProperties.COLOR_SPACE: color_space})
        name, about = "image", "The image."
        if metadata.audio is not None:
            name, about = "spectrogram", "Features of sound, 0 to 255, as of a grey image."
        fields = {
            schema.TensorMetadata.NAME: builder.CreateString(name),
            schema.TensorMetadata.DESCRIPTION: builder.CreateString(about),
            schema.TensorMetadata.CONTENT: _content(
                builder, schema.Content.IMAGE_PROPERTIES, properties
            ),
        }
    if metadata.mean:
        fields |= _normalization(builder, metadata)
    return _table(builder, fields)


def _normalization(builder: "Builder", metadata: Preprocessing) -> dict[int, int]:
    """Write the process unit of the normalisation and the range that pixels get by it."""
    mean, std = metadata.mean, metadata.std
    options = _table(
        builder,
        {
            schema.NormalizationOptions.MEAN: _floats(builder, mean),
            schema.NormalizationOptions.STD: _floats(builder, std),
        },
    )
    unit = _table(
        builder,
        {schema.ProcessUnit.OPTIONS: options},
        {schema.ProcessUnit.OPTIONS_TYPE: schema.ProcessUnit.NORMALIZATION_OPTIONS},
    )
    units = {schema.TensorMetadata.PROCESS_UNITS: _vector(builder, [unit])}
    if metadata.features:
        return units
    channels = max(len(mean), len(std))
    pairs = list(
        zip([*mean] * (channels // len(mean)), [*std] * (channels // len(std)), strict=True)
    )
    stats = _table(
        builder,
        {
            schema.Stats.MAX: _floats(builder, [(255 - m) / s for m, s in pairs]),
            schema.Stats.MIN: _floats(builder, [(0 - m) / s for m, s in pairs]),
        },
    )
    return units | {schema.TensorMetadata.STATS: stats}


def _output_metadata(builder: "Builder", metadata: Metadata) -> int:
    """Write the TensorMetadata of the output; return its offset."""
    name = metadata.meaning if metadata.meaning in (LOGITS, NUMBERS) else "scores"
    fields = {
        schema.TensorMetadata.NAME: builder.CreateString(name),
        schema.TensorMetadata.DESCRIPTION: builder.CreateString(
            f"{_output_name(metadata).capitalize()}."
        ),
        schema.TensorMetadata.CONTENT: _content(
            builder, schema.Content.FEATURE_PROPERTIES, _table(builder, {})
        ),
    }
    if metadata.labels:
        file = _table(
            builder,
            {
                schema.AssociatedFile.NAME: builder.CreateString(LABEL_FILE),
                schema.AssociatedFile.DESCRIPTION: builder.CreateString("The class of each score."),
            },
            {schema.AssociatedFile.TYPE: schema.AssociatedFile.TENSOR_AXIS_LABELS},
        )
        fields[schema.TensorMetadata.ASSOCIATED_FILES] = _vector(builder, [file])
    return _table(builder, fields)


def _content(builder: "Builder", kind: int, properties: int) -> int:
    """Write a Content table whose union is ``properties`` of type ``kind``."""
    return _table(
        builder, {schema.Content.PROPERTIES: properties}, {schema.Content.PROPERTIES_TYPE: kind}
    )


def _table(
    builder: "Builder", offsets: "Mapping[int, int]", enums: "Mapping[int, int] | None" = None
) -> int:
    """Write a table of fields by id: offsets of what was written before, and one-byte enums."""
    enums = enums or {}
    builder.StartObject(max([*offsets, *enums], default=-1) + 1)
    for field, offset in offsets.items():
        builder.PrependUOffsetTRelativeSlot(field, offset, 0)
    for field, value in enums.items():
        builder.PrependUint8Slot(field, value, 0)
    return int(builder.EndObject())


def _vector(builder: "Builder", offsets: "Sequence[int]") -> int:
    """Write a vector of tables."""
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _floats(builder: "Builder", values: "Sequence[float]") -> int:
    """Write a vector of float32."""
    builder.StartVector(4, len(values), 4)
    for value in reversed(values):
        builder.PrependFloat32(value)
    return int(builder.EndVector())
