"""The user's tables, CSV or Parquet: rows, or windows of rows, as inputs."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgekit.errors import DataError
from edgekit.train import table_columns, table_files, table_rows, windows
from edgekit.train.arrays import labelled
from edgekit.train.class_folders import HELD_OUT, TRAINING, Part
from edgekit.train.dataset import Array, Loaded
from edgekit.train.groups import in_both
from edgekit.train.reading import Reading
from edgekit.train.table_columns import Columns
from edgekit.train.table_rows import Rows, Source, Words

DIGITS = re.compile(r"[+-]?[0-9]+")
WHOLE = re.compile(r"0|-?[1-9][0-9]*")
"""Whole numbers, and those as whose text they can be restored."""

LARGEST = 1 << 62
"""Bound of whole numbers."""


def from_file(path: Path, reading: Reading, numbers: bool | None) -> Loaded:
    """Return the rows of a CSV or Parquet file, or windows of them.

    A row is an input float32 [F]; with ``reading.window``, windows float32 [T, F] are. A window
    crosses neither from one group or class to another nor a row left out; where targets are
    numbers, its target is that of its last row. Without ``reading.label``, a column with a name
    of ``table_files.LABELS`` is the label; without ``reading.features``, all columns that have
    no other use are inputs.

    Args:
        path: the file.
        reading: the user's choices.
        numbers: whether the label is a target rather than a class; None decides by its type, as
            for arrays.

    Raises:
        DataError: the file cannot be read, lacks a column, or has a row that cannot be used.
        MissingExtraError: pyarrow is not installed.
    """
    return _loaded([Source(path)], path, reading, numbers)


def from_folders(
    folder: Path, parts: Sequence[Part], reading: Reading, numbers: bool | None
) -> Loaded:
    """Return the rows of several files, each of which is a group of its own.

    Args:
        folder: the folder, as errors call it.
        parts: the files; a class with the name "" says nothing of its files' rows.
        reading: the user's choices.
        numbers: as for :func:`from_file`.

    Raises:
        DataError: as for :func:`from_file`, or a file lacks a column of the first one.
        MissingExtraError: pyarrow is not installed.
    """
    sources = [
        Source(path, one.name, part.name, str(path))
        for part in parts
        for one in part.classes
        for path in one.files
    ]
    return _loaded(sources, folder, reading, numbers)


def _loaded(
    sources: Sequence[Source], where: Path, reading: Reading, numbers: bool | None
) -> Loaded:
    if not sources:
        raise DataError(f"{where}: has no table")
    rows = Rows()
    first = table_files.opened(sources[0].path, reading)
    columns = table_columns.resolved(first, reading, by_folder=bool(sources[0].label))
    for source in sources:
        file = first if source is sources[0] else table_files.opened(source.path, reading, first)
        if missing := [name for name in columns.all if name not in file.columns]:
            raise DataError(f"{file.path}: has no column {missing[0]!r}, which {first.path} has")
        table_rows.read(file, columns, source, rows, skip_bad=reading.skip_bad)
    if not any(map(len, rows.x)):
        raise DataError(f"{where}: has no usable row" + (f": {rows.first_bad}" if rows.bad else ""))
    notes = list(columns.notes)
    if rows.bad:
        notes.append(f"{rows.bad} rows are left out; the first is {rows.first_bad}")
    y, names = _labels(rows, columns, numbers, where)
    x = np.concatenate(rows.x)
    rows.x.clear()
    group, part, spans = rows.group.values, rows.part.values, None
    places = np.concatenate(rows.places)
    rows.places.clear()
    which = np.repeat(np.arange(len(sources)), rows.counts) if len(sources) > 1 else None
    if reading.window:
        constant = [group, part, y if names else None]
        begins = windows.cut(
            np.concatenate(rows.begins), [column for column in constant if column is not None]
        )
        spans, more = _windows(begins, reading.window, reading.step, where)
        notes += more
        last = spans[:, 1] - 1
        x, y = windows.gathered(x, spans), y[last]
        group, part, which = (
            None if column is None else column[last] for column in (group, part, which)
        )
        places = places[spans[:, 0]]
    if part is None and group is not None and not columns.group and _single(group, y, names):
        group = None
        notes.append("a class has one file alone: files are in both parts")
    if part is None:
        arrays = {"x": x, "y": y}
    else:
        train, test, more = _parts(part, rows.part, columns.split or "its folders", where)
        notes += more
        if group is not None:
            notes += in_both(group[train], group[test], str(columns.group))
            group = group[train]
        places, which = places[test], None if which is None else which[test]
        arrays = {"x_train": x[train], "y_train": y[train], "x_test": x[test], "y_test": y[test]}
    return Loaded(
        arrays,
        names,
        tuple(notes),
        group,
        spans,
        places,
        () if which is None else tuple(str(sources[index].path) for index in which.tolist()),
        features=columns.features,
        # Later data may have other columns, or the same in another order.
        reading=replace(reading, features=columns.features, label=columns.label),
    )


def _single(group: Array, y: Array, names: tuple[str, ...]) -> bool:
    """Return whether all inputs of a class, or all of them, have the same group."""
    parts = [group[y == index] for index in range(len(names))] or [group]
    return any(len(np.unique(part)) < 2 for part in parts)


def _labels(
    rows: Rows, columns: Columns, numbers: bool | None, where: Path
) -> tuple[Array, tuple[str, ...]]:
    """Return class indices and names, or targets; K is 0 without either."""
    what = f"{where}: column {', '.join(columns.label)}" if columns.label else str(where)
    if rows.numbers:
        values = np.concatenate(rows.numbers)
        if rows.whole and values.shape[1] == 1:
            values = _whole_again(values)
        y, names = labelled(values, (), numbers, what)
        return y, columns.label if names and len(columns.label) > 1 else names
    if not rows.words.names:
        return np.zeros((sum(map(len, rows.x)), 0), np.float32), ()
    different = list(rows.words.names)
    if not columns.label:  # folders are classes, whatever the model predicts
        values = _ordered(different)
        of_names, names = labelled(values, (), False, what)
    else:
        of_names, names = labelled(_typed(different, numbers), (), numbers, what)
    return of_names[np.concatenate(rows.words.codes)], names


def _typed(names: Sequence[str], numbers: bool | None) -> Array:
    """Return different labels as whole numbers or numbers, if all of them are such; else as text.

    Args:
        names: the labels; 01 and +1 are text, and neither is 1.
        numbers: whether they are targets, which 01 may be, too.
    """
    if all(map(table_files.is_number, names)):
        values = np.array([float(name) for name in names])
        digits = [name for name in names if DIGITS.fullmatch(name)]
        if np.isfinite(values).all() and (numbers or all(map(WHOLE.fullmatch, digits))):
            if len(digits) == len(names):
                return values if numbers else _ordered(names)
            return _whole_again(values) if digits else values
    return np.array(names)


def _ordered(names: Sequence[str]) -> Array:
    """Return labels as whole numbers, whose order is theirs; as text if one is none."""
    if all(map(WHOLE.fullmatch, names)) and all(abs(int(name)) < LARGEST for name in names):
        return np.array([int(name) for name in names])
    return np.array(names)


def _whole_again(values: npt.NDArray[np.float64]) -> Array:
    """Return numbers as int64 where all are whole, and few enough to be classes.

    Whole numbers become floats where a value is missing, and in one file of several only: some of
    these were whole numbers where they were read.
    """
    whole = bool((values == np.floor(values)).all() and (np.abs(values) < LARGEST).all())
    few = whole and len(np.unique(values)) <= table_rows.MOST_CLASSES
    return values.astype(np.int64) if few else values


def _windows(
    begins: table_rows.Mask, length: int, stride: int, where: Path
) -> tuple[windows.Rows, list[str]]:
    spans = windows.windows(begins, length, stride)
    short, longest = windows.too_short(begins, length)
    if not len(spans):
        raise DataError(
            f"{where}: no {length} rows one after the other have the same group and class; the "
            f"longest run has {longest}: sort the rows, or choose a shorter --window"
        )
    note = f"{short} runs of fewer than {length} rows are left out; the longest has {longest}"
    return spans, [note] if short else []


def _parts(
    part: Array, words: Words, column: str, where: Path
) -> tuple[table_rows.Mask, table_rows.Mask, list[str]]:
    """Return which inputs are for training and which for testing, and notes."""
    codes: dict[str, list[int]] = {}
    for name, code in words.names.items():
        codes.setdefault(name.lower(), []).append(code)
    training = [code for name in TRAINING for code in codes.get(name, ())]
    held_out = [name for name in HELD_OUT if name in codes]
    odd = [name for name in codes if name not in (*TRAINING, *HELD_OUT)]
    if odd or not training or not held_out:
        has = repr(odd[0]) if odd else f"only {', '.join(map(repr, codes))}"
        raise DataError(f"{where}: {column} has {has}; it needs 'train' and 'test'")
    train, test = np.isin(part, training), np.isin(part, codes[held_out[0]])
    if not train.any() or not test.any():
        raise DataError(f"{where}: {column}: the training or the test part is empty")
    notes = [f"{name} is left out, {held_out[0]} is used" for name in held_out[1:]]
    return train, test, notes
