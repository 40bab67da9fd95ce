import os
import subprocess
import sys
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
    # pytest would delete it with too many nested calls.
    subprocess.run(["rm", "-r", tmp_path / "a"], check=True)


def test_folders_without_end_are_refused(deep: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(OSError, match=f"more than {DEEPEST} folders inside each other"):
        list(below(deep))
    with pytest.raises(OSError, match="more than"):
        packages.require_replaceable(deep)
    assert run(["verify", str(deep)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"edgekit: error: {deep}: more than {DEEPEST} folders inside each other"


def test_pipes_in_place_of_files_are_not_waited_for(tmp_path: Path) -> None:
    """What lies in a folder is opened unasked; what is named may be a pipe."""
    for name in ("SHA256SUMS", "metrics.json", "model.keras", "model.tflite", "bench.json"):
        os.mkfifo(tmp_path / name)
    os.mkfifo(tmp_path / "model.tflite.report.json")
    (tmp_path / "endless.tflite").symlink_to("/dev/zero")
    code = (
        "import sys; from pathlib import Path; from edgekit.cli import run\n"
        "from edgekit.index import write_index; folder = sys.argv[1]\n"
        "write_index(Path(folder))\n"
        "assert [run(['verify', folder]), run(['bench', '--artifacts', folder])] == [2, 2]"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    verify, bench = done.stderr.splitlines()
    assert "nothing states a digest" in verify
    assert "no .tflite file there" in bench
