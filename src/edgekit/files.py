"""The artifacts folder, which all commands share, and writing a file whole or not at all."""

import errno
import hashlib
import json
import os
import re
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Any

from edgekit import signals
from edgekit.locks import abandoned, is_own, take

DEFAULT_ARTIFACTS = Path("artifacts")
KERAS_MODEL = "model.keras"
FLOAT_MODEL = "model.tflite"
INT8_MODEL = "model_int8.tflite"
METRICS = "metrics.json"
REPORT = ".report.json"
PAGE = ".report.html"
"""Suffixes of the names of a conversion's report and of its page, after the model's."""
QUANTIZED_FORWARD = "edgekit/quantized_forward.pb"
"""In a .keras file from quantisation-aware training: its forward pass with the ranges it learned, a
frozen TensorFlow GraphDef with the placeholder ``image`` and the node ``scores``."""

HIDDEN = ".edgekit-"
"""Prefix of the names of files and folders that are not in place yet."""
OURS = re.compile(re.escape(HIDDEN) + r"[0-9a-f]{16}\.")
"""The whole of such a prefix: other programs' names may begin alike."""
COMPLETE = ".complete"
"""File in a hidden folder that lists what is to be moved into place: all of it is there."""
OLD = "old"
"""Folder in a hidden folder: what was moved away, under its own name."""
NAME = 40
"""Most characters of a file's own name in that of its hidden one."""

READER_SECONDS = 10.0
"""Longest time to wait for a pipe's reader, in seconds."""

AT_FDCWD, RENAME_EXCHANGE, RENAME_SWAP = -100, 2, 2
"""Constants of Linux' renameat2 and macOS' renamex_np."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary name and move it to ``path`` when the block succeeds.

    A block that raises leaves ``path`` as it was. The temporary name is new, lies beside the file
    and keeps its suffix, because Keras and matplotlib choose their format by it. A symbolic link
    stays, and its target is replaced. A pipe or a device, which is no file, is written to.
    """
    if is_stream(path):
        with TemporaryDirectory(prefix="edgekit-") as folder:
            temporary = Path(folder, f"output{path.suffix}")
            yield temporary
            _pour(temporary, path)
        return
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    target.parent.mkdir(parents=True, exist_ok=True)
    with _hidden(target.parent, target.name, _new_file) as temporary:
        yield temporary
        sync(temporary)
        temporary.replace(target)


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """Yield a new folder beside ``folder`` and move it into place when the block succeeds.

    The old content of ``folder`` is gone then. A block that raises, or a move that fails, leaves
    ``folder`` as it was, and nothing beside it. A process that is killed leaves the old or the new
    one, except where the system cannot swap two folders: there the next run moves the old one back.
    """
    folder = folder.resolve()
    with created(folder.parent), hidden_folder(folder.parent, folder.name) as both:
        new, old = both / "new", both / OLD / folder.name
        new.mkdir()
        yield new
        for path in new.rglob("*"):
            if path.is_file():
                sync(path)
        with signals.deferred():
            if not folder.exists():
                new.rename(folder)
            elif not exchange(new, folder):
                old.parent.mkdir()
                folder.rename(old)
                try:
                    new.rename(folder)
                except OSError:
                    old.rename(folder)
                    raise
            sync(folder.parent)


def is_stream(path: Path) -> bool:
    """Tell whether ``path`` is written to and not replaced: a pipe, a device, an open file.

    /dev/stdout and the other names of descriptors stand for open files.
    """
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        return True
    while True:
        folder = path.parent.resolve()
        if folder in (Path("/dev"), Path("/dev/fd")) or Path("/proc") in folder.parents:
            return True
        if not path.is_symlink():
            return False
        path = folder / path.readlink()


def _pour(file: Path, stream: Path) -> None:
    """Write the content of a file to a stream, which may be an open file that has content.

    Raises:
        OSError: no process opened the pipe for reading within ``READER_SECONDS``.
    """
    flags = os.O_WRONLY | os.O_APPEND | getattr(os, "O_NOCTTY", 0)
    until = monotonic() + READER_SECONDS
    while True:
        try:
            descriptor = os.open(stream, flags | getattr(os, "O_NONBLOCK", 0))
            break
        except OSError as error:
            if error.errno != errno.ENXIO or not stream.is_fifo():
                raise
            if monotonic() > until:
                reason = "a pipe that nobody reads: start its reader first"
                raise OSError(errno.ENXIO, reason, str(stream)) from None
        sleep(0.05)
    with open(descriptor, "wb") as out, file.open("rb") as content:  # noqa: PTH123
        if hasattr(os, "set_blocking"):
            os.set_blocking(descriptor, True)
        shutil.copyfileobj(content, out)


def clear(folder: Path) -> None:
    """Remove what killed processes left in ``folder``.

    An export that had been moved away goes back where its place is empty. What a process still
    holds stays, and so does everything where the system has no locks; a complete set of files is
    moved into place by :func:`edgekit.artifact_set.finish`.
    """
    with suppress(OSError):
        for path in hidden(folder):
            with abandoned(path) as free:
                if free and path.is_dir() and not (path / COMPLETE).exists():
                    _dissolve(path)
                elif free and path.is_file():
                    path.unlink(missing_ok=True)


def hidden(folder: Path) -> list[Path]:
    """Return the files and folders in ``folder`` that have one of our temporary names.

    In a folder like /tmp, where users cannot touch each other's files, only those of this user:
    another user's forged set would replace this user's files.
    """
    paths = sorted(path for path in folder.iterdir() if OURS.match(path.name))
    if paths and folder.stat().st_mode & stat.S_ISVTX:
        return [path for path in paths if is_own(path)]
    return paths


def _dissolve(hidden: Path) -> None:
    """Remove a hidden folder after moving back what had been moved into it."""
    with suppress(OSError):
        # We create no links: one would fetch a file from elsewhere.
        for old in [] if (hidden / OLD).is_symlink() else list((hidden / OLD).iterdir()):
            if not (place := hidden.parent / old.name).exists():
                old.rename(place)
    shutil.rmtree(hidden, ignore_errors=True)


@contextmanager
def hidden_folder(parent: Path, name: str) -> Iterator[Path]:
    """Yield a new hidden folder in ``parent`` for what becomes ``name``; it is removed afterwards.

    Unless it is COMPLETE: then a later run continues with it.
    """
    with _hidden(parent, name, Path.mkdir) as folder:
        yield folder


@contextmanager
def _hidden(parent: Path, name: str, create: Callable[[Path], None]) -> Iterator[Path]:
    """Create a new hidden file or folder and yield it, held by a lock while the block lasts.

    What killed processes left in ``parent`` is removed first.
    """
    clear(parent)
    stem, suffix = Path(name).stem[:NAME], Path(name).suffix
    descriptor = None
    path = parent
    try:
        # Until it is held, another process may regard it as abandoned and remove it.
        while path == parent or not path.exists():
            if descriptor is not None:
                os.close(descriptor)
            path = parent / f"{HIDDEN}{os.urandom(8).hex()}.{stem}{suffix}"
            try:
                create(path)
            except OSError as error:
                # The name that the user knows.
                error.filename = str(parent / name)
                raise
            descriptor = _held(path)
        yield path
    finally:
        with signals.deferred():
            if path.is_file():
                path.unlink(missing_ok=True)
            elif path != parent and not (path / COMPLETE).exists():
                _dissolve(path)
            if descriptor is not None:
                os.close(descriptor)


def _new_file(path: Path) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))


def _held(path: Path) -> int | None:
    """Return a descriptor that holds ``path``; None where the system has no locks."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    if take(descriptor, wait=True):
        return descriptor
    # An open file can be neither moved nor removed on Windows.
    os.close(descriptor)
    return None


@contextmanager
def created(folder: Path) -> Iterator[None]:
    """Create ``folder`` and its parents; those of them that are empty afterwards are removed."""
    missing = [path for path in (folder, *folder.absolute().parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    finally:
        for path in missing:
            with suppress(OSError):
                path.rmdir()


def exchange(first: Path, second: Path) -> bool:
    """Swap two folders of one file system in one step; return False where that is impossible."""
    names = os.fsencode(first), os.fsencode(second)
    try:
        import ctypes

        library = ctypes.CDLL(None)
        if sys.platform == "darwin":
            return bool(library.renamex_np(*names, RENAME_SWAP) == 0)
        return bool(library.renameat2(AT_FDCWD, names[0], AT_FDCWD, names[1], RENAME_EXCHANGE) == 0)
    except (ImportError, AttributeError, OSError, TypeError):  # an old C library, or Windows
        return False


def sync(path: Path) -> None:
    """Write a file or a folder to the disk, as far as the system supports it."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def require_writable(folder: Path) -> None:
    """Raise OSError when ``folder`` cannot be written into, before the work and not after it."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not existing.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(existing))
    if not os.access(existing, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(existing))


def require_target(path: Path) -> None:
    """Raise OSError when :func:`replacing` could not write ``path``."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not is_stream(path):
        require_writable(Path(os.path.realpath(path)).parent)
    elif not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def write_bytes(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path``, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` as UTF-8, whole or not at all."""
    write_bytes(path, text.encode())


def write_json(path: Path, document: dict[str, Any]) -> None:
    """Write ``document`` to ``path`` as indented JSON, whole or not at all."""
    write_text(path, to_json(document) + "\n")


def read_object(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file; an empty one where the file is missing or damaged."""
    if not path.is_file():
        return {}
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def to_json(document: Any, indent: int | None = 2) -> str:
    """Return ``document`` as JSON, which has neither NaN nor infinity: null for both.

    Args:
        document: plain values.
        indent: spaces; None puts all of it on one line.
    """
    try:
        return json.dumps(document, indent=indent, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(document), indent=indent, allow_nan=False)


def _finite(node: Any) -> Any:
    if isinstance(node, dict):
        return {name: _finite(value) for name, value in node.items()}
    if isinstance(node, list | tuple):
        return [_finite(value) for value in node]
    return None if isinstance(node, float) and not isfinite(node) else node


def sha256(path: Path) -> str:
    """Return the hex SHA-256 of the file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
