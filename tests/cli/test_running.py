"""Two runs in one artifacts folder, and runs that a signal ends."""

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgekit import artifact_set, digests, locks
from edgekit.cli import run
from edgekit.commands import running
from edgekit.errors import BusyError
from edgekit.files import COMPLETE, HIDDEN, write_json

unix = pytest.mark.skipif(sys.platform == "win32", reason="locks and signals of Unix")


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "artifacts"
    with running.alone(folder):
        yield folder


@unix
@pytest.mark.parametrize("command", ["train", "tune m.keras --qat", "convert", "bench"])
def test_a_second_run_in_a_folder_is_told(
    held: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*command.split(), "--artifacts", str(held)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"edgekit: error: {held}: another edgekit is writing there")
    assert said.count("\n") == 1


@unix
def test_an_output_elsewhere_needs_no_turn(
    held: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def said(output: Path) -> str:
        model = tmp_path / "none.keras"
        assert run(["convert", str(model), "-o", str(output), "--artifacts", str(held)]) == 2
        return capsys.readouterr().err

    assert "another edgekit" in said(held / "a.tflite")
    assert "none.keras" in said(tmp_path / "a.tflite")


def test_a_folder_is_as_it_was_after_a_run_that_wrote_nothing(tmp_path: Path) -> None:
    for _ in range(2):
        with running.alone(tmp_path / "new" / "artifacts"):
            assert (tmp_path / "new" / "artifacts" / running.LOCK).exists()
    assert list(tmp_path.iterdir()) == []


@unix
def test_the_lock_of_a_killed_run_holds_nobody_up(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; from pathlib import Path; from edgekit.commands import running\n"
        "with running.alone(Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert (tmp_path / running.LOCK).exists()
    with running.alone(tmp_path), pytest.raises(BusyError), running.alone(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


@unix
def test_the_lock_of_another_user_is_a_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.open

    def refusing(path: Path, flags: int, *rest: int) -> int:
        if path == tmp_path / running.LOCK and flags & os.O_RDWR:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return real(path, flags, *rest)

    (tmp_path / running.LOCK).touch()
    monkeypatch.setattr(os, "open", refusing)
    with running.alone(tmp_path), pytest.raises(BusyError), running.alone(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


@unix
def test_a_lock_that_its_last_holder_removes_meanwhile_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def take(descriptor: int) -> bool:
        monkeypatch.setattr(running, "take", locks.take)
        (tmp_path / running.LOCK).unlink()
        return locks.take(descriptor)

    monkeypatch.setattr(running, "take", take)
    with running.alone(tmp_path), pytest.raises(BusyError), running.alone(tmp_path):
        pass


def test_a_run_says_that_it_finished_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    staged = tmp_path / f"{HIDDEN}{'0' * 16}.set"
    staged.mkdir()
    (staged / "model.keras").write_text("new")
    write_json(staged / COMPLETE, {"model.keras": "0" * 64})
    assert run(["verify", str(tmp_path)]) == 2
    with running.alone(tmp_path):
        assert (tmp_path / "model.keras").read_text() == "new"
    assert "a run was killed while it moved its files into place" in capsys.readouterr().err
    assert not artifact_set.interrupted(tmp_path)


def test_a_folder_that_can_only_be_read_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    staged = tmp_path / f"{HIDDEN}{'0' * 16}.set"
    staged.mkdir()
    write_json(staged / COMPLETE, {"model.keras": "0" * 64})
    monkeypatch.setattr(os, "access", lambda *_: False)
    running.finish(tmp_path)
    assert artifact_set.interrupted(tmp_path) == [staged]


def test_a_model_of_another_run_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.tflite", "b.tflite"):
        (tmp_path / name).write_bytes(name.encode())
        digests.record(tmp_path, tmp_path / name)
    (tmp_path / "b.tflite").write_bytes(b"another run's")
    inside = ["--artifacts", str(tmp_path)]
    options = {
        "export": inside,
        "bench": ["--data", "none", *inside],
        "inspect": [],
        "label": ["--labels", "0,1"],
        "predict": ["seven.png"],
    }
    for command, others in options.items():
        for name in ("a.tflite", "b.tflite"):
            assert run([command, str(tmp_path / name), *others]) == 2
            said = capsys.readouterr().err
            assert ("not the file that SHA256SUMS beside it lists" in said) == (name == "b.tflite")


@unix
@pytest.mark.parametrize(
    ("number", "said"),
    [(signal.SIGTERM, "edgekit: ended by SIGTERM\n"), (signal.SIGINT, "edgekit: interrupted\n")],
)
def test_a_signal_is_one_whatever_a_library_makes_of_its_exception(number: int, said: str) -> None:
    code = (
        "import os, time; from edgekit import cli, verify\n"
        "def broken(*_):\n"
        "    try:\n"
        f"        os.kill(os.getpid(), {number:d}); time.sleep(60)\n"
        "    except BaseException as error:\n"
        "        raise RuntimeError('of C++') from error\n"
        "verify.verify = broken; cli.main()"
    )
    command = [sys.executable, "-c", code, "verify", "."]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (128 + number, said)


def started(arguments: list[str], temporary: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "TMPDIR": str(temporary)}
    command = [sys.executable, "-m", "edgekit", *arguments]
    return subprocess.Popen(command, stderr=subprocess.PIPE, env=environment, text=True)


def until(there: Callable[[], object], seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end
        time.sleep(0.05)


@unix
def test_a_killed_run_is_cleared_up_and_a_terminated_one_clears_up(tmp_path: Path) -> None:
    folder, temporary = tmp_path / "artifacts", tmp_path / "tmp"
    temporary.mkdir()
    train = ["train", "--data", "synthetic", "--epochs", "9999", "--patience", "9999"]
    with started([*train, "--artifacts", str(folder)], temporary) as killed:
        until((folder / running.LOCK).exists)
        killed.kill()
    (left,) = temporary.iterdir()
    with started([*train, "--artifacts", str(folder)], temporary) as terminated:
        # TensorFlow's AutoGraph leaves such files wherever the process is ended.
        until(lambda: list(temporary.glob("*/__autograph_generated_file*")))
        assert not left.exists()
        terminated.send_signal(signal.SIGTERM)
        _, said = terminated.communicate(timeout=60)
    assert terminated.returncode == 128 + signal.SIGTERM
    assert said.splitlines()[-1] == "edgekit: ended by SIGTERM"
    assert [*temporary.iterdir(), *folder.iterdir()] == []
