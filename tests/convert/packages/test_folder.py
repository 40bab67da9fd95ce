"""The folder of an export: whole or not at all, and never over somebody else's files."""

import errno
import os
import subprocess
from pathlib import Path

import pytest

from edgekit.convert.packages import PACKAGES
from edgekit.convert.packages.folder import SUMS, write
from edgekit.errors import ExportError
from tiny_library import tiny_library

FIRST = {"a.c": "first\n", "src/b.c": "first\n"}
SECOND = {"a.c": "second\n", "include/c.h": "second\n"}


def tree(folder: Path) -> dict[str, str]:
    """Return what lies in ``folder``: path -> text; folders end in /."""

    def shown(path: Path) -> str:
        if path.is_symlink():
            return f"-> {path.readlink()}"
        return "" if path.is_dir() else path.read_text()

    return {
        path.relative_to(folder).as_posix() + "/" * path.is_dir(): shown(path)
        for path in sorted(folder.rglob("*"))
    }


def test_the_files_and_their_digests_are_written(tmp_path: Path) -> None:
    write(FIRST, tmp_path / "new" / "out")
    assert {name: text for name, text in tree(tmp_path / "new" / "out").items() if text} == {
        **FIRST,
        SUMS: (tmp_path / "new" / "out" / SUMS).read_text(),
    }
    subprocess.run(["sha256sum", "--check", "--strict", SUMS], cwd=tmp_path / "new/out", check=True)
    assert [path.name for path in tmp_path.rglob("*") if path.name.startswith(".")] == []


def test_the_folder_has_the_permissions_of_any_new_folder(tmp_path: Path) -> None:
    write(FIRST, tmp_path / "out")
    (tmp_path / "other").mkdir()
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_an_earlier_export_is_replaced_as_a_whole(tmp_path: Path) -> None:
    write(FIRST, tmp_path / "out")
    write(SECOND, tmp_path / "out")
    assert set(tree(tmp_path / "out")) == {"a.c", "include/", "include/c.h", SUMS}
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]


def test_an_empty_folder_and_missing_files_are_fine(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    write(FIRST, tmp_path / "out")
    (tmp_path / "out" / "a.c").unlink()
    write(SECOND, tmp_path / "out")
    assert (tmp_path / "out" / "a.c").read_text() == "second\n"


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to("real")
    write(FIRST, tmp_path / "out")
    assert (tmp_path / "out").is_symlink()
    assert (tmp_path / "real" / "a.c").read_text() == "first\n"


def edit(folder: Path) -> None:
    (folder / "a.c").write_text("mine\n")


def add(folder: Path) -> None:
    (folder / "src" / "mine.c").write_text("mine\n")


def unmark(folder: Path) -> None:
    text = (folder / SUMS).read_text()
    (folder / SUMS).write_text(text.split("\n", 1)[1])


def link(folder: Path) -> None:
    (folder / "a.c").rename(folder.parent / "a.c")
    (folder / "a.c").symlink_to("../a.c")


def forget(folder: Path) -> None:
    (folder / SUMS).unlink()


def link_to_nowhere(folder: Path) -> None:
    (folder / "link").symlink_to("nowhere")


def link_to_a_folder(folder: Path) -> None:
    (folder / "link").symlink_to("src")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (edit, "a.c was changed since"),
        (add, "src/mine.c was not written by"),
        (link, "a.c was changed since"),
        (link_to_nowhere, "link was not written by"),
        (link_to_a_folder, "link was not written by"),
        (unmark, "was not written by"),
        (forget, "a.c was not written by"),
    ],
)
def test_what_the_user_did_is_not_lost(tmp_path: Path, change, named: str) -> None:  # type: ignore[no-untyped-def]
    write(FIRST, tmp_path / "out")
    change(tmp_path / "out")
    before = tree(tmp_path)
    with pytest.raises(ExportError, match=named) as error:
        write(SECOND, tmp_path / "out")
    assert "\n" not in str(error.value)
    assert tree(tmp_path) == before


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine\n")
    with pytest.raises(ExportError, match="is a file"):
        write(FIRST, tmp_path / "out")
    with pytest.raises(OSError, match="out"):
        write(FIRST, tmp_path / "out" / "below")
    assert tree(tmp_path) == {"out": "mine\n"}


def test_digests_of_somebody_else_are_no_export(tmp_path: Path) -> None:
    write(FIRST, tmp_path / "out")
    unmark(tmp_path / "out")
    for name in FIRST:
        (tmp_path / "out" / name).unlink()
    with pytest.raises(ExportError, match=f"{SUMS} was not written by"):
        write(SECOND, tmp_path / "out")


@pytest.mark.parametrize("name", [".", ".."])
def test_the_folder_that_one_stands_in_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(ExportError, match="current folder"):
        write(FIRST, Path(name))
    assert tree(tmp_path) == {"here/": ""}


@pytest.mark.parametrize("earlier", [True, False])
@pytest.mark.parametrize("good", range(4))
def test_a_disk_that_fills_up_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, earlier: bool, good: int
) -> None:
    """The disk is full after ``good`` files."""
    if earlier:
        write(FIRST, tmp_path / "deep" / "out")
    before = tree(tmp_path)
    written = []
    really = Path.write_bytes

    def write_bytes(path: Path, data: bytes) -> int:
        if len(written) == good:
            really(path, data[:3])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        written.append(path)
        return really(path, data)

    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    if good == len(SECOND) + 1:
        write(SECOND, tmp_path / "deep" / "out")
        assert tree(tmp_path) != before
        return
    with pytest.raises(OSError, match="No space left") as error:
        write(SECOND, tmp_path / "deep" / "out")
    assert error.value.filename == str(tmp_path / "deep" / "out")
    assert tree(tmp_path) == before


@pytest.mark.parametrize("error", [OSError(errno.EBUSY, "busy"), KeyboardInterrupt()])
@pytest.mark.parametrize("failing", [1, 2])
def test_a_move_that_fails_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int, error: BaseException
) -> None:
    # As on a system that cannot exchange two folders.
    monkeypatch.setattr("edgekit.files.exchange", lambda *_: False)
    write(FIRST, tmp_path / "out")
    before = tree(tmp_path)
    moves = []
    really = Path.rename

    def rename(path: Path, target: Path) -> Path:
        moves.append(path)
        if len(moves) == failing:
            raise error
        return really(path, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(type(error)):
        write(SECOND, tmp_path / "out")
    assert tree(tmp_path) == before


@pytest.mark.parametrize("target", PACKAGES)
def test_every_package_replaces_every_other(tmp_path: Path, target: str) -> None:
    library = tiny_library()
    for files in PACKAGES.values():
        write(files(library), tmp_path / "out")
        write(PACKAGES[target](library), tmp_path / "out")
    texts = {name: text for name, text in tree(tmp_path / "out").items() if text and name != SUMS}
    assert texts == PACKAGES[target](library)
