import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from edgekit import cli
from edgekit.commands.completion import command


def complete_in_bash(typed: str) -> list[str]:
    """Return what bash offers after ``typed``, with the script sourced as a user's rc file does."""
    script = """
        eval "$(edgekit completion bash)"
        read -ra COMP_WORDS <<< "$1"
        [[ $1 == *" " ]] && COMP_WORDS+=("")
        COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
        registered=$(complete -p edgekit)
        function=${registered#*-F }
        "${function%% *}" edgekit "${COMP_WORDS[COMP_CWORD]}"
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    }
    done = subprocess.run(
        ["bash", "--norc", "-c", script, "bash", typed],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes_commands() -> None:
    assert {"train", "convert", "bench"} <= set(complete_in_bash("edgekit "))


def test_bash_completes_what_was_begun() -> None:
    assert complete_in_bash("edgekit tr") == ["train"]


def test_bash_completes_options_and_their_choices() -> None:
    assert "--seed" in complete_in_bash("edgekit train --s")
    assert complete_in_bash("edgekit completion f") == ["fish"]


def offered(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[bytes], *words: str
) -> list[str]:
    """Return what bash is given after ``words``, of which the last is incomplete."""
    # As bash splits them: an = is a word of its own.
    monkeypatch.setenv("_EDGEKIT_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "\n".join(["edgekit", *words]))
    monkeypatch.setenv("COMP_CWORD", str(len(words)))
    assert cli.run([]) == 0
    lines = capsys.readouterr().out.decode().splitlines()
    return [line.removeprefix("plain,") for line in lines if line]


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("bench --backend ", ["edgetpu", "litert", "native", "reference"]),
        ("bench --require na", ["native"]),
        ("predict --backend = na", ["native"]),
        ("train --data ", ["file,", "mnist", "synthetic"]),
        ("train --data sy", ["file,sy", "synthetic"]),
        ("convert --data pictures/", ["file,pictures/"]),
        ("train --classes ", ["0,1", "0-9"]),
        ("sweep --grid hi", ["hidden="]),
        ("sweep --grid = hi", ["hidden="]),
        ("sweep --grid hidden = ", []),
        ("sweep --grid nonsense = ", []),
        ("sweep --grid output-activation = ", ["sigmoid", "softmax"]),
        ("sweep --grid = output-activation = so", ["softmax"]),
        ("sweep --grid output-activation = sigmoid,s", ["sigmoid,softmax"]),
        ("sweep --grid qat = ", ["false", "true"]),
        ("predict m.tflite a", ["file,a"]),
    ],
)
def test_values_are_completed(
    typed: str,
    expected: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    assert offered(monkeypatch, capsysbinary, *typed.split(" ")) == expected


def test_fish_keeps_the_commas_of_a_value() -> None:
    assert 'string split --max 1 ","' in CliRunner().invoke(command, ["fish"]).output


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_script_of_each_shell(shell: str) -> None:
    result = CliRunner().invoke(command, [shell], standalone_mode=False)
    assert result.return_value == 0
    assert f"_EDGEKIT_COMPLETE={shell}_complete" in result.output


def test_the_running_shell_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/usr/bin/fish")
    result = CliRunner().invoke(command, [])
    assert "_EDGEKIT_COMPLETE=fish_complete" in result.output


@pytest.mark.parametrize("shell", ["", "/bin/sh"])
def test_a_shell_without_completion(monkeypatch: pytest.MonkeyPatch, shell: str) -> None:
    monkeypatch.setenv("SHELL", shell)
    result = CliRunner().invoke(command, [])
    assert result.exit_code == 2
    assert "name the shell: bash, zsh, fish" in result.output


def test_help_has_the_line_for_the_rc_file() -> None:
    assert 'eval "$(edgekit completion bash)"' in CliRunner().invoke(command, ["--help"]).output
