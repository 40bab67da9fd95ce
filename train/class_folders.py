"""Folders of class folders, as people unzip them: files by class, and by part if there are any."""

import mimetypes
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgekit.errors import DataError
from edgekit.train import groups
from edgekit.train.dataset import Array, Loaded
from edgekit.train.reading import PICTURES, RECORDINGS, TABLES, Reading
from edgekit.train.table_files import SUFFIXES

LITTER = {"Thumbs.db", "desktop.ini", "__MACOSX"}
TRAINING = ("train", "training")
HELD_OUT = ("test", "testing", "validation", "valid", "val")
"""Names of folders that contain the class folders of one part of the data. The first of HELD_OUT
that exists is the test set."""

DEEPEST = 5
"""Folders in folders: one around all others, a part, a class, its files."""
SAMPLED = 100
"""Entries of a folder that say which kind of data it has."""

WAVES = (".wav", ".wave")
FILES = {
    PICTURES: ("image", "pictures"),
    RECORDINGS: ("recording", "recordings"),
    TABLES: ("table", "tables"),
}
"""Kind of data -> what one file is, and what several are."""


@dataclass(frozen=True)
class Class:
    """The files of a class.

    Attributes:
        name: its folder's name; "" for files that are in no class folder.
        files: its files, sorted.
    """

    name: str
    files: tuple[Path, ...]


@dataclass(frozen=True)
class Part:
    """A part of the data, or the whole.

    Attributes:
        name: "train" or "test"; "" for the whole.
        classes: its classes, sorted by name.
    """

    name: str
    classes: tuple[Class, ...]

    @property
    def files(self) -> list[Path]:
        """The files of all classes, class by class."""
        return [file for one in self.classes for file in one.files]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the classes."""
        return tuple(one.name for one in self.classes)


@dataclass(frozen=True)
class Found:
    """The files of a folder.

    Attributes:
        kind: PICTURES, RECORDINGS or TABLES, whichever most files are.
        parts: the whole, or the training and the test part, with the same classes.
        notes: what is left out, one line each.
    """

    kind: str
    parts: tuple[Part, ...]
    notes: tuple[str, ...]


def found(folder: Path, *, skip_bad: bool = False, may_lack: bool = False) -> Found:
    """Return the files of a folder with one folder per class, or with train and test of such.

    A validation part is the test set if there is no test part. Leftovers of archives
    (``__MACOSX``, hidden files, Thumbs.db) are ignored, and so is a single folder around all
    others. Links are followed; a link back to a folder above it is refused. Tables may lie in
    the folder itself, without class folders.

    Args:
        folder: the folder.
        skip_bad: whether an empty class, and what is no file, are left out rather than refused.
        may_lack: whether the training part may lack classes, as that of an anomaly detector does;
            they are then in it, without files.

    Raises:
        DataError: a class is empty, the parts have different classes, or links form a loop.
    """
    folder = _inside(folder)
    entries = _entries(folder)
    kind = kind_of(entries)
    parts = {entry.name.lower(): entry for entry in entries if entry.is_dir()}
    training = next((parts[name] for name in TRAINING if name in parts), None)
    held_out = [parts[name] for name in HELD_OUT if name in parts]
    if training is None or not held_out:
        classes, notes = _classes(folder, entries, kind, skip_bad=skip_bad)
        return Found(kind, (Part("", classes),), tuple(notes))
    others = [entry for entry in entries if entry not in (training, *held_out)]
    notes = [f"{entry.name}, beside {training.name}, is left out" for entry in others]
    both = []
    for name, part in (("train", training), ("test", held_out[0])):
        least = 1 if may_lack and name == "train" else 2
        classes, more = _classes(part, _entries(part), kind, skip_bad=skip_bad, least=least)
        both.append(Part(name, classes))
        notes += more
    notes += [f"{entry.name} is left out, {held_out[0].name} is used" for entry in held_out[1:]]
    if may_lack and set(both[0].names) < set(both[1].names):
        present = {one.name: one for one in both[0].classes}
        padded = (present.get(name, Class(name, ())) for name in both[1].names)
        both[0] = Part(both[0].name, tuple(padded))
    if both[0].names != both[1].names:
        odd = sorted(set(both[0].names) ^ set(both[1].names))
        raise DataError(
            f"{folder}: {training.name} and {held_out[0].name} do not have the same classes: "
            f"{odd[0]!r}"
        )
    return Found(kind, tuple(both), tuple(notes))


def loaded(
    found: Found, shape: tuple[int, ...], read: Callable[[Path], Array], reading: Reading
) -> tuple[Loaded, list[str]]:
    """Return the content of all files with their classes, and what is wrong with those left out.

    Args:
        found: the files.
        shape: that of an input.
        read: returns a file's input, uint8 of this shape, or raises DataError.
        reading: the user's choices: the pattern of the groups in the files' names, and whether
            files that cannot be used are left out rather than refused.

    Raises:
        DataError: a file cannot be read, or has no group.
    """
    pattern = groups.pattern(reading.group) if reading.group else None
    named: list[Array] = []
    arrays: dict[str, Array] = {}
    left_out: list[str] = []
    files: list[str] = []
    for part in found.parts:
        counts = [len(one.files) for one in part.classes]
        labels = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
        # Filled file by file: a list and its copy as an array would need twice the memory.
        x = np.empty((len(labels), *shape), np.uint8)
        kept: list[int] = []
        own: list[str] = []
        for index, file in enumerate(part.files):
            try:
                group = groups.of_file(file, pattern) if pattern else ""
                x[len(kept)] = read(file)
            except DataError as error:
                if not reading.skip_bad:
                    raise
                left_out.append(str(error))
            else:
                kept.append(index)
                own.append(group)
        suffix = f"_{part.name}" if part.name else ""
        arrays |= {f"x{suffix}": x[: len(kept)], f"y{suffix}": labels[kept]}
        files = [str(part.files[index]) for index in kept]
        named.append(np.array(own, str))
    codes, notes = groups.coded(named, reading.group) if reading.group else (None, ())
    names, notes = found.parts[0].names, (*found.notes, *notes)
    return Loaded(arrays, names, notes, codes, files=tuple(files)), left_out


def kind_of(entries: Iterable[Path]) -> str:
    """Return what most files of some folders are, by the first ones of each; else PICTURES."""
    kinds: Counter[str] = Counter()
    level = list(entries)
    for _ in range(DEEPEST):
        for entry in level:
            suffix = entry.suffix.lower()
            kinds[RECORDINGS] += suffix in WAVES
            kinds[TABLES] += suffix in SUFFIXES
            others = suffix not in (*WAVES, *SUFFIXES, "") and _may_be_picture(entry)
            kinds[PICTURES] += others and not entry.is_dir()
        level = [inner for entry in level for inner in _entries(entry)[:SAMPLED]]
    kind, times = max(kinds.items(), key=lambda item: item[1], default=(PICTURES, 0))
    return kind if times else PICTURES


def _may_be_picture(file: Path) -> bool:
    """Tell whether a file's name does not say that it is something else, such as text."""
    kind = mimetypes.guess_type(file.name)[0]
    return kind is None or kind.startswith("image/")


def _classes(
    folder: Path, entries: list[Path], kind: str, *, skip_bad: bool, least: int = 2
) -> tuple[tuple[Class, ...], list[str]]:
    """Return the classes of a folder, ``least`` or more, and notes on what is left out."""
    folders = [entry for entry in entries if entry.is_dir()]
    if kind == TABLES and not folders and entries:
        tables, problems, notes = _files(folder, kind)
        if problems and not skip_bad:
            raise DataError(problems[0])
        return (Class("", tables),), [*notes, *(f"{problem}: is left out" for problem in problems)]
    if len(folders) < least:
        present = f"{len(entries)} files" if entries and not folders else str(len(folders))
        needed = "at least two class folders" if least > 1 else "a class folder"
        raise DataError(f"{folder}: expected {needed}, found {present}")
    strays = [entry for entry in entries if entry not in folders]
    notes = [f"{entry}: a file beside the class folders, is left out" for entry in strays]
    classes = []
    for one in folders:
        files, problems, more = _files(one, kind)
        if problems and not skip_bad:
            raise DataError(problems[0])
        notes += [*more, *(f"{problem}: is left out" for problem in problems)]
        if files:
            classes.append(Class(one.name, files))
    return tuple(classes), notes


def _files(folder: Path, kind: str) -> tuple[tuple[Path, ...], list[str], list[str]]:
    """Return the files of a class, what is wrong with what else is there, and notes."""
    entries = _entries(folder)
    files = [entry for entry in entries if entry.is_file()]
    problems: list[str] = []
    notes: list[str] = []
    if kind == TABLES:
        # Text beside tables is usual, and only the suffix tells a table.
        strays = [file for file in files if file.suffix.lower() not in SUFFIXES]
        notes = [f"{stray}: no table, is left out" for stray in strays]
        files = [file for file in files if file not in strays]
    if not files and len(notes) == len(entries):
        problems.append(f"{folder}: the class has no {FILES[kind][0]}")
    for entry in entries:
        if entry.is_dir():
            problems.append(
                f"{entry}: a folder where the {FILES[kind][1]} of class {folder.name!r} should "
                "be; --data needs a folder of class folders, or of train and test (or "
                "validation) with such"
            )
        elif not entry.is_file():
            problems.append(f"{entry}: neither a file nor a link to one")
    return tuple(files), problems, notes


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


def _entries(folder: Path) -> list[Path]:
    """Return the entries of a folder without litter; nothing if it is not a folder."""
    if not folder.is_dir():
        return []
    return sorted(e for e in folder.iterdir() if e.name not in LITTER and e.name[0] != ".")
