"""A clock before 1980, which zip archives have no date for."""

import time
from pathlib import Path

import pytest

from edgekit import clock
from edgekit.benchmarks import peers
from edgekit.cli import run
from edgekit.errors import EdgekitError
from edgekit.sweep import workers
from edgekit.train import fit

REFUSED = "this machine's clock says 1970, and .keras and .npz files have dates from 1980 to 2107"


@pytest.fixture(autouse=True)
def _in_1970(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.gmtime(3600)
    monkeypatch.setattr(time, "localtime", lambda *_: now)


@pytest.mark.parametrize("command", ["train", "sweep"])
def test_nothing_is_trained_that_cannot_be_saved(
    command: str,
    images: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fit, "build", lambda *_: pytest.fail("a model is built"))
    monkeypatch.setattr(workers, "completed", lambda *_: pytest.fail("points are trained"))
    arguments = [command, "--data", str(images), "--artifacts", str(tmp_path / "made")]

    assert run([*arguments, *(["-q"] if command == "train" else [])]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"edgekit: error: {REFUSED}: set the clock"


def test_the_numpy_peer_is_not_present_then(tmp_path: Path) -> None:
    with pytest.raises(EdgekitError, match="clock says 1970"):
        peers.prepare_numpy(tmp_path / "model.keras", tmp_path, False)


@pytest.mark.parametrize("year", [1980, 2026, 2107])
def test_years_that_a_zip_can_have(year: int, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.strptime(str(year), "%Y")
    monkeypatch.setattr(time, "localtime", lambda *_: now)
    clock.require_for_zips()
