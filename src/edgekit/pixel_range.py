"""Pixels 0 and 255 on a model's scale: the ranges people train on, and trials to compare them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from edgekit.scoring import wilson_interval

Range = tuple[float, float]

UNIT: Range = (0.0, 1.0)
CANDIDATES: tuple[Range, ...] = ((0.0, 255.0), UNIT, (-1.0, 1.0))
"""Ranges that people train on, in the order in which a model's own rescaling is compared with
them."""

ENDS = tuple(sorted({end for candidate in CANDIDATES for end in candidate}))

LARGEST = 5.0
"""Largest normalised pixel: white in MNIST is 2.8 standard deviations."""
NARROWEST = 0.9
"""Least span of rescaled pixels, or the model expects a wider range."""
DARKEST = 0.05
"""Largest value of black, or the model expects a range that begins lower."""


@dataclass(frozen=True)
class InputRange:
    """What pixels become.

    Attributes:
        low: pixel 0 on the model's scale.
        high: pixel 255.
        reason: why it was chosen, as the end of a sentence.
        warning: evidence against it; "" when there is none.
    """

    low: float
    high: float
    reason: str
    warning: str = ""

    @property
    def normalization(self) -> tuple[float, float]:
        """Mean and std with which (pixel - mean) / std maps 0 to ``low`` and 255 to ``high``."""
        std = 255.0 / (self.high - self.low)
        return 0.0 - self.low * std, std


@dataclass(frozen=True)
class Trial:
    """The result of trying a range: ``correct`` of ``total`` labelled inputs are answered right."""

    range: Range
    correct: int
    total: int

    @property
    def share(self) -> float:
        """Share of right answers."""
        return self.correct / self.total

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson 95 % interval of the share."""
        return wilson_interval(self.correct, self.total)

    def __str__(self) -> str:
        return f"{self.share:.1%} of {self.total} training inputs are right"


def rescaled_from(values: Mapping[float, Any]) -> Range | None:
    """Return the candidate that a model's own rescaling maps to small numbers; None if none is.

    Args:
        values: for each of ENDS, the rescaling of an input filled with that number.
    """
    smallest = {end: float(array.min()) for end, array in values.items()}
    largest = {end: float(array.max()) for end, array in values.items()}
    for low, high in CANDIDATES:
        bottom, top = min(smallest[low], smallest[high]), max(largest[low], largest[high])
        small = max(abs(bottom), abs(top)) <= LARGEST
        if small and top - bottom >= NARROWEST and bottom <= DARKEST:
            return low, high
    return None


def better(trial: Trial, other: Trial) -> bool:
    """Tell whether more answers are right than chance explains: the intervals do not overlap."""
    return trial.interval[0] > other.interval[1]


def contradiction(chosen: Range, attempt: Callable[[Range], Trial] | None) -> str:
    """Return with which other range many more answers are right; "" when there is none."""
    if attempt is None:
        return ""
    assumed = attempt(chosen)
    best = max(map(attempt, CANDIDATES), key=lambda trial: trial.correct)
    if not better(best, assumed):
        return ""
    return f"with it {assumed}, with {shown(best.range)} {best.share:.1%}"


def shown(candidate: Range) -> str:
    """Return a range as text: "-1 to 1"."""
    return f"{candidate[0]:g} to {candidate[1]:g}"
