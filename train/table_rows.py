"""The rows of tables as arrays, batch by batch, and what is wrong with a row."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgekit.errors import DataError
from edgekit.train import table_files
from edgekit.train.dataset import Array
from edgekit.train.table_columns import Columns
from edgekit.train.table_files import Batch, Refused, TableFile

MOST_CLASSES = 10_000
"""Different labels from which they must be numbers."""

TRUTHS = {"true": 1.0, "false": 0.0}

Mask = npt.NDArray[np.bool_]


@dataclass
class Words:
    """Values of a column that repeat.

    Attributes:
        names: the different values, in the order of their first rows.
        codes: positions in ``names``, batch by batch.
    """

    names: dict[str, int] = field(default_factory=dict)
    codes: list[npt.NDArray[np.int64]] = field(default_factory=list)

    def append(self, column: Any) -> None:
        """Append text of pyarrow without nulls."""
        encoded = column.dictionary_encode()
        codes = [self.names.setdefault(name, len(self.names)) for name in _listed(encoded)]
        indices = encoded.indices.to_numpy(zero_copy_only=False)
        self.codes.append(np.array(codes, np.int64)[indices])

    def repeat(self, name: str, times: int) -> None:
        """Append one value ``times`` times."""
        self.codes.append(np.full(times, self.names.setdefault(name, len(self.names)), np.int64))

    @property
    def values(self) -> Array | None:
        """All codes [N]; None without any value."""
        return np.concatenate(self.codes) if self.names else None


@dataclass
class Rows:
    """Rows read so far.

    Attributes:
        x: features float32 [n, F], batch by batch.
        words: the label where it is text or whole numbers.
        numbers: the label, or several, as float64 [n, K], where it is other numbers.
        whole: whether some of ``numbers`` are of a column of text or whole numbers.
        group, part: the columns of this use.
        begins: whether a row follows no other row, batch by batch.
        places: the rows' numbers in their files, from 0 behind the header, batch by batch.
        counts: how many rows each file has.
        bad: how many rows are left out.
        first_bad: what is wrong with the first of them.
    """

    x: list[npt.NDArray[np.float32]] = field(default_factory=list)
    words: Words = field(default_factory=Words)
    numbers: list[npt.NDArray[np.float64]] = field(default_factory=list)
    group: Words = field(default_factory=Words)
    part: Words = field(default_factory=Words)
    whole: bool = False
    begins: list[Mask] = field(default_factory=list)
    places: list[npt.NDArray[np.int64]] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    bad: int = 0
    first_bad: str = ""

    def leave_out(self, count: int, reason: str, *, skip_bad: bool) -> None:
        """Count rows that cannot be used.

        Raises:
            DataError: they are not to be left out.
        """
        if count and not skip_bad:
            raise DataError(f"{reason} (--skip-bad leaves such rows out)")
        self.bad += count
        self.first_bad = self.first_bad or reason


@dataclass(frozen=True)
class Source:
    """A file of a table.

    Attributes:
        path: the file.
        label: the class of all its rows, where its folder says it; else "".
        part: "train" or "test" where a folder says it; else "".
        group: the group of its rows where it is one of several files; else "".
    """

    path: Path
    label: str = ""
    part: str = ""
    group: str = ""


def read(file: TableFile, columns: Columns, source: Source, rows: Rows, *, skip_bad: bool) -> None:
    """Append the rows of a file.

    Args:
        file: the file.
        columns: the columns to read.
        source: what its folder and its name say of its rows.
        rows: gets the rows.
        skip_bad: whether rows that cannot be used are left out rather than refused.

    Raises:
        DataError: the file cannot be read, or has a row that cannot be used.
    """
    # Rows are counted from 0 or more: the first one follows none.
    refused, last, count = Refused(), -2, 0
    for batch in table_files.batches(file, columns.all, refused):
        if refused.places and not skip_bad:
            break
        x, usable, reason = _finite(file, batch, columns.features, np.float32)
        label = _label(file, batch, columns, rows)
        group, part = (_words(file, batch, name) for name in (columns.group, columns.split))
        for column in (label, group, part):
            if column is not None:
                reason, usable = reason or column.reason, usable & column.usable
        rows.leave_out(int(np.sum(~usable)), reason, skip_bad=skip_bad)
        kept = np.flatnonzero(usable)
        rows.x.append(x[kept].astype(np.float32, copy=False))
        places = batch.places[kept]
        count += len(places)
        # A row left out, for whatever reason, ends a run.
        rows.places.append(places - file.first_row)
        rows.begins.append(np.diff(places, prepend=last) != 1)
        last = int(places[-1]) if len(places) else last
        if label is not None:
            _append_label(file, label, kept, rows)
        elif source.label:
            rows.words.repeat(source.label, len(kept))
        for words, text, value in (
            (rows.group, group, source.group),
            (rows.part, part, source.part),
        ):
            if text is not None:
                words.append(text.words.take(table_files.arrow().array(kept)))
            elif value:
                words.repeat(value, len(kept))
    rows.counts.append(count)
    rows.leave_out(len(refused.places), refused.first, skip_bad=skip_bad)


@dataclass(frozen=True)
class _Column:
    """A column of a batch of rows that is no input, or several columns of numbers.

    Attributes:
        words: text of pyarrow; None for numbers.
        numbers: float64 [n, K]; empty for words.
        usable: the rows that have a value.
        reason: what is wrong with the first of the others; "" if there is none.
    """

    words: Any
    numbers: npt.NDArray[np.float64]
    usable: Mask
    reason: str


def _label(file: TableFile, batch: Batch, columns: Columns, rows: Rows) -> _Column | None:
    if not columns.label:
        return None
    column = batch.columns[columns.label[0]]
    pyarrow = table_files.arrow()
    fractions = pyarrow.types.is_floating(column.type) or pyarrow.types.is_decimal(column.type)
    rows.whole = rows.whole or not fractions
    if len(columns.label) > 1 or fractions or rows.numbers:
        values, usable, reason = _finite(file, batch, columns.label, np.float64)
        return _Column(None, values, usable, reason)
    return _words(file, batch, columns.label[0])


def _words(file: TableFile, batch: Batch, name: str) -> _Column | None:
    """Return a column as text; None without one."""
    if not name:
        return None
    words = _text(batch.columns[name], f"{file.path}: column {name!r}")
    usable = np.not_equal(words.to_numpy(zero_copy_only=False), "")
    reason = ""
    if not usable.all():
        reason = f"{file.path}: row {batch.places[usable.argmin()]}: column {name!r} is empty"
    return _Column(words, np.zeros((len(words), 0)), usable, reason)


def _append_label(file: TableFile, label: _Column, kept: Array, rows: Rows) -> None:
    if label.words is None:
        _words_as_numbers(file, rows, "numbers, and {} before them")
        rows.numbers.append(label.numbers[kept])
        return
    rows.words.append(label.words.take(table_files.arrow().array(kept)))
    if len(rows.words.names) > MOST_CLASSES:
        # These are targets rather than classes.
        reason = f"more than {MOST_CLASSES} different values, and {{}} is not a number"
        _words_as_numbers(file, rows, reason)


def _words_as_numbers(file: TableFile, rows: Rows, reason: str) -> None:
    """Move the labels read so far to ``rows.numbers``.

    Args:
        file: the file that is read, as errors call it.
        rows: the rows.
        reason: what the label has where this cannot be done, with {} for one that is no number.

    Raises:
        DataError: a label is no number.
    """
    names = list(rows.words.names)
    if odd := next((name for name in names if not table_files.is_number(name)), None):
        raise DataError(f"{file.path}: the label has {reason.format(repr(odd))}")
    values = np.array([float(name) for name in names])
    rows.numbers += [values[codes][:, None] for codes in rows.words.codes]
    rows.words = Words()


def _finite(
    file: TableFile, batch: Batch, names: Sequence[str], kind: type[np.floating[Any]]
) -> tuple[Array, Mask, str]:
    """Return columns as [n, F], which rows have only finite numbers, and why the first has not."""
    values: npt.NDArray[Any] = np.empty((len(batch.places), len(names)), kind)
    with np.errstate(over="ignore"):
        for index, name in enumerate(names):
            values[:, index] = _numbers(batch.columns[name], f"{file.path}: column {name!r}")
    finite = np.isfinite(values)
    usable = finite.all(axis=1)
    if usable.all():
        return values, usable, ""
    row = int(usable.argmin())
    name = names[int(finite[row].argmin())]
    cell = batch.columns[name][row].as_py()
    what = {"": "is empty", None: "is empty"}.get(cell) if not isinstance(cell, float) else None
    if what is None:
        spoken = isinstance(cell, str) and not table_files.is_number(cell)
        what = f"has {cell!r}, which is not a number" if spoken else "has NaN or infinity"
    return values, usable, f"{file.path}: row {batch.places[row]}: column {name!r} {what}"


def _numbers(column: Any, where: str) -> npt.NDArray[np.float64]:
    """Return a column as float64 [n]; NaN where there is no number."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        text = pc.utf8_trim_whitespace(column)
        try:
            column = pc.cast(text, pa.float64())
        except pa.ArrowInvalid:
            return np.array([_number(cell) for cell in text.to_pylist()], np.float64)
    elif (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_decimal(kind)
    ):
        column = pc.cast(column, pa.float64(), safe=False)
    else:
        raise DataError(f"{where} is of type {kind}, and not numbers: leave it out of --features")
    numbers: npt.NDArray[np.float64] = column.to_numpy(zero_copy_only=False)
    return numbers


def _number(cell: str | None) -> float:
    if cell is None or not table_files.is_number(cell):
        return TRUTHS.get((cell or "").lower(), np.nan)
    return float(cell)


def _text(column: Any, where: str) -> Any:
    """Return a column as text without nulls, which become "", and without spaces around it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        text = pc.cast(column, pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise DataError(f"{where} is of type {column.type}, and neither text nor numbers") from None
    return pc.fill_null(pc.utf8_trim_whitespace(text), "")


def _listed(encoded: Any) -> list[str]:
    names: list[str] = encoded.dictionary.to_pylist()
    return names
