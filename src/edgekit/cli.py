"""The command line: parse, call, return the exit code.

Imports the standard library alone, so that it can say what is missing where click is not installed.
"""

import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress
from io import TextIOWrapper

from edgekit.errors import MissingExtraError


def run(arguments: Sequence[str]) -> int:
    """Run the command line with ``arguments`` and return the exit code."""
    try:
        from click.exceptions import Exit

        from edgekit.commands import terminal
        from edgekit.commands.group import COMPLETION, cli
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "click":
            raise
        missing = MissingExtraError("click", "", "the command line")
        print(f"edgekit: error: {missing}", file=sys.stderr)
        return 2
    voice, colour = terminal.Voice(), terminal.colour_wanted()
    # What Pillow finds odd about a picture that it reads all the same is nobody's news.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        if asked := os.environ.get(COMPLETION):
            from edgekit.commands import shells

            return shells.answer(cli, asked)
        with cli.make_context("edgekit", list(arguments), obj=voice, color=colour) as context:
            code = cli.invoke(context)
    except Exit as done:
        return done.exit_code
    except (Exception, KeyboardInterrupt) as error:
        from edgekit import signals
        from edgekit.commands import failures

        return failures.report(signals.cause(error), verbose=voice.verbose)
    return code if isinstance(code, int) else 0


def main() -> None:
    """Entry point of the ``edgekit`` script."""
    from edgekit import signals

    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A terminal without arrows gets question marks and not a traceback.
            stream.reconfigure(errors="replace")
    with signals.raising():
        code = run(sys.argv[1:])
    _give_up_broken_streams()
    sys.exit(code)


def _open_closed_streams() -> None:
    """Put the null device in place of each standard stream that is closed (``2>&-``).

    Otherwise the next file that is opened gets its number, and what TensorFlow logs.
    """
    for name, mode in ("stdin", "r"), ("stdout", "w"), ("stderr", "w"):
        if getattr(sys, name) is None:
            # The lowest number that is free is the stream's own: those below are open by now.
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115


def _give_up_broken_streams() -> None:
    """Drop what cannot be written any more, or the interpreter tries again and exits with 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            with suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
