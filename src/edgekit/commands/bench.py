"""``edgekit bench``: the same test inputs through every model on every backend or a target."""

import os
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge_runtime.backends import backends as all_backends
from edgekit import artifact_set, digests, files, frameworks
from edgekit.benchmarks.cores import CORES
from edgekit.commands import bench_options, bench_target, options, running, terminal
from edgekit.commands.bench_options import Duration, Options, Size, Tolerance
from edgekit.errors import MissingExtraError, ModelFileError, ResultError
from edgekit.index import write_index

if TYPE_CHECKING:
    from edgekit.benchmarks.gate import Gate
    from edgekit.benchmarks.result import Result
    from edgekit.benchmarks.subjects import Entry, Keras
    from edgekit.train.dataset import Dataset

JOURNAL = "bench{}.jsonl"
DOCUMENT = "bench{}.json"
REPORT = "report{}.html"
"""In the artifacts folder; a target's name stands in the braces, so that it keeps its own files."""

ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
"""What keeps NumPy's linear algebra on one thread, as everyone else is; read at its import."""

output_file = click.Path(dir_okay=False, path_type=Path)
input_file = options.InputFile()


@click.command("bench", short_help="Measure models on the test images and hold them to gates.")
@click.argument("models", nargs=-1, type=input_file, metavar="[MODEL.tflite]...")
@options.artifacts
@click.option(
    "--data",
    show_default="what the models were trained on",
    metavar="mnist|synthetic|none|PATH",
    help="Test inputs. PATH is a folder with one folder of images for each class, or an .npz of x "
    "and y: uint8 is pixels, floats are the model's inputs as they are. none: random tensors, "
    "which have no accuracy.",
)
@click.option(
    "--classes",
    "--labels",
    callback=bench_options.labels,
    metavar="LIST|FILE.txt",
    show_default="those the models were trained on",
    help="Classes in the order of the scores, as 0-9 or cat,dog, or a file with one a line; the "
    "first is the positive one.",
)
@options.framing(default="as the models say; resize")
@click.option(
    "--input-range",
    type=options.InputRange(),
    metavar="LOW,HIGH",
    show_default="what the files say, or found out and said",
    help="What pixels 0 and 255 are on the models' scale.",
)
@click.option(
    "--keras",
    type=click.Path(exists=True, path_type=Path),
    metavar="FILE",
    show_default="the artifacts folder's model.keras, where a model says that it comes from it",
    help="The Keras model to compare with.",
)
@options.trust
@click.option(
    "--min-accuracy",
    type=options.FiniteRange(0, 1),
    show_default="0.99 for the documented study; else --max-drop",
    help="What each model must reach on each backend.",
)
@click.option(
    "--max-drop",
    type=options.FiniteRange(0, 1),
    show_default="0.01 where there is no --min-accuracy",
    help="How far accuracy, or R² of numbers, may fall below the Keras model's.",
)
@click.option(
    "--max-latency",
    type=Duration(),
    metavar="TIME",
    help="What the median of one input may take on our engines: 50us, 2.5ms.",
)
@click.option("--max-size", type=Size(), metavar="SIZE", help="What each model file may take: 64K.")
@click.option(
    "--backend",
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
    type=output_file,
    metavar="FILE",
    help="bench.json of an earlier run: fail when accuracy, latency, memory or size got worse.",
)
@click.option(
    "--update-baseline",
    is_flag=True,
    help="Write this run to the --baseline, new or in its place, if all gates hold.",
)
@click.option(
    "--tolerance",
    type=Tolerance(),
    multiple=True,
    metavar="NAME=SHARE",
    help="How much worse than the baseline's a figure may be, as latency=0.4; repeatable.",
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
    "--max-instructions", type=Size(), metavar="COUNT", help="What the slowest input may take."
)
@click.option("--quick", is_flag=True, help="Fewer samples: for a look, not for figures to keep.")
@click.option("--samples", is_flag=True, help="Keep the raw samples in bench.json as well.")
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
@running.by_itself
def command(**given: Any) -> int:
    """Measure models on test inputs: accuracy or error, parity, exactness, latency, footprint.

    Every MODEL.tflite (by default all in the artifacts folder) on every backend, beside the Keras
    model that it comes from. With --target as firmware on an emulated microcontroller: built from
    its C export for size and for speed, every output byte compared, flash, RAM with the stack and
    executed instructions measured; by default the artifacts folder's model_int8.tflite. Writes
    bench.json and report.html into the artifacts folder.
    Exit code 1 when a gate fails.
    """
    chosen = Options(**given)
    chosen.require_sense()
    _prepare_process(chosen.verbose)
    from edgekit.benchmarks import baseline, document, gate, subjects

    named = _named(chosen)
    running.warn_of_others(*named.values())
    backends = _backends(chosen)
    tolerances = _tolerances(chosen)
    earlier = []
    if chosen.baseline and chosen.baseline.exists():
        earlier = document.read(chosen.baseline)
        baseline.require_common(earlier, list(named), backends)
    entries, dataset = subjects.gather(
        named,
        subjects.Choices(chosen.data, chosen.classes, chosen.framing, chosen.input_range),
    )
    beside = chosen.artifacts / files.KERAS_MODEL
    keras = subjects.keras_of(entries, beside, chosen.keras, trust=chosen.trust)
    if keras.file and keras.trust:
        from edgekit import keras_files

        for line in keras_files.trusted(keras.file):
            terminal.warn(line)
    for warning in subjects.warnings(entries):
        terminal.warn(warning)
    for note in subjects.notes(entries, dataset):
        terminal.note(note)
    results = _measure(chosen, entries, dataset, keras, backends)
    gates = _gates(chosen, results, entries)
    gates += baseline.compare(results, earlier, list(named), tolerances)
    models = [entry.describe(name) for name, entry in entries.items()]
    text = document.dumps(results, gates, models, samples=chosen.samples)
    _write(chosen, text, results, gates)
    for one in gates:
        if one.verdict == "failed":
            terminal.echo(f"edgekit bench: {one}", err=True)
    passed = gate.passed(gates)
    if chosen.update_baseline and chosen.baseline:
        _update(chosen.baseline, text, passed)
    return 0 if passed else 1


def _prepare_process(verbose: bool) -> None:
    for variable in ONE_THREAD:
        os.environ.setdefault(variable, "1")
    if verbose:
        os.environ["EDGEKIT_VERBOSE"] = "1"
        with suppress(MissingExtraError):
            frameworks.keras(verbose=True)


def _measure(
    chosen: Options,
    entries: "Mapping[str, Entry]",
    dataset: "Dataset",
    keras: "Keras",
    backends: Sequence[str],
) -> "list[Result]":
    """Measure the models on the backends of this machine, or as firmware."""
    from edgekit.benchmarks import document, suite

    journal = chosen.artifacts / JOURNAL.format(_suffix(chosen))
    digests.forget(chosen.artifacts, journal.name)
    files.write_text(journal, "")

    def keep(result: "Result") -> None:
        document.append(journal, result, samples=chosen.samples)

    if chosen.target:
        with _progress(len(entries) * len(backends)) as say:
            return bench_target.measure(chosen, chosen.target, entries, dataset, keras, keep, say)
    with tempfile.TemporaryDirectory() as scratch, _progress(suite.STAGES) as say:
        return suite.run(
            entries,
            backends,
            dataset,
            keras,
            Path(scratch),
            effort=suite.QUICK if chosen.quick else suite.THOROUGH,
            keep=keep,
            say=say,
        )


def _gates(
    chosen: Options, results: "Sequence[Result]", entries: "Mapping[str, Entry]"
) -> "list[Gate]":
    """Return what is asked of the models."""
    from edgekit.benchmarks import contender, gate

    study = {name for name, entry in entries.items() if entry.file.of_the_study}
    gates = gate.answers(results, chosen.min_accuracy, chosen.max_drop, study)
    named = {name: entry.file.path for name, entry in entries.items()}
    if chosen.target:
        gates += bench_target.gates(results, named, chosen.budgets)
    else:
        gates += gate.runs(results, named, contender.for_edgetpu(named))
        gates += gate.required(results, chosen.require)
        gates += gate.exact(results)
        gates += gate.completed(results)
    if chosen.max_latency is not None:
        gates += gate.latency(results, chosen.max_latency)
    if chosen.max_size is not None:
        gates += gate.size(named, chosen.max_size)
    return gates


def _write(
    chosen: Options, document: str, results: "Sequence[Result]", gates: "Sequence[Gate]"
) -> None:
    """Write the document and the reports, and print what the terminal gets."""
    from edgekit.benchmarks import html, junit, markdown, text

    own = _suffix(chosen)
    page = html.render(results, gates)
    report = chosen.html or chosen.artifacts / REPORT.format(own)
    with artifact_set.replacing_set(chosen.artifacts) as staged:
        files.write_text(staged / DOCUMENT.format(own), document)
        if not chosen.html:
            files.write_text(staged / report.name, page)
    if chosen.html:
        files.write_text(chosen.html, page)
    if chosen.junit:
        files.write_text(chosen.junit, junit.render(results, gates))
    if chosen.markdown:
        files.write_text(chosen.markdown, markdown.render(results, gates))
    write_index(chosen.artifacts)
    others = (one for one in (chosen.html, chosen.junit, chosen.markdown) if one)
    digests.record(chosen.artifacts, chosen.artifacts / JOURNAL.format(own), *others)
    if chosen.as_json:
        terminal.page(document.rstrip("\n"))
    else:
        tables = terminal.coloured(text.render(results, gates))
        terminal.page(*tables, f"\n\nreport: {report.resolve().as_uri()}")


def _update(baseline: Path, document: str, passed: bool) -> None:
    if passed:
        files.write_text(baseline, document)
        terminal.say(f"edgekit bench: {baseline} is the baseline now")
    else:
        terminal.say(f"edgekit bench: {baseline} stays as it was: a gate failed")


def _suffix(chosen: Options) -> str:
    parts = (chosen.target, bench_target.SKIP_ZEROS if chosen.skip_zeros else "")
    return "".join(f"_{part}" for part in parts if part)


def _progress(total: int) -> AbstractContextManager[terminal.Step]:
    # No thread draws while the latency of others is measured.
    return terminal.progress("bench", total, prefix="edgekit bench: ", animated=False)


def _visible(artifacts: Path) -> list[Path]:
    """Return the models of the folder, without the hidden ones that are still being written."""
    found = (path for path in artifacts.glob("*.tflite") if path.name[0] != ".")
    return sorted(path for path in found if path.is_file())


def _named(chosen: Options) -> dict[str, Path]:
    """Return the models by their file name, or by their path where two have the same name."""
    paths: Sequence[Path] = chosen.models
    if not paths and chosen.target:
        paths = [options.int8_model(chosen.artifacts)]
    paths = paths or _visible(chosen.artifacts)
    if not paths:
        raise ModelFileError(
            f"{chosen.artifacts}: no .tflite file there: run edgekit convert or name one"
        )
    times = Counter(path.name for path in set(paths))
    return {path.name if times[path.name] == 1 else str(path): path for path in paths}


def _backends(chosen: Options) -> list[str]:
    """Return the chosen and the required backends, all that there are when none is chosen."""
    if chosen.target:
        return bench_target.builds(chosen.target, chosen.skip_zeros)
    return list(dict.fromkeys((*(chosen.backend or all_backends()), *chosen.require)))


def _tolerances(chosen: Options) -> dict[str, float]:
    from edgekit.benchmarks import baseline

    for name, _ in chosen.tolerance:
        if name not in baseline.TOLERANCES:
            known = ", ".join(baseline.TOLERANCES)
            raise ResultError(f"--tolerance: there is no figure {name!r}: there are {known}")
    return dict(chosen.tolerance)
