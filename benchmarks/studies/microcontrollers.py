"""edgekit's export as firmware on emulated microcontrollers, beside what others have published.

    python -m edgekit.benchmarks.studies.microcontrollers [--networks] [--core NAME ...] [--json]
    python -m edgekit.benchmarks.studies.microcontrollers --models PATH ... [--core NAME ...]
    python -m edgekit.benchmarks.studies.microcontrollers --model [MODEL.keras] [--json]

The first prints MLPerf Tiny's networks on each core: flash, RAM, instructions, and for a Cortex-M4
an estimate of cycles and time. The second prints the same of all files that calculate with integers
alone, and why some have none. Each output byte must be that of LiteRT's reference kernels.

The third compares with other C for the same model. All C is built into the same firmware by the
same compiler with the same options, and runs the same test images on the same emulated Cortex-M4.
Integer outputs must be the bytes of edgekit's engine; floats are compared by accuracy.

The emulator counts instructions one by one, so that every figure is the same in every run: no
rounds, no turns. The exit code is 1 if a byte differs.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from edge_runtime.errors import EdgeRuntimeError
from edgekit import files
from edgekit.benchmarks import dataset, environment, exactness, gate
from edgekit.benchmarks.contender import absent
from edgekit.benchmarks.mcu import builds, firmware
from edgekit.benchmarks.mcu.cores import CORES, Core
from edgekit.benchmarks.mcu.firmware import Library
from edgekit.benchmarks.report import text
from edgekit.benchmarks.report.table import ReportTable, TableRow, banner
from edgekit.benchmarks.report.units import three_digits, whole
from edgekit.benchmarks.result import Result, Subject, select, stamped
from edgekit.benchmarks.studies import firmware_files, firmware_peers, published, survey
from edgekit.benchmarks.studies.firmware_files import exported
from edgekit.benchmarks.studies.networks import MLPERF_TINY, converted
from edgekit.errors import EdgekitError, FirmwareError
from edgekit.limits import MARKS
from edgekit.train.dataset import Dataset

CORE = CORES["cortex-m4"]
MEASURED = tuple(name for name, core in CORES.items() if core.emulated)
"""Cores that networks are measured on."""

BUILDS = (*builds.OPTIMISATIONS, f"{builds.OPTIMISATIONS[0]} {firmware_files.MIN_RAM}")
"""Builds of the networks on each core."""

NOTE = f"""\
Whole firmware on an emulated {CORE.name}. Differ: output elements that differ from those of
edgekit's engine for the .tflite file of the same type; for floats the largest difference. Flash
and RAM in bytes, with the peak of the stack. Instructions of one inference: median and maximum over
the test images; at reset: once, before the first inference. ×: relative to edgekit's int8 build
with the same options."""


@dataclass(frozen=True)
class CodeGenerator:
    """What turns the model into C for a microcontroller.

    Attributes:
        name: name in the results.
        file: the model file that it reads: "keras", "float32" or "int8".
        library: returns the C; raises EdgekitError if it is not installed or refuses the model.
        type: "float32" or "int8": the .tflite file that defines raw inputs and expected outputs.
        peer: it is not edgekit's.
    """

    name: str
    file: str
    library: Callable[[Path], Library]
    type: str
    peer: bool = False


def _skipping_zeros(path: Path) -> Library:
    return exported(path, "--skip-zeros")


GENERATORS = (
    CodeGenerator("edgekit", "int8", exported, "int8"),
    CodeGenerator("edgekit skip-zeros", "int8", _skipping_zeros, "int8"),
    CodeGenerator("plain C", "int8", firmware_peers.plain_c, "int8", peer=True),
    CodeGenerator("edgekit", "float32", exported, "float32"),
    CodeGenerator("emlearn", "keras", firmware_peers.emlearn, "float32", peer=True),
)

COVERAGE = builds.Coverage(tensors=1_000, labelled=10)
"""All test images, and some random tensors."""


def measure(
    models: Mapping[str, Path],
    data: Dataset,
    generators: Sequence[CodeGenerator] = GENERATORS,
    coverage: builds.Coverage = COVERAGE,
) -> Iterator[Result]:
    """Yield all results of each generator's builds, or why it is not present.

    Args:
        models: one model as three files: "keras", "float32" and "int8".
        data: the dataset with the test images.
        generators: the generators to compare.
        coverage: number of random tensors in addition.

    Raises:
        ModelError: edgekit's engine cannot run a .tflite file.
    """
    types = dict.fromkeys(generator.type for generator in generators)
    trials = {kind: builds.trial_of(models[kind], data, coverage.tensors) for kind in types}
    for generator in generators:
        path = models[generator.file]
        digest = files.sha256(path) if path.exists() else ""
        subject = partial(Subject, path.name, digest, peer=generator.peer)
        try:
            library = generator.library(path)
        except EdgekitError as error:
            yield absent(subject(generator.name), str(error))
            continue
        for optimisation in builds.OPTIMISATIONS:
            build = subject(f"{generator.name} {optimisation}")
            trial = trials[generator.type]
            try:
                yield from builds.measure_build(
                    build, CORE, library, optimisation, trial, data, coverage
                )
            except FirmwareError as error:
                yield Result(build, "accuracy", "class", status="failed", reason=str(error))


def report(results: Sequence[Result]) -> str:
    """Return one table of all builds, with ratios to those of the first generator."""
    metrics = ("accuracy", exactness.TO_NATIVE, "flash", "ram", "instructions")
    by_metric = [select(results, metric) for metric in metrics]
    first: dict[str, tuple[float, ...]] = {}
    rows = []
    for subject, answers in by_metric[0].items():
        if answers.status != "measured":
            rows.append(TableRow(subject, (), f"{answers.status}: {answers.reason}"))
            continue
        right, differ, flash, ram, instructions = (column[subject].summary for column in by_metric)
        figures = (flash["total"], ram["total"], instructions["median"])
        reference = first.setdefault(subject.backend.split()[-1], figures)
        rows.append(
            TableRow(
                subject,
                (
                    f"{right['correct']}/{right['total']}",
                    _differing(differ),
                    whole(flash["total"]),
                    whole(ram["total"]),
                    whole(ram["stack"]),
                    *(whole(instructions[key]) for key in ("median", "max", "reset")),
                    *(
                        three_digits(figure / other)
                        for figure, other in zip(figures, reference, strict=True)
                    ),
                ),
            )
        )
    columns = (
        "right",
        "differ",
        "flash",
        "RAM",
        "of it stack",
        "instructions",
        "at most",
        "at reset",
        "× flash",
        "× RAM",
        "× instructions",
    )
    parts_of_text = (
        banner(results),
        text.aligned(ReportTable("Firmware", columns, tuple(rows))),
        NOTE,
    )
    return "\n\n".join(part for part in parts_of_text if part)


def _differing(compared: Mapping[str, Any]) -> str:
    """Return how a build differs from the engine: elements of integers, the maximum for floats."""
    parts = compared["images"], compared["random"]
    if not compared["integer"]:
        return f"{max(part['largest_absolute'] for part in parts):.1g}"
    return f"{sum(part['differ'] for part in parts)}/{sum(part['elements'] for part in parts)}"


def networks(cores: Sequence[Core]) -> Iterator[Result]:
    """Yield the results of MLPerf Tiny's networks in int8, with random weights.

    Raises:
        CalledProcessError: a conversion failed; it has said why.
    """
    with tempfile.TemporaryDirectory(prefix="edgekit-") as folder:
        for name, build in MLPERF_TINY.items():
            path = Path(folder) / f"{name}.tflite"
            path.write_bytes(converted(build, "int8", path.parent))
            yield from firmware_files.measure([path], cores, BUILDS)


def main() -> None:
    """Measure and print tables, or the records with ``--json``."""
    parser = argparse.ArgumentParser(
        description="MLPerf Tiny's networks, or other models, as firmware on emulated cores."
    )
    models = parser.add_mutually_exclusive_group()
    models.add_argument(
        "--networks",
        action="store_true",
        help="the networks of MLPerf Tiny, which needs TensorFlow; the default",
    )
    models.add_argument(
        "--models",
        type=Path,
        nargs="+",
        metavar="PATH",
        help="any .tflite files, or folders of them: those that calculate with integers alone",
    )
    models.add_argument(
        "--model",
        type=Path,
        nargs="?",
        metavar="MODEL.keras",
        const=files.DEFAULT_ARTIFACTS / files.KERAS_MODEL,
        help="compare with other C for this model, by default the artifacts folder's; needs "
        "MODEL.tflite and MODEL_int8.tflite beside it",
    )
    parser.add_argument(
        "--core",
        choices=MEASURED,
        action="append",
        help="measure networks and files on this core; repeatable. Default: all for networks, "
        f"{CORE.name} for files",
    )
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.model and arguments.core:
        parser.error(f"--model compares on a {CORE.name}")
    try:
        results = list(_measured(arguments))
    except (EdgekitError, EdgeRuntimeError, OSError) as error:
        parser.error(str(error))
    if arguments.json:
        print(files.to_json([result.to_dict() for result in results], None))
    else:
        print(_report(arguments, results))
    reference = exactness.TO_NATIVE if arguments.model else firmware_files.TO_LITERT
    gates = gate.exact(results, reference)
    if arguments.model:
        gates += gate.completed(results)
    for one in gates:
        if one.verdict == "failed":
            print(f"{MARKS[one.verdict]} {one}", file=sys.stderr)
    sys.exit(not gate.passed(gates))


def _measured(arguments: argparse.Namespace) -> Iterator[Result]:
    """Yield all results that the command asks for."""
    machine = environment.describe()
    if arguments.model:
        firmware.require_tools(CORE)
        machine |= firmware.versions(CORE) | environment.versions(("emlearn",))
        keras: Path = arguments.model
        paths = {
            "keras": keras,
            "float32": keras.with_name(f"{keras.stem}.tflite"),
            "int8": keras.with_name(f"{keras.stem}_int8.tflite"),
        }
        data = dataset.for_models([paths["int8"], paths["float32"]])
        description = dataset.describe(data)
        yield from (stamped(one, description, machine) for one in measure(paths, data))
        return
    default = [CORE.name] if arguments.models else MEASURED
    cores = [CORES[name] for name in arguments.core or default]
    for core in cores:
        firmware.require_tools(core)
    machine |= firmware.versions(cores[0])
    if arguments.models:
        paths_of_integers = filter(
            firmware_files.of_integers, survey.tflite_files(arguments.models)
        )
        results = firmware_files.measure(paths_of_integers, cores, builds.OPTIMISATIONS[:1])
    else:
        results = networks(cores)
    yield from (stamped(one, {}, machine) for one in results)


def _report(arguments: argparse.Namespace, results: Sequence[Result]) -> str:
    if arguments.model:
        return report(results)
    table = firmware_files.report(results)
    return table if arguments.models else f"{table}\n\n{published.report()}"


if __name__ == "__main__":
    main()
