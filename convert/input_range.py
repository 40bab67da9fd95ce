"""Pixels 0 and 255 on a Keras model's scale: from its graph, and from trials on its data."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgekit.convert.forward import Forward
from edgekit.convert.graph_forward import GraphForward
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
RESCALES = "the model rescales its input itself"
"""Reasons for a range."""

UNKNOWN = "it is a guess: neither the model nor labelled data tell; --input-range says it"

WHOLE = 0.01
"""Largest distance from a whole number of a pixel that went through float32 arithmetic."""


def from_graph(forward: Forward | GraphForward) -> Range | None:
    """Return the range that the model's own rescaling maps to small numbers, if it has one."""
    rescaled = forward.rescaled(ENDS)
    return None if rescaled is None else rescaled_from(dict(zip(ENDS, rescaled, strict=True)))


def from_values(values: npt.NDArray[Any]) -> Range | None:
    """Return the range on which model inputs are pixels: all are among its 256 even steps.

    Args:
        values: floats of any shape; those of a table or a spectrogram lie between the steps.
    """
    for low, high in CANDIDATES:
        pixels = (values.astype(np.float64) - low) * (255 / (high - low))
        rounded = np.rint(pixels)
        if (
            np.abs(pixels - rounded).max() < WHOLE
            and rounded.min() >= 0
            and 127 < rounded.max() <= 255
        ):
            return low, high
    return None


def of_inputs(values: npt.NDArray[Any], forward: Forward | GraphForward) -> InputRange | None:
    """Return the range of model inputs that are pixels; None where they are not pixels.

    Args:
        values: model inputs [N, ...].
        forward: the model's forward pass.
    """
    observed = from_values(values)
    if observed is None:
        return None
    derived = from_graph(forward)
    warning = ""
    if derived and derived != observed:
        warning = f"{RESCALES} as if from {shown(derived)}"
    return InputRange(*observed, "the inputs given are pixels on this scale", warning)


def decide(
    chosen: Range | None,
    recorded: Range | None,
    forward: Forward | GraphForward,
    attempt: Callable[[Range], Trial] | None,
    *,
    guess: bool = True,
) -> InputRange | None:
    """Decide what pixels become, and why.

    Args:
        chosen: ``--input-range``.
        recorded: range that the model was trained with; None where it was not recorded.
        forward: the model's forward pass.
        attempt: tries a range on labelled data; None without such data.
        guess: whether to assume 0 to 1, with a warning, where nothing decides; otherwise return
            None.
    """
    if chosen:
        return InputRange(*chosen, "--input-range", contradiction(chosen, attempt))
    if recorded:
        return InputRange(*recorded, TRAINED)
    derived = from_graph(forward)
    reason = RESCALES if derived else "nothing says otherwise"
    expected = derived or UNIT
    if attempt is None:
        if derived is None and not guess:
            return None
        return InputRange(*expected, reason, "" if derived else UNKNOWN)
    trials = [attempt(candidate) for candidate in CANDIDATES]
    best = max(trials, key=lambda trial: (trial.correct, trial.range == expected))
    assumed = next(trial for trial in trials if trial.range == expected)
    if not better(best, assumed):
        return InputRange(*expected, f"{reason}, and {assumed}")
    warning = ""
    if derived:
        warning = f"{reason} as if from {shown(expected)}, with which {assumed}"
    return InputRange(*best.range, f"tried: {best}, {_others(trials, best)}", warning)


def _others(trials: Sequence[Trial], best: Trial) -> str:
    return ", ".join(
        f"{trial.share:.1%} with {shown(trial.range)}" for trial in trials if trial is not best
    )
