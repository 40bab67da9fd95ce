"""The one Dataset type: inputs with their classes or targets, whatever their source."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import isqrt, prod
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.front_end import Audio
from edge_runtime.quantize import normalise
from edgekit.errors import DataError
from edgekit.train.reading import NOTHING_CHOSEN, Reading

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]
Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]
Arrays = tuple[Images, Labels, Images, Labels]
Inputs = Array
Split = tuple[Inputs, Inputs, Inputs, Inputs]

SOURCES = ("mnist", "synthetic")
"""Sources with a name of their own; every other source is a path."""

PIXELS_TO_UNIT = (0.0, 255.0)
"""Mean and standard deviation that scale pixels to [0, 1]."""

FEWEST_PIXELS = 64
"""Elements of the smallest picture, 8×8. Smaller inputs are features of a table, even if their
number is a square."""

IMAGE_SHAPE = (28, 28, 1)
"""Height, width and channels of the documented model's images."""


@dataclass(frozen=True)
class Dataset:
    """Training and test inputs with their classes or targets.

    Attributes:
        x_train: pixels uint8 [N, H, W, C], or numbers float32 [N, ...] on the model's own scale.
        y_train: int64 [N], indices into ``labels``; without labels, targets float32 [N, K];
            K is 0 if there are none.
        x_test: as x_train, [M, ...].
        y_test: as y_train.
        labels: class names; the first is the positive class of a two-class confusion matrix. Empty
            for targets that are numbers.
        name: "mnist", "synthetic", or the name of the user's folder or file.
        sha256: digest of the four arrays and the labels.
        source: "mnist", "synthetic" or the absolute path.
        framing: how a device must frame images to match these, one of
            ``edge_runtime.metadata.FRAMINGS``.
        notes: what was dropped in loading, one line each.
        reading: the choices by which the data were read; see ``edgekit.train.reading``.
        split: how the data were divided into the two parts, as JSON; empty for sources with a name.
        groups: int64 [N], the group of each training input; None without groups.
        features: names of the columns of a table, in the order of the last axis; else empty.
        audio: what turned recordings into x_train and x_test; None of other data.
    """

    x_train: Inputs
    y_train: Inputs
    x_test: Inputs
    y_test: Inputs
    labels: tuple[str, ...]
    name: str
    sha256: str
    source: str
    framing: str
    notes: tuple[str, ...] = ()
    reading: Reading = NOTHING_CHOSEN
    split: Mapping[str, Any] = field(default_factory=dict)
    groups: Array | None = None
    features: tuple[str, ...] = ()
    audio: Audio | None = None

    @property
    def pixels(self) -> bool:
        """Whether the inputs are pixels 0 to 255 rather than numbers."""
        return self.x_train.dtype == np.uint8

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of labels or targets [N, K], in their order; empty where none are known."""
        names, targets = self.reading.label, self.y_train.shape[1:]
        return names if targets == (len(names),) else ()

    @property
    def noun(self) -> str:
        """What the inputs are called: "images", "recordings" or "inputs"."""
        if self.audio is not None:
            return "recordings"
        return "images" if self.pixels else "inputs"

    @property
    def provenance(self) -> dict[str, Any]:
        """What a model file records about the data it was trained on.

        Without the path, which means nothing elsewhere: equal data must give equal files.
        """
        return {
            "source": self.source if self.source in SOURCES else None,
            "name": self.name,
            "classes": list(self.labels),
            "sha256": self.sha256,
            **({"reading": self.reading.document} if self.reading.document else {}),
        }


@dataclass(frozen=True)
class Loaded:
    """The user's data as read, before it is split and restricted to classes.

    Attributes:
        arrays: ``x`` and ``y``, or those of ``arrays.SPLIT``: inputs [N, ...] with class indices
            int64 [N] or targets float32 [N, K]; K is 0 if there are none.
        names: class names; empty if there are none.
        notes: what was dropped in loading, one line each.
        groups: int64 [N], the group of each input of ``x`` or ``x_train``; inputs of one group
            belong into one part. None without groups.
        rows: int64 [N, 2], of windows of a time series the first row and the one behind the last;
            None of other data.
        places: int64 [N], for each input of ``x``, or of ``x_test``, its number in its file, from
            0, of windows that of their first row; None where inputs are files, or are numbered
            through.
        files: for each input of ``x``, or of ``x_test``, its file, where there are several; else
            empty.
        features: names of the columns of a table, in the order of the last axis; else empty.
        audio: what turned recordings into the inputs; None of other data.
        reading: the choices by which they were read, with those that the data decided; None if
            the data decided nothing.
    """

    arrays: Mapping[str, Array]
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()
    groups: Array | None = None
    rows: Array | None = None
    places: Array | None = None
    files: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    audio: Audio | None = None
    reading: Reading | None = None


def takes_images(shape: tuple[int, ...]) -> bool:
    """Return whether a model input of this shape is an image of one or three channels."""
    if prod(shape) < FEWEST_PIXELS:
        return False
    try:
        image_shape(shape, "")
    except DataError:
        return False
    return True


def image_shape(input_shape: tuple[int, ...], where: str) -> tuple[int, int, int]:
    """Return height, width and channels of the images that fit a model input of this shape.

    Args:
        input_shape: [H, W, C], [H, W] or a flattened square [H·W].
        where: the model or data, as errors call it.

    Raises:
        DataError: no image fits it.
    """
    match input_shape:
        case (height, width, (1 | 3) as channels):
            return height, width, channels
        case (height, width):
            return height, width, 1
        case (size,) if (side := isqrt(size)) ** 2 == size:
            return side, side, 1
        case _:
            raise DataError(
                f"{where}: no image fits an input of shape {list(input_shape)}; pass --data an "
                ".npz with float arrays of that shape"
            )


def scaled(images: Images) -> npt.NDArray[np.float32]:
    """Scale uint8 images to float32 [0, 1]; the model file says mean 0, standard deviation 255."""
    return normalise(images, *PIXELS_TO_UNIT)


def digest(arrays: Iterable[npt.NDArray[np.generic]], labels: tuple[str, ...]) -> str:
    """Return the hex SHA-256 over the arrays' bytes and the class names."""
    state = hashlib.sha256("\0".join(labels).encode())
    for array in arrays:
        state.update(repr(array.shape).encode())
        state.update(np.ascontiguousarray(array).data)
    return state.hexdigest()
