"""The user's pictures: a folder of class folders, resized for a model."""

from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import InputError
from edge_runtime.image import prepare
from edgekit.errors import DataError
from edgekit.train.dataset import Images, Labels, Loaded

Size = tuple[int, int, int]
"""Height, width and channels of the model's input."""

LITTER = {"Thumbs.db", "desktop.ini", "__MACOSX"}
TRAINING = ("train", "training")
HELD_OUT = ("test", "testing", "validation", "valid", "val")
"""Names of folders that contain the class folders of one part of the data. The first of HELD_OUT
that exists is the test set."""


def from_folder(folder: Path, size: Size, framing: str) -> Loaded:
    """Return the pictures of a folder with one folder per class, or with train and test of such.

    A validation part is the test set if there is no test part. Leftovers of archives
    (``__MACOSX``, hidden files, Thumbs.db) are ignored, and so is a single folder around all
    others. Links are followed; a link back to a folder above it is refused.

    Args:
        folder: the folder.
        size: the size of the pictures returned.
        framing: how to resize; see :func:`edge_runtime.image.prepare`.

    Raises:
        DataError: a file is not a picture, a class is empty, the parts have different classes, or
            links form a loop.
    """
    folder = _inside(folder)
    entries = _entries(folder)
    parts = {entry.name.lower(): entry for entry in entries if entry.is_dir()}
    training = next((parts[name] for name in TRAINING if name in parts), None)
    held_out = [parts[name] for name in HELD_OUT if name in parts]
    if training is None or not held_out:
        x, y, names, dropped = _read_classes(folder, entries, size, framing)
        return Loaded({"x": x, "y": y}, names, (*_stray(entries), *_notes(size, dropped)))
    others = [entry for entry in entries if entry not in (training, *held_out)]
    notes = [f"{entry.name}, beside {training.name}, is left out" for entry in others]
    notes += [note for part in (training, held_out[0]) for note in _stray(_entries(part))]
    notes += [f"{entry.name} is left out, {held_out[0].name} is used" for entry in held_out[1:]]
    x_train, y_train, names, dropped = _read_classes(training, _entries(training), size, framing)
    x_test, y_test, test_names, more = _read_classes(
        held_out[0], _entries(held_out[0]), size, framing
    )
    if names != test_names:
        odd = sorted(set(names) ^ set(test_names))
        raise DataError(
            f"{folder}: {training.name} and {held_out[0].name} do not have the same classes: "
            f"{odd[0]!r}"
        )
    arrays: dict[str, npt.NDArray[Any]] = {"x_train": x_train, "y_train": y_train}
    arrays |= {"x_test": x_test, "y_test": y_test}
    return Loaded(arrays, names, (*notes, *_notes(size, {**dropped, **more})))


def resized(x: npt.NDArray[Any], size: Size, framing: str, where: str) -> tuple[Images, list[str]]:
    """Resize uint8 pictures [N, H, W] or [N, H, W, C] to ``size``; add notes on what is dropped.

    Raises:
        DataError: one of them is not a picture.
    """
    if x.shape[1:] == size or (*x.shape[1:], 1) == size:
        return x.reshape(-1, *size), []
    dropped: dict[str, None] = {}
    images = np.empty((len(x), *size), np.uint8)
    for i, picture in enumerate(x):
        images[i] = _prepared(picture, f"{where}[{i}]", size, framing, dropped)
    resizing = f"pictures of {_text(x.shape[1:])} become {_text(size)} ({framing})"
    return images, [resizing, *_notes(size, dropped)]


def _read_classes(
    folder: Path, entries: list[Path], size: Size, framing: str
) -> tuple[Images, Labels, tuple[str, ...], dict[str, None]]:
    classes = [entry for entry in entries if entry.is_dir()]
    if len(classes) < 2:
        found = f"{len(entries)} files" if entries and not classes else str(len(classes))
        raise DataError(f"{folder}: expected at least two class folders, found {found}")
    files = [_pictures(folder) for folder in classes]
    labels = np.repeat(np.arange(len(classes), dtype=np.int64), list(map(len, files)))
    # Filled picture by picture: a list and its copy as an array would need twice the memory.
    images = np.empty((len(labels), *size), np.uint8)
    dropped: dict[str, None] = {}
    for index, file in enumerate(chain.from_iterable(files)):
        images[index] = _prepared(file, str(file), size, framing, dropped)
    return images, labels, tuple(entry.name for entry in classes), dropped


def _pictures(folder: Path) -> list[Path]:
    """Return the files of a class."""
    files = _entries(folder)
    if not files:
        raise DataError(f"{folder}: the class has no image")
    if inner := next((file for file in files if file.is_dir()), None):
        raise DataError(
            f"{inner}: a folder where the pictures of class {folder.name!r} should be; --data "
            "needs a folder of class folders, or of train and test (or validation) with such"
        )
    if odd := next((file for file in files if not file.is_file()), None):
        raise DataError(f"{odd}: neither a file nor a link to one")
    return files


def _inside(folder: Path) -> Path:
    """Descend through folders that contain nothing but one folder of folders."""
    seen = {_identity(folder)}
    while True:
        entries = _entries(folder)
        if len(entries) != 1 or not any(entry.is_dir() for entry in _entries(entries[0])):
            return folder
        folder = entries[0]
        if (identity := _identity(folder)) in seen:
            raise DataError(f"{folder}: a link that leads back to a folder above it")
        seen.add(identity)


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _stray(entries: Iterable[Path]) -> list[str]:
    """Return a note on each file beside the class folders."""
    files = [entry for entry in entries if not entry.is_dir()]
    return [f"{file}: a file beside the class folders, is left out" for file in files]


def _entries(folder: Path) -> list[Path]:
    """Return the entries of a folder without litter; nothing if it is not a folder."""
    if not folder.is_dir():
        return []
    return sorted(e for e in folder.iterdir() if e.name not in LITTER and e.name[0] != ".")


def _prepared(
    image: Path | npt.NDArray[Any], where: str, size: Size, framing: str, dropped: dict[str, None]
) -> Images:
    try:
        prepared = prepare(image, *size, framing)
    except InputError as error:
        message = str(error)
        raise DataError(message if where in message else f"{where}: {message}") from error
    dropped.update(dict.fromkeys(prepared.dropped))
    return prepared.pixels


def _notes(size: Size, dropped: Iterable[str]) -> tuple[str, ...]:
    """Return one note on all that pictures lose in resizing, if anything."""
    lost = ", ".join(dropped)
    return (f"pictures lose {lost} when they become {_text(size)}",) if lost else ()


def _text(size: tuple[int, ...]) -> str:
    return "×".join(map(str, size))
