"""What can be done where int8 costs too much: tried, and measured in the user's metric."""

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

import edge_runtime
from edge_runtime.errors import EdgeRuntimeError
from edgekit.convert import job as jobs
from edgekit.convert import pipeline
from edgekit.convert.conversion import Conversion
from edgekit.convert.job import Job
from edgekit.convert.job_data import Choices
from edgekit.convert.source import TrainedModel
from edgekit.errors import EdgekitError
from edgekit.limits import ROUNDING, main_metric, reported, reported_targets, that_counts

MORE = 4
"""Times as many calibration samples."""

WORST = (1, 2)
"""Numbers of layers that are kept in float32."""

QAT = "quantisation-aware training"

RUNS = 30
"""Inferences whose median is the time."""


@dataclass(frozen=True)
class Repair:
    """A way to convert that may keep more of the metric.

    Attributes:
        name: in words.
        conversion: the settings.
        on_training_data: whether the training data take the place of the user's calibration set.
    """

    name: str
    conversion: Conversion
    on_training_data: bool = False


@dataclass(frozen=True)
class FineTuned:
    """A model after quantisation-aware training.

    Attributes:
        model: the model, with the ranges that it learned.
        seconds: wall time of the training.
    """

    model: TrainedModel
    seconds: float


@dataclass(frozen=True)
class Tried:
    """A repair and what it gives.

    Attributes:
        repair: what was tried.
        content: the .tflite file; empty if it could not be made.
        document: its report.
        metric: the task's main metric of the converted model; None where it is not measured.
        drop: by how much that is below the metric of the model before.
        microseconds: median time of an inference on this machine; None where edgekit's engine does
            not run it.
        problem: why it could not be made; "" if it was.
        training_seconds: how long it trained; None for what does not train.
    """

    repair: Repair
    content: bytes
    document: dict[str, Any]
    metric: float | None
    drop: float | None
    microseconds: float | None
    problem: str = ""
    training_seconds: float | None = None

    @property
    def row(self) -> dict[str, Any]:
        """What a report says of it."""
        return {
            "repair": self.repair.name,
            "bytes": len(self.content) or None,
            "metric": self.metric,
            "drop": self.drop,
            "microseconds": self.microseconds,
            "problem": self.problem,
            "training_seconds": self.training_seconds,
        }

    def keeps(self, most: float) -> bool:
        """Tell whether the metric drops by at most so much."""
        return self.drop is not None and self.drop <= most + ROUNDING


def candidates(
    conversion: Conversion, first: dict[str, Any], choices: Choices, job: Job
) -> list[Repair]:
    """Return repairs of an int8 conversion, the cheapest on the device first.

    Args:
        conversion: the int8 conversion.
        first: the report of it.
        choices: the user's choices.
        job: its data.
    """
    size = conversion.calibration_size
    found = []
    if choices.calibration and job.data:
        found.append(Repair("calibration with the training data", conversion, True))
    if first["calibration"] and first["calibration"]["samples"] >= size:
        more = replace(conversion, calibration_size=size * MORE)
        found.append(Repair(f"{size * MORE} calibration samples", more))
    if first["calibration"] and not conversion.equalize:
        found.append(Repair("equalised channels", replace(conversion, equalize=True)))
    if find_spec("litert_quantizer") and conversion.target == "litert":
        if first["recipe"]["quantizer"] != "litert":
            found.append(Repair("LiteRT's quantiser", replace(conversion, quantizer="litert")))
        lossy = sorted(first["tensor_errors"], key=_lost, reverse=True)
        names = [error["op"] for error in lossy if _lost(error) > 0]
        for kept in (tuple(names[:count]) for count in WORST if len(names) >= count):
            name = f"{' and '.join(kept)} in float32"
            found.append(Repair(name, replace(conversion, keep_float=kept)))
    found.append(Repair("int16 activations", replace(conversion, scheme="int16x8")))
    if conversion.target == "litert":
        float16 = replace(conversion, scheme="float16", equalize=False)
        found.append(Repair("float16 weights", float16))
    return found


def _lost(error: dict[str, Any]) -> float:
    return float(np.inf) if error["lost_db"] is None else float(error["lost_db"])


def tried(
    trained: TrainedModel, choices: Choices, job: Job, repairs: list[Repair]
) -> Iterator[Tried]:
    """Convert by each repair, and measure; what cannot be done says why.

    Args:
        trained: the model.
        choices: the user's choices.
        job: the data and meaning of the int8 conversion.
        repairs: what to try.
    """
    for repair in repairs:
        uses = repair.conversion.calibrated and not repair.on_training_data
        chosen = replace(choices, calibration=choices.calibration if uses else None)
        try:
            other = jobs.recalibrated(trained, chosen, repair.conversion, job)
            content, document = pipeline.convert(trained, repair.conversion, other)
        except (EdgekitError, EdgeRuntimeError) as error:
            yield Tried(repair, b"", {}, None, None, None, str(error))
            continue
        yield measured(repair, content, document)


def fine_tuned(
    tune: Callable[[], FineTuned], trained: TrainedModel, conversion: Conversion, job: Job
) -> Tried:
    """Convert the model after quantisation-aware training, compared with the model before it.

    Args:
        tune: trains; raises EdgekitError where that is not possible.
        trained: the model before.
        conversion: the int8 conversion.
        job: its data.
    """
    learned = replace(conversion, quantizer=None, keep_float=(), equalize=False)
    repair = Repair(QAT, learned)
    try:
        tuned = tune()
        other = jobs.recalibrated(tuned.model, Choices(), learned, job)
        content, document = pipeline.convert(tuned.model, learned, other, reference=trained)
    except (EdgekitError, EdgeRuntimeError) as error:
        return Tried(repair, b"", {}, None, None, None, str(error))
    result = measured(repair, content, document)
    return replace(result, training_seconds=tuned.seconds)


def measured(repair: Repair, content: bytes, document: dict[str, Any]) -> Tried:
    """Return the figures of a conversion that was made."""
    metric = main_metric(document["task"]["name"], reported(document, "after"))
    before, after = (reported(document, when).get(metric) for when in ("before", "after"))
    drop = None
    if before is not None and after is not None:
        ours, theirs, _ = that_counts(after, before, reported_targets(document))
        drop = theirs - ours
    return Tried(repair, content, document, after, drop, _microseconds(content))


def _microseconds(content: bytes) -> float | None:
    """Return the median time of an inference by edgekit's engine, on zeros."""
    with tempfile.TemporaryDirectory(prefix="edgekit-") as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(content)
        try:
            with edge_runtime.load(path) as model:
                zeros = tuple(
                    np.zeros(tensor.shape, tensor.dtype) for tensor in model.inputs.values()
                )
                inputs = zeros[0] if len(zeros) == 1 else zeros
                times = []
                for _ in range(RUNS):
                    started = time.perf_counter()
                    model.run(inputs)
                    times.append(time.perf_counter() - started)
        except EdgeRuntimeError:
            return None
    return float(np.median(times)) * 1e6
