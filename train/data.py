"""Images with their classes: the one Dataset type and the ways to come by it."""

import hashlib
import re
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from math import isqrt
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.quantize import normalise
from edgekit.errors import DataError, did_you_mean

DAMAGED_ZIP = (zipfile.BadZipFile, zlib.error, RuntimeError, OverflowError)
"""What zipfile raises for damaged, encrypted or exotic archives."""

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]
Arrays = tuple[Images, Labels, Images, Labels]

RANGE_END = re.compile("[0-9]{1,3}")

SOURCES = ("mnist", "synthetic")
"""Sources that have a name everywhere; all others are paths."""

DEFAULT_CLASSES = ("0", "1")
PIXELS_TO_UNIT = (0.0, 255.0)
"""Mean and standard deviation that make [0, 1] of pixels."""
IMAGE_SHAPE = (28, 28, 1)
"""Height, width and channels of the documented model's images."""


@dataclass(frozen=True)
class Dataset:
    """Training and test images with their classes.

    Attributes:
        x_train: uint8 [N, 28, 28, 1].
        y_train: int64 [N], indices into ``labels``.
        x_test: uint8 [M, 28, 28, 1].
        y_test: int64 [M].
        labels: class names; the first is the positive class of a two-class confusion matrix.
        name: "mnist", "synthetic", or the name of the user's folder or file.
        sha256: digest of the four arrays and the labels.
        source: "mnist", "synthetic" or the absolute path.
        framing: how a device must frame an image as these were: "digit" or "resize"
            (``edge_runtime.image.prepare``).
    """

    x_train: Images
    y_train: Labels
    x_test: Images
    y_test: Labels
    labels: tuple[str, ...]
    name: str
    sha256: str
    source: str
    framing: str

    @property
    def provenance(self) -> dict[str, Any]:
        """What a model that was trained on it says about it.

        A path stays out: it means nothing elsewhere, and equal data shall give equal files.
        """
        return {
            "source": self.source if self.source in SOURCES else None,
            "name": self.name,
            "classes": list(self.labels),
            "sha256": self.sha256,
        }


def load(
    source: str = "mnist",
    classes: tuple[str, ...] | None = None,
    shape: tuple[int, int, int] = IMAGE_SHAPE,
) -> Dataset:
    """Return the dataset of ``source``, restricted to ``classes`` in their order.

    Args:
        source: "mnist"; "synthetic"; or the path of an .npz (x_train, y_train, x_test, y_test) or
            of a folder with one subfolder of images for each class.
        classes: class names; None means 0 and 1 for mnist and synthetic, all for a path.
        shape: height, width and channels of the images; mnist and synthetic have only 28×28×1.

    Raises:
        DataError: the source cannot be found or read, or does not have the classes.
    """
    match source:
        case "mnist":
            from edgekit.train import mnist

            arrays, names, framing = mnist.load(), tuple("0123456789"), "digit"
        case "synthetic":
            from edgekit.train import synthetic

            arrays, names, framing = synthetic.synthetic_digits(), ("0", "1"), "digit"
        case _:
            from edgekit.train import images

            arrays, names, framing = images.load(Path(source), shape)
    if arrays[0].shape[1:] != shape:
        height, width, channels = shape
        raise DataError(
            f"{source}: has images of 28×28×1, the model takes {height}×{width}×{channels}; "
            "give --data a PATH with your own"
        )
    if classes is None:
        classes = DEFAULT_CLASSES if source in SOURCES else names
    arrays = _restrict(arrays, names, classes, source)
    return Dataset(
        *arrays,
        labels=classes,
        name=source if source in SOURCES else Path(source).resolve().name,
        sha256=digest(arrays, classes),
        source=source if source in SOURCES else str(Path(source).resolve()),
        framing=framing,
    )


def image_shape(input_shape: tuple[int, ...], where: str) -> tuple[int, int, int]:
    """Return height, width and channels of the images that fill a model input of this shape.

    [H, W, C], [H, W] and a flattened square [H·W] are understood.

    Raises:
        DataError: no image fills it.
    """
    match input_shape:
        case (height, width, (1 | 3) as channels):
            return height, width, channels
        case (height, width):
            return height, width, 1
        case (size,) if (side := isqrt(size)) ** 2 == size:
            return side, side, 1
        case _:
            raise DataError(f"{where}: an input of shape {input_shape} takes no image")


def parse_classes(text: str) -> tuple[str, ...]:
    """Return the class names of a comma-separated list in which "0-9" is a range of digits.

    Raises:
        DataError: fewer than two classes, or one named twice.
    """
    classes: list[str] = []
    for part in (part.strip() for part in text.split(",")):
        first, dash, last = part.partition("-")
        if dash and RANGE_END.fullmatch(first) and RANGE_END.fullmatch(last):
            classes += [str(n) for n in range(int(first), int(last) + 1)]
        elif part:
            classes.append(part)
    if len(classes) < 2 or len(set(classes)) < len(classes):
        raise DataError(f"classes {text!r}: name at least two different ones, as 0,1 or 0-9")
    return tuple(classes)


def scaled(images: Images) -> npt.NDArray[np.float32]:
    """Scale uint8 images to float32 [0, 1]: mean 0, standard deviation 255 in the model file."""
    return normalise(images, *PIXELS_TO_UNIT)


def read_npz(path: Path) -> dict[str, npt.NDArray[np.generic]]:
    """Return all arrays of the .npz file at ``path``.

    Raises:
        DataError: it is not there or not an .npz.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as held:
            return {name: held[name] for name in held.files}
    except (OSError, EOFError, TypeError, ValueError, *DAMAGED_ZIP) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise DataError(f"{path}: not a readable .npz ({reason})") from error


def digest(arrays: Iterable[npt.NDArray[np.generic]], labels: tuple[str, ...]) -> str:
    """Return the hex SHA-256 over the arrays' bytes and the class names."""
    state = hashlib.sha256("\0".join(labels).encode())
    for array in arrays:
        state.update(repr(array.shape).encode())
        state.update(np.ascontiguousarray(array).data)
    return state.hexdigest()


def _restrict(
    arrays: Arrays, names: tuple[str, ...], classes: tuple[str, ...], source: str
) -> Arrays:
    unprintable = [name for name in classes if not name.isprintable() or not name.strip()]
    if unprintable:
        raise DataError(f"{source}: the class name {unprintable[0]!r} cannot be a label")
    missing = [name for name in classes if name not in names]
    if missing:
        there = f"{', '.join(names)}{did_you_mean(missing[0], names)}"
        raise DataError(f"{source}: has no class {missing[0]!r}; it has {there}")
    if len(classes) < 2:
        found = ", ".join(classes) or "none"
        raise DataError(f"{source}: a classifier needs two classes, here is {found}")
    x_train, y_train, x_test, y_test = arrays
    index = np.full(len(names), -1, np.int64)
    index[[names.index(name) for name in classes]] = np.arange(len(classes))
    keep_train, keep_test = index[y_train] >= 0, index[y_test] >= 0
    restricted = (
        x_train[keep_train],
        index[y_train[keep_train]],
        x_test[keep_test],
        index[y_test[keep_test]],
    )
    for part, labels in (("training", restricted[1]), ("test", restricted[3])):
        for i, name in enumerate(classes):
            if not np.any(labels == i):
                raise DataError(f"{source}: class {name!r} has no {part} image")
    return restricted
