"""edgekit's export as firmware, beside other ways to run the same model on a microcontroller.

    python -m edgekit.benchmarks.microcontrollers [--model MODEL.keras] [--json]

Everyone is built into the same firmware by the same compiler with the same options, and answers
the same test images on the same emulated Cortex-M4. The emulator counts instructions one by one,
so every figure is the same in every run: no rounds, no turns. Who answers in integers must give
the bytes of edgekit's engine, or the exit code is 1; floats are held by their accuracy.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from edge_runtime.errors import EdgeRuntimeError
from edgekit import files
from edgekit.benchmarks import (
    dataset,
    environment,
    exactness,
    firmware,
    firmware_peers,
    gate,
    target,
    text,
)
from edgekit.benchmarks.contender import absent
from edgekit.benchmarks.cores import CORES
from edgekit.benchmarks.firmware import Library
from edgekit.benchmarks.result import Result, Subject, select, stamped
from edgekit.benchmarks.table import Row, Table, banner
from edgekit.benchmarks.units import three_digits, whole
from edgekit.errors import EdgekitError, FirmwareError
from edgekit.train.dataset import Dataset

CORE = CORES["cortex-m4"]
NAME = "model"
"""What the public names of the exported C begin with."""

NOTE = f"""\
Whole firmware on an emulated {CORE.name}. Differ, from edgekit's engine on the .tflite file of the
same type: output elements that are not the same, or of floats the most that one is off. Flash and
RAM in bytes, the stack that was used included. Instructions: of one inference, the median of the
test images and the most; at reset: once, before the first inference. ×: beside edgekit's own int8
build with the same options."""


@dataclass(frozen=True)
class Contender:
    """A way to run the model on a microcontroller.

    Attributes:
        name: how the results call it.
        file: what it is made from: "keras", "float32" or "int8".
        library: makes its C; raises EdgekitError where it is not installed or cannot.
        type: "float32" or "int8", the .tflite file whose raw inputs it takes and whose answers it
            is to give.
        peer: whether it is not ours.
    """

    name: str
    file: str
    library: Callable[[Path], Library]
    type: str
    peer: bool = False


def exported(path: Path, *options: str) -> Library:
    """Return what ``edgekit export`` makes of a .tflite file, called as a user calls it.

    Raises:
        FirmwareError: it refuses the model.
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
        )


def _skipping_zeros(path: Path) -> Library:
    return exported(path, "--skip-zeros")


CONTENDERS = (
    Contender("edgekit", "int8", exported, "int8"),
    Contender("edgekit skip-zeros", "int8", _skipping_zeros, "int8"),
    Contender("plain C", "int8", firmware_peers.plain_c, "int8", peer=True),
    Contender("edgekit", "float32", exported, "float32"),
    Contender("emlearn", "keras", firmware_peers.emlearn, "float32", peer=True),
)


def measure(
    models: Mapping[str, Path],
    data: Dataset,
    contenders: Sequence[Contender] = CONTENDERS,
    effort: target.Effort = target.QUICK,
) -> Iterator[Result]:
    """Yield all that is measured of each contender's builds, or why it is not present.

    Args:
        models: one model as three files: "keras", "float32" and "int8".
        data: whose test images are used.
        contenders: who takes part.
        effort: how many random tensors are asked besides.

    Raises:
        ModelError: edgekit's engine cannot run a .tflite file.
    """
    types = dict.fromkeys(one.type for one in contenders)
    trials = {one: target.trial_of(models[one], data, effort.tensors) for one in types}
    for one in contenders:
        path = models[one.file]
        digest = files.sha256(path) if path.exists() else ""
        subject = partial(Subject, path.name, digest, peer=one.peer)
        try:
            library = one.library(path)
        except EdgekitError as error:
            yield absent(subject(one.name), str(error))
            continue
        for optimisation in target.OPTIMISATIONS:
            build = subject(f"{one.name} {optimisation}")
            trial = trials[one.type]
            try:
                yield from target.measure_build(
                    build, CORE, library, optimisation, trial, data, effort
                )
            except FirmwareError as error:
                yield Result(build, "accuracy", "class", status="failed", reason=str(error))


def report(results: Sequence[Result]) -> str:
    """Return one table of all builds, the first contender's being what the others are held to."""
    metrics = ("accuracy", exactness.TO_NATIVE, "flash", "ram", "instructions")
    found = [select(results, metric) for metric in metrics]
    first: dict[str, tuple[float, ...]] = {}
    rows = []
    for subject, answers in found[0].items():
        if answers.status != "measured":
            rows.append(Row(subject, (), f"{answers.status}: {answers.reason}"))
            continue
        right, differ, flash, ram, instructions = (one[subject].summary for one in found)
        figures = (flash["total"], ram["total"], instructions["median"])
        held = first.setdefault(subject.backend.split()[-1], figures)
        rows.append(
            Row(
                subject,
                (
                    f"{right['correct']}/{right['total']}",
                    _differing(differ),
                    whole(flash["total"]),
                    whole(ram["total"]),
                    whole(ram["stack"]),
                    *(whole(instructions[key]) for key in ("median", "max", "reset")),
                    *(three_digits(own / one) for own, one in zip(figures, held, strict=True)),
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
    parts_of_text = (banner(results), text.aligned(Table("Firmware", columns, tuple(rows))), NOTE)
    return "\n\n".join(part for part in parts_of_text if part)


def _differing(compared: Mapping[str, Any]) -> str:
    """Tell how far a build is from the engine: elements of integers, the most of floats."""
    parts = compared["images"], compared["random"]
    if not compared["integer"]:
        return f"{max(part['largest_absolute'] for part in parts):.1g}"
    return f"{sum(part['differ'] for part in parts)}/{sum(part['elements'] for part in parts)}"


def main() -> None:
    """Measure and print a table, or the records with ``--json``."""
    parser = argparse.ArgumentParser(description="edgekit's C beside others' on a Cortex-M4.")
    parser.add_argument(
        "--model",
        type=Path,
        metavar="MODEL.keras",
        default=files.DEFAULT_ARTIFACTS / files.KERAS_MODEL,
        help="by default the artifacts folder's; MODEL.tflite and MODEL_int8.tflite lie beside it",
    )
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    keras: Path = arguments.model
    models = {
        "keras": keras,
        "float32": keras.with_name(f"{keras.stem}.tflite"),
        "int8": keras.with_name(f"{keras.stem}_int8.tflite"),
    }
    try:
        firmware.require_tools(CORE)
        data = dataset.for_models([models["int8"], models["float32"]])
        about = dataset.describe(data)
        machine = environment.describe() | firmware.versions(CORE)
        machine |= environment.versions(("emlearn",))
        results = [stamped(one, about, machine) for one in measure(models, data)]
    except (EdgekitError, EdgeRuntimeError, OSError) as error:
        parser.error(str(error))
    document = [one.to_dict() for one in results]
    print(files.to_json(document, None) if arguments.json else report(results))
    asked = [*gate.exact(results, exactness.TO_NATIVE), *gate.completed(results)]
    for one in asked:
        if one.verdict == "failed":
            print(f"{gate.MARKS[one.verdict]} {one}", file=sys.stderr)
    sys.exit(not gate.passed(asked))


if __name__ == "__main__":
    main()
