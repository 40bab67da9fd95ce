"""The user's pictures: a folder of class folders, resized for a model."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import InputError
from edge_runtime.image import look, prepare
from edge_runtime.metadata import GROUNDS
from edgekit.errors import DataError
from edgekit.train import class_folders
from edgekit.train.class_folders import Found
from edgekit.train.dataset import Images, Loaded, image_shape
from edgekit.train.reading import Reading

Size = tuple[int, int, int]
"""Height, width and channels of the model's input."""


def from_folders(
    folder: Path, found: Found, size: Size | None, framing: str, reading: Reading
) -> Loaded:
    """Return the pictures of class folders.

    Args:
        folder: the folder, as errors call it.
        found: its files.
        size: the size of the pictures returned; None for that of ``reading``, or that which all
            pictures have, in colour if one of them is coloured.
        framing: how to resize; see :func:`edge_runtime.image.prepare`.
        reading: the user's choices.

    Raises:
        DataError: a file is not a picture, or nothing says the size.
    """
    size = size or _size(folder, found, reading)
    dropped: dict[str, None] = {}

    def read(file: Path) -> Images:
        return _prepared(file, str(file), size, framing, reading, dropped)

    loaded, left_out = class_folders.loaded(found, size, read, reading)
    return replace(loaded, notes=(*loaded.notes, *_left_out(left_out), *_notes(size, dropped)))


def needed(shape: tuple[int, ...], where: str, reading: Reading) -> Size:
    """Return the size of the pictures that a model of this input needs.

    Raises:
        DataError: no picture fits it, or the user chose another size.
    """
    size = image_shape(shape, where)
    if reading.size and reading.size != size[:2]:
        raise DataError(
            f"{where}: --size {'x'.join(map(str, reading.size))}: the model needs "
            f"{'×'.join(map(str, size))}"
        )
    return size


def resized(
    x: npt.NDArray[Any], size: Size, framing: str, where: str, reading: Reading
) -> tuple[Images, list[str]]:
    """Resize uint8 pictures [N, H, W] or [N, H, W, C] to ``size``; add notes on what is dropped.

    Raises:
        DataError: one of them is not a picture.
    """
    if x.shape[1:] == size or (*x.shape[1:], 1) == size:
        return x.reshape(-1, *size), []
    dropped: dict[str, None] = {}
    images = np.empty((len(x), *size), np.uint8)
    for i, picture in enumerate(x):
        images[i] = _prepared(picture, f"{where}[{i}]", size, framing, reading, dropped)
    resizing = f"pictures of {_text(x.shape[1:])} become {_text(size)} ({framing})"
    return images, [resizing, *_notes(size, dropped)]


def _size(folder: Path, found: Found, reading: Reading) -> Size:
    """Return the size that the user chose, or that all pictures have, and the channels."""
    first: tuple[Path, tuple[int, int]] | None = None
    coloured = False
    for file in (file for part in found.parts for file in part.files):
        if coloured and reading.size:
            break
        try:
            seen = look(file)
        except InputError as error:
            if reading.skip_bad:
                continue
            raise _named(error, str(file)) from error
        coloured |= seen.coloured
        size = (seen.height, seen.width)
        first = first or (file, size)
        if size != first[1] and not reading.size:
            raise DataError(
                f"{file}: is {_text(size)} pixels, and {first[0]} is {_text(first[1])}: choose one "
                "--size for all"
            )
    if first is None:
        raise DataError(f"{folder}: has no picture that can be read")
    return (*(reading.size or first[1]), 3 if coloured else 1)


def _prepared(
    image: Path | npt.NDArray[Any],
    where: str,
    size: Size,
    framing: str,
    reading: Reading,
    dropped: dict[str, None],
) -> Images:
    try:
        prepared = prepare(image, *size, framing, ground=reading.ground or GROUNDS[0])
    except InputError as error:
        raise _named(error, where) from error
    dropped.update(dict.fromkeys(prepared.dropped))
    return prepared.pixels


def _named(error: InputError, where: str) -> DataError:
    """Return the error about a picture with its file, which messages on bytes do not have."""
    message = str(error)
    return DataError(message if where in message else f"{where}: {message}")


def _left_out(problems: list[str]) -> tuple[str, ...]:
    """Return one note on the files that are left out, if any."""
    if not problems:
        return ()
    return (f"{len(problems)} pictures are left out; the first: {problems[0]}",)


def _notes(size: Size, dropped: Iterable[str]) -> tuple[str, ...]:
    """Return one note on all that pictures lose in resizing, if anything."""
    lost = ", ".join(dropped)
    return (f"pictures lose {lost} when they become {_text(size)}",) if lost else ()


def _text(size: tuple[int, ...]) -> str:
    return "×".join(map(str, size))
