import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

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
