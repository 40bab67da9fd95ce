"""``edgekit completion``: the script that lets a shell complete edgekit's commands and options."""

import os
from pathlib import Path

import click
from click.shell_completion import get_completion_class

RC_LINES = """Add the line of your shell to its start-up file:

\b
  bash  ~/.bashrc                   eval "$(edgekit completion bash)"
  zsh   ~/.zshrc                    eval "$(edgekit completion zsh)"
  fish  ~/.config/fish/config.fish  edgekit completion fish | source
"""
SHELLS = ("bash", "zsh", "fish")


@click.command(name="completion", short_help="Print the shell completion script.", epilog=RC_LINES)
@click.argument("shell", type=click.Choice(SHELLS), required=False)
@click.pass_context
def command(context: click.Context, shell: str | None) -> int:
    """Print the completion script for SHELL, by default the one that runs ($SHELL)."""
    shell = shell or Path(os.environ.get("SHELL", "")).name
    if shell not in SHELLS:
        raise click.UsageError(f"name the shell: {', '.join(SHELLS)}", context)
    complete = get_completion_class(shell)
    assert complete is not None
    # click reads the variable of this name before it parses the command line.
    script = complete(context.find_root().command, {}, "edgekit", "_EDGEKIT_COMPLETE")
    click.echo(script.source())
    return 0
