"""``edgekit bench``: the same test images through every model on every backend or a target."""

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge_runtime.backends import backends as all_backends
from edgekit import digests, files, frameworks
from edgekit.benchmarks.cores import CORES
from edgekit.commands import bench_target, options, terminal
from edgekit.commands.bench_target import Size
from edgekit.errors import MissingExtraError, ModelFileError
from edgekit.index import write_index

if TYPE_CHECKING:
    from edgekit.benchmarks.gate import Gate
    from edgekit.benchmarks.result import Result
    from edgekit.train.data import Dataset

JOURNAL = "bench{}.jsonl"
DOCUMENT = "bench{}.json"
REPORT = "report{}.html"
"""In the artifacts folder; a target's name stands in the braces, so that it keeps its own files."""

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""What keeps NumPy's linear algebra on one thread, as everyone else is; read at its import."""

output_file = click.Path(dir_okay=False, path_type=Path)
input_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("bench", short_help="Measure models on the test images and hold them to gates.")
@click.argument("models", nargs=-1, type=input_file, metavar="[MODEL.tflite]...")
@options.artifacts
@options.data(default=None)
@options.classes(default="those the model was trained on")
@click.option(
    "--min-accuracy",
    type=options.FiniteRange(0, 1),
    default=0.99,
    help="What each model must reach on each backend.",
)
@click.option(
    "--backend",
    "chosen",
    type=options.Choice(all_backends()),
    multiple=True,
    metavar="NAME",
    help="Only this one; repeatable.",
)
@click.option(
    "--require",
    type=options.Choice(all_backends()),
    multiple=True,
    metavar="NAME",
    help="Fail unless this backend is present and ran a model; repeatable.",
)
@click.option(
    "--baseline",
    type=input_file,
    metavar="FILE",
    help="bench.json of an earlier run: fail when accuracy, latency, memory or size got worse.",
)
@click.option(
    "--target",
    type=options.Choice(tuple(CORES)),
    help="Build firmware for this core, run it emulated and measure that instead of backends.",
)
@options.skip_zeros
@click.option("--max-flash", type=Size(), metavar="SIZE", help="What the firmware may take: 16K.")
@click.option("--max-ram", type=Size(), metavar="SIZE", help="The same of RAM, with the stack.")
@click.option(
    "--max-instructions", type=Size(), metavar="COUNT", help="What the slowest image may take."
)
@click.option("--quick", is_flag=True, help="Fewer samples: for a look, not for figures to keep.")
@options.as_json
@click.option("--junit", type=output_file, metavar="FILE", help="Write the gates as JUnit XML.")
@click.option("--markdown", type=output_file, metavar="FILE", help="Write the tables as Markdown.")
@click.option(
    "--html",
    type=output_file,
    metavar="FILE",
    help="Write the report here; by default report.html in the artifacts folder.",
)
@options.quiet
@options.verbose
def command(
    models: tuple[Path, ...],
    artifacts: Path,
    data: str | None,
    classes: tuple[str, ...] | None,
    min_accuracy: float,
    chosen: tuple[str, ...],
    require: tuple[str, ...],
    baseline: Path | None,
    target: str | None,
    skip_zeros: bool,
    max_flash: int | None,
    max_ram: int | None,
    max_instructions: int | None,
    quick: bool,
    as_json: bool,
    junit: Path | None,
    markdown: Path | None,
    html: Path | None,
    verbose: bool,
) -> int:
    """Measure models on the test images: accuracy, parity, exactness, latency, footprint.

    Every MODEL.tflite (by default all in the artifacts folder) on every backend, beside the Keras
    model run by its peers. With --target as firmware on an emulated microcontroller: built from
    its C export for size and for speed, every output byte compared, flash, RAM with the stack and
    executed instructions measured; by default the artifacts folder's model_int8.tflite. Writes
    bench.json and report.html into the artifacts folder.
    Exit code 1 when a gate fails.
    """
    budgets = {
        "--max-flash": max_flash,
        "--max-ram": max_ram,
        "--max-instructions": max_instructions,
    }
    _require_sense(target, skip_zeros, budgets, chosen, require)
    for variable in ONE_THREAD:
        os.environ.setdefault(variable, "1")
    if verbose:
        os.environ["EDGEKIT_VERBOSE"] = "1"
        with suppress(MissingExtraError):
            frameworks.keras(verbose=True)
    from edgekit.benchmarks import baseline as comparison
    from edgekit.benchmarks import dataset as test_images
    from edgekit.benchmarks import document, gate, text
    from edgekit.benchmarks import html as html_report
    from edgekit.benchmarks import junit as junit_report
    from edgekit.benchmarks import markdown as markdown_report

    there = [options.int8_model(artifacts)] if target and not models else _visible(artifacts)
    named = _named(models or there, artifacts)
    backends = bench_target.builds(target, skip_zeros) if target else _backends(chosen, require)
    earlier = document.read(baseline) if baseline else []
    if baseline:
        comparison.require_common(earlier, list(named), backends)
    dataset = test_images.for_models(list(named.values()), data, classes)
    own = "".join(f"_{part}" for part in (target, skip_zeros and bench_target.SKIP_ZEROS) if part)
    journal = artifacts / JOURNAL.format(own)
    digests.forget(artifacts, journal.name)
    files.write_text(journal, "")

    def keep(result: "Result") -> None:
        document.append(journal, result)

    if target:
        with _progress(len(named) * len(backends)) as say:
            results = bench_target.measure(named, target, skip_zeros, dataset, quick, keep, say)
        gates = bench_target.gates(results, named, min_accuracy, budgets)
    else:
        results = _measure(named, backends, dataset, artifacts, quick, keep)
        gates = _gates(results, named, min_accuracy, require)
    gates += comparison.compare(results, earlier, list(named))
    report = html or artifacts / REPORT.format(own)
    document.write(artifacts / DOCUMENT.format(own), results, gates)
    files.write_text(report, html_report.render(results, gates))
    write_index(artifacts)
    if junit:
        files.write_text(junit, junit_report.render(results, gates))
    if markdown:
        files.write_text(markdown, markdown_report.render(results, gates))
    others = (path for path in (junit, markdown) if path)
    digests.record(artifacts, journal, artifacts / DOCUMENT.format(own), report, *others)
    if as_json:
        click.echo(document.dumps(results, gates), nl=False)
    else:
        tables = terminal.coloured(text.render(results, gates))
        click.echo(f"{tables}\n\nreport: {report.resolve().as_uri()}")
    for one in gates:
        if one.verdict == "failed":
            click.echo(f"edgekit bench: {one}", err=True)
    return 0 if gate.passed(gates) else 1


def _require_sense(
    target: str | None,
    skip_zeros: bool,
    budgets: Mapping[str, int | None],
    chosen: Sequence[str],
    required: Sequence[str],
) -> None:
    """Refuse options of the one road on the other."""
    for option, names in (("--backend", chosen), ("--require", required)):
        if target and names:
            raise click.UsageError(f"{option} is about this machine: leave it out with --target")
    if target and not CORES[target].emulated and budgets["--max-instructions"] is not None:
        raise click.UsageError(f"--max-instructions: {target} is not emulated, it has sizes only")
    asked = {"--skip-zeros": skip_zeros}
    asked |= {option: limit is not None for option, limit in budgets.items()}
    for option, given in asked.items():
        if not target and given:
            raise click.UsageError(f"{option} is about a microcontroller: name one with --target")


def _measure(
    named: Mapping[str, Path],
    backends: Sequence[str],
    dataset: "Dataset",
    artifacts: Path,
    quick: bool,
    keep: "Callable[[Result], None]",
) -> "list[Result]":
    """Measure the models on the backends of this machine."""
    from edgekit.benchmarks import suite

    with tempfile.TemporaryDirectory() as scratch, _progress(suite.STAGES) as say:
        return suite.run(
            named,
            backends,
            dataset,
            artifacts / files.KERAS_MODEL,
            Path(scratch),
            effort=suite.QUICK if quick else suite.THOROUGH,
            keep=keep,
            say=say,
        )


def _gates(
    results: "Sequence[Result]",
    named: Mapping[str, Path],
    min_accuracy: float,
    required: Sequence[str],
) -> "list[Gate]":
    """Return what is asked of the backends of this machine."""
    from edgekit.benchmarks import contender, gate

    return [
        *gate.accuracy(results, min_accuracy),
        *gate.runs(results, named, contender.for_edgetpu(named)),
        *gate.required(results, required),
        *gate.exact(results),
        *gate.completed(results),
    ]


def _progress(total: int) -> AbstractContextManager[terminal.Step]:
    # No thread draws while the latency of others is measured.
    return terminal.progress("bench", total, prefix="edgekit bench: ", animated=False)


def _visible(artifacts: Path) -> list[Path]:
    """Return the models of the folder, without the hidden ones that are still being written."""
    return sorted(path for path in artifacts.glob("*.tflite") if path.name[0] != ".")


def _named(paths: Sequence[Path], artifacts: Path) -> dict[str, Path]:
    """Return the models by their file name, or by their path where two have the same name."""
    if not paths:
        raise ModelFileError(f"{artifacts}: no .tflite file there: run edgekit convert or name one")
    times = Counter(path.name for path in set(paths))
    return {path.name if times[path.name] == 1 else str(path): path for path in paths}


def _backends(chosen: Sequence[str], required: Sequence[str]) -> list[str]:
    """Return the chosen and the required backends, all that there are when none is chosen."""
    return list(dict.fromkeys((*(chosen or all_backends()), *required)))
