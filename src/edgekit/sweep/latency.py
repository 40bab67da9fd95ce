"""Latency of the sweep's models: after all training, one model at a time, without workers."""

from dataclasses import dataclass
from pathlib import Path

from edgekit.sweep.point import load_data

ROUNDS = 5
ON_A_CLUSTER = (
    "left out with --scheduler: it is measured by one process of this machine, after all training"
)


@dataclass(frozen=True)
class Timing:
    """Task of the process that measures the latency.

    Attributes:
        model: the int8 file of a point.
        source: source of the data, for ``train.data.load``.
        classes: classes of the data.
    """

    model: Path
    source: str
    classes: tuple[str, ...]


def measure(timing: Timing) -> tuple[float | None, str]:
    """Return the seconds for one image on the native engine, or None and why."""
    from edgekit.benchmarks import latency
    from edgekit.benchmarks.contender import from_models
    from edgekit.benchmarks.result import Result

    (contender,) = from_models({timing.model.name: timing.model}, ("native",))
    if isinstance(contender, Result):
        return None, contender.reason
    images = load_data(timing.source, timing.classes).x_test
    (result,) = latency.measure([contender], images, rounds=ROUNDS)
    return float(result.summary["p50"]), ""
