"""What pixels 0 and 255 are on a model's scale: from its graph, and tried on labelled data."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgekit.convert.forward import Forward
from edgekit.scoring import wilson_interval

Range = tuple[float, float]

UNIT: Range = (0.0, 1.0)
CANDIDATES: tuple[Range, ...] = ((0.0, 255.0), UNIT, (-1.0, 1.0))
"""Ranges that people train on, in the order in which a model's own rescaling is held to explain
them."""

TRAINED = "as it was trained"
"""Why a range is known."""

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


def from_graph(forward: Forward) -> Range | None:
    """Return the range that the model's own rescaling makes small numbers of, if it has one."""
    ends = sorted({end for candidate in CANDIDATES for end in candidate})
    rescaled = forward.rescaled(ends)
    if rescaled is None:
        return None
    least = {end: float(values.min()) for end, values in zip(ends, rescaled, strict=True)}
    most = {end: float(values.max()) for end, values in zip(ends, rescaled, strict=True)}
    for low, high in CANDIDATES:
        bottom, top = min(least[low], least[high]), max(most[low], most[high])
        small = max(abs(bottom), abs(top)) <= LARGEST
        if small and top - bottom >= NARROWEST and bottom <= DARKEST:
            return low, high
    return None


def decide(
    chosen: Range | None,
    recorded: Range | None,
    forward: Forward,
    attempt: Callable[[Range], Trial] | None,
) -> InputRange:
    """Decide what pixels become, and say why.

    Args:
        chosen: ``--input-range``.
        recorded: what the model was trained with, where that was written down.
        forward: of the model.
        attempt: tries a range on labelled data; None where there is none.
    """
    if chosen:
        return InputRange(*chosen, "--input-range", _contradiction(chosen, attempt))
    if recorded:
        return InputRange(*recorded, TRAINED)
    derived = from_graph(forward)
    reason = "the model rescales its input itself" if derived else "nothing says otherwise"
    expected = derived or UNIT
    if attempt is None:
        return InputRange(*expected, reason)
    trials = [attempt(candidate) for candidate in CANDIDATES]
    best = max(trials, key=lambda trial: (trial.correct, trial.range == expected))
    own = next(trial for trial in trials if trial.range == expected)
    if not _better(best, own):
        return InputRange(*expected, f"{reason}, and {_told(own)}")
    warning = ""
    if derived:
        warning = f"{reason} as if from {_shown(expected)}, with which {_told(own)}"
    return InputRange(*best.range, f"tried: {_told(best)}, {_others(trials, best)}", warning)


def _contradiction(chosen: Range, attempt: Callable[[Range], Trial] | None) -> str:
    """Say with which other range many more answers are right; "" when with none."""
    if attempt is None:
        return ""
    own = attempt(chosen)
    best = max(map(attempt, CANDIDATES), key=lambda trial: trial.correct)
    if not _better(best, own):
        return ""
    return f"with it {_told(own)}, with {_shown(best.range)} {best.share:.1%}"


def _better(one: Trial, other: Trial) -> bool:
    """Tell whether more answers are right than chance explains."""
    low, _ = wilson_interval(one.correct, one.total)
    _, high = wilson_interval(other.correct, other.total)
    return low > high


def _told(trial: Trial) -> str:
    return f"{trial.share:.1%} of {trial.total} training inputs are right"


def _others(trials: Sequence[Trial], best: Trial) -> str:
    return ", ".join(
        f"{trial.share:.1%} with {_shown(trial.range)}" for trial in trials if trial is not best
    )


def _shown(candidate: Range) -> str:
    return f"{candidate[0]:g} to {candidate[1]:g}"
