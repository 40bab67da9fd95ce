"""What pixels 0 and 255 are on a Keras model's scale: from its graph, and tried on its data."""

from collections.abc import Callable, Sequence

from edgekit.convert.forward import Forward
from edgekit.pixel_range import (
    CANDIDATES,
    ENDS,
    UNIT,
    InputRange,
    Range,
    Trial,
    better,
    contradiction,
    rescaled_from,
    shown,
)

__all__ = ["CANDIDATES", "TRAINED", "UNIT", "InputRange", "Range", "Trial", "decide", "from_graph"]

TRAINED = "as it was trained"
"""Why a range is known."""


def from_graph(forward: Forward) -> Range | None:
    """Return the range that the model's own rescaling makes small numbers of, if it has one."""
    rescaled = forward.rescaled(ENDS)
    return None if rescaled is None else rescaled_from(dict(zip(ENDS, rescaled, strict=True)))


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
        return InputRange(*chosen, "--input-range", contradiction(chosen, attempt))
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
    if not better(best, own):
        return InputRange(*expected, f"{reason}, and {own}")
    warning = ""
    if derived:
        warning = f"{reason} as if from {shown(expected)}, with which {own}"
    return InputRange(*best.range, f"tried: {best}, {_others(trials, best)}", warning)


def _others(trials: Sequence[Trial], best: Trial) -> str:
    return ", ".join(
        f"{trial.share:.1%} with {shown(trial.range)}" for trial in trials if trial is not best
    )
