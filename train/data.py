"""Load a Dataset: MNIST, the synthetic digits, or the user's own folder or file."""

import re
import unicodedata
from dataclasses import replace
from pathlib import Path

import numpy as np

from edge_runtime.front_end import Audio
from edgekit.errors import DataError, did_you_mean
from edgekit.escape import line
from edgekit.train import array_files, class_folders, images, mnist, recordings, table_files, tables
from edgekit.train.arrays import fitted
from edgekit.train.dataset import (
    IMAGE_SHAPE,
    SOURCES,
    Array,
    Dataset,
    Inputs,
    Loaded,
    Split,
    digest,
    image_shape,
)
from edgekit.train.reading import (
    ARRAYS,
    DIGITS,
    NOTHING_CHOSEN,
    PICTURES,
    RECORDINGS,
    TABLES,
    Reading,
)
from edgekit.train.splits import GIVEN, Divided, divided

ARRAY_SUFFIXES = (".npz", ".npy")

RANGE_END = re.compile("[0-9]{1,3}")

DEFAULT_CLASSES = ("0", "1")


def load(
    source: str = "mnist",
    classes: tuple[str, ...] | None = None,
    shape: tuple[int, ...] | None = IMAGE_SHAPE,
    *,
    framing: str = "resize",
    numbers: bool | None = None,
    reading: Reading = NOTHING_CHOSEN,
    audio: Audio | None = None,
    may_lack: bool = False,
) -> Dataset:
    """Return the dataset of ``source``, restricted to ``classes`` in their order.

    Args:
        source: "mnist"; "synthetic"; or a path, see :func:`read`.
        classes: class names; None means 0 and 1 for mnist and synthetic, all for a path.
        shape: the model's input without the batch; None lets the data decide. mnist and synthetic
            have only 28×28×1.
        framing: how pictures of another size are resized to the model's.
        numbers: whether the model predicts numbers rather than classes, so that the classes of a
            folder or of digits are not targets; None decides by the targets' dtype.
        reading: the user's choices of how a path is read.
        audio: what turns recordings into the model's inputs; None for that of ``reading``.
        may_lack: whether the training part may lack classes, as that of an anomaly detector does,
            which learns normal inputs only.

    Raises:
        DataError: the source cannot be found or read, does not fit the model, or lacks a class.
        MissingExtraError: a package that reads such data is not installed.
    """
    if source in SOURCES:
        reading.require(DIGITS, source)
        (arrays, names), framing = _digits(source, shape or IMAGE_SHAPE), "digit"
        loaded = Loaded({}, names)
        parts = Divided(arrays, GIVEN)
        classes = classes or DEFAULT_CLASSES
    else:
        loaded = read(
            source,
            shape,
            framing=framing,
            numbers=numbers,
            reading=reading,
            audio=audio,
            may_lack=may_lack,
        )
        parts, names = divided(loaded, source), loaded.names
        classes = classes or names
    arrays, groups = parts.arrays, parts.groups
    if names:
        arrays, groups = _restrict(parts, names, classes, source, may_lack)
        if numbers:
            arrays, classes = _without_classes(arrays), ()
    elif classes and len(classes) == labels_of(arrays[1]):
        classes = ()  # names of labels, not of classes
    elif classes and arrays[1].size:
        raise DataError(f"{source}: its targets are numbers, not classes: leave --classes out")
    else:
        classes = ()
    return Dataset(
        *arrays,
        labels=classes,
        name=Path(located(source)).name,
        sha256=digest(arrays, classes),
        source=located(source),
        framing=framing,
        notes=(*loaded.notes, *parts.notes),
        reading=loaded.reading or reading,
        split={} if source in SOURCES else parts.document,
        groups=groups,
        features=loaded.features,
        audio=loaded.audio,
    )


def located(source: str) -> str:
    """Return a source as ``Dataset.source`` has it: a path is absolute."""
    return source if source in SOURCES else str(Path(source).resolve())


def kind_of(source: str) -> str:
    """Return the kind of data of a source, as ``edgekit.train.reading`` names them.

    Raises:
        DataError: it is none.
    """
    path = Path(source)
    if source in SOURCES:
        return DIGITS
    if path.is_dir():
        return class_folders.kind_of([path])
    suffix = path.suffix.lower()
    if path.suffix in ARRAY_SUFFIXES and path.is_file():
        return ARRAYS
    if suffix in table_files.SUFFIXES and path.is_file():
        return TABLES
    raise DataError(
        f"data {source!r}: neither mnist, synthetic, a folder of class folders, an .npz or .npy "
        f"of arrays, nor a .csv, .tsv or .parquet table{did_you_mean(source, SOURCES)}"
    )


def completed(source: str, chosen: Reading, recorded: Reading, *, same: bool) -> Reading:
    """Return the user's choices for a source, completed by those that a model was trained with.

    Args:
        source: as for :func:`load`.
        chosen: the user's choices.
        recorded: the choices of the model's training; a label that a file lacks, or whose part is
            played by the folders of classes, is left out.
        same: whether it is the source that the model was trained on.

    Raises:
        DataError: there is no such source.
        MissingExtraError: a package that reads such data is not installed.
    """
    kind = kind_of(source)
    reading = chosen.completed(recorded, kind, same=same)
    if kind != TABLES or same or chosen.label or not reading.label:
        return reading
    path = Path(source)
    if path.is_dir():
        # Whether the folder can be used is decided where it is read.
        parts = class_folders.found(path, skip_bad=True, may_lack=True).parts
        classes = [one for part in parts for one in part.classes if one.files]
        if not classes or classes[0].name:
            return replace(reading, label=())
        path = classes[0].files[0]
    columns = table_files.opened(path, reading).columns
    return reading if set(reading.label) <= set(columns) else replace(reading, label=())


def read(
    source: str,
    shape: tuple[int, ...] | None,
    *,
    framing: str = "resize",
    numbers: bool | None = None,
    reading: Reading = NOTHING_CHOSEN,
    audio: Audio | None = None,
    may_lack: bool = False,
) -> Loaded:
    """Return the user's data, fitted to the model's input, before it is divided into parts.

    Args:
        source: the path of a folder with one subfolder of pictures, WAV files or tables for each
            class; of a folder of tables; of an .npz or .npy (``arrays.from_npz``), where uint8
            means pixels if the model's input is an image, and everything else numbers; or of a
            CSV or Parquet table (``tables.from_file``).
        shape: as for :func:`load`.
        framing: as for :func:`load`.
        numbers: as for :func:`load`.
        reading: as for :func:`load`.
        audio: as for :func:`load`.
        may_lack: as for :func:`load`.

    Raises:
        DataError: the source cannot be found or read, or does not fit the model.
        MissingExtraError: a package that reads such data is not installed.
    """
    path, kind = Path(source), kind_of(source)
    reading.require(kind, source)
    if kind == ARRAYS:
        return array_files.from_file(path, shape, framing, numbers, reading, may_lack)
    if path.is_dir():
        found = class_folders.found(path, skip_bad=reading.skip_bad, may_lack=may_lack)
        if kind == PICTURES:
            size = images.needed(shape, source, reading) if shape else None
            return images.from_folders(path, found, size, framing, reading)
        if kind == RECORDINGS:
            front_end = recordings.front_end(source, shape, reading, audio)
            return recordings.from_folders(found, front_end, reading)
        loaded = tables.from_folders(path, found.parts, reading, numbers)
        loaded = replace(loaded, notes=(*found.notes, *loaded.notes))
    else:
        loaded = tables.from_file(path, reading, numbers)
    if not shape:
        return loaded
    if len(shape) > 1 and loaded.rows is None and shape[1] == len(loaded.features):
        raise DataError(
            f"{source}: the model needs inputs of shape {list(shape)}, which are windows of rows: "
            f"give --window {shape[0]}"
        )
    arrays = {
        name: fitted(array, shape, source) if name.startswith("x") else array
        for name, array in loaded.arrays.items()
    }
    return replace(loaded, arrays=arrays)


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
    parts: Divided,
    names: tuple[str, ...],
    classes: tuple[str, ...],
    source: str,
    may_lack: bool,
) -> tuple[Split, Array | None]:
    """Return the inputs of some classes, and their groups."""
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
    x_train, y_train, x_test, y_test = parts.arrays
    index = np.full(len(names), -1, np.int64)
    index[[names.index(name) for name in classes]] = np.arange(len(classes))
    keep_train, keep_test = index[y_train] >= 0, index[y_test] >= 0
    restricted = (
        _kept(x_train, keep_train),
        index[y_train[keep_train]],
        _kept(x_test, keep_test),
        index[y_test[keep_test]],
    )
    for part, labels in (("training", restricted[1]), ("test", restricted[3])):
        for i, name in enumerate(classes):
            if not np.any(labels == i) and not may_lack:
                raise DataError(f"{source}: class {name!r} has no {part} input")
    groups = None if parts.groups is None else parts.groups[keep_train]
    return restricted, groups


def _kept(array: Array, keep: Array) -> Array:
    """Return the chosen elements; the array itself, which may be large, if they are all."""
    return array if keep.all() else array[keep]
