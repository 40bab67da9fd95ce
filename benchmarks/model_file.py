"""What a .tflite file says about itself: shapes, labels, scale and origin."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_runtime.errors import EdgeRuntimeError, ModelError
from edge_runtime.graph import Graph, Tensor
from edge_runtime.meaning import NUMBERS, of_graph
from edge_runtime.metadata import EDGEKIT_ENTRY, Metadata, read_metadata
from edge_runtime.reader import read
from edgekit import limits, stored
from edgekit.benchmarks.tensors import shown
from edgekit.errors import DataError
from edgekit.files import REPORT
from edgekit.limits import NO_REPORT, Recorded
from edgekit.train.dataset import IMAGE_SHAPE, SOURCES, image_shape, takes_images
from edgekit.train.reading import from_document
from edgekit.train.training_data import TrainingData

STUDY = ("0", "1")
"""Classes of the documented study, whose models must reach an accuracy of 0.99."""


@dataclass(frozen=True)
class ModelFile:
    """A .tflite file.

    Attributes:
        path: the file.
        graph: its ops and tensors.
        metadata: its metadata; the defaults if it has none.
        reported: path of its data, from the conversion's report beside it; "" without one.
        recorded: what that report says of the Keras model that it was converted from.
        task_stated: whether the user named the task, and the metadata are as if they said so.
    """

    path: Path
    graph: Graph
    metadata: Metadata
    reported: str
    recorded: Recorded = NO_REPORT
    task_stated: bool = False

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """The input tensors."""
        return tuple(self.graph.tensors[index] for index in self.graph.inputs)

    @property
    def outputs(self) -> tuple[Tensor, ...]:
        """The output tensors."""
        return tuple(self.graph.tensors[index] for index in self.graph.outputs)

    @property
    def several(self) -> str:
        """Why it has no accuracy, if it has several inputs or outputs; else ""."""
        if len(self.inputs) == len(self.outputs) == 1:
            return ""
        inputs, outputs = shown(self.inputs, "input"), shown(self.outputs, "output")
        return f"it has {inputs} and {outputs}, and accuracy needs one of each"

    @property
    def input(self) -> Tensor:
        """The input tensor, of several the first."""
        return self.inputs[0]

    @property
    def output(self) -> Tensor:
        """The output tensor, of several the first."""
        return self.outputs[0]

    @property
    def size(self) -> tuple[int, ...]:
        """Shape of the input without the batch."""
        return self.input.shape[1:]

    @property
    def pictures(self) -> tuple[int, int, int] | None:
        """Height, width and channels of the input as a picture; None if it is none."""
        return image_shape(self.size, str(self.path)) if takes_images(self.size) else None

    @property
    def classes(self) -> int:
        """Number of classes, if the output is the scores of classes."""
        return max(2, self.output.shape[-1])

    @property
    def framing(self) -> str | None:
        """How pictures are framed; None if the file does not say."""
        return self.metadata.framing if EDGEKIT_ENTRY in self.graph.metadata else None

    @property
    def source(self) -> str | None:
        """Source of the training data, for ``edgekit.train.data.load``; None if unknown."""
        return self._provenance("data", "source") or self.reported or None

    @property
    def trained_on(self) -> TrainingData:
        """What the file says of its training data.

        Raises:
            DataError: it says how they were read in a way that this edgekit does not know.
        """
        data = self.metadata.provenance.get("data")
        try:
            reading = from_document(data.get("reading") if isinstance(data, dict) else None)
        except ValueError as error:
            raise DataError(f"{self.path}: says how its data were read, but {error}") from None
        return TrainingData(self.source, self._provenance("data", "sha256"), reading)

    @property
    def data_name(self) -> str:
        """Name of the training data; "" if the file does not say."""
        return self._provenance("data", "name")

    @property
    def data_classes(self) -> Sequence[str] | None:
        """Classes of the data that it was measured on; None if the file does not say."""
        fields = self.metadata.provenance.get("data")
        classes = fields.get("classes") if isinstance(fields, dict) else None
        return classes if isinstance(classes, list) else None

    @property
    def origin(self) -> str:
        """SHA-256 of the Keras model that it was converted from; "" if the file does not say."""
        return self._provenance("model", "sha256")

    @property
    def of_the_study(self) -> bool:
        """Whether the file says that it is a model of the documented study."""
        return self._provenance("data", "source") in SOURCES and self.metadata.labels == STUDY

    def meaning(self, labels: tuple[str, ...] = ()) -> str:
        """Return the meaning of the output, one of ``edge_runtime.meaning.MEANINGS``.

        Args:
            labels: labels of the test data; they make a file without metadata a classifier.
        """
        return self.metadata.meaning or of_graph(self.graph, self.metadata.labels or labels)

    @property
    def may_be_digits(self) -> bool:
        """Whether this can be a classifier of MNIST's digits, or of two of them."""
        return (
            self.pictures == IMAGE_SHAPE
            and self.classes in (2, 10)
            and not (self.metadata.meaning == NUMBERS or max(self.output.shape) > self.classes)
        )

    def _provenance(self, part: str, field: str) -> str:
        """Return a field of the provenance that ``edgekit convert`` writes; "" without it."""
        fields = self.metadata.provenance.get(part)
        value = fields.get(field) if isinstance(fields, dict) else None
        return value if isinstance(value, str) else ""


def load(path: Path) -> ModelFile:
    """Read a file.

    Raises:
        ModelError: it is not a .tflite file, or not one that bench can measure.
    """
    content = path.read_bytes()
    try:
        graph = read(content)
        metadata = read_metadata(graph, content)
    except EdgeRuntimeError as error:
        raise ModelError(f"{path}: {error}") from None
    if not graph.inputs or not graph.outputs:
        inputs, outputs = shown(graph.inputs, "input"), shown(graph.outputs, "output")
        raise ModelError(f"{path}: has {inputs} and {outputs}; bench needs one of each or more")
    report = _report(path, content)
    source = report["data"]["source"] if report else ""
    file = ModelFile(path, graph, metadata or Metadata(), source, _recorded(report))
    if not all(tensor.shape for tensor in (*file.inputs, *file.outputs)):
        raise ModelError(f"{path}: an input or output is a scalar, without a batch")
    batches = [tensor.shape[0] for tensor in (*file.inputs, *file.outputs)]
    for batch in batches if file.several else batches[:1]:
        if batch != 1:
            raise ModelError(
                f"{path}: has a batch of {batch}, but bench times one input: convert it again"
            )
    return file


def report_of(path: Path) -> Path:
    """Return the path of the report that ``edgekit convert`` writes for a file."""
    return path.with_name(f"{path.name}{REPORT}")


def _report(path: Path, content: bytes) -> dict[str, Any]:
    """Return the conversion's report, if it describes this file and names its data; else {}."""
    if not report_of(path).is_file():
        return {}
    try:
        report = stored.parse(report_of(path).read_bytes())
    except (OSError, ValueError):
        return {}
    if stored.problem(report, {"tflite_sha256": str, "data": {"source": str}}):
        return {}
    matches = report["tflite_sha256"] == hashlib.sha256(content).hexdigest()
    return dict(report) if matches else {}


def _recorded(report: dict[str, Any]) -> Recorded:
    """Return what a report says of the Keras model; nothing if it is damaged."""
    try:
        found, inputs = limits.reported(report, "before"), limits.reported_inputs(report)
        targets = {name: before for name, _, before in limits.reported_targets(report)}
    except (AttributeError, KeyError, TypeError, ValueError):
        return NO_REPORT
    sound = {name: value for name, value in found.items() if stored.is_number(value)}
    if not sound:
        return NO_REPORT
    each = {name: value for name, value in targets.items() if stored.is_number(value)}
    digest = str(report["data"].get("sha256", ""))
    return Recorded(sound, digest, inputs, each)
