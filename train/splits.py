"""Training and test parts of data that have none: by class, by group, or by time."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgekit.errors import DataError
from edgekit.train.dataset import Array, Loaded, Split

TEST_SHARE = 0.2
"""Share of each class that becomes the test set if the user has none."""

SPLIT_SEED = 0

DRAWS = 200
"""Random divisions of the groups, the best of which is used."""

SPLIT = ("x_train", "y_train", "x_test", "y_test")

GIVEN, BY_CLASS, BY_GROUP, BY_TIME = "given", "class", "group", "time"
"""How data are divided: as they came; at random, each class or the whole; whole groups at random;
the last windows of each class, where windows overlap."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Divided:
    """Data in two parts.

    Attributes:
        arrays: the training and the test part.
        by: GIVEN, BY_CLASS, BY_GROUP or BY_TIME.
        groups: int64 [N], the group of each training input; None without groups.
        notes: what was left out, one line each.
    """

    arrays: Split
    by: str
    groups: Array | None = None
    notes: tuple[str, ...] = ()

    @property
    def document(self) -> dict[str, Any]:
        """How the data were divided, as JSON."""
        if self.by == GIVEN:
            return {"by": self.by}
        seed = {} if self.by == BY_TIME else {"seed": SPLIT_SEED}
        return {"by": self.by, "test_share": TEST_SHARE, **seed}


def split(loaded: Loaded, where: str) -> Split:
    """Return the arrays of SPLIT; without a test part, TEST_SHARE of each class, drawn at random.

    Raises:
        DataError: a class, or the whole, has fewer than two members.
    """
    return divided(loaded, where).arrays


def divided(loaded: Loaded, where: str) -> Divided:
    """Return the two parts of data; those without a test part are divided.

    Inputs with groups are divided by these, so that each group is in one part; else windows of a
    time series by time; all others at random, TEST_SHARE of each class. The draws are seeded.

    Raises:
        DataError: a class, or the whole, cannot be in both parts.
    """
    arrays, groups = loaded.arrays, loaded.groups
    notes: tuple[str, ...] = ()
    if "x" not in arrays:
        x_train, y_train, x_test, y_test = (arrays[name] for name in SPLIT)
        rows, by = np.arange(len(x_train)), GIVEN
    else:
        x, y = arrays["x"], arrays["y"]
        classes = y if loaded.names else np.zeros(len(x), np.int64)
        names = [f"class {name!r}" for name in loaded.names] or ["the data"]
        if groups is not None:
            test, by = _by_group(classes, groups, names, where), BY_GROUP
            train = ~test
        elif loaded.rows is not None:
            test, train = _by_time(classes, loaded.rows, names, where)
            by = BY_TIME
            if lost := int(np.sum(~(test | train))):
                notes = (f"{lost} windows that share rows with test windows are left out",)
        else:
            test, by = _by_class(classes, names, where), BY_CLASS
            train = ~test
        rows, x_train, y_train = np.flatnonzero(train), x, y
        x_test, y_test = x[test], y[test]
    # Files come class by class; a validation split takes the last inputs and needs all classes.
    order = rows[np.random.default_rng(SPLIT_SEED).permutation(len(rows))]
    own = None if groups is None else groups[order]
    return Divided((x_train[order], y_train[order], x_test, y_test), by, own, notes)


def _by_class(classes: Array, names: list[str], where: str) -> Mask:
    """Return which inputs are to test with, drawn from each class."""
    rng = np.random.default_rng(SPLIT_SEED)
    test = np.zeros(len(classes), bool)
    for index, name in enumerate(names):
        members = rng.permutation(np.flatnonzero(classes == index))
        if len(members) < 2:
            raise DataError(f"{where}: {name} needs two inputs, one of them to test with")
        test[members[: max(1, round(TEST_SHARE * len(members)))]] = True
    return test


def _by_group(classes: Array, groups: Array, names: list[str], where: str) -> Mask:
    """Return which inputs are to test with: those of the groups that share the classes best."""
    present, codes = np.unique(groups, return_inverse=True)
    counts = np.zeros((len(present), len(names)), np.int64)
    np.add.at(counts, (codes, classes), 1)
    for index, name in enumerate(names):
        if np.count_nonzero(counts[:, index]) < 2:
            raise DataError(
                f"{where}: {name} needs two groups, one of them to test with: choose another "
                "--group, or say which inputs are to test with (in a table by --split)"
            )
    rng = np.random.default_rng(SPLIT_SEED)
    total, best, chosen = counts.sum(axis=0), (True, np.inf), None
    for _ in range(DRAWS):
        order = rng.permutation(len(present))
        drawn = order[: _nearest(counts[order[:-1]].sum(axis=1), int(total.sum())) or 1]
        tested = counts[drawn].sum(axis=0)
        # Groups that the share alone chooses come first; few groups, or rare classes, need more.
        if needs_more := bool((tested == 0).any() or (tested == total).any()):
            if not best[0] or (covering := _covering(counts, order)) is None:
                continue
            drawn = covering
            tested = counts[drawn].sum(axis=0)
        distance = needs_more, float(np.abs(tested / total - TEST_SHARE).sum())
        if distance < best:
            best, chosen = distance, drawn
    if chosen is None:
        raise DataError(
            f"{where}: no division of its {len(present)} groups has every class in both parts: "
            "say which inputs are to test with (in a table by --split)"
        )
    return np.isin(codes, chosen)


def _covering(counts: Array, order: Array) -> Array | None:
    """Return groups with every class that leave every class; None if the order has none.

    Args:
        counts: inputs of each group and class, [G, K].
        order: the groups as they are drawn, [G].

    Returns:
        Groups: for each class that is not yet there the first one that has it, then the next ones
        up to about TEST_SHARE of the inputs.
    """
    taken = np.zeros(len(order), bool)
    drawn, left = counts[order], counts.sum(axis=0)
    # A class of few groups has the least choice.
    for index in np.argsort(np.count_nonzero(counts, axis=0), kind="stable"):
        if drawn[taken, index].any():
            continue
        having = np.flatnonzero(drawn[:, index])
        usable = having[(drawn[having] < left).all(axis=1)]
        if not len(usable):
            return None
        taken[usable[0]] = True
        left = left - drawn[usable[0]]
    others = np.flatnonzero(~taken)
    fitting = int((np.cumsum(drawn[others], axis=0) < left).all(axis=1).sum())
    sizes = drawn[others[:fitting]].sum(axis=1)
    more = _nearest(sizes, int(counts.sum()), int(drawn[taken].sum()))
    taken[others[:more]] = True
    return order[taken]


def _nearest(sizes: Array, total: int, taken: int = 0) -> int:
    """Return how many of the next groups bring the size of the test part nearest to its share."""
    reached = taken + np.concatenate(([0], np.cumsum(sizes)))
    return int(np.abs(reached - TEST_SHARE * total).argmin())


def _by_time(classes: Array, rows: Array, names: list[str], where: str) -> tuple[Mask, Mask]:
    """Return which windows are to test with and which to train with; others share rows of both.

    Args:
        classes: class indices [N].
        rows: the first row of each window and the one behind its last, [N, 2].
        names: the classes, as errors call them.
        where: the data, as errors call it.
    """
    test = np.zeros(len(classes), bool)
    for index, name in enumerate(names):
        members = np.flatnonzero(classes == index)
        if len(members) < 2:
            raise DataError(f"{where}: {name} needs two windows, one of them to test with")
        test[members[-max(1, round(TEST_SHARE * len(members))) :]] = True
    tested = np.zeros(int(rows.max()) + 1, np.int64)
    np.add.at(tested, rows[test, 0], 1)
    np.add.at(tested, rows[test, 1], -1)
    before = np.concatenate(([0], np.cumsum(np.cumsum(tested) > 0)))
    train = before[rows[:, 1]] == before[rows[:, 0]]
    for index, name in enumerate(names):
        if not train[classes == index].any():
            raise DataError(
                f"{where}: every window of {name} shares rows with one to test with: longer "
                "recordings or a shorter --window are needed"
            )
    return test, train
