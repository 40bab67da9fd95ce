"""A user's own images: a folder of class folders, or an .npz."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import InputError
from edge_runtime.image import prepare
from edgekit.errors import DataError, did_you_mean
from edgekit.train.data import Arrays, Images, Labels, read_npz

TEST_SHARE = 0.2
"""Share of each class that becomes the test set where the user made none."""

SPLIT_SEED = 0
FOLDER_FRAMING = "digit"
NPZ_FRAMING = "resize"
"""Pictures in a folder are framed like MNIST; arrays are taken to be framed already."""

Shape = tuple[int, int, int]
LITTER = {"Thumbs.db", "desktop.ini"}


def load(path: Path, shape: Shape) -> tuple[Arrays, tuple[str, ...], str]:
    """Return the images of ``path``, the class names, and the framing a device must repeat.

    A folder holds one folder of images for each class, or ``train`` and ``test`` with such
    folders. An .npz holds x_train, y_train, x_test, y_test, or x and y; images uint8 [N, H, W] or
    [N, H, W, C], classes integers or strings. Without a test part a fifth of each class is split
    off, always the same one.

    Args:
        path: the folder or the file.
        shape: height, width and channels that each image is brought to.

    Raises:
        DataError: nothing there, an unreadable file, an empty class, classes that do not match.
    """
    if path.is_dir():
        arrays, labels, framing = _from_folder(path, shape)
    elif path.suffix == ".npz" and path.is_file():
        arrays, labels, framing = _from_npz(path, shape)
    else:
        raise DataError(
            f"data {str(path)!r}: neither mnist, synthetic, a folder of class folders, nor an .npz"
            f"{did_you_mean(str(path), ('mnist', 'synthetic'))}"
        )
    x_train, y_train, x_test, y_test = arrays
    # Files come class by class; a validation split takes the last ones, and wants all classes.
    order = np.random.default_rng(SPLIT_SEED).permutation(len(x_train))
    return (x_train[order], y_train[order], x_test, y_test), labels, framing


def _from_folder(folder: Path, shape: Shape) -> tuple[Arrays, tuple[str, ...], str]:
    names = [entry.name for entry in _entries(folder)]
    if sorted(names) == ["test", "train"]:
        x_train, y_train, labels = _read_classes(folder / "train", shape)
        x_test, y_test, test_labels = _read_classes(folder / "test", shape)
        if labels != test_labels:
            odd = sorted(set(labels) ^ set(test_labels))
            raise DataError(f"{folder}: train and test do not have the same classes: {odd[0]!r}")
        return (x_train, y_train, x_test, y_test), labels, FOLDER_FRAMING
    x, y, labels = _read_classes(folder, shape)
    return _split(x, y, labels, folder), labels, FOLDER_FRAMING


def _read_classes(folder: Path, shape: Shape) -> tuple[Images, Labels, tuple[str, ...]]:
    classes = _entries(folder)
    stray = next((entry for entry in classes if not entry.is_dir()), None)
    if stray:
        raise DataError(f"{stray}: expected one folder of images for each class in {folder}")
    if len(classes) < 2:
        raise DataError(f"{folder}: expected at least two class folders, found {len(classes)}")
    images: list[Images] = []
    labels: list[int] = []
    for index, name in enumerate(classes):
        files = _entries(name)
        if not files:
            raise DataError(f"{name}: the class has no image")
        images += [_prepare(file, str(file), shape, FOLDER_FRAMING) for file in files]
        labels += [index] * len(files)
    return np.stack(images), np.array(labels, np.int64), tuple(entry.name for entry in classes)


def _entries(folder: Path) -> list[Path]:
    return sorted(e for e in folder.iterdir() if e.name not in LITTER and e.name[0] != ".")


def _prepare(
    image: Path | npt.NDArray[np.generic], where: str, shape: Shape, framing: str
) -> Images:
    try:
        return prepare(image, *shape, framing).pixels
    except InputError as error:
        message = str(error)
        raise DataError(message if where in message else f"{where}: {message}") from error


def _from_npz(path: Path, shape: Shape) -> tuple[Arrays, tuple[str, ...], str]:
    held = read_npz(path)
    if {"x_train", "y_train", "x_test", "y_test"} <= held.keys():
        labels = np.unique(held["y_train"])
        x_train, y_train = _labelled(
            held["x_train"], held["y_train"], labels, shape, f"{path}: x_train"
        )
        x_test, y_test = _labelled(held["x_test"], held["y_test"], labels, shape, f"{path}: x_test")
        return (x_train, y_train, x_test, y_test), _names(labels), NPZ_FRAMING
    if {"x", "y"} <= held.keys():
        labels = np.unique(held["y"])
        x, y = _labelled(held["x"], held["y"], labels, shape, f"{path}: x")
        return _split(x, y, _names(labels), path), _names(labels), NPZ_FRAMING
    raise DataError(
        f"{path}: expected x_train, y_train, x_test, y_test, or x and y; it has "
        f"{', '.join(sorted(held)) or 'nothing'}"
    )


def _names(labels: npt.NDArray[np.generic]) -> tuple[str, ...]:
    return tuple(str(label.decode() if isinstance(label, bytes) else label) for label in labels)


def _labelled(
    x: npt.NDArray[np.generic],
    y: npt.NDArray[np.generic],
    labels: npt.NDArray[np.generic],
    shape: Shape,
    where: str,
) -> tuple[Images, Labels]:
    if x.dtype != np.uint8 or x.ndim not in (3, 4):
        raise DataError(
            f"{where}: expected uint8 [N, H, W] or [N, H, W, C], got {x.dtype} {x.shape}"
        )
    if y.ndim != 1 or y.dtype.kind not in "iuUS":
        raise DataError(f"{where}: its classes must be integers or strings [N], one for an image")
    if len(x) != len(y):
        raise DataError(f"{where}: {len(x)} images but {len(y)} labels")
    unknown = np.setdiff1d(y, labels)
    if len(unknown):
        raise DataError(f"{where}: class {str(unknown[0])!r} is not among the training classes")
    if x.shape[1:] == shape or (*x.shape[1:], 1) == shape:
        images: Images = x.reshape(-1, *shape).astype(np.uint8)
    else:
        images = np.stack(
            [_prepare(one, f"{where}[{i}]", shape, NPZ_FRAMING) for i, one in enumerate(x)]
        )
    return images, np.searchsorted(labels, y).astype(np.int64)


def _split(x: Images, y: Labels, labels: tuple[str, ...], where: Path) -> Arrays:
    """Split TEST_SHARE of each class off, drawn at random."""
    rng = np.random.default_rng(SPLIT_SEED)
    test = np.zeros(len(x), bool)
    for index, name in enumerate(labels):
        members = rng.permutation(np.flatnonzero(y == index))
        if len(members) < 2:
            raise DataError(f"{where}: class {name!r} needs two images, one to test with")
        test[members[: max(1, round(TEST_SHARE * len(members)))]] = True
    return x[~test], y[~test], x[test], y[test]
