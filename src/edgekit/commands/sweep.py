"""``edgekit sweep``: trains and measures the documented study, or the user's own grid."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import fields, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgekit import artifact_set, clock, digests
from edgekit.commands import data_options, options, running, terminal, train, tune_options
from edgekit.errors import DataError, MissingExtraError, did_you_mean
from edgekit.files import require_writable, to_json, write_json, write_text
from edgekit.index import write_index
from edgekit.train.finetune.recipe import after_training
from edgekit.train.grid import DOCUMENTED, points
from edgekit.train.reading import Reading
from edgekit.train.recipe import Recipe

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from edgekit.sweep.measurement import Basis, Measurement
    from edgekit.sweep.workers import Workers
    from edgekit.train.dataset import Dataset

FOLDER = "sweep"
JOURNAL = "rows.jsonl"
TABLE = "sweep.csv"
DOCUMENT = "sweep.json"
REPORT = "report.html"
"""Names in the artifacts folder."""
INT8_FILES = ".int8"
"""Folder beside the journal: the int8 files, from training until their latency is measured."""


pem = options.InputFile()


class GridAxis(click.ParamType[tuple[str, tuple[Any, ...]]]):
    """An option of ``edgekit train`` and its values: hidden=2,4,8."""

    name = "axis"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, tuple[Any, ...]]:
        """Parse KEY=V1,V2,… as ``edgekit train`` parses each value; return the key as in Recipe."""
        key, equals, listed = str(value).partition("=")
        hyper_parameters = _hyper_parameters()
        if not equals:
            self.fail(f"{value!r} is not KEY=V1,V2,…, as hidden=2,4,8", param, ctx)
        if key not in hyper_parameters:
            names = f"{', '.join(hyper_parameters)}{did_you_mean(key, hyper_parameters)}"
            self.fail(f"{key!r} is not an option of edgekit train: {names}", param, ctx)
        option = hyper_parameters[key]
        try:
            values = tuple(
                option.type.convert(text.strip(), None, ctx) for text in listed.split(",")
            )
        except click.BadParameter as error:
            self.fail(f"{key}: {error.message}", param, ctx)
        if repeated := [value for value, times in Counter(values).items() if times > 1]:
            self.fail(f"{key}: {repeated[0]} is repeated", param, ctx)
        assert option.name is not None
        return option.name, values

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> "list[CompletionItem]":
        """Complete the key, and the last value as the option's type does."""
        from click.shell_completion import CompletionItem

        key, equals, listed = incomplete.partition("=")
        hyper_parameters = _hyper_parameters()
        if not equals:
            return [CompletionItem(f"{name}=") for name in hyper_parameters if name.startswith(key)]
        if key not in hyper_parameters:
            return []
        before, comma, last = listed.rpartition(",")
        option = hyper_parameters[key]
        if option.is_flag:
            values = [value for value in ("false", "true") if value.startswith(last)]
        else:
            values = [item.value for item in option.type.shell_complete(ctx, param, last)]
        unused = [value for value in values if value not in before.split(",")]
        return [CompletionItem(f"{key}={before}{comma}{value}") for value in unused]


def _hyper_parameters() -> dict[str, click.Option]:
    """Return the options of the documented model's training, by name without dashes."""
    names = set(Recipe().document)
    return {
        option.opts[0].removeprefix("--"): option
        for option in train.command.params
        if isinstance(option, click.Option) and option.name in names
    }


@click.command(name="sweep", short_help="Train many models and compare accuracy and cost.")
@click.option(
    "--grid",
    type=GridAxis(),
    multiple=True,
    metavar="KEY=V1,V2,…",
    show_default="hidden 2 to 20, and each initializer at the documented model",
    help="An option of `edgekit train` and its values, as hidden=4,8 or qat=false,true; repeat it "
    "for every combination.",
)
@click.option(
    "--seeds",
    type=click.IntRange(1, 1000),
    default=1,
    help="Number of seeds to train each point with, from 42 up.",
)
@options.data(default="mnist")
@data_options.reading
@options.classes(default="0,1; all for a PATH")
@options.framing(default="resize")
@click.option(
    "--workers",
    type=click.IntRange(1),
    show_default="one for each core",
    help="Processes on this machine.",
)
@click.option(
    "--scheduler",
    metavar="tcp|tls://HOST:PORT",
    help="Use the workers of this Dask scheduler, which must have edgekit and the data. The "
    "scheduler can run code here and in its workers, and so can anyone who answers in its place: "
    "name only one that you trust, and use tls:// on a network.",
)
@click.option(
    "--tls-ca-file", type=pem, metavar="PEM", help="Certificate authority of a tls:// scheduler."
)
@click.option("--tls-cert", type=pem, metavar="PEM", help="This machine's certificate for it.")
@click.option("--tls-key", type=pem, metavar="PEM", help="The certificate's private key.")
@options.artifacts
@options.as_json
@options.verbosity
@click.pass_context
@running.with_scratch
def command(
    context: click.Context,
    /,
    grid: tuple[tuple[str, tuple[Any, ...]], ...],
    seeds: int,
    data: str,
    classes: tuple[str, ...] | None,
    framing: str | None,
    reading: Reading,
    workers: int | None,
    scheduler: str | None,
    tls_ca_file: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    artifacts: Path,
    as_json: bool,
) -> int:
    """Train, convert, export and measure a model for each point of a grid.

    Without --grid this is the documented study. Each row is written to sweep/rows.jsonl of the
    artifacts folder as soon as it is measured, and gets its latency when all are trained and
    nothing else runs; with --scheduler there is none. A sweep that is started again, or with a
    wider grid or more seeds, measures only what is missing for the same data and versions. Writes
    sweep.csv, sweep.json and report.html beside it, about the requested points; a point that cannot
    be trained or converted is marked as failed, with the reason.
    """
    recipes = _recipes(context, grid, seeds)
    clock.require_for_zips()
    if scheduler and workers:
        raise click.UsageError("--workers is about this machine: leave it out with --scheduler")
    encrypted = (scheduler or "").startswith("tls://")
    if (tls_ca_file or tls_cert or tls_key) and not encrypted:
        raise click.UsageError("--tls-ca-file, --tls-cert, --tls-key need --scheduler tls://…")
    if not scheduler and find_spec("tensorflow") is None:
        raise MissingExtraError("TensorFlow", "host", "training and conversion")
    from edgekit.sweep import point, report, table
    from edgekit.sweep import workers as pools
    from edgekit.train.data import load

    if scheduler:
        pool = pools.cluster(
            scheduler, pools.Tls(tls_ca_file, tls_cert, tls_key) if encrypted else None
        )
        if pools.is_exposed(scheduler):
            terminal.warn(
                f"--scheduler {scheduler}: not encrypted; whoever answers there, or is in between, "
                "can run code on this machine: use tls:// and certificates"
            )
    else:
        pool = pools.processes(workers or _cores())
    folder = artifacts / FOLDER
    require_writable(folder)
    dataset = load(data, classes, framing=framing or "resize", reading=reading)
    _require_inputs(recipes, dataset)
    basis = point.basis(dataset)
    rows = _measured(folder / JOURNAL, recipes, dataset, basis, pool, here=not scheduler)
    document = table.document(rows, basis)
    with artifact_set.replacing_set(folder) as staged:
        write_text(staged / TABLE, table.as_csv(rows))
        write_json(staged / DOCUMENT, document)
        write_text(staged / REPORT, report.render(rows, basis))
    digests.record(folder, folder / JOURNAL)
    write_index(artifacts)
    if as_json:
        terminal.page(to_json(document))
    else:
        where = (folder / REPORT).resolve().as_uri()
        terminal.page(f"{table.text(rows)}\n\nreport: {where}")
    return 0


def _recipes(
    context: click.Context, grid: Sequence[tuple[str, tuple[Any, ...]]], seeds: int
) -> tuple[Recipe, ...]:
    """Return the recipes of the grid, after checking that each can be trained."""
    axes = dict(grid)
    if len(axes) < len(grid):
        repeated = next(key for key, times in Counter(key for key, _ in grid).items() if times > 1)
        raise click.UsageError(f"--grid names {repeated.replace('_', '-')} twice", context)
    if "seed" in axes and seeds > 1:
        raise click.UsageError("--grid seed=… and --seeds say the same: leave one out", context)
    recipes = points((axes,) if axes else DOCUMENTED, seeds)
    for recipe in recipes:
        tune_options.check(context, after_training(recipe))
    if any(recipe.monitor == "val_loss" and not recipe.validation_split for recipe in recipes):
        raise click.UsageError(
            "--grid monitor=val_loss needs --grid validation-split, as 0.1", context
        )
    return recipes


def _require_inputs(recipes: Sequence[Recipe], dataset: "Dataset") -> None:
    count = len(dataset.x_train)
    for recipe in recipes:
        if int(count * (1 - recipe.validation_split)) < 1:
            raise DataError(
                f"--grid validation-split={recipe.validation_split} leaves none of the {count} "
                f"training {dataset.noun}"
            )


def _measured(
    path: Path,
    recipes: Sequence[Recipe],
    dataset: "Dataset",
    basis: "Basis",
    pool: "Workers",
    *,
    here: bool,
) -> "list[Measurement]":
    """Return a measurement for each recipe: from the journal, or a new one that is added to it.

    ``here`` says that the workers are processes of this machine: then the latency of each model is
    measured when all of them are trained.
    """
    from edgekit.sweep import journal, latency, point, workers
    from edgekit.sweep.measurement import key

    requested = {key(recipe, basis): recipe for recipe in recipes}
    digests.forget(path.parent, path.name)
    files = {name: path.with_name(INT8_FILES) / f"{name}.tflite" for name in requested}
    with journal.opened(path) as file:
        rows = {row.key: row for row in journal.rows(file) if row.key in requested}
        rows = {
            name: row
            for name, row in rows.items()
            if not row.awaits_latency or files[name].exists()
        }
        if rows:
            _say(f"{len(rows)} of {len(requested)} are already in {path}")
        tasks = {
            name: point.Task(
                recipe,
                basis,
                dataset.source,
                files[name] if here else None,
                dataset.framing,
                dataset.reading,
            )
            for name, recipe in requested.items()
            if name not in rows
        }
        with terminal.progress("sweep", len(tasks), prefix="edgekit sweep: ") as step:
            for name, row in workers.completed(point.measure, tasks, pool, _say):
                rows[name] = row if here else _lacking_latency(row, latency.ON_A_CLUSTER)
                journal.append(file, rows[name])
                step(f"{len(rows)} of {len(requested)}: {_described(row)}")
        timings = {
            name: latency.Timing(
                files[name], dataset.source, dataset.labels, dataset.framing, dataset.reading
            )
            for name in requested
            if rows[name].awaits_latency
        }
        if timings:
            _say(
                f"latency of {len(timings)} points, one after the other, with nothing else running"
            )
        for name, (seconds, reason) in workers.completed(
            latency.measure, timings, workers.processes(1), _say
        ):
            timed = replace(rows[name], latency=seconds)
            rows[name] = _lacking_latency(timed, reason) if reason else timed
            journal.append(file, rows[name])
        _clear(files.values())
    return [rows[name] for name in requested]


def _lacking_latency(row: "Measurement", reason: str) -> "Measurement":
    """Return the row with the reason why it has no latency; a failed one has its own reason."""
    if row.failure:
        return row
    return replace(row, missing={**row.missing, "latency": reason})


def _clear(files: Iterable[Path]) -> None:
    """Delete the int8 files, and their folder when no other grid has left any in it."""
    for path in files:
        path.unlink(missing_ok=True)
        with suppress(OSError):
            path.parent.rmdir()


def _described(row: "Measurement") -> str:
    from edgekit.sweep.summary import value_text, words

    recipe = row.recipe
    settings = [f"hidden {recipe.hidden}"]
    for field in fields(Recipe):
        value = getattr(recipe, field.name)
        if field.name not in ("hidden", "seed") and value != field.default:
            settings.append(f"{words(field.name)} {value_text(value)}")
    if row.failure:
        outcome = f"failed: {row.failure}"
    else:
        shares = (row.accuracy[kind]["accuracy"] for kind in ("float32", "int8"))
        outcome = "float {:.4f}, int8 {:.4f}, {} epochs".format(*shares, row.epochs)
    return f"{', '.join(settings)}, seed {recipe.seed}: {outcome}"


def _cores() -> int:
    """Return the number of cores that this process can use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _say(line: str) -> None:
    terminal.say(f"edgekit sweep: {line}")
