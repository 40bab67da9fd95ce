"""One run of ``edgekit bench``: find models and data, measure, check the gates, write the files."""

import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from edge_runtime.backends import backends as all_backends
from edgekit import digests, files
from edgekit.commands import bench_core, bench_output, options, running, terminal
from edgekit.commands.bench_options import Options
from edgekit.errors import ModelFileError, ResultError

DEFINITION = "reference"
"""Backend that is measured only if it is named: the definitions of the kernels in NumPy take up to
a thousand times as long."""

if TYPE_CHECKING:
    from edgekit.benchmarks.gate import Gate
    from edgekit.benchmarks.result import Result
    from edgekit.benchmarks.subjects import Entry, Keras
    from edgekit.train.dataset import Dataset


def run(chosen: Options) -> bool:
    """Measure the models, write the files and return whether all gates passed.

    Raises:
        ModelFileError: there is no model.
        ResultError: the baseline or a tolerance is not usable.
        EdgekitError: models or data cannot be read, or a core's tools are missing.
    """
    from edgekit.benchmarks import baseline, gate, subjects
    from edgekit.benchmarks.report import document

    models = models_of(chosen)
    running.warn_of_others(*models.values())
    backends = _backends(chosen)
    tolerances = _tolerances(chosen)
    earlier = []
    if chosen.baseline and chosen.baseline.exists():
        earlier = document.read(chosen.baseline)
        baseline.require_common(earlier, list(models), backends)
    entries, dataset = subjects.gather(
        models,
        subjects.InputChoices(
            chosen.data,
            chosen.classes,
            chosen.task,
            chosen.framing,
            chosen.input_range,
            chosen.reading,
        ),
    )
    keras = _keras(chosen, entries)
    for warning in subjects.warnings(entries):
        terminal.warn(warning)
    for note in subjects.notes(entries, dataset):
        terminal.note(note)
    results = _measure(chosen, entries, dataset, keras, backends)
    gates = _gates(chosen, results, entries)
    gates += baseline.compare(results, earlier, list(models), tolerances)
    descriptions = [entry.describe(name) for name, entry in entries.items()]
    text = document.dumps(results, gates, descriptions, samples=chosen.samples)
    bench_output.write(chosen, text, results, gates, models)
    for one in gates:
        if one.verdict == "failed":
            terminal.echo(f"edgekit bench: {one}", err=True)
    passed = gate.passed(gates)
    if chosen.update_baseline and chosen.baseline:
        bench_output.update(chosen.baseline, text, passed)
    return passed


def models_of(chosen: Options) -> dict[str, Path]:
    """Return the models by their file name, or by their path where two have the same name.

    Raises:
        ModelFileError: there is none.
    """
    paths: Sequence[Path] = chosen.models
    if not paths and chosen.core:
        paths = [options.int8_model(chosen.artifacts)]
    paths = paths or _visible(chosen.artifacts)
    if not paths:
        raise ModelFileError(
            f"{chosen.artifacts}: no .tflite file there: run edgekit convert or name one"
        )
    times = Counter(path.name for path in set(paths))
    return {path.name if times[path.name] == 1 else str(path): path for path in paths}


def _visible(artifacts: Path) -> list[Path]:
    """Return the models of the folder, without the hidden ones that are still being written."""
    paths = (path for path in artifacts.glob("*.tflite") if path.name[0] != ".")
    return sorted(path for path in paths if path.is_file())


def _backends(chosen: Options) -> list[str]:
    """Return the chosen and the required backends, all but DEFINITION when none is chosen."""
    if chosen.core:
        return bench_core.names(chosen.core, chosen.variant)
    usual = [name for name in all_backends() if name != DEFINITION]
    return list(dict.fromkeys((*(chosen.backend or usual), *chosen.require)))


def _tolerances(chosen: Options) -> dict[str, float]:
    from edgekit.benchmarks import baseline

    for name, _ in chosen.tolerance:
        if name not in baseline.TOLERANCES:
            names = ", ".join(baseline.TOLERANCES)
            raise ResultError(f"--tolerance: there is no figure {name!r}: there are {names}")
    return dict(chosen.tolerance)


def _keras(chosen: Options, entries: "Mapping[str, Entry]") -> "Keras":
    """Return the Keras model to compare with, after warning of the code that it may run."""
    from edgekit.benchmarks import contender, subjects

    beside = chosen.artifacts / files.KERAS_MODEL
    keras = subjects.keras_of(entries, beside, chosen.keras, trust=chosen.trust)
    if keras.file and keras.trust and keras.file.suffix != contender.TFLITE:
        from edgekit import keras_files

        for line in keras_files.trusted(keras.file):
            terminal.warn(line)
    return keras


def _measure(
    chosen: Options,
    entries: "Mapping[str, Entry]",
    dataset: "Dataset",
    keras: "Keras",
    backends: Sequence[str],
) -> "list[Result]":
    """Measure the models on the backends of this machine, or as firmware."""
    from edgekit.benchmarks import suite
    from edgekit.benchmarks.report import document

    journal = bench_output.journal(chosen)
    digests.forget(chosen.artifacts, journal.name)
    files.write_text(journal, "")

    def keep(result: "Result") -> None:
        document.append(journal, result, samples=chosen.samples)

    if chosen.core:
        with progress(len(entries) * len(backends)) as say:
            return bench_core.measure(chosen, chosen.core, entries, dataset, keras, keep, say)
    with tempfile.TemporaryDirectory() as scratch, progress(suite.STAGES) as say:
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


def progress(total: int) -> AbstractContextManager[terminal.Step]:
    """Show the steps of a run."""
    # An animated line needs a thread, which would disturb the latency measurement.
    return terminal.progress("bench", total, prefix="edgekit bench: ", animated=False)


def _gates(
    chosen: Options, results: "Sequence[Result]", entries: "Mapping[str, Entry]"
) -> "list[Gate]":
    """Return the conditions that the options and the models set, and their verdicts."""
    from edgekit.benchmarks import contender, gate

    study = {name for name, entry in entries.items() if entry.file.of_the_study}
    recorded = {name: entry.file.recorded for name, entry in entries.items()}
    gates = gate.answers(
        results,
        chosen.minimum,
        chosen.max_drop,
        study,
        metrics=chosen.limits,
        recorded=recorded,
    )
    models = {name: entry.file.path for name, entry in entries.items()}
    if chosen.core:
        gates += bench_core.gates(results, models, chosen.budgets)
    else:
        gates += gate.runs(results, models, contender.for_edgetpu(models))
        gates += gate.required(results, chosen.require)
        gates += gate.exact(results)
        gates += gate.completed(results)
    if chosen.max_latency is not None:
        gates += gate.latency(results, chosen.max_latency)
    if chosen.max_size is not None:
        gates += gate.size(models, chosen.max_size)
    return gates
