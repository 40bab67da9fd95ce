"""The one record type: what was measured, on what, with the raw samples, or why it was not."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

from edgekit import stored
from edgekit.errors import ResultError

ANSWERS = ("accuracy", "error", "outputs")
"""Metrics of what a subject answered, of which every subject has one."""

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
"""Of a stored result."""

KERAS = "keras"
"""The peer that answers are compared with."""

Status = Literal["measured", "not present", "failed"]


@dataclass(frozen=True)
class Subject:
    """Who is measured: a model file on a backend, or a peer of ours.

    Attributes:
        model: the model's file name; "" for what runs without one.
        sha256: digest of that file; "" without one.
        backend: what runs the model.
        peer: whether it is shown beside ours for comparison; gates do not apply to it.
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
        subject: who was measured.
        metric: "accuracy", "error" or "outputs", "agreement", "difference_to_builtin_ref",
            "difference_to_xnnpack", "latency", "relative_latency", "latency_to_litert",
            "throughput", "cold_start", "peak_memory", "file_size" or "installed_size"; of firmware
            "accuracy", "error" or "outputs",
            "difference_to_native", "flash", "ram" or "instructions".
        unit: of the samples: "s", "bytes", "images/s", "class", "steps", "instructions", …
        samples: what was measured, in the order in which it was.
        summary: figures derived from the samples, plain JSON values.
        status: "not present" when a library, a device or a file is missing; "failed" when
            measuring was tried in vain.
        reason: why it was not measured; "" when it was.
        dataset: name, digest, labels and number of the test inputs, as dataset.describe tells.
        environment: the machine and the versions, as environment.describe tells them.
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
        """Return the record that :meth:`to_dict` made.

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
    """Return the result with what it was measured on, and the time: now."""
    time = datetime.now(UTC).isoformat(timespec="seconds")
    return replace(result, dataset=dataset, environment=environment, time=time)


def select(results: Iterable[Result], metric: str) -> dict[Subject, Result]:
    """Return the results of ``metric``, measured or not, by their subject, in their order."""
    return {result.subject: result for result in results if result.metric == metric}


def answered(results: Iterable[Result]) -> dict[Subject, Result]:
    """Return accuracy, error or outputs of each subject, measured or not, in their order."""
    return {result.subject: result for result in results if result.metric in ANSWERS}
