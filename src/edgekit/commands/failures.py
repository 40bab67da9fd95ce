"""Failures as the user sees them: a line on stderr and an exit code."""

from contextlib import suppress

import click

from edge_runtime.errors import EdgeRuntimeError
from edgekit.commands import terminal
from edgekit.errors import EdgekitError, MissingExtraError
from edgekit.signals import Terminated

WRONG = 2
"""Exit code when the input or the environment is wrong."""
INTERNAL_ERROR = 70
"""EX_SOFTWARE of sysexits.h: edgekit itself is wrong. 1, Python's own, says that a gate failed."""
INTERRUPTED = 130
BROKEN_PIPE = 141
ENDED = 128
"""A shell reports 128 plus the signal's number for a program ended by a signal."""

PACKAGES = {
    "PIL": ("Pillow", ""),
    "ai_edge_litert": ("ai-edge-litert", "litert"),
    "cryptography": ("cryptography", "sign"),
    "distributed": ("distributed", "distributed"),
    "elftools": ("pyelftools", "mcu"),
    "keras": ("Keras", "host"),
    "matplotlib": ("matplotlib", "host"),
    "numpy": ("NumPy", ""),
    "packaging": ("packaging", ""),
    "pyarrow": ("pyarrow", "data"),
    "soundfile": ("soundfile", "data"),
    "soxr": ("soxr", "data"),
    "tensorflow": ("TensorFlow", "host"),
    "tensorflow_model_optimization": ("tensorflow-model-optimization", "host"),
    "tf_keras": ("tf_keras", "host"),
    "unicorn": ("unicorn", "mcu"),
}
"""Module -> its package and the extra that installs it; "" for what is always installed."""


def report(error: BaseException, *, verbose: bool) -> int:
    """Print ``error`` for the user and return the exit code.

    Args:
        error: what ended the command.
        verbose: whether to print the traceback of an error that is edgekit's own fault.
    """
    match error:
        case click.exceptions.NoArgsIsHelpError():
            # Nothing was done, so this is no success, and the help must not go to stdout.
            _write_lines(error.format_message())
            return WRONG
        case click.ClickException():
            context = getattr(error, "ctx", None)
            command = context.command_path if context else "edgekit"
            return _complain(error.format_message(), command, f" (see {command} --help)")
        case EdgekitError() | EdgeRuntimeError():
            return _complain(str(error))
        case ModuleNotFoundError() if (missing := PACKAGES.get(_top(error))) is not None:
            return _complain(str(MissingExtraError(*missing, "this command")))
        case BrokenPipeError():
            return BROKEN_PIPE
        case OSError():
            about = f"{error.filename}: " if error.filename else ""
            return _complain(f"{about}{error.strerror or error}")
        case UnicodeEncodeError() if error.reason == "surrogates not allowed":
            # How Python represents bytes of a file name that are not UTF-8.
            name = str(error.object[max(0, error.start - 20) : error.end + 20])
            return _complain(f"{name!r}: a name that is not UTF-8 cannot be written: rename it")
        case MemoryError():
            return _complain("out of memory")
        case Terminated():
            _write(f"edgekit: ended by {error}")
            return ENDED + error.number
        case KeyboardInterrupt() | click.Abort():
            _write("edgekit: interrupted")
            return INTERRUPTED
    if verbose:
        from traceback import format_exception

        _write_lines("".join(format_exception(error)))
    message = " ".join(f"{type(error).__name__}: {error}".split())
    advice = "please report it" if verbose else "run with -v for the traceback; please report it"
    _write("edgekit: ", _red("internal error:"), f" {message} ({advice})")
    return INTERNAL_ERROR


def _top(error: ModuleNotFoundError) -> str:
    return (error.name or "").partition(".")[0]


def _complain(message: str, command: str = "edgekit", hint: str = "") -> int:
    """Print ``message`` as one line, and return the exit code."""
    _write(f"{command}: ", _red("error:"), f" {' '.join(message.split())}{hint}")
    return WRONG


def _red(text: str) -> terminal.Styled:
    return terminal.Styled(text, "red", bold=True)


def _write_lines(text: str) -> None:
    for line in text.splitlines():
        _write(line)


def _write(*parts: str | terminal.Styled) -> None:
    # With stderr closed, only the exit code remains.
    with suppress(OSError):
        terminal.echo(*parts, err=True, colour=terminal.colour_wanted())
