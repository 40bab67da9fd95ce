"""The one Dataset type: inputs with their classes or targets, whatever they were read from."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isqrt, prod
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.quantize import normalise
from edgekit.errors import DataError

Array = npt.NDArray[Any]
Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]
Arrays = tuple[Images, Labels, Images, Labels]
Inputs = Array
Split = tuple[Inputs, Inputs, Inputs, Inputs]

SOURCES = ("mnist", "synthetic")
"""Sources that have a name everywhere; all others are paths."""

PIXELS_TO_UNIT = (0.0, 255.0)
"""Mean and standard deviation that make [0, 1] of pixels."""

FEWEST_PIXELS = 64
"""Elements below which an input is the features of a table, also where their number is square: a
picture has 8×8 pixels at least."""

IMAGE_SHAPE = (28, 28, 1)
"""Height, width and channels of the documented model's images."""


@dataclass(frozen=True)
class Dataset:
    """Training and test inputs with their classes or targets.

    Attributes:
        x_train: pixels uint8 [N, H, W, C], or numbers float32 [N, ...] on the model's own scale.
        y_train: int64 [N], indices into ``labels``; without labels targets float32 [N, K], of
            which K is 0 where there are none.
        x_test: as x_train, [M, ...].
        y_test: as y_train.
        labels: class names; the first is the positive class of a two-class confusion matrix. Empty
            for targets that are numbers.
        name: "mnist", "synthetic", or the name of the user's folder or file.
        sha256: digest of the four arrays and the labels.
        source: "mnist", "synthetic" or the absolute path.
        framing: how a device must frame an image as these were, one of
            ``edge_runtime.metadata.FRAMINGS``.
        notes: what was dropped on the way, a line each.
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

    @property
    def pixels(self) -> bool:
        """Whether the inputs are pixels 0 to 255, and not numbers."""
        return self.x_train.dtype == np.uint8

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


@dataclass(frozen=True)
class Held:
    """What a source holds.

    Attributes:
        arrays: ``x`` and ``y``, or SPLIT: inputs [N, ...] and class indices int64 [N] or targets
            float32 [N, K], of which K is 0 where there are none.
        names: of the classes; empty where there are none.
        notes: what was dropped on the way, a line each.
    """

    arrays: Mapping[str, Array]
    names: tuple[str, ...]
    notes: tuple[str, ...] = ()


def takes_images(shape: tuple[int, ...]) -> bool:
    """Tell whether images of one or three channels fill a model input of this shape."""
    if prod(shape) < FEWEST_PIXELS:
        return False
    try:
        image_shape(shape, "")
    except DataError:
        return False
    return True


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
            raise DataError(
                f"{where}: an input of shape {list(input_shape)} takes no image; give --data an "
                ".npz with float arrays of that shape"
            )


def scaled(images: Images) -> npt.NDArray[np.float32]:
    """Scale uint8 images to float32 [0, 1]: mean 0, standard deviation 255 in the model file."""
    return normalise(images, *PIXELS_TO_UNIT)


def digest(arrays: Iterable[npt.NDArray[np.generic]], labels: tuple[str, ...]) -> str:
    """Return the hex SHA-256 over the arrays' bytes and the class names."""
    state = hashlib.sha256("\0".join(labels).encode())
    for array in arrays:
        state.update(repr(array.shape).encode())
        state.update(np.ascontiguousarray(array).data)
    return state.hexdigest()
