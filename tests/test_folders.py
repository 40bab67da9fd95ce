import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgekit.cli import run
from edgekit.convert.packages import folder as packages
from edgekit.folders import DEEPEST, below


def test_all_that_lies_below_and_no_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "file").touch()
    (tmp_path / "a" / "b" / "loop").symlink_to(tmp_path)
    (tmp_path / "a" / "self").symlink_to("self")
    names = {path.relative_to(tmp_path).as_posix() for path in below(tmp_path)}

    assert names == {"a", "a/b", "a/file", "a/b/loop", "a/self"}


@pytest.fixture
def deep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """More folders inside each other than Python calls functions."""
    monkeypatch.chdir(tmp_path)
    for _ in range(1200):
        Path("a").mkdir()
        os.chdir("a")
    monkeypatch.undo()
    yield tmp_path
    # pytest's own way to delete it would be one of too many calls.
    subprocess.run(["rm", "-r", tmp_path / "a"], check=True)


def test_folders_without_end_are_refused(deep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(OSError, match=f"more than {DEEPEST} folders inside each other"):
        list(below(deep))
    with pytest.raises(OSError, match="more than"):
        packages.require_replaceable(deep)
    assert run(["verify", str(deep)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"edgekit: error: {deep}: more than {DEEPEST} folders inside each other"
