"""Sets of files through a process that is ended after each of its steps."""

import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import stepwise
from edgekit import digests
from edgekit.artifact_set import finish, interrupted, replacing_set
from edgekit.files import COMPLETE, HIDDEN, write_json
from edgekit.verify import verify

unix = pytest.mark.skipif(sys.platform == "win32", reason="signals and pipes of Unix")

OLD = {"model.keras": "old model", "metrics.json": "old", "samples.png": "old picture"}
NEW = {"model.keras": "new model", "metrics.json": "new", "history.csv": "new history"}

WRITER = (
    stepwise.ENDING
    + """
from edgekit import signals
from edgekit.artifact_set import replacing_set

with signals.raising(), replacing_set(Path(sys.argv[1]), without=["samples.png"]) as staged:
    for name in ("model.keras", "metrics.json", "history.csv"):
        (staged / name).write_text({"model.keras": "new model", "metrics.json": "new",
                                    "history.csv": "new history"}[name])
"""
)


def write(folder: Path, content: dict[str, str]) -> None:
    with replacing_set(folder) as staged:
        for name, text in content.items():
            (staged / name).write_text(text)


def content(folder: Path) -> dict[str, str]:
    return {
        path.name: path.read_text()
        for path in folder.iterdir()
        if path.is_file() and path.name != digests.SUMS
    }


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def ended(folder: Path, step: int, number: int) -> int:
    command = [sys.executable, "-c", WRITER, str(folder), str(step), str(number)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1, -number), done.stderr
    return done.returncode


def listed(folder: Path) -> dict[str, str]:
    sums = digests.read(folder / digests.SUMS)
    assert sums
    assert sums.intact
    return dict(sums.digests)


def digests_of(content: dict[str, str]) -> dict[str, str]:
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in content.items()}


def test_a_set_is_listed_and_what_is_not_of_it_goes(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "a"
    write(folder, OLD)
    assert content(folder) == OLD
    with replacing_set(folder, without=["samples.png", "never there"]) as staged:
        for name, text in NEW.items():
            (staged / name).write_text(text)
        assert content(folder) == OLD
    assert content(folder) == NEW
    assert listed(folder) == digests_of(NEW)
    assert names(folder) == sorted([*NEW, digests.SUMS])


@unix
def test_a_process_killed_after_any_step_leaves_no_silent_mixture(tmp_path: Path) -> None:
    before, between, after = 0, 0, 0
    for step in range(1, 100):
        folder = tmp_path / str(step)
        write(folder, OLD)
        if not ended(folder, step, signal.SIGKILL):
            break
        if content(folder) == OLD and listed(folder) == digests_of(OLD):
            before += 1
        elif content(folder) == NEW and listed(folder) == digests_of(NEW):
            after += 1
        else:
            between += 1
            assert interrupted(folder)
            wrong = [one.file.name for one in verify(folder) if not one.passed]
            assert set(wrong) >= {
                name
                for name, digest in digests_of(content(folder)).items()
                if digests_of(OLD).get(name, digest) != digest
            }
            assert wrong or "history.csv" in content(folder)
        # Whoever writes there next has a whole set, and none of the dead one's hidden files.
        assert content(folder) == NEW if finish(folder) else content(folder) in (OLD, NEW)
        write(folder, {"other": "file"})
        assert not [name for name in names(folder) if name[0] == "."]
        assert all(one.passed for one in verify(folder))
    assert before > 1
    assert between >= len(NEW)
    assert after


@unix
def test_sigterm_after_any_step_leaves_the_old_set_or_the_new_one(tmp_path: Path) -> None:
    outcomes = set()
    for step in range(1, 100):
        folder = tmp_path / str(step)
        write(folder, OLD)
        if not ended(folder, step, signal.SIGTERM):
            break
        current = content(folder)
        assert current in (OLD, NEW)
        assert listed(folder) == digests_of(current)
        assert not [name for name in names(folder) if name[0] == "."]
        outcomes.add(current == NEW)
    assert outcomes == {False, True}


def test_a_block_that_raises_leaves_the_old_set(tmp_path: Path) -> None:
    def die() -> None:
        with replacing_set(tmp_path) as staged:
            (staged / "model.keras").write_text("half")
            raise RuntimeError

    write(tmp_path, OLD)
    with pytest.raises(RuntimeError):
        die()
    assert content(tmp_path) == OLD
    assert names(tmp_path) == sorted([*OLD, digests.SUMS])


@unix
@pytest.mark.parametrize("make", [Path.mkdir, lambda path: os.mkfifo(path)])
def test_what_is_no_file_in_its_place_is_said_before_anything_moves(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    write(tmp_path, OLD)
    make(tmp_path / "history.csv")
    with pytest.raises(OSError, match=r"directory|a pipe") as caught:
        write(tmp_path, NEW)
    assert caught.value.filename == str(tmp_path / "history.csv")
    assert content(tmp_path) == OLD
    assert not interrupted(tmp_path)


@unix
@pytest.mark.parametrize("name", sorted(NEW))
def test_a_file_that_cannot_be_replaced_is_said_and_the_next_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    move = Path.replace

    def replace(path: Path, place: Path) -> None:
        if place == tmp_path / name:
            raise PermissionError(
                errno.EPERM, os.strerror(errno.EPERM), str(path), None, str(place)
            )
        move(path, place)

    write(tmp_path, OLD)
    with monkeypatch.context() as held:
        held.setattr(Path, "replace", replace)
        with pytest.raises(PermissionError) as caught:
            write(tmp_path, NEW)
    assert caught.value.filename == str(tmp_path / name)
    if name == min(NEW):
        assert content(tmp_path) == OLD
        assert names(tmp_path) == sorted([*OLD, digests.SUMS])
    else:
        assert set(finish(tmp_path)) == set(NEW)
        assert content(tmp_path) == {**OLD, **NEW}
    assert all(one.passed for one in verify(tmp_path))


@unix
def test_a_set_of_one_that_is_killed_meanwhile_is_not_put_over_a_later_one(tmp_path: Path) -> None:
    killed = tmp_path / f"{HIDDEN}{'0' * 16}.set"
    with replacing_set(tmp_path) as staged:
        killed.mkdir()
        (killed / "metrics.json").write_text("of the killed one")
        write_json(killed / COMPLETE, {"model.keras": "0" * 64, "metrics.json": "0" * 64})
        for name, text in NEW.items():
            (staged / name).write_text(text)
    assert finish(tmp_path) == ()
    assert content(tmp_path) == NEW
    assert listed(tmp_path) == digests_of(NEW)


def test_a_link_in_the_place_of_a_file_stays(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    (tmp_path / "elsewhere").write_text("old")
    (folder / "model.keras").symlink_to("../elsewhere")
    write(folder, NEW)
    assert (folder / "model.keras").is_symlink()
    assert (tmp_path / "elsewhere").read_text() == NEW["model.keras"]
    assert listed(folder) == digests_of(NEW)


@pytest.mark.parametrize("name", ["../victim", "/etc/victim", "..", "a/b", ".edgekit-x"])
def test_a_strangers_list_leads_nowhere_else(tmp_path: Path, name: str) -> None:
    victim, folder = tmp_path / "victim", tmp_path / "a"
    victim.write_text("precious")
    staged = folder / f"{HIDDEN}{'0' * 16}.set"
    staged.mkdir(parents=True)
    (staged / COMPLETE).write_text(json.dumps({name: None}))
    assert interrupted(folder) == [staged]
    assert finish(folder) == ()
    assert victim.read_text() == "precious"


@unix
def test_a_strangers_set_and_link_write_nothing_elsewhere(tmp_path: Path) -> None:
    victim, folder = tmp_path / "victim", tmp_path / "a"
    victim.write_text("precious")
    staged = folder / f"{HIDDEN}{'0' * 16}.set"
    staged.mkdir(parents=True)
    (folder / "model.keras").symlink_to(victim)
    (staged / "model.keras").write_text("forged")
    (staged / COMPLETE).write_text(json.dumps(digests_of({"model.keras": "forged"})))
    assert finish(folder) == ("model.keras",)
    assert victim.read_text() == "precious"
    assert content(folder) == {"model.keras": "forged"}


@unix
def test_another_users_set_in_a_folder_like_tmp_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    staged = tmp_path / f"{HIDDEN}{'0' * 16}.set"
    staged.mkdir()
    (staged / "model.keras").write_text("forged")
    (staged / COMPLETE).write_text(json.dumps({"model.keras": "0" * 64, "notes": None}))
    (tmp_path / "notes").write_text("precious")
    tmp_path.chmod(0o1777)
    with monkeypatch.context() as other:
        other.setattr(os, "geteuid", lambda: staged.stat().st_uid + 1)
        assert finish(tmp_path) == ()
        assert content(tmp_path) == {"notes": "precious"}
    assert finish(tmp_path) == ("model.keras",)
    assert content(tmp_path) == {"model.keras": "forged"}
