"""Test inputs that a converted model answers wrong, or whose outputs change most."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

MOST = 12
"""Most inputs that are answered wrong, and most of those that change, each."""

ALL, HIGHEST = 8, 3
"""Outputs of which all are shown; of more, that many of the highest before and after."""


def changed(
    before: npt.NDArray[Any],
    after: npt.NDArray[Any],
    names: Sequence[str],
    wrong: Iterable[int] = (),
) -> list[dict[str, Any]]:
    """Return inputs as JSON-ready values: those answered wrong, then those that change most.

    Each has its "index", its "change", the largest difference of an output, and outputs "before"
    and "after" as pairs of a name and a number.

    Args:
        before: outputs of the model before, [N, ...].
        after: outputs of the converted model, [N, ...].
        names: names of the outputs; empty if they have none.
        wrong: inputs that are answered wrong.
    """
    first, second = (outputs.reshape(len(outputs), -1) for outputs in (before, after))
    names = names or [str(number) for number in range(first.shape[1])]
    changes = np.abs(first.astype(np.float64) - second).max(axis=1)
    largest = [i for i in np.argsort(-changes, kind="stable")[:MOST].tolist() if changes[i]]
    found = []
    for i in dict.fromkeys([*list(wrong)[:MOST], *largest]):
        columns = _columns(first[i], second[i])
        found.append(
            {
                "index": i,
                "change": float(changes[i]),
                "before": [[names[at], float(first[i, at])] for at in columns],
                "after": [[names[at], float(second[i, at])] for at in columns],
            }
        )
    return found


def _columns(before: npt.NDArray[Any], after: npt.NDArray[Any]) -> list[int]:
    """Return the outputs that are shown, in their order."""
    if len(before) <= ALL:
        return list(range(len(before)))
    highest = [np.argsort(-scores, kind="stable")[:HIGHEST] for scores in (before, after)]
    return sorted(dict.fromkeys(np.concatenate(highest).tolist()))
