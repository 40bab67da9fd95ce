"""What holds for every command."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from edge_runtime.install import install_line
from edgekit import __version__, cli
from edgekit.commands import group, options
from edgekit.signals import Terminated

COMMANDS = (
    "bench completion convert doctor export inspect label new predict schema sign sweep train tune "
    "verify"
).split()


def test_help_shows_the_road_on_one_screen(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--help"]) == 0
    text = capsys.readouterr().out
    assert len(text.splitlines()) <= 40
    for line in ("edgekit train", "edgekit convert --quantize", "edgekit bench", "Exit codes"):
        assert line in text
    for command in COMMANDS:
        assert f"  {command} " in text


def commands() -> dict[str, click.Command]:
    context = click.Context(group.cli)
    found = {
        name: group.cli.get_command(context, name) for name in group.cli.list_commands(context)
    }
    return {name: command for name, command in found.items() if command is not None}


def test_every_command_is_there_and_every_option_is_explained() -> None:
    assert sorted(commands()) == COMMANDS
    for name, command in commands().items():
        assert command.help, name
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{name} {parameter.name}"


def test_the_help_knows_each_command_s_own_short_help() -> None:
    # Its full length: get_short_help_str() would cut it.
    assert {name: one.short_help for name, one in commands().items()} == group.COMMANDS


@pytest.mark.parametrize("width", ["80", "100"])
@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_each_help_fits_the_terminal(
    command: str, width: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", width)
    assert cli.run([*command.split(), "--help"]) == 0
    assert all(len(line) <= int(width) for line in capsys.readouterr().out.splitlines())


def loaded_by(code: str, **variables: str) -> set[str]:
    """Return the modules in memory after ``code``."""
    script = f"import sys\n{code}\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, **variables},
    )
    return set(done.stderr.split())


OURS = "edgekit edgekit.cli edgekit.errors edgekit.version edgekit.commands".split()
OURS += ["edgekit.commands.group", "edgekit.commands.terminal"]
STANDARD = "copy dataclasses fnmatch locale shlex shutil textwrap".split()
COMPRESSION = "bz2 lzma zlib _bz2 _compression _lzma compression pwd grp".split()
"""What shutil brings along, by which click learns the width of the terminal."""


@pytest.mark.parametrize(
    ("arguments", "variables", "also"),
    [
        (["--help"], {}, set()),
        (["--version"], {}, {"importlib.metadata"}),
        (
            [],
            {"_EDGEKIT_COMPLETE": "zsh_complete", "COMP_WORDS": "edgekit t", "COMP_CWORD": "1"},
            {"edgekit.commands.shells"},
        ),
    ],
    ids=["help", "version", "completion"],
)
def test_what_help_and_completion_may_import(
    arguments: list[str], variables: dict[str, str], also: set[str]
) -> None:
    allowed = {*OURS, *STANDARD, *COMPRESSION, "_locale", *also}
    loaded = loaded_by(f"from edgekit import cli; cli.run({arguments!r})", **variables)
    own = {name for name in loaded - loaded_by("import click") if not name.startswith("click.")}
    assert {name for name in own if name.partition(".")[0] not in allowed} <= allowed
    assert {name for name in own if name.startswith("edgekit")} <= allowed


def test_completion_inside_a_command_loads_nothing_heavy() -> None:
    code = (
        "import os; from edgekit import cli\n"
        f"for name in {COMMANDS!r}:\n"
        "    os.environ['COMP_WORDS'] = f'edgekit {name} --'\n"
        "    assert cli.run([]) == 0"
    )
    loaded = loaded_by(code, _EDGEKIT_COMPLETE="zsh_complete", COMP_CWORD="2")
    assert "edgekit.commands.bench" in loaded
    assert not loaded & {"numpy", "PIL", "packaging", "tensorflow", "rich"}


def test_every_command_has_quiet_and_verbose() -> None:
    for name, command in commands().items():
        options = {option for parameter in command.params for option in parameter.opts}
        assert {"-q", "--quiet", "-v", "--verbose"} <= options, name


def test_every_choice_makes_suggestions() -> None:
    for name, command in commands().items():
        for parameter in command.params:
            if isinstance(parameter.type, click.Choice):
                assert isinstance(parameter.type, options.Choice), f"{name} {parameter.name}"


NEEDING_ARGUMENTS = ["inspect", "label", "new", "predict", "sign", "tune"]


def test_which_commands_need_an_argument() -> None:
    required = [name for name, one in commands().items() if any(p.required for p in one.params)]
    assert required == NEEDING_ARGUMENTS


@pytest.mark.parametrize("arguments", [[], *([name] for name in NEEDING_ARGUMENTS)])
def test_without_arguments_the_help_and_code_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert cli.run([*arguments, "--help"]) == 0
    assert captured.err == capsys.readouterr().out
    assert captured.err.startswith("Usage: edgekit")


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["benhc"], "bench"),
        (["bench", "--quik"], "--quick"),
        (["bench", "--backend", "natve"], "native"),
        (["bench", "--require", "Litetr"], "litert"),
        (["bench", "--core", "cortexm4"], "cortex-m4"),
        (["predict", "m.tflite", "a.png", "--backend", "natve"], "native"),
        (["convert", "--scheme", "int16x16"], "int16x8"),
        (["convert", "--target", "edge-tpu"], "edgetpu"),
        (["export", "--package", "platform-io"], "platformio"),
        (["train", "--optimizer", "ADAN"], "adam"),
        (["sweep", "--data", "sintetic"], "synthetic"),
        (["sweep", "--data", "synthetic", "--classes", "0,1x"], "1"),
        (["sweep", "--grid", "hiden=2,4"], "hidden"),
        (["sweep", "--grid", "optimizer=adem"], "adam"),
        (["completion", "bsh"], "bash"),
    ],
)
def test_a_bad_value_gets_a_suggestion(
    arguments: list[str], meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"'{meant}'" in line.partition("Did you mean ")[2]


def test_a_value_like_none_gets_no_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["bench", "--backend", "zzz"]) == 2
    assert "Did you mean" not in capsys.readouterr().err


def ending(error: BaseException, *arguments: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Return the exit code of a command in the middle of which ``error`` is raised."""

    def diagnose() -> None:
        raise error

    monkeypatch.setattr("edgekit.doctor.diagnose", diagnose)
    return cli.run(["doctor", *arguments])


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (RuntimeError("first\nsecond"), 70, "edgekit: internal error: RuntimeError: first second"),
        (RecursionError("too deep"), 70, "run with -v for the traceback; please report it"),
        (ModuleNotFoundError("No module named 'edgekit.x'", name="edgekit.x"), 70, "edgekit.x"),
        (ModuleNotFoundError("", name="numpy"), 2, "NumPy is not installed"),
        (ModuleNotFoundError("", name="PIL.Image"), 2, "Pillow is not installed"),
        (ModuleNotFoundError("", name="unicorn"), 2, install_line("mcu")),
        (MemoryError(), 2, "edgekit: error: out of memory"),
        (OSError(28, "No space left on device"), 2, "edgekit: error: No space left on device"),
        (
            UnicodeEncodeError("utf-8", "report of caf\udce9", 13, 14, "surrogates not allowed"),
            *(2, r"edgekit: error: 'report of caf\udce9': a name that is not UTF-8"),
        ),
        (KeyboardInterrupt(), 130, "edgekit: interrupted"),
        (Terminated(15), 143, "edgekit: ended by SIGTERM"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_whatever_happens_is_one_line_and_never_the_gates_code(
    error: BaseException,
    code: int,
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert ending(error, monkeypatch=monkeypatch) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_verbose_shows_where_an_internal_error_was(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEKIT_VERBOSE", "")
    assert ending(RuntimeError("so"), "-v", monkeypatch=monkeypatch) == 70
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("Traceback")
    assert lines[-1] == "edgekit: internal error: RuntimeError: so (please report it)"


def test_a_reader_that_went_away_is_not_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ending(BrokenPipeError(), monkeypatch=monkeypatch) == 141
    assert capsys.readouterr().err == ""


def test_without_click_the_line_says_what_to_install() -> None:
    code = "import sys; sys.modules['click'] = None; from edgekit.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("edgekit: error: click is not installed")
    assert line.endswith(install_line())


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell's redirections")
@pytest.mark.parametrize(
    ("redirection", "code"),
    [
        ("2>&-", 0),
        (">&-", 0),
        ("<&-", 0),
        ("<&- >&- 2>&-", 0),
        ("| head -n 1; exit $PIPESTATUS", 0),
        ("| true; exit $PIPESTATUS", 141),
        pytest.param(
            ">/dev/full",
            2,
            marks=pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full"),
        ),
    ],
)
def test_a_closed_or_broken_stream_never_gives_the_gates_code(redirection: str, code: int) -> None:
    shell = ["bash", "-c", f'"$0" -m edgekit completion fish {redirection}', sys.executable]
    # With this variable nothing is left in a buffer for the interpreter to flush at its end.
    buffered = {name: text for name, text in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(shell, check=False, capture_output=True, text=True, env=buffered)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


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


@pytest.mark.tensorflow
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
@pytest.mark.tensorflow
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
@pytest.mark.tensorflow
def test_the_same_command_twice_gives_the_same_weights(tmp_path: Path) -> None:
    import json

    digests = set()
    for name in ("a", "b"):
        folder = tmp_path / name
        folder.mkdir()
        done = run_edgekit("train", "--epochs", "2", "--json", folder=folder)
        assert done.returncode == 0
        digests.add(json.loads(done.stdout)["weights_sha256"])
    assert len(digests) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell's redirections")
def test_a_terminal_without_arrows_gets_question_marks_and_stderr_may_be_closed(
    keras_model: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-m", "edgekit", "convert", keras_model, "-o", tmp_path / "a.tflite"]
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" 2>&-', "sh", *command],
        check=False,
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
    )
    assert done.returncode == 0
    assert b" ? " in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell's redirections")
def test_a_library_caller_may_have_no_stderr() -> None:
    code = (
        "import os, sys; from edgekit import frameworks\n"
        "with frameworks.native_stderr_silenced(unless=False): os.write(2, b'noise')\n"
        "print(os.path.samestat(os.fstat(2), os.stat(os.devnull)))"
    )
    shell = ["sh", "-c", 'exec "$0" -c "$1" 2>&-', sys.executable, code]
    done = subprocess.run(shell, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "True\n")
