"""An export's folder: written whole or not at all, and never over what somebody else wrote."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from edge_runtime.signature import SIZE, SUFFIX
from edgekit import digests
from edgekit.digests import SUMS
from edgekit.errors import ExportError
from edgekit.files import replacing_folder
from edgekit.folders import below

MARK = "# written by edgekit export, which replaces this folder while all files are as listed\n"
"""First line of SUMS; sha256sum -c skips it. Without it a folder is somebody else's."""


def write(files: Mapping[str, str], folder: Path) -> None:
    """Make ``folder`` hold ``files`` (POSIX path -> text) and their SHA256SUMS, and nothing else.

    An earlier export that is as it was written is replaced as a whole. When anything fails, what
    was there is there still, and nothing else is.

    Raises:
        ExportError: ``folder`` holds something that no export wrote, or that was changed since; or
            it is where the process is at work.
        OSError: it cannot be written; ``filename`` is ``folder``.
    """
    require_replaceable(folder)
    content = {path: text.encode() for path, text in files.items()}
    content[SUMS] = digests.text(
        MARK, {path: hashlib.sha256(data).hexdigest() for path, data in content.items()}
    )
    try:
        with replacing_folder(folder) as temporary:
            for path, data in content.items():
                file = temporary / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)
    except OSError as error:
        # A full disk names no file, other errors the temporary one.
        error.filename = str(folder)
        raise


def require_replaceable(folder: Path) -> None:
    """Refuse a ``folder`` whose content is not what an export wrote, signatures aside.

    Raises:
        ExportError: as :func:`write`.
    """
    if folder.is_file():
        raise ExportError(f"{folder} is a file; name a folder with -o")
    if not folder.exists():
        return
    here = Path.cwd()
    if folder.resolve() in (here, *here.parents):
        raise ExportError(f"{folder} is the current folder or above it; name another one with -o")
    listed = _listed(folder / SUMS)
    for path in below(folder):
        name = path.relative_to(folder).as_posix()
        if (path.is_dir() and not path.is_symlink()) or (name == SUMS and listed):
            continue
        signed = name.removesuffix(SUFFIX)
        if signed != name and signed in {SUMS, *listed} and path.lstat().st_size == SIZE:
            continue
        if name not in listed:
            state = "was not written by edgekit export"
        elif path.is_symlink() or hashlib.sha256(path.read_bytes()).hexdigest() != listed[name]:
            state = "was changed since edgekit export wrote it"
        else:
            continue
        raise ExportError(f"{path} {state}; move it away, or name another folder with -o")


def _listed(path: Path) -> Mapping[str, str]:
    """Return the files that an earlier export wrote, path -> digest; none when there was none."""
    sums = digests.read(path)
    return sums.digests if sums and sums.mark == MARK else {}
