"""The temporary folder of a run: everything goes into it, and it goes with the run or the next."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from edgekit import scratch

KILLED = """
import os, signal, sys, tempfile
from edgekit import scratch
with scratch.own_folder():
    tempfile.mkdtemp()
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def test_temporary_files_of_a_run_and_its_children_are_in_its_folder(parent: Path) -> None:
    before = tempfile.gettempdir()
    with scratch.own_folder():
        (folder,) = parent.iterdir()
        assert Path(tempfile.mkdtemp()).parent == folder
        code = "import tempfile; print(tempfile.gettempdir())"
        child = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
        assert child.stdout.decode().strip() == str(folder)
    assert list(parent.iterdir()) == []
    assert tempfile.gettempdir() == before
    assert os.environ["TMPDIR"] == str(parent)


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL and locks of Unix")
def test_the_next_run_removes_what_a_killed_one_left_and_nothing_else(parent: Path) -> None:
    (parent / "edgekit-mine").mkdir()
    (parent / "edgekit-file").write_text("mine")
    (parent / "mine").mkdir()
    (parent / "mine" / scratch.MARK).write_text("")
    (parent / "edgekit-link").symlink_to("mine")
    existing = {path.name for path in parent.iterdir()}
    subprocess.run([sys.executable, "-c", KILLED], check=False)
    (left,) = {path.name for path in parent.iterdir()} - existing
    assert len(list((parent / left).iterdir())) == 2
    with scratch.own_folder():
        (alive,) = {path.name for path in parent.iterdir()} - existing
        assert alive != left
        with scratch.own_folder():  # another run leaves it alone
            pass
        scratch.clear(parent)
        assert (parent / alive).exists()
    assert {path.name for path in parent.iterdir()} == existing
    assert (parent / "mine" / scratch.MARK).exists()
