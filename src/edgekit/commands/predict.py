"""`edgekit predict`: what a model says about image files."""

from collections.abc import Sequence
from pathlib import Path

import click

from edge_runtime import BackendError, InputError, Model, ModelError, Prediction, load
from edge_runtime.backends import backends, unavailable
from edgekit.commands import options
from edgekit.files import to_json


@click.command("predict")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True)
@click.option(
    "--backend",
    type=click.Choice(backends()),
    help="Engine that runs the model; by default native, and litert where native cannot.",
)
@click.option("--no-invert", is_flag=True, help="Take images with a light background as they are.")
@options.as_json
def command(
    model: Path, images: tuple[str, ...], backend: str | None, no_invert: bool, as_json: bool
) -> int:
    """Say what each IMAGE shows, according to MODEL (.tflite).

    Images may have any size and mode. If the model expects digits as MNIST has them, light ink on a
    dark ground, an image with a light background is inverted first.
    """
    opened, backend = _open(model, backend)
    answers: list[tuple[str, Prediction]] = []
    errors: list[tuple[str, str]] = []
    for image in images:
        try:
            answers.append((image, opened.classify(image, invert=False if no_invert else None)))
        except InputError as error:
            errors.append((image, str(error)))
            click.echo(f"edgekit: error: {error}", err=True)
    if as_json:
        document = {
            "model": str(model),
            "backend": backend,
            "predictions": [{"file": file, **vars(answer)} for file, answer in answers],
            "errors": [{"file": file, "error": error} for file, error in errors],
        }
        click.echo(to_json(document))
    elif answers:
        click.echo(_table(answers))
    return 2 if errors else 0


def _open(model: Path, backend: str | None) -> tuple[Model, str]:
    """Return the opened model, and the name of the backend that runs it."""
    if backend:
        return load(model, backend=backend), backend
    try:
        return load(model), "native"
    except (BackendError, ModelError):
        if unavailable("litert"):
            raise
        return load(model, backend="litert"), "litert"


def _table(answers: Sequence[tuple[str, Prediction]]) -> str:
    """Return the answers in aligned columns."""
    rows = [("file", "label", "score", "")]
    for file, answer in answers:
        note = "inverted: light background" if answer.inverted else ""
        rows.append((file, answer.label, f"{answer.score:.4f}", note))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
