"""Latency of the sweep's models: after all training, one model at a time, without workers."""

from dataclasses import dataclass
from pathlib import Path

from edgekit.sweep.point import load_data
from edgekit.train.reading import NOTHING_CHOSEN, Reading

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
        framing: how its pictures are brought to the model's size.
        reading: how the data are read.
    """

    model: Path
    source: str
    classes: tuple[str, ...]
    framing: str = "resize"
    reading: Reading = NOTHING_CHOSEN


def measure(timing: Timing) -> tuple[float | None, str]:
    """Return the seconds for one image on the native engine, or None and why."""
    from edgekit.benchmarks import latency
    from edgekit.benchmarks.contender import from_models
    from edgekit.benchmarks.result import Result

    (contender,) = from_models({timing.model.name: timing.model}, ("native",))
    if isinstance(contender, Result):
        return None, contender.reason
    data = load_data(timing.source, timing.classes, timing.framing, timing.reading)
    (result,) = latency.measure([contender], data.x_test, rounds=ROUNDS)
    return float(result.summary["p50"]), ""
