"""The command line: parse, call, return the exit code.

Imports only the standard library, so that it can report a missing click.
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
    # Pillow's warnings about images that it reads nevertheless are of no use here.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        if completion := os.environ.get(COMPLETION):
            from edgekit.commands import shells

            return shells.answer(cli, completion)
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
            # A terminal without arrows gets question marks instead of a traceback.
            stream.reconfigure(errors="replace")
    with signals.raising():
        code = run(sys.argv[1:])
    _give_up_broken_streams()
    sys.exit(code)


def _open_closed_streams() -> None:
    """Open the null device for each standard stream that is closed (``2>&-``).

    Otherwise the next file to be opened would get its number, and TensorFlow's log.
    """
    for name, mode in ("stdin", "r"), ("stdout", "w"), ("stderr", "w"):
        if getattr(sys, name) is None:
            # The lowest free number is that of the stream: those below are open by now.
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115


def _give_up_broken_streams() -> None:
    """Discard unwritable output, or the interpreter tries again and exits with 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            with suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
