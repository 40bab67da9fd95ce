"""SHA256SUMS: the digests of a folder's files, for `edgekit verify` and for sha256sum -c.

The last line is a comment with the digest of those above it, so that the list checks itself.
"""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from edgekit.files import sha256, write_bytes
from edgekit.locks import take

SUMS = "SHA256SUMS"
OURS = b"# written by edgekit"
MARK = "# written by edgekit, whose commands keep it up to date; `edgekit verify` checks it\n"
"""First line of a list of artifacts; sha256sum -c skips it."""

SEAL = "# sha256 of the lines above:"
SEALED = re.compile(rf"(.*\n){SEAL} ([0-9a-f]{{64}})\n".encode(), re.DOTALL)
LINE = re.compile(r"([0-9a-f]{64})  (.+)")


@dataclass(frozen=True)
class Sums:
    """A SHA256SUMS that edgekit wrote.

    Attributes:
        mark: its first line, with the line break.
        digests: POSIX path below the folder -> hex digest.
        intact: whether it is unchanged since it was written.
    """

    mark: str
    digests: Mapping[str, str]
    intact: bool


def text(mark: str, digests: Mapping[str, str]) -> bytes:
    """Return the content of a SHA256SUMS."""
    lines = (f"{digests[name]}  {name}\n" for name in sorted(digests))
    content = (mark + "".join(lines)).encode()
    return content + f"{SEAL} {hashlib.sha256(content).hexdigest()}\n".encode()


def read(path: Path) -> Sums | None:
    """Return the content of a SHA256SUMS; None when it is missing or not written by edgekit."""
    if not path.is_file():
        return None
    try:
        content = path.read_bytes()
    except OSError:
        return None
    sealed = SEALED.fullmatch(content)
    if sealed is None and not content.startswith(OURS):
        return None
    body = sealed[1] if sealed else content
    mark, *lines = body.decode(errors="replace").removesuffix("\n").split("\n")
    entries = [match for line in lines if (match := LINE.fullmatch(line)) and _below(match[2])]
    if sealed:
        intact = hashlib.sha256(body).hexdigest() == sealed[2].decode()
    else:  # An export of an earlier edgekit has no last line; any other file has lost it.
        intact = SEAL.encode() not in content
    digests = {match[2]: match[1] for match in entries}
    return Sums(f"{mark}\n", digests, intact and len(digests) == len(lines))


def record(folder: Path, *paths: Path) -> None:
    """List files in SHA256SUMS of their ``folder``, replacing their earlier entries.

    A missing file is removed from the list. A path that is not directly in ``folder`` is ignored,
    and so is a folder whose SHA256SUMS is an export's or not edgekit's.
    """
    inside = [path for path in paths if path.parent.resolve() == folder.resolve()]
    with alone(folder):
        update(folder, {path.name: sha256(path) if path.is_file() else None for path in inside})


def forget(folder: Path, *names: str) -> None:
    """Remove files from the list of their ``folder`` before they are written piece by piece."""
    if (folder / SUMS).exists():
        with alone(folder):
            update(folder, dict.fromkeys(names))


def update(folder: Path, changes: Mapping[str, str | None]) -> None:
    """Change SHA256SUMS of a folder, in a block of :func:`alone`.

    Args:
        folder: folder of the list; an export's list, or one not edgekit's, stays as it is.
        changes: file name -> hex digest; None removes a file from the list.
    """
    path = folder / SUMS
    sums = read(path)
    if path.exists() and (sums is None or sums.mark != MARK):
        return
    before = dict(sums.digests) if sums else {}
    after = {name: digest for name, digest in before.items() if name not in changes}
    after |= {name: digest for name, digest in changes.items() if digest and name.isprintable()}
    if after != before or (sums and not sums.intact):
        write_bytes(path, text(MARK, after))


def is_another(path: Path) -> bool:
    """Tell whether SHA256SUMS beside a file lists another digest for it."""
    sums = read(path.parent / SUMS)
    listed = sums.digests.get(path.name) if sums and sums.intact else None
    return listed is not None and path.is_file() and sha256(path) != listed


def _below(name: str) -> bool:
    """Tell whether a listed name stays below its folder."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Let one process at a time change the list, where the system has locks."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except PermissionError:  # Windows opens no folders
        yield
        return
    try:
        take(descriptor, wait=True)
        yield
    finally:
        os.close(descriptor)
