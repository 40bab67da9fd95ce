"""The command line: parse, call, return the exit code."""

import sys
from collections.abc import Sequence
from io import TextIOWrapper

import click

from edge_runtime.errors import EdgeRuntimeError
from edgekit import __version__
from edgekit.commands import (
    bench,
    completion,
    convert,
    doctor,
    export,
    inspect,
    label,
    predict,
    sweep,
    train,
    tune,
)
from edgekit.errors import EdgekitError

ROAD = """Take a small Keras classifier to an edge device and prove that it still works there.

\b
  edgekit train                 train the documented 784-14-2 model on MNIST 0 and 1
  edgekit tune MODEL.keras      QAT, pruning, clustering: fine-tune it for the device
  edgekit convert               model.keras -> model.tflite (float32)
  edgekit convert --quantize    model.keras -> model_int8.tflite (int8 in, int8 out)
  edgekit bench                 accuracy gate, parity, latency, size of every .tflite
  edgekit export                model_int8.tflite -> plain C for a microcontroller
  edgekit sweep                 the documented study: 2 to 20 hidden nodes, initialisers

All commands meet in one folder, artifacts/ by default (--artifacts, EDGEKIT_ARTIFACTS), so none
of them needs an argument.

\b
Exit codes: 0 fine; 1 a gate failed (accuracy, parity, budget); 2 the input or the environment
was wrong (one line on stderr says what to do).
"""


@click.group(
    help=ROAD,
    commands=[
        train.command,
        tune.command,
        convert.command,
        bench.command,
        export.command,
        sweep.command,
        predict.command,
        inspect.command,
        label.command,
        doctor.command,
        completion.command,
    ],
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
        "show_default": True,
    },
)
@click.version_option(__version__, prog_name="edgekit")
def cli() -> None:
    """Group of all commands; the text that users see is ROAD."""


def run(arguments: Sequence[str]) -> int:
    """Run the command line with ``arguments`` and return the exit code."""
    try:
        code = cli.main(list(arguments), prog_name="edgekit", standalone_mode=False)
    except click.Abort:
        click.echo("edgekit: interrupted", err=True)
        return 130
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "edgekit"
        _complain(command, error.format_message(), hint=f" (see {command} --help)")
        return 2
    except (EdgekitError, EdgeRuntimeError) as error:
        _complain("edgekit", str(error))
        return 2
    except OSError as error:
        _complain("edgekit", f"{error.filename or 'file'}: {error.strerror or error}")
        return 2
    return code if isinstance(code, int) else 0


def _complain(command: str, message: str, hint: str = "") -> None:
    """Print ``message`` as the one line that a user gets."""
    click.echo(f"{command}: error: {' '.join(message.split())}{hint}", err=True)


def main() -> None:
    """Entry point of the ``edgekit`` script."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A terminal without arrows gets question marks and not a traceback.
            stream.reconfigure(errors="replace")
    sys.exit(run(sys.argv[1:]))
