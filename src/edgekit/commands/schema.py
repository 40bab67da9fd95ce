"""``edgekit schema``: the JSON Schema of a command's document."""

import json

import click

from edgekit.commands import options, terminal
from edgekit.schemas import names, schema


@click.command("schema", short_help="Print the JSON Schema of a command's output.")
@click.argument("name", type=options.Choice(names()), required=False, metavar="[COMMAND]")
@options.verbosity
def command(name: str | None) -> int:
    """Print the JSON Schema (draft 2020-12) of COMMAND's --json.

    inspect_memory is that of `edgekit inspect --memory`, export_plan that of `edgekit export
    --plan`, bench_layers that of `edgekit bench --layers`. Without COMMAND it lists all schemas.
    """
    terminal.page("\n".join(names()) if name is None else json.dumps(schema(name), indent=2))
    return 0
