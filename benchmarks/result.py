"""The record of a measurement: subject, environment and raw samples, or why there are none."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

from edgekit import stored
from edgekit.errors import ResultError

ANSWERS = ("accuracy", "labels", "error", "outputs")
"""Metrics of a subject's answers; every subject has exactly one of them."""

SHAPE = {
    "subject": {"model": str, "sha256": str, "backend": str, "peer?": bool},
    "metric": str,
    "unit": str,
    "samples?": [float],
    "summary?": {str: object},
    "status?": str,
    "reason?": str,
    "dataset?": {str: object},
    "environment?": {str: str},
    "time?": str,
}
"""Shape of a stored result, see ``edgekit.stored``."""

KERAS, FLOAT = "keras", "float"
REFERENCES = {KERAS: "the Keras model", FLOAT: "the float model"}
"""Peers that answers are compared with, and what sentences call them: the model that the file was
converted from, or a float .tflite file in its place."""

Status = Literal["measured", "not present", "failed"]


@dataclass(frozen=True)
class Subject:
    """What is measured: a model file on a backend, or a peer.

    Attributes:
        model: the model's file name; "" without a model.
        sha256: digest of that file; "" without a model.
        backend: name of what runs the model.
        peer: it is measured for comparison only; gates do not apply to it.
    """

    model: str
    sha256: str
    backend: str
    peer: bool = False

    def __str__(self) -> str:
        return f"{self.model} on {self.backend}" if self.model else self.backend


@dataclass(frozen=True)
class Result:
    """One metric of one subject.

    Attributes:
        subject: what was measured.
        metric: "accuracy", "labels", "error" or "outputs", "agreement",
            "difference_to_builtin_ref", "difference_to_xnnpack", "latency", "relative_latency",
            "latency_to_litert", "throughput", "layers", "cold_start", "peak_memory", "file_size"
            or "installed_size"; of a single layer "layer_time", and of the machine "peak_rate";
            for firmware "accuracy", "labels", "error" or "outputs", "difference_to_native",
            "flash", "ram" or "instructions".
        unit: unit of the samples: "s", "bytes", "images/s", "class", "steps", "instructions", …
        samples: the measured values, in the order of measurement.
        summary: figures derived from the samples, plain JSON values.
        status: "not present" if a library, a device or a file is missing; "failed" if the
            measurement failed.
        reason: why it was not measured; "" if it was.
        dataset: name, digest, labels and number of the test inputs, from dataset.describe.
        environment: machine and versions, from environment.describe.
        time: when it was measured, ISO 8601, UTC.
    """

    subject: Subject
    metric: str
    unit: str
    samples: tuple[float, ...] = ()
    summary: Mapping[str, Any] = field(default_factory=dict)
    status: Status = "measured"
    reason: str = ""
    dataset: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    time: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "Result":
        """Return the record for a result of :meth:`to_dict`.

        Raises:
            ResultError: a field is missing, unknown or of the wrong kind.
        """
        if problem := stored.problem(document, SHAPE):
            raise ResultError(f"not a benchmark result: {problem}")
        fields = dict(document)
        try:
            subject = Subject(**fields.pop("subject"))
            return cls(subject=subject, samples=tuple(fields.pop("samples", ())), **fields)
        except TypeError as error:
            raise ResultError(f"not a benchmark result: {error}") from None


def stamped(result: Result, dataset: Mapping[str, Any], environment: Mapping[str, str]) -> Result:
    """Return the result with its dataset, its environment and the current time."""
    time = datetime.now(UTC).isoformat(timespec="seconds")
    return replace(result, dataset=dataset, environment=environment, time=time)


def select(results: Iterable[Result], metric: str) -> dict[Subject, Result]:
    """Return the results of ``metric``, measured or not, by subject, in order."""
    return {result.subject: result for result in results if result.metric == metric}


def answered(results: Iterable[Result]) -> dict[Subject, Result]:
    """Return the result of ANSWERS of each subject, measured or not, in order."""
    return {result.subject: result for result in results if result.metric in ANSWERS}
