"""``edgekit completion``: a script with which a shell completes commands and options."""

import os
from pathlib import Path

import click

from edgekit.commands import options, shells

RC_LINES = """Add the line of your shell to its start-up file:

\b
  bash  ~/.bashrc                   eval "$(edgekit completion bash)"
  zsh   ~/.zshrc                    eval "$(edgekit completion zsh)"
  fish  ~/.config/fish/config.fish  edgekit completion fish | source
"""


@click.command(name="completion", short_help="Print the shell completion script.", epilog=RC_LINES)
@click.argument("shell", type=options.Choice(shells.NAMES), required=False)
@options.verbosity
@click.pass_context
def command(context: click.Context, shell: str | None) -> int:
    """Print the completion script for SHELL, by default the current one ($SHELL)."""
    shell = shell or Path(os.environ.get("SHELL", "")).name
    if shell not in shells.NAMES:
        raise click.UsageError(f"name the shell: {', '.join(shells.NAMES)}", context)
    click.echo(  # noqa: TID251 - no text of a file
        shells.script(context.find_root().command, shell)
    )
    return 0
