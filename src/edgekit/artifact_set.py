"""Files that belong together: written into a hidden folder, then moved into place together.

Once all of them are in the hidden folder, their list is written there, the file COMPLETE. A process
killed earlier leaves the old set as it was; one killed later leaves the list, from which the next
run that writes in the folder moves the rest into place. SHA256SUMS is written last, so that until
then `edgekit verify` names each file that is not of the set listed there.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from errno import EEXIST, EISDIR
from pathlib import Path

from edgekit import digests, files, signals
from edgekit.files import COMPLETE, HIDDEN
from edgekit.locks import abandoned


@contextmanager
def replacing_set(folder: Path, *, without: Iterable[str] = ()) -> Iterator[Path]:
    """Yield a hidden folder; its files move into ``folder`` when the block succeeds.

    They are listed in SHA256SUMS of ``folder``. A block that raises leaves ``folder`` as it was. A
    symbolic link in the place of a file stays, and its target is replaced.

    Args:
        folder: where the files belong.
        without: names of earlier files that do not belong to this set, and are deleted.

    Raises:
        OSError: a file cannot be written or replaced, or a folder, a pipe or a device is in its
            place. If some of the files are in place by then, the next run tries the rest.
    """
    folder.mkdir(parents=True, exist_ok=True)
    finish(folder)
    with files.hidden_folder(folder, "set") as staged:
        yield staged
        listed: dict[str, str | None] = {}
        for path in sorted(staged.iterdir()):
            _require_place(folder / path.name)
            files.sync(path)
            listed[path.name] = files.sha256(path)
        listed |= {name: None for name in without if name not in listed}
        with signals.deferred(), digests.alone(folder):
            # A set whose run was killed meanwhile would replace this one later.
            _finish(folder)
            files.write_json(staged / COMPLETE, listed)
            try:
                _put(staged, folder, listed, _move)
            except OSError:
                if all((staged / name).exists() for name, digest in listed.items() if digest):
                    # Nothing has moved: the old set stays, and no later run continues this one.
                    (staged / COMPLETE).unlink()
                raise


def finish(folder: Path) -> tuple[str, ...]:
    """Move the complete sets of killed runs into place, and return those files' names.

    The folder may be untrusted, with a forged set and a link in the place of a file. So a link is
    replaced here, and its target stays.
    """
    if not interrupted(folder):
        return ()
    with signals.deferred(), digests.alone(folder):
        return _finish(folder)


def _finish(folder: Path) -> tuple[str, ...]:
    names: list[str] = []
    for staged in interrupted(folder):
        with abandoned(staged) as free:
            if free and (listed := _listed(staged)) is not None:
                _put(staged, folder, listed, Path.replace)
                names += (name for name, digest in listed.items() if digest)
    return tuple(dict.fromkeys(names))


def interrupted(folder: Path) -> list[Path]:
    """Return the hidden folders of complete sets that are not entirely in place."""
    if not folder.is_dir():
        return []
    return [path for path in files.hidden(folder) if (path / COMPLETE).is_file()]


def _require_place(path: Path) -> None:
    if path.is_dir():
        raise IsADirectoryError(EISDIR, os.strerror(EISDIR), str(path))
    if files.is_stream(path):
        raise FileExistsError(EEXIST, "a pipe or a device is in the place of a file", str(path))


def _put(
    staged: Path,
    folder: Path,
    listed: Mapping[str, str | None],
    move: Callable[[Path, Path], object],
) -> None:
    """Move the rest of ``staged`` into place, write the digests and remove ``staged``."""
    for name, digest in listed.items():
        if digest is None:
            (folder / name).unlink(missing_ok=True)
        elif (staged / name).is_file() and not (staged / name).is_symlink():
            try:
                move(staged / name, folder / name)
            except OSError as error:
                error.filename = str(folder / name)
                raise
    files.sync(folder)
    digests.update(folder, listed)
    shutil.rmtree(staged, ignore_errors=True)


def _move(file: Path, place: Path) -> None:
    if place.is_symlink():
        # Its target may be on another file system.
        with files.replacing(place) as temporary:
            shutil.copyfile(file, temporary)
    else:
        file.replace(place)


def _listed(staged: Path) -> dict[str, str | None] | None:
    """Return the list of a set; None where it is not one of ours.

    The folder may be untrusted: each name must be that of a file in it.
    """
    try:
        listed = json.loads((staged / COMPLETE).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(listed, dict):
        return None
    for name, digest in listed.items():
        if Path(name).name != name or name in ("", ".", "..") or name.startswith(HIDDEN):
            return None
        if digest is not None and not isinstance(digest, str):
            return None
    return listed
