"""The shells that complete edgekit's commands: click's support, with its gaps filled."""

import os

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    add_completion_class,
    get_completion_class,
    shell_complete,
    split_arg_string,
)

from edgekit.commands.group import COMPLETION


@add_completion_class
class Bash(BashComplete):
    """Bash, where ``=`` ends a word: ``hidden=4`` is three words, completed after the ``=``."""

    # No space after KEY=, which needs a value.
    source_template = BashComplete.source_template.replace(
        "COMPREPLY+=($value)",
        "COMPREPLY+=($value)\n            [[ $value == *= ]] && compopt -o nospace",
    )

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the word to complete, and that word, joined at each ``=``."""
        words = split_arg_string(os.environ["COMP_WORDS"])[: int(os.environ["COMP_CWORD"]) + 1]
        words += [""] * (int(os.environ["COMP_CWORD"]) + 1 - len(words))
        joined = [words[0]]
        for word, before in zip(words[1:], words, strict=False):
            if "=" in (word, before):
                joined[-1] += word
            else:
                joined.append(word)
        return joined[1:-1], joined[-1]

    def format_completion(self, item: CompletionItem) -> str:
        """Return the replacement of what was typed after the last ``=``."""
        _, incomplete = self.get_completion_args()
        typed = "".join(incomplete.rpartition("=")[:2])
        if typed.startswith("-"):  # --option=, which is not part of the value
            typed = typed.partition("=")[2]
        return f"{item.type},{item.value.removeprefix(typed)}"


@add_completion_class
class Fish(FishComplete):
    """Fish, with support for commas in values."""

    source_template = FishComplete.source_template.replace(
        'string split ","', 'string split --max 1 ","'
    )


NAMES = ("bash", "zsh", "fish")


def script(cli: click.Command, shell: str) -> str:
    """Return the script that the start-up file of ``shell`` evaluates."""
    support = get_completion_class(shell)
    assert support is not None
    return support(cli, {}, "edgekit", COMPLETION).source()


def answer(cli: click.Command, request: str) -> int:
    """Print the answer to a ``request`` of a shell's script; return the exit code."""
    return 2 if shell_complete(cli, {}, "edgekit", COMPLETION, request) else 0
