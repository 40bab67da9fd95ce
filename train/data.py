"""Load a Dataset: MNIST, the synthetic digits, or the user's own folder or file."""

import re
import unicodedata
from pathlib import Path

import numpy as np

from edgekit.errors import DataError, did_you_mean
from edgekit.escape import line
from edgekit.train import images, mnist
from edgekit.train.arrays import fitted, from_npz, split
from edgekit.train.dataset import (
    IMAGE_SHAPE,
    SOURCES,
    Dataset,
    Inputs,
    Loaded,
    Split,
    digest,
    image_shape,
    takes_images,
)

RANGE_END = re.compile("[0-9]{1,3}")

DEFAULT_CLASSES = ("0", "1")


def load(
    source: str = "mnist",
    classes: tuple[str, ...] | None = None,
    shape: tuple[int, ...] = IMAGE_SHAPE,
    *,
    framing: str = "resize",
    numbers: bool | None = None,
    may_lack: bool = False,
) -> Dataset:
    """Return the dataset of ``source``, restricted to ``classes`` in their order.

    Args:
        source: "mnist"; "synthetic"; the path of a folder with one subfolder of images for each
            class (``images.from_folder``); or that of an .npz or .npy (``arrays.from_npz``), where
            uint8 means pixels if the model's input is an image, and everything else numbers.
        classes: class names; None means 0 and 1 for mnist and synthetic, all for a path.
        shape: the model's input without the batch; mnist and synthetic have only 28×28×1.
        framing: how pictures of another size are resized to the model's.
        numbers: whether the model predicts numbers rather than classes, so that the classes of a
            folder or of digits are not targets; None decides by the targets' dtype.
        may_lack: whether the training part may lack classes, as that of an anomaly detector does,
            which learns normal inputs only.

    Raises:
        DataError: the source cannot be found or read, does not fit the model, or lacks a class.
    """
    notes: tuple[str, ...] = ()
    if source in SOURCES:
        (arrays, names), framing = _digits(source, shape), "digit"
        classes = classes or DEFAULT_CLASSES
    else:
        loaded = _from_path(Path(source), shape, framing, numbers, may_lack)
        arrays, names, notes = split(loaded, source), loaded.names, loaded.notes
        classes = classes or names
    if names:
        arrays = _restrict(arrays, names, classes, source, may_lack)
        if numbers:
            arrays, classes = _without_classes(arrays), ()
    elif classes and len(classes) == labels_of(arrays[1]):
        classes = ()  # names of labels, not of classes
    elif classes:
        raise DataError(f"{source}: its targets are numbers, not classes: leave --classes out")
    return Dataset(
        *arrays,
        labels=classes,
        name=source if source in SOURCES else Path(source).resolve().name,
        sha256=digest(arrays, classes),
        source=source if source in SOURCES else str(Path(source).resolve()),
        framing=framing,
        notes=notes,
    )


def _digits(source: str, shape: tuple[int, ...]) -> tuple[Split, tuple[str, ...]]:
    """Return MNIST or the synthetic digits, and the names of their classes."""
    if image_shape(shape, source) != IMAGE_SHAPE:
        raise DataError(
            f"{source}: has images of 28×28×1, but the model needs {'×'.join(map(str, shape))}; "
            "pass --data the PATH of your own"
        )
    if source == "mnist":
        return mnist.load(), tuple("0123456789")
    from edgekit.train import synthetic  # loads Pillow, which nothing else here needs

    return synthetic.synthetic_digits(), DEFAULT_CLASSES


def labels_of(targets: Inputs) -> int:
    """Return the number of labels where ``targets`` [N, K] say which of K apply, by 0 and 1; or 0.

    Those of a single column may be numbers just as well, and are not labels.
    """
    several = targets.ndim == 2 and targets.shape[1] > 1
    return targets.shape[1] if several and bool(np.isin(targets, (0, 1)).all()) else 0


def _from_path(
    path: Path,
    shape: tuple[int, ...],
    framing: str,
    numbers: bool | None,
    may_lack: bool,
) -> Loaded:
    """Read the user's data and fit it to the model's input."""
    if path.is_dir():
        return images.from_folder(path, image_shape(shape, str(path)), framing)
    if path.suffix not in (".npz", ".npy") or not path.is_file():
        raise DataError(
            f"data {str(path)!r}: neither mnist, synthetic, a folder of class folders, nor an .npz "
            f"or .npy of arrays{did_you_mean(str(path), SOURCES)}"
        )
    loaded = from_npz(path, numbers=numbers, may_lack=may_lack)
    arrays, notes = dict(loaded.arrays), list(loaded.notes)
    for name in [name for name in arrays if name.startswith("x")]:
        x, where = arrays[name], f"{path}: {name}"
        if x.dtype == np.uint8 and x.ndim in (2, 3, 4) and takes_images(shape):
            size = image_shape(shape, where)
            if x.ndim == 2:
                x = fitted(x, size, where).astype(np.uint8)
            arrays[name], more = images.resized(x, size, framing, where)
            notes += more
        else:
            arrays[name] = fitted(x, shape, where)
    return Loaded(arrays, loaded.names, tuple(dict.fromkeys(notes)))


def parse_classes(text: str) -> tuple[str, ...]:
    """Return the class names of a comma-separated list in which "0-9" is a range of digits.

    Raises:
        DataError: fewer than two classes, or the same class twice.
    """
    classes: list[str] = []
    for part in (part.strip() for part in text.split(",")):
        first, dash, last = part.partition("-")
        if dash and RANGE_END.fullmatch(first) and RANGE_END.fullmatch(last):
            classes += [str(n) for n in range(int(first), int(last) + 1)]
        elif part:
            classes.append(part)
    if len(classes) < 2 or len(set(classes)) < len(classes):
        raise DataError(f"classes {text!r}: name at least two different ones, like 0,1 or 0-9")
    return tuple(classes)


def _without_classes(arrays: Split) -> Split:
    x_train, _, x_test, _ = arrays
    none_train, none_test = (np.zeros((len(x), 0), np.float32) for x in (x_train, x_test))
    return x_train, none_train, x_test, none_test


def _restrict(
    arrays: Split, names: tuple[str, ...], classes: tuple[str, ...], source: str, may_lack: bool
) -> Split:
    unprintable = [name for name in classes if not name.isprintable() or not name.strip()]
    if unprintable:
        raise DataError(f"{source}: the class name {unprintable[0]!r} cannot be a label")
    seen: dict[str, str] = {}
    for name in classes:
        shown = " ".join(unicodedata.normalize("NFC", line(name)).split())
        other = seen.setdefault(shown, name)
        if other != name:
            raise DataError(f"{source}: the class names {other!r} and {name!r} look the same")
    missing = [name for name in classes if name not in names]
    if missing:
        available = f"{', '.join(names)}{did_you_mean(missing[0], names)}"
        raise DataError(f"{source}: has no class {missing[0]!r}; it has {available}")
    if len(classes) < 2:
        present = ", ".join(classes) or "none"
        raise DataError(f"{source}: a classifier needs two classes, found: {present}")
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
            if not np.any(labels == i) and not may_lack:
                raise DataError(f"{source}: class {name!r} has no {part} image")
    return restricted
