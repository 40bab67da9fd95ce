"""``edgekit new``: a small project to start from, with a model, data drawn by code and a test."""

from importlib import resources
from pathlib import Path

import click

from edgekit import files
from edgekit.commands import options, terminal
from edgekit.errors import DataError
from edgekit.files import to_json

FORMAT = "edgekit new"
VERSION = 1
KINDS = {
    "image": "colour pictures",
    "audio": "sounds, as log-mel features",
    "sensor": "windows of an accelerometer",
    "tabular": "rows of ten sensor values",
    "anomaly": "rows that are normal or not",
}
FILES = ("README.md", "draw_data.py", "model.py", "test_model.py")


@click.command(
    "new",
    no_args_is_help=True,
    short_help="Start a project of your own: model, data, README, test.",
)
@click.argument("kind", type=options.Choice(tuple(KINDS)))
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), metavar="DIR")
@options.as_json
@options.verbosity
def command(kind: str, folder: Path, as_json: bool) -> int:
    """Write a small project into DIR, which runs as it is on data drawn by code.

    KIND: image (colour pictures), audio (sounds), sensor (windows of an accelerometer), tabular
    (rows of sensor values), anomaly (rows that are normal or not). The README has the five
    commands from the data to C.
    """
    if folder.exists() and any(folder.iterdir()):
        raise DataError(f"{folder}: is not empty; name a new folder")
    source = resources.files("edgekit.projects") / kind
    with files.replacing_folder(folder) as staged:
        for name in FILES:
            files.write_bytes(staged / name, (source / name).read_bytes())
    if as_json:
        document = {"format": FORMAT, "version": VERSION, "kind": kind}
        terminal.page(to_json({**document, "folder": str(folder), "files": list(FILES)}))
    else:
        terminal.echo(f"{folder}: a model for {KINDS[kind]}; its README.md has five commands")
    return 0
