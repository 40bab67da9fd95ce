"""The user's arrays, .npz or .npy: pixels or numbers, with classes, targets or neither."""

import zipfile
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgekit import archives
from edgekit.errors import DataError
from edgekit.train.dataset import Array, Labels, Loaded
from edgekit.train.groups import coded

Floats = npt.NDArray[np.float32]

GROUPS = "groups"
"""Name of the array with the group of each input, as the splitters of scikit-learn call theirs."""

NPY = b"\x93NUMPY"
"""First bytes of an .npy file."""


def read_npz(path: Path) -> dict[str, Array]:
    """Return all arrays of an .npz file, or that of an .npy file as ``x``; never unpickles.

    The array of an .npy file is mapped into memory, read-only.

    Raises:
        DataError: the file is missing, is neither of the two, or unpacks to far more than its size.
    """
    try:
        if (mapped := _mapped(path)) is not None:
            return {"x": mapped}
        with path.open("rb") as file:
            if zipfile.is_zipfile(file):
                with zipfile.ZipFile(file) as archive:
                    if reason := archives.bomb(archive, path):
                        raise DataError(f"{path}: {reason}")
            file.seek(0)
            content = np.load(file, allow_pickle=False)
            if isinstance(content, np.ndarray):
                return {"x": content}
            with content:
                # NumPy returns members of the archive that are not arrays as bytes.
                members = {name: content[name] for name in content.files}
                return {
                    k: member for k, member in members.items() if isinstance(member, np.ndarray)
                }
    except archives.DAMAGED_ARRAY as error:
        raise DataError(f"{path}: not a readable .npz ({archives.no_array(error)})") from error


def _mapped(path: Path) -> Array | None:
    """Return the array of an .npy file, memory-mapped; None for any other file."""
    with path.open("rb") as file:
        if file.read(len(NPY)) != NPY:
            return None
    mapped: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    return mapped


def from_npz(
    path: Path,
    *,
    numbers: bool | None,
    skip_bad: bool = False,
    may_lack: bool = False,
    group: str | None = None,
) -> Loaded:
    """Return the arrays of a file with x and y, or x_train, y_train, x_test and y_test.

    The y may be missing. Integers, strings and one-hot rows are classes, floats are targets, and so
    are rows of 0 and 1 that are not one-hot: several labels, each of which applies or does not.
    Both parts together decide which they are.

    Args:
        path: the .npz or .npy file.
        numbers: whether y are targets rather than classes; None decides by their dtype, which
            has to be of one kind in both parts.
        skip_bad: whether test inputs of a class that the training part lacks are left out rather
            than refused.
        may_lack: whether the training part may lack classes of the test part.
        group: name of the array [N] with the group of each input; of a file with two parts that of
            the training part has ``_train`` behind it, and that of the test part, which may be
            missing, ``_test``. By default it is GROUPS, if there is such an array.

    Raises:
        DataError: arrays are missing or do not fit each other.
    """
    content = read_npz(path)
    parts: tuple[str, ...]
    if {"x_train", "x_test"} <= content.keys():
        parts = ("_train", "_test")
    elif "x" in content:
        parts = ("",)
    else:
        raise DataError(
            f"{path}: expected x_train, y_train, x_test, y_test, or x and y; it has "
            f"{', '.join(sorted(content)) or 'nothing'}"
        )
    keys = [(f"x{part}", f"y{part}") for part in parts]
    with_y = [y for _, y in keys if y in content]
    if with_y and len(with_y) < len(keys):
        missing = next(y for _, y in keys if y not in content)
        raise DataError(f"{path}: has {with_y[0]}, but no {missing}")
    arrays: dict[str, Array] = {}
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    places: Array | None = None
    truth = {y: _squeezed(content[y]) for y in with_y}
    targets = _all_targets(truth, numbers, path)
    if may_lack:
        names = _all_names(list(truth.values()))
    for x, y in keys:
        where = f"{path}: {x}"
        arrays[x] = _inputs(content[x], where)
        if y not in content:
            arrays[y] = np.zeros((len(arrays[x]), 0), np.float32)
            continue
        if not content[y].ndim:
            raise DataError(f"{path}: {y} is a single value, expected one per input")
        if len(content[x]) != len(content[y]):
            raise DataError(f"{where}: {len(content[x])} inputs but {len(content[y])} labels")
        truths = content[y]
        if skip_bad and names and truths.ndim == 1:
            known = np.isin(truths, _of_names(names, truths))
            if not known.all():
                notes = (f"{path}: {np.sum(~known)} of {y} are no training class, and left out",)
                truths, arrays[x] = truths[known], arrays[x][known]
                places = np.flatnonzero(known)
        arrays[y], names = labelled(truths, names, targets, f"{path}: {y}")
    groups, more = _groups(content, parts, group, path)
    return Loaded(arrays, names, (*notes, *more), groups, places=places)


def _groups(
    content: Mapping[str, Array], parts: Sequence[str], chosen: str | None, path: Path
) -> tuple[Array | None, tuple[str, ...]]:
    """Return the group of each training input, int64 [N], and notes; None without groups."""
    name = chosen or GROUPS
    first = f"{name}{parts[0]}"
    if first not in content:
        if not chosen:
            return None, ()
        raise DataError(
            f"{path}: --group {chosen}: there is no array {first!r}; it has "
            f"{', '.join(sorted(content))}"
        )
    found = []
    for part in parts:
        if f"{name}{part}" not in content:
            continue
        values, count = _squeezed(content[f"{name}{part}"]), len(content[f"x{part}"])
        if values.shape != (count,) or values.dtype.kind not in "biufUS":
            problem = (
                f"{path}: {name}{part}: {values.dtype} {list(values.shape)} are no groups of "
                f"{count} inputs, one number or text for each"
            )
            if chosen:
                raise DataError(problem)
            return None, (f"{problem}, and not used",)
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise DataError(f"{path}: {name}{part}: contains NaN or infinity")
        found.append(values)
    groups, notes = coded(found, name)
    if not chosen:
        notes = (f"{path}: inputs of one value of {name!r} stay in one part", *notes)
    return groups, notes


def labelled(
    y: Array, names: tuple[str, ...], numbers: bool | None, where: str
) -> tuple[Array, tuple[str, ...]]:
    """Return class indices int64 [N] and names, or targets float32 [N, K] and no names.

    Args:
        y: classes (integers, strings or one-hot rows) or targets, [N] or [N, K].
        names: class names of the training part, for the test part; else empty.
        numbers: whether y are targets; None decides by their dtype.
        where: the array, as errors call it.

    Raises:
        DataError: they are neither, or the test part has a class that the training part lacks.
    """
    y = _squeezed(y)
    if _are_targets(y, numbers):
        return _targets(y, where), ()
    return _classes(y, names, where)


def fitted(x: Array, shape: tuple[int, ...], where: str) -> Floats:
    """Return inputs [N, ...] that are not pixels as float32 [N, *shape], if they fit.

    A last axis of length 1 is optional; a flat shape accepts any shape with as many elements.

    Raises:
        DataError: the inputs have another shape, or contain NaN or infinity.
    """
    has = x.shape[1:]
    flat = len(shape) == 1 or len(has) == 1
    if _without_channel(has) != _without_channel(shape) and not (flat and prod(has) == prod(shape)):
        raise DataError(
            f"{where}: has {x.dtype} inputs of shape {list(has)}, but the model needs "
            f"{list(shape)}; only pictures, which are uint8, are resized"
        )
    values = _floats(x.reshape(len(x), *shape))
    rows = ~np.isfinite(values.reshape(len(values), -1)).all(axis=1)
    if rows.any():
        raise DataError(
            f"{where}: NaN or infinity in {rows.sum()} rows, first in row {rows.argmax()}"
        )
    return values


def _inputs(x: Array, where: str) -> Array:
    if x.ndim < 2 or x.dtype.kind not in "biuf" or not x.size:
        raise DataError(f"{where}: expected numbers [N, ...], got {x.dtype} {list(x.shape)}")
    return x


def _floats(values: Array) -> Floats:
    """Return values as float32; those too large for it become infinity."""
    with np.errstate(over="ignore"):
        return values.astype(np.float32, copy=False)


def _squeezed(y: Array) -> Array:
    return y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y


def _are_targets(y: Array, numbers: bool | None) -> bool:
    """Return whether y, [N] or [N, K], are targets rather than classes."""
    by_dtype = numbers is None and y.dtype.kind == "f" and not _one_hot(y)
    return bool(numbers) or by_dtype or _several_hot(y)


def _all_targets(parts: Mapping[str, Array], numbers: bool | None, path: Path) -> bool:
    """Return whether the y of all parts are targets rather than classes.

    Raises:
        DataError: only those of one part are, or the parts have different numbers of targets.
    """
    found = {name: _are_targets(y, numbers) for name, y in parts.items()}
    columns = {prod(y.shape[1:]) for y in parts.values()}
    shown = " and ".join(f"{name} is {y.dtype} {list(y.shape)}" for name, y in parts.items())
    if len(set(found.values())) > 1:
        rows = [y for y in parts.values() if y.ndim == 2 and y.dtype.kind in "biuf"]
        if len(rows) == len(parts) and len(columns) == 1:
            # The rows of one part may be one-hot by chance.
            return _are_targets(np.concatenate(rows), numbers)
        raise DataError(
            f"{path}: {shown}, of which one is targets and the other classes: give both the same "
            "type, floats or rows of 0 and 1 for targets, integers, text or one-hot rows for "
            "classes"
        )
    if any(found.values()) and len(columns) > 1:
        raise DataError(f"{path}: {shown}, which have different numbers of targets")
    return any(found.values())


def _one_hot(y: Array) -> bool:
    if y.ndim != 2 or y.shape[1] < 2 or y.dtype.kind not in "biuf":
        return False
    return bool(np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all())


def _several_hot(y: Array) -> bool:
    """Return whether y [N, K] says of several labels which apply: 0 or 1, and not one in a row."""
    if y.ndim != 2 or y.shape[1] < 2 or y.dtype.kind not in "biuf" or not len(y):
        return False
    # Without a single 1 they are more likely damaged than labels none of which ever applies.
    return bool(np.isin(y, (0, 1)).all() and y.any()) and not _one_hot(y)


def _all_names(parts: Sequence[Array]) -> tuple[str, ...]:
    """Return the class names of all parts, where those are classes one per input; else none."""
    if not parts or any(y.ndim != 1 or y.dtype.kind not in "biuUS" for y in parts):
        return ()
    return tuple(_name(value) for value in np.unique(np.concatenate(parts)))


def _targets(y: Array, where: str) -> Floats:
    if y.dtype.kind not in "biuf":
        raise DataError(f"{where}: the model predicts numbers, but these are {y.dtype}")
    values = _floats(y.reshape(len(y), -1))
    if not np.isfinite(values).all():
        raise DataError(f"{where}: contains NaN or infinity")
    return values


def _classes(y: Array, names: tuple[str, ...], where: str) -> tuple[Labels, tuple[str, ...]]:
    """Return class indices and names.

    Args:
        y: class numbers or names [N], or one-hot rows [N, K].
        names: those of the training part, for the test part; empty for the training part.
        where: the array, as errors call it.
    """
    if _one_hot(y):
        columns = tuple(map(str, range(y.shape[1])))
        if names and names != columns:
            raise DataError(f"{where}: {len(columns)} classes, the training part has {len(names)}")
        return y.argmax(axis=1).astype(np.int64), columns
    if y.ndim == 1 and y.dtype.kind == "f" and _whole(y):
        y = y.astype(np.int64)
    if y.ndim != 1 or y.dtype.kind not in "biuUS":
        raise DataError(
            f"{where}: classes are integers, strings or one-hot rows, one per input, got "
            f"{y.dtype} {list(y.shape)}"
        )
    values, indices = np.unique(y, return_inverse=True)
    present = tuple(_name(value) for value in values)
    if not names:
        return indices.astype(np.int64), present
    if unknown := [name for name in present if name not in names]:
        raise DataError(f"{where}: class {unknown[0]!r} is not among the training classes")
    return np.array([names.index(name) for name in present], np.int64)[indices], names


def _of_names(names: tuple[str, ...], like: Array) -> Array:
    """Return the values of an array that have one of the names."""
    values = np.unique(like)
    return values[[_name(value) in names for value in values]]


def _whole(values: Array) -> bool:
    """Return whether all floats are whole numbers within the range of int64."""
    exact = values.astype(np.float64)
    return bool(((exact == np.floor(exact)) & (np.abs(exact) < 2.0**62)).all())


def _name(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _without_channel(shape: tuple[int, ...]) -> tuple[int, ...]:
    return shape[:-1] if shape[-1:] == (1,) else shape
