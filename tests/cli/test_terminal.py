"""What a command says beside its result, and in which colour."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
import pytest

from edgekit import cli
from edgekit.commands import terminal
from edgekit.doctor import Check, Level


@contextmanager
def voice(*, quiet: bool = False, verbose: bool = False) -> Iterator[None]:
    """Run the block as a command with -q and -v does."""
    with click.Context(click.Command("x"), obj=terminal.Voice(quiet=quiet, verbose=verbose)):
        yield


def speak() -> None:
    terminal.note("noted")
    terminal.warn("warned")
    terminal.say("said")
    with terminal.progress("work", 2, prefix="edgekit work: ") as step:
        step("one")
    with terminal.working("work", "unheard of without a terminal"):
        pass


def test_where_there_is_no_terminal_there_are_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with voice():
        speak()
    captured = capsys.readouterr()
    assert captured.err == "note: noted\nwarning: warned\nsaid\nedgekit work: one\n"
    assert captured.out == ""


def test_quiet_leaves_the_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    with voice(quiet=True):
        speak()
    assert capsys.readouterr().err == "warning: warned\n"


def test_the_option_reaches_what_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def diagnose() -> tuple[Check, ...]:
        speak()
        return ()

    monkeypatch.setattr("edgekit.doctor.diagnose", diagnose)
    monkeypatch.setattr("edgekit.commands.doctor._table", lambda _checks: [("result",)])
    assert cli.run(["doctor", "--quiet"]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("result\n")
    assert captured.err == "warning: warned\n"
    assert cli.run(["doctor"]) == 0
    assert "note: noted" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are a Unix thing")
@pytest.mark.parametrize("animated", [True, False])
def test_a_terminal_gets_a_bar(animated: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = on_a_terminal(monkeypatch, animated=animated)
    assert "work" in shown
    assert "1/2" in shown
    assert "[one]" in shown


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are a Unix thing")
def test_no_bar_is_drawn_into_what_tensorflow_says(monkeypatch: pytest.MonkeyPatch) -> None:
    assert on_a_terminal(monkeypatch, verbose=True) == "[one]\r\n"


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are a Unix thing")
def test_without_rich_there_are_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert on_a_terminal(monkeypatch) == "[one]\r\n"


def on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, *, animated: bool = True, verbose: bool = False
) -> str:
    """Return what one step of two shows on a terminal."""
    import pty

    leader, follower = pty.openpty()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with os.fdopen(follower, "w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        with (
            voice(verbose=verbose),
            terminal.progress("work", 2, animated=animated) as step,
        ):
            step("[one]")
        stderr.flush()
        shown = os.read(leader, 100_000).decode()
    os.close(leader)
    return shown


@pytest.mark.parametrize(
    ("variables", "coloured"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": ""}, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": ""}, True),
    ],
    ids=str,
)
def test_colour_is_as_the_environment_asks(
    variables: dict[str, str],
    coloured: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    checks = (Check("python", Level.OK, "3"),)
    monkeypatch.setattr("edgekit.doctor.diagnose", lambda: checks)
    assert cli.run(["doctor"]) == 0
    assert ("\x1b[" in capsys.readouterr().out) == coloured
    assert cli.run(["nonsense"]) == 2
    assert ("\x1b[" in capsys.readouterr().err) == coloured
    assert cli.run(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ok"] is True


def test_the_marks_of_verdicts_are_coloured(capsys: pytest.CaptureFixture[str]) -> None:
    text = "Gates\n✓ a ✗ b\n✗ c\n– d"
    with click.Context(click.Command("x"), color=True):
        terminal.page(*terminal.coloured(text))
    shown = capsys.readouterr().out
    assert shown.count("\x1b[0m") == 3
    assert click.unstyle(shown) == f"{text}\n"
