"""The artifacts folder: where the commands meet, and how a file gets there whole or not at all."""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from math import isfinite
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

DEFAULT_ARTIFACTS = Path("artifacts")
KERAS_MODEL = "model.keras"
FLOAT_MODEL = "model.tflite"
INT8_MODEL = "model_int8.tflite"
METRICS = "metrics.json"
QUANTIZED_FORWARD = "edgekit/quantized_forward.pb"
"""In a .keras file from quantisation-aware training: its forward pass with the ranges it learned, a
frozen TensorFlow GraphDef with the placeholder ``image`` and the node ``scores``."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside ``path`` and move it into place when the block succeeds.

    A block that raises leaves ``path`` as it was. The temporary name keeps the suffix, because
    Keras and matplotlib choose their format by it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """Yield a new folder beside ``folder`` and move it into place when the block succeeds.

    What ``folder`` held is gone then. A block that raises, or a move that fails, leaves ``folder``
    as it was, and nothing beside it.
    """
    folder = folder.resolve()
    missing = [parent for parent in folder.parents if not parent.exists()]
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        both = Path(mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        new, old = both / "new", both / "old"
        try:
            new.mkdir()
            yield new
            if folder.exists():
                folder.rename(old)
            new.rename(folder)
        finally:
            if old.exists() and not folder.exists():
                old.rename(folder)
            shutil.rmtree(both, ignore_errors=True)
    except BaseException:
        for parent in missing:
            with suppress(OSError):
                parent.rmdir()
        raise


def require_writable(folder: Path) -> None:
    """Raise OSError when ``folder`` cannot be written into, before the work and not after it."""
    existing = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    if not existing.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(existing))
    if not os.access(existing, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(existing))


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


def to_json(document: Any, indent: int | None = 2) -> str:
    """Return ``document`` as JSON, which knows neither NaN nor infinity: null for both.

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
