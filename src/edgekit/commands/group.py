"""The group of all commands. It lists their names and imports only the one to run."""

from importlib import import_module
from typing import TYPE_CHECKING

import click

from edgekit.errors import did_you_mean
from edgekit.version import __version__

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMPLETION = "_EDGEKIT_COMPLETE"
"""Variable that the script of ``edgekit completion`` sets to shell and request: bash_complete."""

HELP = """Take a small Keras model to an edge device and prove that it works there.

\b
  edgekit train               train the documented model on MNIST's 0 and 1
  edgekit new image DIR       or begin a model of your own, on your own data
  edgekit tune MODEL.keras    fine-tune it: QAT, pruning, clustering
  edgekit convert             model.keras -> model.tflite (float32)
  edgekit convert --quantize  model.keras -> model_int8.tflite (all int8)
  edgekit bench               accuracy, parity, latency, size of each .tflite
  edgekit export              model_int8.tflite -> C for a microcontroller
  edgekit sweep               the study: 2 to 20 hidden nodes, initialisers

They share one folder, artifacts/ (--artifacts, EDGEKIT_ARTIFACTS).

Exit codes: 0 fine; 1 a gate failed (accuracy, parity, budget); 2 the input or the environment
was wrong (one line on stderr says what to do); 70 edgekit itself is wrong (-v shows where).
"""

COMMANDS = {
    "bench": "Measure models on the test inputs and check their gates.",
    "completion": "Print the shell completion script.",
    "convert": "Convert a Keras model to .tflite, or quantise a float .tflite.",
    "doctor": "Check the environment and say how to fix it.",
    "export": "Write a .tflite model as plain C for a microcontroller.",
    "inspect": "Print a .tflite's tensors, ops, sizes, MACs and metadata.",
    "label": "Write labels and scale into a .tflite of another tool.",
    "new": "Start a project of your own: model, data, README, test.",
    "predict": "Classify images, or run arrays, with a .tflite model.",
    "schema": "Print the JSON Schema of a command's output.",
    "sign": "Sign files with an Ed25519 key, for verify --key and load().",
    "sweep": "Train many models and compare accuracy and cost.",
    "train": "Train the documented model, or one of your own.",
    "tune": "Fine-tune a model: QAT, pruning, clustering.",
    "verify": "Check that no file has changed since it was written.",
}
"""Each command's short help. Its module in this package has its name and the variable ``command``.

Listed here so that ``edgekit --help`` and the shell's completion import none of them.
"""


class LazyGroup(click.Group):
    """A group that imports the module of a command when that command runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's name)
        """Return the names in the order of the help."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import the command called ``cmd_name``; None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"edgekit.commands.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that ``args`` begin with; the error suggests similar names."""
        name = args[0]
        if not ctx.resilient_parsing and name not in COMMANDS and not name.startswith("-"):
            ctx.fail(f"No such command {name!r}{did_you_mean(name, COMMANDS)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of the commands."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Return the commands and options that begin with ``incomplete``."""
        from click.shell_completion import CompletionItem

        names = [name for name in COMMANDS if name.startswith(incomplete)]
        commands = [CompletionItem(name, help=COMMANDS[name]) for name in names]
        return [*commands, *click.Command.shell_complete(self, ctx, incomplete)]


@click.group(
    help=HELP,
    cls=LazyGroup,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
        "show_default": True,
    },
)
@click.version_option(__version__, prog_name="edgekit")
def cli() -> None:
    """Group of all commands; the text that users see is HELP."""
