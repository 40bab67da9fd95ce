"""`edgekit predict`: a model's answers to images and arrays."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from math import prod
from pathlib import Path
from typing import Any

import click

from edge_runtime import BackendError, InputError, Model, ModelError, load
from edge_runtime.backends import backends, options_for, unavailable
from edge_runtime.errors import UnsoundError
from edge_runtime.meaning import ANOMALY, MULTILABEL, NUMBERS, margins
from edge_runtime.metadata import Metadata
from edgekit.columns import columns, shortened
from edgekit.commands import data_options, options, running, terminal
from edgekit.escape import line
from edgekit.files import to_json
from edgekit.train.reading import Reading

FORMAT = "edgekit predict"
VERSION = 1

ARRAYS = (".npz", ".npy")
LABEL = 60
"""Largest width of a label in the table, in columns; --json has all of it."""
BATCH = 250
"""Answers that are held and printed together, each batch as its own table."""
VALUES = 8
"""Most numbers of an output in a line of the table."""


@click.command(
    "predict",
    no_args_is_help=True,
    short_help="Classify images, or run arrays, with a .tflite model.",
)
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("inputs", type=click.Path(), metavar="[IMAGE|ARRAY]...", nargs=-1)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Data as for `edgekit convert`: an .npz or .npy with x (or x_test), a table, or a folder "
    "of class folders. Its inputs are predicted, and compared with y where it is there. For a "
    "model of several inputs an .npz with an array for each, by the name that `edgekit inspect` "
    "shows.",
)
@data_options.reading
@click.option(
    "--backend",
    type=options.Choice(backends()),
    help="Engine that runs the model; by default native, and litert where native cannot, in a "
    "process of its own.",
)
@click.option("--no-invert", is_flag=True, help="Use images with a light background as they are.")
@options.as_json
@options.verbosity
@click.pass_context
def command(
    context: click.Context,
    /,
    model: Path,
    inputs: tuple[str, ...],
    data: Path | None,
    reading: Reading,
    backend: str | None,
    no_invert: bool,
    as_json: bool,
) -> int:
    """Print the answers of MODEL (.tflite) to images or arrays.

    An IMAGE is a PNG, JPEG, BMP, GIF, WebP, TIFF or PNM of one frame and at most 67 million pixels,
    and may have any size and mode. If the model expects digits as MNIST has them, light ink on
    a dark ground, an image with a light background is inverted first. For a model that hears it is
    a WAV file of 16 bits, of the model's rate. An ARRAY (.npz or .npy) has inputs [N, ...] of the
    model: uint8 pixels, or floats on its own scale. For a model of several inputs it is an .npz
    whose arrays [N, ...] have the names of the inputs, with as many rows each. Of several outputs
    each is printed by its name, as numbers.
    """
    sources = [*inputs, *([str(data)] if data else [])]
    if not sources:
        raise click.UsageError("name an IMAGE or an ARRAY, or give --data", context)
    if reading.document and not data:
        raise click.UsageError(f"{reading.options[0]} is about --data: give it, too", context)
    running.warn_of_others(model)
    opened, backend = _open(model, backend)
    if opened.backend_note:
        terminal.note(f"{model}: {opened.backend_note}")
    errors: list[tuple[str, str]] = []
    answers = _answers(opened, inputs, errors, invert=False if no_invert else None)
    if data:
        answers = chain(answers, _of_data(opened, data, reading, errors))
    about = {
        "format": FORMAT,
        "version": VERSION,
        "model": str(model),
        "backend": backend,
        "meaning": opened.meaning if len(opened.outputs) == 1 else NUMBERS,
    }
    try:
        _print(answers, errors, about if as_json else None)
    except BackendError as error:
        raise BackendError(f"{model}: {error}") from None
    return 2 if errors else 0


def _print(
    answers: Iterator["Answer"], errors: list[tuple[str, str]], about: Mapping[str, Any] | None
) -> None:
    """Print answers in batches, so that the memory does not grow with the number of inputs.

    Args:
        answers: the answers.
        errors: file and error of what could not be read; grows as answers are consumed.
        about: first entries of the JSON document; None prints tables.
    """
    total = correct = 0
    # Errors that precede all answers are raised before anything is printed.
    batch = list(islice(answers, BATCH))
    if about is not None:
        terminal.page(to_json(about, None)[:-1] + ', "predictions": [')
    while batch:
        next_batch = list(islice(answers, BATCH))
        if about is not None:
            lines = ",\n".join(to_json(answer.content, None) for answer in batch)
            terminal.page(lines + ("," if next_batch else ""))
        else:
            terminal.page(_table(batch))
        truths = [answer for answer in batch if answer.truth is not None]
        total += len(truths)
        correct += sum(answer.content.get("label") == answer.truth for answer in truths)
        batch = next_batch
    if about is not None:
        end = {
            "errors": [{"file": file, "error": error} for file, error in errors],
            "correct": correct if total else None,
            "total": total or None,
        }
        terminal.page("], " + to_json(end, None)[1:])
    elif total:
        terminal.echo(f"{correct} of {total} right")


@dataclass(frozen=True)
class Answer:
    """The model's answer to one input.

    Attributes:
        content: "file", for a row of an array or a table its "row", and "label", "index", "score",
            "scores" and "inverted" of classes, or "values" where the output is numbers, or
            "outputs", the numbers of each output by name, where there are several; of an anomaly
            detector "squared_error" and "anomaly", too.
        truth: the right label; None where it is unknown.
    """

    content: dict[str, Any]
    truth: str | None = None


def _answers(
    model: Model,
    sources: Sequence[str],
    errors: list[tuple[str, str]],
    *,
    invert: bool | None,
) -> Iterator[Answer]:
    """Yield the answers to files one after the other; a file's error goes into ``errors``."""
    for source in sources:
        try:
            if Path(source).suffix in ARRAYS:
                several = len(model.inputs) > 1
                yield from (_of_arrays if several else _of_array)(model, Path(source))
            else:
                yield _of_image(model, source, invert=invert)
        except InputError as error:
            errors.append((source, str(error)))
            terminal.echo(f"edgekit: error: {error}", err=True)


def _of_data(
    model: Model, path: Path, reading: Reading, errors: list[tuple[str, str]]
) -> Iterator[Answer]:
    """Yield the answers to the inputs of --data, or of its test part where it has parts."""
    from edgekit.train import data
    from edgekit.train.reading import ARRAYS, DIGITS

    source = str(path)
    kind = data.kind_of(source)
    reading.require(kind, source)
    if kind == ARRAYS and not reading.document:
        yield from _answers(model, [source], errors, invert=None)
        return
    if kind == DIGITS or len(model.inputs) > 1:
        raise InputError(f"{source}: name an .npz, a table, or a folder of class folders")
    numbers, metadata = not _names_classes(model), model.metadata or Metadata()
    detects = model.task == ANOMALY  # its data have classes: normal inputs and anomalies
    loaded = data.read(
        source,
        model.input.shape[1:],
        framing=metadata.framing,
        numbers=None if detects else numbers,
        may_lack=detects,
        reading=data.completed(source, reading, _recorded(metadata, source), same=False),
        audio=metadata.audio,
    )
    for note in loaded.notes:
        terminal.note(note)
    part = "_test" if "x_test" in loaded.arrays else ""
    contents = _contents(model, path, loaded.arrays[f"x{part}"])
    names = _of_indices(loaded.names, metadata.labels) if not numbers else ()
    files, places = loaded.files, loaded.places
    for number, content in enumerate(contents):
        where: dict[str, Any] = {"file": files[number] if files else source}
        if places is not None or not files:
            where["row"] = number if places is None else int(places[number])
        truth = names[loaded.arrays[f"y{part}"][number]] if names else None
        yield Answer({**where, **content}, truth)


def _recorded(metadata: Metadata, source: str) -> Reading:
    """Return how the data were read that a model was trained on."""
    from edgekit.train.reading import from_document

    about = metadata.provenance.get("data")
    try:
        return from_document(about.get("reading") if isinstance(about, dict) else None)
    except ValueError as error:
        raise InputError(f"{source}: the model says how its data were read, but {error}") from None


def _names_classes(model: Model) -> bool:
    """Tell whether the output has a score for each class, not numbers or scores for each pixel.

    Several labels do not exclude each other, so that none of them is the answer.
    """
    if len(model.outputs) > 1 or model.task == MULTILABEL:
        return False
    shape = model.output.shape
    return model.meaning != NUMBERS and len(shape) > 1 and prod(shape[1:]) == shape[-1]


def _of_image(model: Model, file: str, *, invert: bool | None) -> Answer:
    if len(model.inputs) > 1:
        raise InputError(
            f"{file}: the model has {len(model.inputs)} inputs: give an .npz with an array for "
            f"each, {', '.join(map(repr, model.inputs))}"
        )
    if _names_classes(model):
        return Answer({"file": file, **vars(model.classify(file, invert=invert))})
    prepared = model.prepare(file, invert=invert)
    (row,) = _rows(model.predict(prepared.pixels[None]))
    (errors,) = _errors(model, prepared.pixels[None], 1)
    return Answer({"file": file, **row, **errors, "inverted": prepared.inverted})


def _errors(model: Model, inputs: Any, count: int) -> Sequence[dict[str, Any]]:
    """Return for each of ``count`` inputs how far it is from what an anomaly detector rebuilds."""
    if model.task != ANOMALY or len(model.inputs) > 1 or len(model.outputs) > 1:
        return [{}] * count
    threshold = model.metadata.threshold if model.metadata else None
    return [
        {"squared_error": error, "anomaly": None if threshold is None else error > threshold}
        for error in model.score(inputs).tolist()
    ]


def _rows(outputs: Any) -> Iterator[dict[str, Any]]:
    """Yield the numbers of each row of what a model predicts."""
    if not isinstance(outputs, dict):
        yield from ({"values": output.ravel().tolist()} for output in outputs)
        return
    for row in zip(*outputs.values(), strict=True):
        values = (output.ravel().tolist() for output in row)
        yield {"outputs": dict(zip(outputs, values, strict=True))}


def _of_arrays(model: Model, path: Path) -> Iterator[Answer]:
    """Yield the answers to the rows of a file that has an array for each of several inputs."""
    from edgekit.train.arrays import read_npz

    outputs = _predicted(model, path, read_npz(path))
    if _names_classes(model):
        labels = model.labels if model.metadata and model.metadata.labels else None
        for row, scores in enumerate(outputs):
            yield Answer({"file": str(path), "row": row, **_scored(scores, labels)})
        return
    for row, content in enumerate(_rows(outputs)):
        yield Answer({"file": str(path), "row": row, **content})


def _of_array(model: Model, path: Path) -> Iterator[Answer]:
    """Yield the answers to the rows of a file, or of its test part where it has parts."""
    from edgekit.train.arrays import from_npz

    numbers = not _names_classes(model)
    detects = model.task == ANOMALY  # its data have classes: normal inputs and anomalies
    data = from_npz(path, numbers=None if detects else numbers, may_lack=detects)
    part = "_test" if "x_test" in data.arrays else ""
    truths = data.arrays[f"y{part}"]
    names = () if numbers else _of_indices(data.names, (model.metadata or Metadata()).labels)
    for row, content in enumerate(_contents(model, path, data.arrays[f"x{part}"])):
        truth = names[truths[row]] if names else None
        yield Answer({"file": str(path), "row": row, **content}, truth)


def _contents(model: Model, path: Path, inputs: Any) -> Iterator[dict[str, Any]]:
    """Yield what the model says of each of the inputs [N, ...] of a file."""
    outputs = _predicted(model, path, inputs)
    if not _names_classes(model):
        errors = _errors(model, inputs, len(inputs))
        yield from ({**row, **error} for row, error in zip(_rows(outputs), errors, strict=True))
        return
    metadata = model.metadata or Metadata()
    chosen: Sequence[int] = outputs.argmax(axis=1).tolist()
    if metadata.threshold is not None:
        above = margins(model._numbers(inputs), model.meaning) > metadata.threshold
        chosen = above.astype(int).tolist()
    for scores, index in zip(outputs, chosen, strict=True):
        yield _scored(scores, metadata.labels or None, index)


def _of_indices(names: tuple[str, ...], labels: Sequence[str]) -> tuple[str, ...]:
    """Return the labels of class names that can only be indices of them; others as they are."""
    if not names or set(names) & set(labels) or not all(map(str.isdecimal, names)):
        return names
    indices = [int(name) for name in names]
    return tuple(labels[index] for index in indices) if max(indices) < len(labels) else names


def _predicted(model: Model, path: Path, inputs: Any) -> Any:
    """Return what the model predicts of the arrays of a file."""
    try:
        return model.predict(inputs)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _scored(scores: Any, labels: Sequence[str] | None, index: int | None = None) -> dict[str, Any]:
    """Return the answer for scores float32 [classes]; without ``index`` it is the highest."""
    index = int(scores.argmax()) if index is None else index
    return {
        "label": labels[index] if labels else str(index),
        "index": index,
        "score": float(scores[index]),
        "scores": scores.tolist(),
        "inverted": False,
    }


def _open(model: Path, backend: str | None) -> tuple[Model, str]:
    """Return the opened model, and the name of the backend that runs it."""
    if backend:
        return load(model, backend=backend, **options_for(backend)), backend
    try:
        return load(model), "native"
    except UnsoundError:
        raise
    except (BackendError, ModelError):
        if unavailable("litert"):
            raise
        return load(model, backend="litert", **options_for("litert")), "litert"


def _table(answers: Sequence[Answer]) -> str:
    """Return the answers in aligned columns."""
    first = answers[0].content
    head = "label score" if "label" in first else "values" if "values" in first else "output values"
    rows = [("file", *head.split(), "")]
    for answer in answers:
        content = answer.content
        file = content["file"] + (f"[{content['row']}]" if "row" in content else "")
        note = "inverted: light background" if content.get("inverted") else ""
        if "squared_error" in content:
            kind = "anomaly, " if content["anomaly"] else ""
            note = f"{kind}mean squared error {content['squared_error']:.4g}"
        if answer.truth is not None and answer.truth != content["label"]:
            note = f"truth: {shortened(line(answer.truth), LABEL)}"
        if "label" in content:
            label = shortened(line(content["label"]), LABEL)
            rows.append((file, label, f"{content['score']:.4f}", note))
        elif "values" in content:
            rows.append((file, _numbers(content["values"]), note))
        else:
            for name, values in content["outputs"].items():
                rows.append((file, shortened(line(name), LABEL), _numbers(values), note))
    return "\n".join(columns(rows))


def _numbers(values: Sequence[float]) -> str:
    """Return the first numbers of an output, and how many there are if those are not all."""
    more = f", … ({len(values)})" if len(values) > VALUES else ""
    return ", ".join(f"{value:.6g}" for value in values[:VALUES]) + more
