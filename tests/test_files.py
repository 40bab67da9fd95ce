import errno
import json
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import stepwise
from edgekit import files
from edgekit.files import HIDDEN, replacing, replacing_folder, to_json, write_json, write_text

unix = pytest.mark.skipif(sys.platform == "win32", reason="pipes, modes and signals of Unix")


def test_a_file_appears_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.json"
    with replacing(path) as temporary:
        temporary.write_text("half")
        assert not path.exists()
        assert temporary.suffix == ".json"
    assert path.read_text() == "half"
    assert list(path.parent.iterdir()) == [path]


def test_a_block_that_dies_leaves_the_last_good_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "good")

    def die() -> None:
        with replacing(path) as temporary:
            temporary.write_text("ba")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        die()
    assert path.read_text() == "good"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "a"
    for text in ("first", "second"):
        with replacing_folder(folder) as temporary:
            (temporary / text).write_text(text)
            assert not (folder / text).exists()
        assert [path.name for path in folder.iterdir()] == [text]
        assert list(folder.parent.iterdir()) == [folder]


def test_a_folders_block_that_dies_leaves_the_last_good_one(tmp_path: Path) -> None:
    def die(folder: Path) -> None:
        with replacing_folder(folder) as temporary:
            (temporary / "half").write_text("ba")
            raise KeyboardInterrupt

    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "good").write_text("good")
    for folder in (tmp_path / "a", tmp_path / "new" / "b"):
        with pytest.raises(KeyboardInterrupt):
            die(folder)
    assert sorted(tmp_path.rglob("*")) == [tmp_path / "a", tmp_path / "a" / "good"]


@unix
def test_a_file_has_the_mode_that_the_umask_gives(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "a", "")
        with replacing_folder(tmp_path / "b"):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o750


def test_a_long_name_has_a_temporary_one(tmp_path: Path) -> None:
    path = tmp_path / f"{'ä' * 120}.tflite"
    write_text(path, "good")
    assert path.read_text() == "good"


def test_a_temporary_name_is_new_each_time_and_no_link_there_is_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with replacing(tmp_path / "a") as one, replacing(tmp_path / "a") as other:
        assert one != other
    (tmp_path / "victim").write_text("precious")
    monkeypatch.setattr(os, "urandom", bytes)  # as if somebody knew it beforehand
    (tmp_path / f"{HIDDEN}{'00' * 8}.a.txt").symlink_to("victim")
    with pytest.raises(FileExistsError):
        write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "victim").read_text() == "precious"


def test_what_a_killed_process_left_goes_with_the_next_file_and_what_is_held_stays(
    tmp_path: Path,
) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from edgekit.files import *\n"
        "with replacing(Path(sys.argv[1], 'a.txt')) as file, replacing_folder("
        "Path(sys.argv[1], 'b')) as folder:\n"
        "    file.write_text('half'); (folder / 'c').write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert len(list(tmp_path.iterdir())) == 2
    mine = tmp_path / f"{HIDDEN}notes.txt"
    mine.write_text("not edgekit's")
    with replacing(tmp_path / "held.txt") as held, replacing_folder(tmp_path / "d") as folder:
        write_text(tmp_path / "a.txt", "good")
        assert sorted(tmp_path.iterdir()) == sorted([held, folder.parent, mine, tmp_path / "a.txt"])


@unix
def test_what_a_strangers_link_leads_to_is_not_moved_back(tmp_path: Path) -> None:
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "a"
    hidden = folder / f"{HIDDEN}{'0' * 16}.x"
    elsewhere.mkdir()
    (elsewhere / "private").write_text("precious")
    hidden.mkdir(parents=True)
    (hidden / files.OLD).symlink_to(elsewhere)
    files.clear(folder)
    assert (elsewhere / "private").read_text() == "precious"
    assert list(folder.iterdir()) == []


def test_what_cannot_be_written_is_said_with_its_own_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(path: Path, *_rest: int) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(os, "open", refusing)
    with pytest.raises(PermissionError) as caught:
        write_text(tmp_path / "a.txt", "text")
    assert caught.value.filename == str(tmp_path / "a.txt")


def test_a_link_stays_and_the_file_behind_it_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    for link in (tmp_path / "link", tmp_path / "real" / "link"):
        link.symlink_to(tmp_path / "real" / "file")
    write_text(tmp_path / "link", "first")
    inode = (tmp_path / "real" / "file").stat().st_ino
    write_text(tmp_path / "real" / "link", "second")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "link").read_text() == "second"
    assert (tmp_path / "real" / "file").stat().st_ino != inode


def test_a_folder_is_no_target(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError) as caught:
        files.require_target(tmp_path)
    assert caught.value.filename == str(tmp_path)


@unix
def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    pipe, got = tmp_path / "pipe.txt", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()), daemon=True)
    reader.start()
    content = os.urandom(1_000_000)
    files.write_bytes(pipe, content)
    reader.join(20)
    assert got == [content]
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


@unix
def test_a_pipe_that_nobody_reads_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setattr(files, "READER_SECONDS", 0.1)
    with pytest.raises(OSError, match="nobody reads") as caught:
        write_text(tmp_path / "pipe", "lost")
    assert caught.value.filename == str(tmp_path / "pipe")
    assert (tmp_path / "pipe").is_fifo()


@unix
def test_a_device_is_written_to(tmp_path: Path) -> None:
    device = tmp_path / "null"
    try:
        os.mknod(device, 0o666 | stat.S_IFCHR, Path(os.devnull).stat().st_rdev)
        device.write_text("")
    except (OSError, AttributeError):
        device.symlink_to(os.devnull)  # only root makes devices, and not in every container
    write_text(device, "away")
    assert stat.S_ISCHR(device.stat().st_mode)
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


@pytest.mark.skipif(sys.platform != "linux", reason="as Linux names open files")
def test_standard_output_gets_what_is_written_to_its_name(tmp_path: Path) -> None:
    code = "from edgekit.files import *; print('a', flush=True); write_text(Path('{}'), 'b')"
    link = tmp_path / "link"
    link.symlink_to("/dev/stdout")
    for name in ("/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", link):
        command = [sys.executable, "-c", code.format(name)]
        piped = subprocess.run(command, check=True, stdout=subprocess.PIPE)
        assert piped.stdout == b"a\nb"
        with (tmp_path / "out").open("wb") as out:
            subprocess.run(command, check=True, stdout=out)
        assert (tmp_path / "out").read_text() == "a\nb"


SWAP = (
    stepwise.ENDING
    + """
from edgekit import files, signals

if sys.argv[4] == "no exchange":
    files.exchange = lambda one, other: False
with signals.raising(), files.replacing_folder(Path(sys.argv[1])) as new:
    (new / "file").write_text("new")
"""
)


@unix
@pytest.mark.parametrize("how", ["exchange", "no exchange"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_folder_is_the_old_or_the_new_one_after_any_step(
    tmp_path: Path, number: int, how: str
) -> None:
    folder, contents = tmp_path / "a", []
    for step in range(1, 50):
        write_text(folder / "file", "old")
        command = [sys.executable, "-c", SWAP, str(folder), str(step), str(number), how]
        if not subprocess.run(command, capture_output=True, check=False).returncode:
            break
        if number == signal.SIGTERM:
            assert list(tmp_path.iterdir()) == [folder]
        if how == "no exchange":
            files.clear(tmp_path)  # as the next export does
        assert [path.name for path in folder.iterdir()] == ["file"]
        contents.append((folder / "file").read_text())
        files.clear(tmp_path)
        assert list(tmp_path.iterdir()) == [folder]
    assert sorted(contents, reverse=True) == contents
    assert set(contents) == {"old", "new"}


def test_json_has_null_for_what_it_has_no_number_for(tmp_path: Path) -> None:
    document = {"a": float("nan"), "b": [1.5, float("-inf")], "c": ({"d": float("inf")}, True)}
    write_json(tmp_path / "a.json", document)
    read = json.loads((tmp_path / "a.json").read_text())
    assert read == {"a": None, "b": [1.5, None], "c": [{"d": None}, True]}
    assert json.loads(to_json([1.0, "NaN"])) == [1.0, "NaN"]
