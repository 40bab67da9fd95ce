"""What holds for every command."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from edgekit import __version__, cli

COMMANDS = "bench completion convert doctor export inspect predict sweep train tune verify".split()


def test_help_shows_the_road_on_one_screen(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--help"]) == 0
    text = capsys.readouterr().out
    assert len(text.splitlines()) <= 40
    for line in ("edgekit train", "edgekit convert --quantize", "edgekit bench", "Exit codes"):
        assert line in text
    for command in COMMANDS:
        assert f"  {command} " in text


def test_every_command_is_there_and_every_option_is_explained() -> None:
    assert sorted(cli.cli.commands) == COMMANDS
    for name, command in cli.cli.commands.items():
        assert command.help, name
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{name} {parameter.name}"


@pytest.mark.parametrize("command", COMMANDS)
def test_each_help_fits_the_terminal(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run([command, "--help"]) == 0
    assert all(len(line) <= 100 for line in capsys.readouterr().out.splitlines())


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--version"]) == 0
    assert __version__ in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["trian"], "edgekit: error: No such command 'trian'"),
        (["--nonsense"], "No such option"),
        (["train", "--seed", "x"], "edgekit train: error: Invalid value for '--seed'"),
    ],
)
def test_usage_errors_are_one_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert "--help" in line


def test_a_write_that_fails_is_one_line(
    keras_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    output = blocked / "model.tflite"
    assert cli.run(["convert", str(keras_model), "-o", str(output)]) == 2
    assert str(blocked) in capsys.readouterr().err.splitlines()[-1]


def run_edgekit(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edgekit", *arguments],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "EDGEKIT_ARTIFACTS": "made"},
    )


def test_piped_output_is_plain_and_tensorflow_is_silent(tmp_path: Path) -> None:
    done = run_edgekit("train", "--data", "synthetic", "--epochs", "2", folder=tmp_path)
    assert done.returncode == 0
    lines = done.stderr.splitlines()
    assert lines[0].startswith("data: synthetic")
    assert [line.split()[:2] for line in lines[1:]] == [["epoch", "1"], ["epoch", "2"]]
    assert "\x1b" not in done.stderr + done.stdout
    loud = run_edgekit("train", "--data", "synthetic", "--epochs", "1", "-v", folder=tmp_path)
    assert len(loud.stderr.splitlines()) > 2


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are a Unix thing")
def test_a_terminal_gets_a_live_display(tmp_path: Path) -> None:
    import pty

    leader, follower = pty.openpty()
    command = ["train", "--data", "synthetic", "--epochs", "2"]
    process = subprocess.Popen(
        [sys.executable, "-m", "edgekit", *command],
        cwd=tmp_path,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
    )
    os.close(follower)
    shown = b""
    while True:
        try:
            chunk = os.read(leader, 4096)
        except OSError:
            break
        if not chunk:
            break
        shown += chunk
    os.close(leader)
    assert process.wait() == 0
    assert b"training" in shown
    assert b"\x1b[" in shown
    assert b"of 2115 test images right" in shown


@pytest.mark.mnist
def test_the_same_command_twice_gives_the_same_weights(tmp_path: Path) -> None:
    import json

    digests = set()
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        done = run_edgekit("train", "--epochs", "8", "--json", folder=folder)
        assert done.returncode == 0
        digests.add(json.loads(done.stdout)["weights_sha256"])
    assert len(digests) == 1


def test_a_terminal_without_arrows_gets_question_marks(keras_model: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "edgekit", "convert", keras_model, "-o", tmp_path / "a.tflite"],
        check=False,
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
    )
    assert done.returncode == 0
    assert b" ? " in done.stdout
