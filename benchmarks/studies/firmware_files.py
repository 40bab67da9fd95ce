"""What .tflite files cost as firmware on emulated cores, with every output byte LiteRT's.

Inputs are random, so that files need neither data nor anything learned.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from edge_runtime.errors import EdgeRuntimeError
from edge_runtime.graph import SIZES, Graph
from edge_runtime.reader import read
from edgekit import files
from edgekit.benchmarks import exactness
from edgekit.benchmarks.mcu import builds, emulator
from edgekit.benchmarks.mcu.cores import Core
from edgekit.benchmarks.mcu.firmware import Library
from edgekit.benchmarks.report.units import quantity, whole
from edgekit.benchmarks.resolvers import open_litert
from edgekit.benchmarks.result import Result, Subject, select
from edgekit.benchmarks.studies.survey import drawn, in_a_process
from edgekit.columns import columns
from edgekit.errors import EdgekitError, FirmwareError

NOTHING = "–"
TO_LITERT = exactness.REFERENCES["BUILTIN_REF"]

INPUTS = 3
"""Random inputs of a build. Instructions are counted on the first one, on which those of a
convolutional network do not depend."""

NOTE = """\
Whole firmware. Differ: output elements that differ from those of LiteRT's reference kernels
(BUILTIN_REF), on random inputs. Flash and RAM in bytes; beyond is flash without the weights and
biases of the file and the multiplier and shift of each channel, an int32 each. Instructions of
one inference; per MAC: for each multiply-accumulate. Estimated and not measured: the cycles that
Arm's manual states for a Cortex-M4, and those that it waits for flash of five wait states behind
the caches of an STM32L4R5; the time is that of both at 120 MHz."""

MIN_RAM = "min-ram"
"""Option of the export, behind those of the compiler, by which layers run row by row."""

NO_ROOM = "will not fit in region"
"""What the linker says of firmware that is too large for the core."""

NAME = "model"
"""Prefix of the public names of the exported C."""

COLUMNS = (
    "file",
    "build",
    "differ",
    "flash",
    "beyond",
    "RAM",
    "of it arena",
    "stack",
    "instructions",
    "per MAC",
    "est. cycles",
    "+ waits",
    "at 120 MHz",
)


def measure(
    models: Iterable[Path], cores: Sequence[Core], options: Sequence[str]
) -> Iterator[Result]:
    """Yield the results of each file's builds, or why it has none.

    What does not fit a core's memory as a whole is built to run row by row instead.

    Args:
        models: .tflite files.
        cores: cores that are emulated.
        options: of each build, the compiler's, and behind it those of the export: "-Os min-ram".
    """
    for model in models:
        subject = partial(Subject, model.name, files.sha256(model))
        for core in cores:
            for build in options:
                results = _of_build(model, core, build, subject)
                if NO_ROOM in results[0].reason and MIN_RAM not in build:
                    results = _of_build(model, core, f"{build} {MIN_RAM}", subject)
                yield from results


def _of_build(
    model: Path, core: Core, build: str, subject: Callable[[str], Subject]
) -> list[Result]:
    one = subject(f"{core.name} {build}")
    results = in_a_process(measured, model, core, build, one)
    return [_none(one, results)] if isinstance(results, str) else results


def measured(model: Path, core: Core, build: str, subject: Subject) -> list[Result]:
    """Return the results of a build, or why there is none."""
    optimisation, *variant = build.split()
    try:
        content = model.read_bytes()
        graph = read(content)
        if reason := _refused(graph):
            return [_none(subject, reason)]
        library = exported(model, *(f"--{one}" for one in variant))
        litert = open_litert(content, "BUILTIN_REF")
    except (EdgeRuntimeError, EdgekitError) as error:
        return [_none(subject, str(error))]
    [tensor] = [graph.tensors[index] for index in graph.inputs]
    inputs = np.stack([drawn(tensor, seed) for seed in range(INPUTS)])
    litert.interpreter.reset_all_variables()
    expected = np.stack([litert.run(one) for one in inputs])
    raw = inputs.reshape(INPUTS, -1).view(np.uint8)
    try:
        built, labelled = builds.both(core, library, optimisation)
        profile = emulator.profile(built, raw, 1)
        counts = profile if built is labelled else emulator.profile(labelled, raw, 1)
        outputs = emulator.answers(built, raw)
    except FirmwareError as error:
        return [_none(subject, str(error))]
    return [
        exactness.compared(
            subject,
            TO_LITERT,
            "LiteRT BUILTIN_REF",
            outputs.view(expected.dtype).reshape(expected.shape),
            expected,
            0,
        ),
        builds.flash(subject, built, library),
        builds.ram(subject, built, library, profile),
        builds.instructions(subject, library, profile, counts),
    ]


def exported(path: Path, *options: str) -> Library:
    """Return the C of a .tflite file, by running ``edgekit export`` as a user does.

    Raises:
        FirmwareError: edgekit refuses the model.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "export")
        command = [sys.executable, "-m", "edgekit", "export", str(path), "--name", NAME, "--json"]
        command += [*options, "-o", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise FirmwareError(" ".join(done.stderr.split()))
        facts = json.loads(done.stdout)
        return Library(
            name=NAME,
            files={name: (folder / name).read_text() for name in (f"{NAME}.h", f"{NAME}.c")},
            arena=facts["arena"],
            weights=facts["weights"],
            macs=facts["macs"],
            ops=tuple(facts["ops"]),
            op_macs=tuple(facts["op_macs"]),
            multipliers=facts["multipliers"],
            places={
                port: (facts[port]["offset"], facts[port]["elements"] * SIZES[facts[port]["dtype"]])
                for port in ("input", "output")
                if facts[port]["offset"] is not None
            },
        )


def of_integers(model: Path) -> bool:
    """Tell whether no op of a file calculates with floats; those that only convert may have them.

    A file that cannot be read counts: its results say why.
    """
    try:
        graph = read(model.read_bytes())
    except EdgeRuntimeError:
        return True
    return not any(
        graph.tensors[index].dtype in ("float16", "float32", "float64")
        for op in graph.ops
        if op.name not in ("QUANTIZE", "DEQUANTIZE")
        for index in (*op.inputs, *op.outputs)
        if index >= 0
    )


def report(results: Sequence[Result]) -> str:
    """Return a table of all builds, and below it the files that have none, with the reason."""
    by_metric = [select(results, metric) for metric in (TO_LITERT, "flash", "ram", "instructions")]
    rows = []
    for subject, compared in by_metric[0].items():
        flash, ram, counts = (column[subject].summary for column in by_metric[1:])
        estimate = counts["estimate"] or {"cycles": {}}
        seconds, drawn_at_random = estimate.get("seconds"), compared.summary["random"]
        rows.append(
            (
                subject.model,
                subject.backend,
                f"{drawn_at_random['differ']}/{drawn_at_random['elements']}",
                whole(flash["total"]),
                whole(flash["beyond"]),
                whole(ram["total"]),
                whole(ram["arena"]),
                whole(ram["stack"]),
                whole(counts["median"]),
                f"{counts['median'] / counts['macs']:.2f}" if counts["macs"] else NOTHING,
                _whole(estimate["cycles"].get("median")),
                _whole(estimate.get("flash_waits")),
                NOTHING if seconds is None else quantity(seconds, "s"),
            )
        )
    parts = ["\n".join(columns([COLUMNS, *rows], right=range(2, len(COLUMNS)))), NOTE]
    refused = [
        f"{one.status}: {one.subject}: {one.reason}" for one in results if one.status != "measured"
    ]
    return "\n\n".join([*parts, *(["\n".join(refused)] if refused else [])])


def _whole(count: int | None) -> str:
    return NOTHING if count is None else whole(count)


def _refused(graph: Graph) -> str:
    if len(graph.inputs) > 1 or len(graph.outputs) > 1:
        return "firmware is built of models with one input and one output"
    return exactness.misread(graph) or ""


def _none(subject: Subject, reason: str) -> Result:
    reason = " ".join(reason.split())
    return Result(subject, "flash", "bytes", status="not present", reason=reason)
