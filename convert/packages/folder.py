"""An export's folder: written whole or not at all, and never over what somebody else wrote."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from edgekit.errors import ExportError
from edgekit.files import replacing_folder

SUMS = "SHA256SUMS"
MARK = "# written by edgekit export, which replaces this folder while all files are as listed\n"
"""First line of SUMS; sha256sum -c skips it. Without it a folder is somebody else's."""


def write(files: Mapping[str, str], folder: Path) -> None:
    """Make ``folder`` hold ``files`` (POSIX path -> text) and their SHA256SUMS, and nothing else.

    An earlier export that is as it was written is replaced as a whole. When anything fails, what
    was there is there still, and nothing else is.

    Raises:
        ExportError: ``folder`` holds something that no export wrote, or that was changed since; or
            it is where the process is at work.
        OSError: it cannot be written.
    """
    require_replaceable(folder)
    content = {path: text.encode() for path, text in files.items()}
    content[SUMS] = sums(content).encode()
    with replacing_folder(folder) as temporary:
        for path, data in content.items():
            file = temporary / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)


def sums(content: Mapping[str, bytes]) -> str:
    """Return the text of SHA256SUMS for ``content``: path -> bytes."""
    lines = (f"{hashlib.sha256(content[path]).hexdigest()}  {path}\n" for path in sorted(content))
    return MARK + "".join(lines)


def require_replaceable(folder: Path) -> None:
    """Refuse a ``folder`` whose content is not exactly what an export wrote.

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
    files = sorted(path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    listed = _listed(folder / SUMS)
    for path in files:
        name = path.relative_to(folder).as_posix()
        if name == SUMS and listed:
            continue
        if name not in listed:
            state = "was not written by edgekit export"
        elif path.is_symlink() or hashlib.sha256(path.read_bytes()).hexdigest() != listed[name]:
            state = "was changed since edgekit export wrote it"
        else:
            continue
        raise ExportError(f"{path} {state}; move it away, or name another folder with -o")


def _listed(path: Path) -> dict[str, str]:
    """Return the files that an earlier export wrote, path -> digest; none when there was none."""
    try:
        text = path.read_text("utf-8")
    except (OSError, ValueError):
        return {}
    if not text.startswith(MARK):
        return {}
    lines = (line.partition("  ") for line in text.removeprefix(MARK).splitlines())
    return {name: digest for digest, _, name in lines}
