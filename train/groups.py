"""Which inputs belong together, such as those of a speaker, so that no group is in both parts."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgekit.errors import DataError
from edgekit.train.dataset import Array


def pattern(text: str) -> re.Pattern[str]:
    """Return the regular expression of ``--group`` for a folder.

    Raises:
        DataError: it is none, or does not have one group.
    """
    try:
        compiled = re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise DataError(f"--group {text!r}: is no regular expression: {error}") from None
    if compiled.groups != 1:
        raise DataError(
            f"--group {text!r}: has {compiled.groups} groups, and needs one, in parentheses, as "
            "'^([^_]+)_'"
        )
    return compiled


def of_file(file: Path, compiled: re.Pattern[str]) -> str:
    """Return the group of a file: what the group of a pattern matches in its name.

    Raises:
        DataError: it matches nothing.
    """
    match = compiled.search(file.name)
    if match is None or not match[1]:
        raise DataError(f"{file}: --group {compiled.pattern!r} matches no group in its name")
    return match[1]


def coded(parts: Sequence[Array], name: str) -> tuple[Array, tuple[str, ...]]:
    """Return the groups as numbers, and a note if some are in both parts.

    Args:
        parts: the group of each input of the whole [N], or of the training and the test part.
        name: what the groups are called.

    Returns:
        int64, as long as the first part.
    """
    _, codes = np.unique(np.concatenate(parts), return_inverse=True)
    first, other = np.split(codes.reshape(-1).astype(np.int64), [len(parts[0])])
    return first, in_both(first, other, name)


def in_both(train: Array, test: Array, name: str) -> tuple[str, ...]:
    """Return a note if some groups are in both parts."""
    both = np.intersect1d(train, test).size
    return (f"{both} groups of {name!r} are in both parts",) if both else ()
