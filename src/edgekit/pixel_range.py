"""What pixels 0 and 255 are on a model's scale: the ranges people train on, told apart by trial."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from edgekit.scoring import wilson_interval

Range = tuple[float, float]

UNIT: Range = (0.0, 1.0)
CANDIDATES: tuple[Range, ...] = ((0.0, 255.0), UNIT, (-1.0, 1.0))
"""Ranges that people train on, in the order in which a model's own rescaling is held to explain
them."""

ENDS = tuple(sorted({end for candidate in CANDIDATES for end in candidate}))

LARGEST = 5.0
"""Normalised pixels are not larger: white in MNIST is 2.8 standard deviations."""
NARROWEST = 0.9
"""Rescaled pixels span at least this much, or the model was made for a wider range."""
DARKEST = 0.05
"""Black is not above zero, or the model was made for a range that begins lower."""


@dataclass(frozen=True)
class InputRange:
    """What pixels become.

    Attributes:
        low: pixel 0 on the model's scale.
        high: pixel 255.
        reason: what it was taken from, as the end of a sentence.
        warning: what speaks against it; "" when nothing does.
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
    """How many of ``total`` labelled inputs are answered right when pixels become ``range``."""

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
    """Return the candidate that a model's own rescaling makes small numbers of, if one is.

    Args:
        values: for each of ENDS the array that the rescaling makes of an input of that number.
    """
    least = {end: float(array.min()) for end, array in values.items()}
    most = {end: float(array.max()) for end, array in values.items()}
    for low, high in CANDIDATES:
        bottom, top = min(least[low], least[high]), max(most[low], most[high])
        small = max(abs(bottom), abs(top)) <= LARGEST
        if small and top - bottom >= NARROWEST and bottom <= DARKEST:
            return low, high
    return None


def better(one: Trial, other: Trial) -> bool:
    """Tell whether more answers are right than chance explains: the intervals do not overlap."""
    return one.interval[0] > other.interval[1]


def contradiction(chosen: Range, attempt: Callable[[Range], Trial] | None) -> str:
    """Say with which other range many more answers are right; "" when with none."""
    if attempt is None:
        return ""
    own = attempt(chosen)
    best = max(map(attempt, CANDIDATES), key=lambda trial: trial.correct)
    if not better(best, own):
        return ""
    return f"with it {own}, with {shown(best.range)} {best.share:.1%}"


def shown(candidate: Range) -> str:
    """Return a range as text: "-1 to 1"."""
    return f"{candidate[0]:g} to {candidate[1]:g}"
