"""The measurement of one trained model: a point of the sweep with one seed."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from edgekit import stored
from edgekit.errors import ResultError
from edgekit.train.recipe import RECIPE, Recipe

ACCURACIES = ("float32", "int8")
FILES = ("keras", "float32", "int8")
DEFLATED = "int8_deflated"

SCORE = {
    "correct": int,
    "total": int,
    "accuracy": float,
    "interval": [float, float],
    "confusion": [[int]],
}
FIRMWARE = ("flash", "ram", "stack", "instructions")
SHAPE = {
    "recipe": RECIPE,
    "basis": {"data": {str: object}, "versions": {str: str}},
    "failure?": str,
    "accuracy?": {str: SCORE},
    "epochs?": int,
    "seconds?": float,
    "sizes?": {str: int},
    "parameters?": int,
    "macs?": int,
    "latency?": (float, None),
    "firmware?": (dict.fromkeys(FIRMWARE, float) | {"stack": (float, None)}, None),
    "missing?": {str: str},
    "weights_sha256?": str,
    "worker": {"CPU": str, "host": str},
    "time?": str,
}
SMALLEST = 1e-12
"""Smallest figure besides 0: plots calculate logarithms of differences."""

MEASURED = {
    "accuracy": dict.fromkeys(ACCURACIES, object),
    "sizes": dict.fromkeys((*FILES, DEFLATED), object),
}
"""Further entries of a measurement that did not fail."""


@dataclass(frozen=True)
class Basis:
    """What measurements must have in common to be compared in one table.

    Attributes:
        data: the dataset's name, classes and digest.
        versions: versions of all packages that affect the figures, without those not installed.
    """

    data: Mapping[str, Any]
    versions: Mapping[str, str]


@dataclass(frozen=True)
class Measurement:
    """One model, trained, converted and measured.

    Attributes:
        recipe: what was trained, including its seed.
        basis: data and versions.
        failure: why there are no figures; "" when there are.
        accuracy: by ACCURACIES: correct, total, accuracy, interval (Wilson, 95 %), confusion
            (rows predicted, columns true); float32 is the Keras model's.
        epochs: number of epochs run, including those of fine-tuning.
        seconds: wall time of training and fine-tuning.
        sizes: bytes of the files, by FILES, and of the int8 file deflated (zlib, level 9).
        parameters: number of weights and biases.
        macs: multiply-accumulates of one inference.
        latency: median seconds of one image on the native engine; None without the engine, and
            until all points are trained.
        firmware: flash, ram, stack (bytes) and instructions (median of one inference) on the
            emulated core; None without the tools.
        missing: "latency" or "firmware" -> why there is none.
        weights_sha256: digest of the trained weights.
        worker: processor, host and process that measured it.
        time: time of the measurement, ISO 8601, UTC.
    """

    recipe: Recipe
    basis: Basis
    failure: str = ""
    accuracy: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    epochs: int = 0
    seconds: float = 0.0
    sizes: Mapping[str, int] = field(default_factory=dict)
    parameters: int = 0
    macs: int = 0
    latency: float | None = None
    firmware: Mapping[str, int] | None = None
    missing: Mapping[str, str] = field(default_factory=dict)
    weights_sha256: str = ""
    worker: Mapping[str, str] = field(default_factory=dict)
    time: str = ""

    @property
    def key(self) -> str:
        """Key of the measurement: equal for equal recipe, data and versions."""
        return key(self.recipe, self.basis)

    @property
    def awaits_latency(self) -> bool:
        """Whether it has figures but neither a latency nor a reason why there is none."""
        return not self.failure and self.latency is None and "latency" not in self.missing

    def to_dict(self) -> dict[str, Any]:
        """Return the measurement as plain JSON values."""
        return asdict(self) | {"recipe": self.recipe.document}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> "Measurement":
        """Return the measurement from the result of :meth:`to_dict`.

        Raises:
            ResultError: a field is missing, unknown or of the wrong kind.
        """
        problem = stored.problem(document, SHAPE)
        if not problem and not document.get("failure"):
            problem = stored.problem(document, MEASURED)
        problem = problem or _contradiction(document)
        if problem:
            raise ResultError(f"not a row of a sweep: {problem}")
        fields = dict(document)
        try:
            recipe, basis = Recipe(**fields.pop("recipe")), Basis(**fields.pop("basis"))
            return cls(recipe=recipe, basis=basis, **fields)
        except TypeError as error:
            raise ResultError(f"not a row of a sweep: {error}") from None


def _contradiction(document: Mapping[str, Any]) -> str:
    """Return which figures are impossible; "" where all are possible."""
    classes = document["basis"]["data"].get("classes")
    for kind, score in document.get("accuracy", {}).items():
        counts = [count for row in score["confusion"] for count in row]
        sides = {len(score["confusion"]), *map(len, score["confusion"])}
        square = sides == {len(classes) if isinstance(classes, list) else 0}
        if not 0 <= score["correct"] <= score["total"] or not score["total"]:
            return f"accuracy.{kind}: {score['correct']} of {score['total']} right"
        if not all(0 <= s <= 1 for s in (score["accuracy"], *score["interval"])):
            return f"accuracy.{kind}: a share that is not from 0 to 1"
        if not square or min(counts, default=-1) < 0:
            return f"accuracy.{kind}.confusion: no counts of class by class"
    figures = [document.get(name, 0) for name in ("epochs", "seconds", "parameters", "macs")]
    figures += [document.get("latency") or 0, *document.get("sizes", {}).values()]
    figures += (document.get("firmware") or {}).values()
    if not all(not n or SMALLEST <= n < stored.LARGEST for n in figures):
        return "a figure that is negative, tiny or huge"
    return ""


def key(recipe: Recipe, basis: Basis) -> str:
    """Return the hex SHA-256 of everything that determines a measurement."""
    text = json.dumps([recipe.document, asdict(basis)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
