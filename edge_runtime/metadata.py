"""What a .tflite says about its use: labels, normalisation, framing, audio, meaning, provenance.

Labels and normalisation are where the TFLite Metadata standard puts them: a FlatBuffer in the
model's metadata entry TFLITE_METADATA, which names a label file in a zip archive appended to the
model. What the standard has no place for is JSON in edgekit's entry, EDGEKIT_METADATA.
"""

import mmap
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isfinite, prod
from typing import TYPE_CHECKING, Any

from edge_runtime import metadata_schema as schema
from edge_runtime.errors import InputError, MetadataError
from edge_runtime.flatbuffer import FlatBuffer, Table
from edge_runtime.graph import Graph
from edge_runtime.meaning import ANOMALY, BINARY, MEANINGS, TASKS

if TYPE_CHECKING:
    from edge_runtime.front_end import Audio

EDGEKIT_ENTRY = "EDGEKIT_METADATA"
EDGEKIT_FORMAT = 1
FRAMINGS = ("digit", "resize", "centre-crop", "letterbox")
GROUNDS = ("contrasting", "white", "black")
"""What shows where a picture is transparent; see :func:`edge_runtime.image.prepare`."""

MAX_BRACKETS = 256
"""Most opening brackets in edgekit's entry."""

LABEL_FILE_LIMIT = 1 << 20
"""Most bytes of a label file; ImageNet's 1,000 labels have 22 thousand."""

THRESHOLDED = (BINARY, ANOMALY)
"""Tasks that a threshold decides."""

LARGEST = 2.0**127
"""Means, deviations and normalised pixels are below this: all of them are float32."""


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """What happens between a raw input and the model's tensor: in training, here, and in C.

    Attributes:
        mean: per-channel (or one) mean of the normalisation ``(pixel - mean) / std``, with pixels
            0 to 255, as in TFLite Metadata's NormalizationOptions. (0,) and (255,) mean [0, 1].
            Empty, together with ``std``, when the file does not say, or when the model was never
            trained on pixels. With ``features``, that of each of them.
        std: per-channel (or one) standard deviation of the same formula.
        framing: how an image of another size becomes the model's input: "digit" (ink cropped,
            fitted into a centred box, as MNIST was made), "resize" (scaled as it is),
            "centre-crop" or "letterbox"; see :func:`edge_runtime.image.prepare`.
        ground: what shows where an image is transparent, one of GROUNDS.
        features: whether the inputs are features of a table or of sensors, which the normalisation
            brings onto the model's scale, and not pixels.
        audio: what turns sound into pixels; None where inputs are no sound.
    """

    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    framing: str = "resize"
    ground: str = GROUNDS[0]
    features: bool = False
    audio: "Audio | None" = None


@dataclass(frozen=True)
class Metadata(Preprocessing):
    """How to feed the model, and how to read its answer.

    Attributes:
        labels: the class names, in the order of the scores; empty when the file does not say.
            Two for a model with a single sigmoid output, which is the score of the second.
        provenance: where the model comes from: dataset, seed, versions, recipe. Whatever JSON can
            hold.
        meaning: what the output means, one of ``edge_runtime.meaning.MEANINGS``; "" when the file
            does not say.
        task: what the model is for, one of ``edge_runtime.meaning.TASKS``; "" when the file does
            not say.
        threshold: of two classes the ``edge_runtime.meaning.margins`` above which the second one is
            the answer; of an anomaly detector the error above which an input is an anomaly. None
            where the higher of two scores decides, or nothing does.
    """

    labels: tuple[str, ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)
    meaning: str = ""
    task: str = ""
    threshold: float | None = None


def read_metadata(graph: Graph, data: bytes | memoryview | mmap.mmap) -> Metadata | None:
    """Return what the file says about input 0 and output 0, whatever tool wrote it.

    Args:
        graph: the graph that :func:`edge_runtime.reader.read` returned for ``data``.
        data: the whole file; the label file is in the zip at its end.

    Returns:
        None if the file has neither labels nor normalisation nor edgekit's entry.

    Raises:
        MetadataError: the metadata is damaged or contradicts itself or the model.
    """
    mean, std, label_file = _standard(graph)
    labels = _labels(data, label_file) if label_file else ()
    scores = graph.tensors[graph.outputs[0]].shape[-1:] if graph.outputs else ()
    # A single sigmoid output distinguishes two classes.
    if labels and scores != (len(labels),) and (scores, len(labels)) != ((1,), 2):
        raise MetadataError(
            f"{label_file} has {len(labels)} labels, output 0 has {scores[0] if scores else 'no'} "
            "scores"
        )
    own = _edgekit(graph)
    if own.audio is not None:
        _require_features(graph, own.audio)
    if not labels and not mean and EDGEKIT_ENTRY not in graph.metadata:
        return None
    if own.features and not mean:
        raise MetadataError("the inputs are features, and nothing says how they are normalised")
    return replace(own, labels=labels, mean=mean, std=std)


def _require_features(graph: Graph, audio: "Audio") -> None:
    """Raise :class:`MetadataError` unless input 0 has as many numbers as the front end gives."""
    shape = graph.tensors[graph.inputs[0]].shape if graph.inputs else ()
    if prod(shape[1:]) != prod(audio.shape):
        raise MetadataError(
            f"{EDGEKIT_ENTRY}: its audio gives {' x '.join(map(str, audio.shape[:2]))} numbers, "
            f"input 0 is {list(shape)}"
        )


def _standard(graph: Graph) -> tuple[tuple[float, ...], tuple[float, ...], str]:
    """Return mean and std of input 0 and the name of output 0's label file."""
    content = graph.metadata.get(schema.ENTRY)
    if content is None:
        return (), (), ""
    if content[4:8] != schema.IDENTIFIER:
        raise MetadataError(f"{schema.ENTRY} is not a TFLite Metadata FlatBuffer")
    root = FlatBuffer(content, MetadataError).root(schema.ENTRY)
    subgraph = root.first(schema.ModelMetadata.SUBGRAPH_METADATA, "subgraph metadata")
    if subgraph is None:
        return (), (), ""
    first_input = subgraph.first(schema.SubGraphMetadata.INPUT_TENSOR_METADATA, "input metadata")
    first_output = subgraph.first(schema.SubGraphMetadata.OUTPUT_TENSOR_METADATA, "output metadata")
    mean, std = _normalization(first_input) if first_input else ((), ())
    return mean, std, _label_file(first_output) if first_output else ""


def _normalization(tensor: Table) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and std of a tensor, empty when the file does not say."""
    for unit in tensor.tables(schema.TensorMetadata.PROCESS_UNITS, "process unit"):
        kind = unit.scalar(schema.ProcessUnit.OPTIONS_TYPE, "B")
        options = unit.table(schema.ProcessUnit.OPTIONS, "process unit options")
        if kind != schema.ProcessUnit.NORMALIZATION_OPTIONS or options is None:
            continue
        mean = options.vector(schema.NormalizationOptions.MEAN, "f")
        std = options.vector(schema.NormalizationOptions.STD, "f")
        require_normalization(mean, std)
        return mean, std
    return (), ()


def require_normalization(mean: tuple[float, ...], std: tuple[float, ...]) -> None:
    """Raise :class:`MetadataError` unless ``(pixel - mean) / std`` can be computed."""
    if not mean or not std or len({1, len(mean), len(std)}) > 2:
        raise MetadataError(f"normalisation: {len(mean)} means and {len(std)} deviations")
    if not all(abs(value) < LARGEST for value in mean + std) or 0 in std:
        raise MetadataError("normalisation: a mean or a deviation is no usable number")
    channels = max(len(mean), len(std))
    pairs = zip(mean * (channels // len(mean)), std * (channels // len(std)), strict=True)
    if any(max(abs(m), abs(255 - m)) > abs(s) * LARGEST for m, s in pairs):
        raise MetadataError("normalisation: a pixel becomes a number that float32 does not hold")


def _label_file(tensor: Table) -> str:
    """Return the name of a tensor's first label file, empty when it has none."""
    for file in tensor.tables(schema.TensorMetadata.ASSOCIATED_FILES, "associated file"):
        kind = file.scalar(schema.AssociatedFile.TYPE, "b")
        if kind == schema.AssociatedFile.TENSOR_AXIS_LABELS:
            return file.string(schema.AssociatedFile.NAME)
    return ""


def _labels(data: bytes | memoryview | mmap.mmap, name: str) -> tuple[str, ...]:
    """Read the label file ``name``, one label a line, from the zip at the end of ``data``."""
    import io
    import zipfile
    import zlib

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entry = archive.getinfo(name)
            if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise zipfile.BadZipFile(f"compression method {entry.compress_type}")
            with archive.open(entry) as file:
                content = file.read(LABEL_FILE_LIMIT + 1)
    except KeyError:
        raise MetadataError(f"the label file {name!r} is not in the zip behind the model") from None
    # What zipfile raises for hostile archives: RuntimeError for encryption, ValueError and
    # OverflowError for offsets outside the file.
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        RuntimeError,
        ValueError,
        OverflowError,
    ) as error:
        raise MetadataError(f"the label file {name!r} cannot be read: {error}") from error
    if len(content) > LABEL_FILE_LIMIT:
        raise MetadataError(f"the label file {name!r} is larger than {LABEL_FILE_LIMIT} bytes")
    lines = content.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    # As in MediaPipe: one empty line at the end is the end of the file, and no label.
    return tuple(lines[:-1] if not lines[-1] else lines)


def _real(text: str) -> float | None:
    """Return a number of the file; None for NaN and infinity, which JSON cannot represent."""
    value = float(text)
    return value if isfinite(value) else None


def _edgekit(graph: Graph) -> Metadata:
    """Return what edgekit's entry says, or the defaults."""
    import json

    content = graph.metadata.get(EDGEKIT_ENTRY)
    if content is None:
        return Metadata()
    # JSON may nest deeper than later recursion allows; the number of brackets bounds the depth.
    if sum(map(bytes(content).count, (b"[", b"{"))) > MAX_BRACKETS:
        raise MetadataError(f"{EDGEKIT_ENTRY} has more than {MAX_BRACKETS} lists and objects")
    try:
        document = json.loads(bytes(content), parse_constant=_real, parse_float=_real)
    except ValueError as error:
        raise MetadataError(f"{EDGEKIT_ENTRY} is not JSON: {error}") from error
    if not isinstance(document, dict) or document.get("format") != EDGEKIT_FORMAT:
        raise MetadataError(f"{EDGEKIT_ENTRY} is not of format {EDGEKIT_FORMAT}: update edgekit")
    framing, provenance = document.get("framing"), document.get("provenance")
    if framing not in FRAMINGS or not isinstance(provenance, dict):
        raise MetadataError(f"{EDGEKIT_ENTRY} has no framing ({', '.join(FRAMINGS)}) or provenance")
    meaning = document.get("meaning", "")
    if meaning not in ("", *MEANINGS):
        raise MetadataError(f"{EDGEKIT_ENTRY}: the meaning is none of {', '.join(MEANINGS)}")
    ground, features = document.get("ground", GROUNDS[0]), document.get("features", False)
    if ground not in GROUNDS:
        raise MetadataError(f"{EDGEKIT_ENTRY}: the ground is none of {', '.join(GROUNDS)}")
    if not isinstance(features, bool):
        raise MetadataError(f"{EDGEKIT_ENTRY}: features is neither true nor false")
    task, threshold = _task(document)
    return Metadata(
        framing=framing,
        provenance=provenance,
        meaning=meaning,
        ground=ground,
        features=features,
        audio=_audio(document["audio"]) if "audio" in document else None,
        task=task,
        threshold=threshold,
    )


def _audio(document: object) -> "Audio":
    """Return the front end that edgekit's entry describes."""
    from edge_runtime.front_end import from_json

    try:
        return from_json(document)
    except InputError as error:
        raise MetadataError(f"{EDGEKIT_ENTRY}: {error}") from None


def _task(document: dict[str, Any]) -> tuple[str, float | None]:
    """Return task and threshold of edgekit's entry."""
    task, threshold = document.get("task", ""), document.get("threshold")
    if task not in ("", *TASKS):
        raise MetadataError(f"{EDGEKIT_ENTRY}: the task is none of {', '.join(TASKS)}")
    if threshold is None:
        return task, None
    if type(threshold) not in (int, float) or not abs(threshold) < LARGEST:
        raise MetadataError(f"{EDGEKIT_ENTRY}: the threshold is no usable number")
    if task not in THRESHOLDED:
        raise MetadataError(f"{EDGEKIT_ENTRY}: a threshold is for {' and '.join(THRESHOLDED)}")
    return task, float(threshold)
