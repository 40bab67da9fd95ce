"""``edgekit bench``: the same test images through every model on every backend."""

import os
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import click

from edge_runtime.backends import backends as all_backends
from edge_runtime.errors import BackendError
from edgekit import files, frameworks
from edgekit.commands import options
from edgekit.errors import MissingExtraError, ModelFileError

JOURNAL = "bench.jsonl"
DOCUMENT = "bench.json"
REPORT = "report.html"
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""What keeps NumPy's linear algebra on one thread, as everyone else is; read at its import."""

output_file = click.Path(dir_okay=False, path_type=Path)
input_file = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("bench")
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
    "--backend", "chosen", multiple=True, metavar="NAME", help="Only this one; repeatable."
)
@click.option(
    "--require",
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
@click.option("--quick", is_flag=True, help="Fewer samples: for a look, not for figures to keep.")
@options.as_json
@click.option("--junit", type=output_file, metavar="FILE", help="Write the gates as JUnit XML.")
@click.option("--markdown", type=output_file, metavar="FILE", help="Write the tables as Markdown.")
@click.option(
    "--html",
    type=output_file,
    metavar="FILE",
    help=f"Write the report here; by default {REPORT} in the artifacts folder.",
)
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
    quick: bool,
    as_json: bool,
    junit: Path | None,
    markdown: Path | None,
    html: Path | None,
    verbose: bool,
) -> int:
    """Measure models on the test images: accuracy, parity, exactness, latency, footprint.

    Every MODEL.tflite (by default all in the artifacts folder) on every backend, beside the Keras
    model run by its peers. Writes bench.json and report.html into the artifacts folder. Exit code
    1 when a gate fails.
    """
    for variable in ONE_THREAD:
        os.environ.setdefault(variable, "1")
    if verbose:
        os.environ["EDGEKIT_VERBOSE"] = "1"
        with suppress(MissingExtraError):
            frameworks.keras(verbose=True)
    from edgekit.benchmarks import baseline as comparison
    from edgekit.benchmarks import contender, document, gate, suite, text
    from edgekit.benchmarks import dataset as test_images
    from edgekit.benchmarks import html as html_report
    from edgekit.benchmarks import junit as junit_report
    from edgekit.benchmarks import markdown as markdown_report

    named = _named(models or _visible(artifacts), artifacts)
    backends = _backends(chosen, require)
    earlier = document.read(baseline) if baseline else []
    if baseline:
        comparison.require_common(earlier, list(named), backends)
    dataset = test_images.for_models(list(named.values()), data, classes)
    journal = artifacts / JOURNAL
    files.write_text(journal, "")
    with tempfile.TemporaryDirectory() as scratch:
        results = suite.run(
            named,
            backends,
            dataset,
            artifacts / files.KERAS_MODEL,
            Path(scratch),
            effort=suite.QUICK if quick else suite.THOROUGH,
            keep=lambda result: document.append(journal, result),
            say=lambda stage: click.echo(f"edgekit bench: {stage}", err=True),
        )
    gates = [
        *gate.accuracy(results, min_accuracy),
        *gate.runs(results, named, contender.for_edgetpu(named)),
        *gate.required(results, require),
        *gate.exact(results),
        *gate.completed(results),
        *comparison.compare(results, earlier, list(named)),
    ]
    report = html or artifacts / REPORT
    document.write(artifacts / DOCUMENT, results, gates)
    files.write_text(report, html_report.render(results, gates))
    if junit:
        files.write_text(junit, junit_report.render(results, gates))
    if markdown:
        files.write_text(markdown, markdown_report.render(results, gates))
    if as_json:
        click.echo(document.dumps(results, gates), nl=False)
    else:
        click.echo(f"{text.render(results, gates)}\n\nreport: {report.resolve().as_uri()}")
    for one in gates:
        if one.verdict == "failed":
            click.echo(f"edgekit bench: {one}", err=True)
    return 0 if gate.passed(gates) else 1


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
    known = all_backends()
    for name in (*chosen, *required):
        if name not in known:
            raise BackendError(f"unknown backend {name!r}: there are {', '.join(known)}")
    return list(dict.fromkeys((*(chosen or known), *required)))
