"""The columns of a table by their use: inputs, label, group, part."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from edgekit.errors import DataError, did_you_mean
from edgekit.train import table_files
from edgekit.train.reading import Reading
from edgekit.train.table_files import LABELS, TableFile

AXES = {"x", "z"}
"""Columns beside which one called y is no label, but an axis as they are."""

SHOWN = 8
"""Most column names in an error."""


@dataclass(frozen=True)
class Columns:
    """The columns of a table that are read.

    Attributes:
        features: the inputs.
        label: the class, or the targets; empty for inputs alone.
        group: whose rows of one value stay together; "" for none.
        split: which says the part of each row; "" for none.
        notes: what was decided without the user, one line each.
    """

    features: tuple[str, ...]
    label: tuple[str, ...]
    group: str
    split: str
    notes: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        """All of them, each once."""
        others = (name for name in (self.group, self.split) if name)
        return tuple(dict.fromkeys((*self.features, *self.label, *others)))


def resolved(file: TableFile, reading: Reading, *, by_folder: bool) -> Columns:
    """Return the use of each column of a file.

    Args:
        file: the file.
        reading: the user's choices.
        by_folder: whether the folder of a file is the class of its rows.

    Raises:
        DataError: there is no such column, or a column has two uses.
    """
    notes = _about_header(file)
    label = _matching(file, reading.label, "--label")
    group = _one(file, reading.group, "--group")
    split = _one(file, reading.split, "--split")
    if by_folder and label:
        raise DataError(f"{file.path}: its folder is the class of its rows: leave --label out")
    features = _matching(file, reading.features, "--features")
    if not by_folder and not reading.label:
        label, more = _guessed(file, {*features, group, split})
        notes += more
    if not reading.features:
        # Not y, which may be an axis.
        known = [name for name in file.columns if by_folder and name.lower() in LABELS[:-1]]
        known = [name for name in known if name not in (group, split)]
        notes += [
            f"{file.path}: column {name!r} is left out, since the folder is the class of the rows: "
            "--features takes it"
            for name in known
        ]
        used = {*label, *known, group, split, "", *file.index}
        features = tuple(name for name in file.columns if name not in used)
        if "" in file.columns:
            notes.append(f"{file.path}: the column without a name is left out")
        notes += [
            f"{file.path}: column {name!r} is the index of pandas and left out: --features takes it"
            for name in file.index
            if name not in (*label, group, split, "")
        ]
    if twice := [name for name in features if name in label]:
        raise DataError(f"{file.path}: column {twice[0]!r} is both one of --features and --label")
    if not features:
        raise DataError(f"{file.path}: has no column for the inputs, only {_shown(file.columns)}")
    return Columns(features, label, group, split, tuple(notes))


def _about_header(file: TableFile) -> list[str]:
    """Return a note where the header is not beyond doubt."""
    if not file.header:
        return [f"{file.path}: has no header: its columns are 0, 1, 2, …"]
    if file.delimiter and table_files.counts(file.columns):
        start = next(name for name in file.columns if name)
        return [f"{file.path}: the first row, which counts from {start}, is the header"]
    return []


def _guessed(file: TableFile, used: Collection[str]) -> tuple[tuple[str, ...], list[str]]:
    """Return the column that is the label by its name, if there is one, and what to say of it."""
    names = [name for usual in LABELS for name in file.columns if name.lower() == usual]
    free = [name for name in names if name not in used]
    axes = AXES & {name.lower() for name in file.columns}
    likely = [name for name in free if not axes or name.lower() != "y"]
    if likely:
        return (likely[0],), [f"{file.path}: column {likely[0]!r} is the label"]
    return (), [
        f"{file.path}: column {name!r} is an axis rather than the label: --label {name} makes it "
        "the label"
        for name in free[:1]
    ]


def _matching(file: TableFile, names: Sequence[str], option: str) -> tuple[str, ...]:
    """Return the columns of names and patterns, in the order of these and then of the file."""
    found: dict[str, None] = {}
    for name in names:
        matches = [name] if name in file.columns else []
        matches = matches or [column for column in file.columns if fnmatchcase(column, name)]
        if not matches:
            raise DataError(
                f"{file.path}: {option}: has no column {name!r}; it has {_shown(file.columns)}"
                f"{did_you_mean(name, file.columns)}"
            )
        found.update(dict.fromkeys(matches))
    return tuple(found)


def _one(file: TableFile, name: str | None, option: str) -> str:
    found = _matching(file, (name,) if name else (), option)
    if len(found) > 1:
        raise DataError(f"{file.path}: {option} {name} is {len(found)} columns, and must be one")
    return "".join(found)


def _shown(names: Sequence[str]) -> str:
    more = f", … ({len(names)})" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
