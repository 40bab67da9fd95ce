"""The user's .npz or .npy, fitted to a model's input: pictures by size, numbers by shape."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgekit.errors import DataError
from edgekit.train import images
from edgekit.train.arrays import GROUPS, fitted, from_npz
from edgekit.train.dataset import Array, Loaded, takes_images
from edgekit.train.reading import Reading


def from_file(
    path: Path,
    shape: tuple[int, ...] | None,
    framing: str,
    numbers: bool | None,
    reading: Reading,
    may_lack: bool,
) -> Loaded:
    """Return the arrays of an .npz or .npy.

    Args:
        path: the file.
        shape: the model's input without the batch; None lets the data decide.
        framing: how pictures of another size are resized to the model's.
        numbers: as for :func:`edgekit.train.arrays.from_npz`.
        reading: the user's choices.
        may_lack: as for :func:`edgekit.train.arrays.from_npz`.

    Raises:
        DataError: the file cannot be read, or does not fit the model.
    """
    loaded = from_npz(
        path,
        numbers=numbers,
        skip_bad=reading.skip_bad,
        may_lack=may_lack,
        group=reading.group,
    )
    groups, places = loaded.groups, loaded.places
    arrays, notes = dict(loaded.arrays), list(loaded.notes)
    shape = shape or _own_shape(arrays, path, reading)
    inputs = {name: x for name, x in arrays.items() if name.startswith("x")}
    pixels = _are_pixels(inputs, shape, path)
    for name, x in inputs.items():
        where = f"{path}: {name}"
        if pixels:
            size = images.needed(shape, where, reading)
            if x.ndim == 2:
                x = fitted(x, size, where).astype(np.uint8)
            arrays[name], more = images.resized(x, size, framing, where, reading)
            notes += more
            continue
        if reading.size:
            raise DataError(f"{where}: --size is about pictures, which are uint8, not {x.dtype}")
        y = name.replace("x", "y")
        kept, more = _kept(x, where, reading)
        arrays[name], arrays[y] = fitted(x[kept], shape, where), arrays[y][kept]
        if groups is not None and name != "x_test":
            groups = groups[kept]
        if name != "x_train" and not isinstance(kept, slice):
            places = (np.arange(len(x)) if places is None else places)[kept]
        notes += more
    if groups is not None:
        reading = replace(reading, group=reading.group or GROUPS)
    return replace(
        loaded,
        arrays=arrays,
        notes=tuple(dict.fromkeys(notes)),
        groups=groups,
        places=places,
        reading=reading,
    )


def _are_pixels(inputs: Mapping[str, Array], shape: tuple[int, ...], path: Path) -> bool:
    """Return whether the inputs of all parts are pixels.

    Raises:
        DataError: only those of one part are.
    """
    found = {x.dtype == np.uint8 and x.ndim in (2, 3, 4) for x in inputs.values()}
    if not takes_images(shape):
        return False
    if len(found) > 1:
        shown = " and ".join(f"{name} is {x.dtype} {list(x.shape)}" for name, x in inputs.items())
        raise DataError(
            f"{path}: {shown}, of which one is pixels and the other numbers: give both the same "
            "type, uint8 for pixels"
        )
    return any(found)


def _own_shape(arrays: Mapping[str, Array], path: Path, reading: Reading) -> tuple[int, ...]:
    """Return the shape of the inputs that are in a file, pictures in the size that was chosen."""
    shapes = {name: x.shape[1:] for name, x in arrays.items() if name.startswith("x")}
    (first, shape), *others = shapes.items()
    for name, other in others:
        if other != shape:
            raise DataError(
                f"{path}: {first} has inputs of shape {list(shape)}, and {name} of {list(other)}"
            )
    if arrays[first].dtype != np.uint8 or len(shape) not in (2, 3):
        return shape
    picture = shape if len(shape) == 3 else (*shape, 1)
    channels = 3 if picture[2] == 4 else picture[2]
    size = (*(reading.size or picture[:2]), channels)
    return size if takes_images(size) else shape


def _kept(x: Array, where: str, reading: Reading) -> tuple[Array | slice, list[str]]:
    """Return which rows are used: all but those that have NaN, if these are left out."""
    if not reading.skip_bad:
        return slice(None), []
    finite: Array = np.all(np.isfinite(x.reshape(len(x), -1).astype(np.float32)), axis=1)
    if finite.all():
        return slice(None), []
    note = (
        f"{where}: {np.sum(~finite)} rows with NaN or infinity are left out, first row "
        f"{finite.argmin()}"
    )
    return finite, [note]
