"""Models as firmware on a microcontroller: accuracy, exact bytes, flash, RAM, instructions."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import edge_runtime
from edge_runtime.backends import unavailable
from edge_runtime.errors import ModelError
from edgekit import files
from edgekit.benchmarks import environment, exactness, outcome, suite, usage
from edgekit.benchmarks.contender import Contender, absent, from_keras, raw_inputs
from edgekit.benchmarks.dataset import NO_DATA, describe
from edgekit.benchmarks.mcu import cortex_m4, emulator, firmware
from edgekit.benchmarks.mcu.cores import Core
from edgekit.benchmarks.mcu.firmware import Firmware, Library
from edgekit.benchmarks.mcu.machine import Bytes
from edgekit.benchmarks.result import KERAS, Result, Subject, stamped
from edgekit.benchmarks.subjects import Entry, Keras
from edgekit.benchmarks.tensors import random_tensors
from edgekit.benchmarks.usage import Usage
from edgekit.errors import FirmwareError
from edgekit.train.dataset import Dataset

Array = npt.NDArray[Any]
Export = Callable[[Path], Library]
"""A .tflite file -> its C library; raises ModelError."""

OPTIMISATIONS = ("-Os", "-O2")
"""Options of the two builds: for size and for speed. zig turns -Oz into -Os and -O3 into -O2."""


@dataclass(frozen=True)
class Coverage:
    """How many inputs a build runs on.

    Attributes:
        tensors: most random tensors on which outputs are compared with the engine's.
        labelled: images on which steps are counted where labels change the code.
        images: most test images; None for all of them.
        counted: stop counting after this many instructions. The answers to the other images are
            compared all the same.
        emulated: most instructions to emulate for random tensors; a multiply-accumulate takes at
            least one.
    """

    tensors: int
    labelled: int
    images: int | None = None
    counted: int = 200_000_000
    emulated: int = 2_000_000_000


THOROUGH = Coverage(tensors=10_000, labelled=100)
QUICK = Coverage(tensors=1_000, labelled=10, images=50, counted=20_000_000, emulated=200_000_000)
"""A convolutional network has 20 million instructions and more per image: 0.1 s, and 2 s where they
are counted."""


@dataclass(frozen=True)
class Workload:
    """A model with raw inputs and the expected outputs.

    Attributes:
        model: the model on the engine that the firmware must agree with.
        usage: how its input is fed and its output read.
        engine: name of the engine.
        inputs: [N, ...] raw inputs: all test images, then random tensors.
        expected: [N, ...] raw outputs of the engine.
        images: number of test images among the inputs.
    """

    model: edge_runtime.Model
    usage: Usage
    engine: str
    inputs: Array
    expected: Array
    images: int


def run(
    models: Mapping[str, Entry],
    core: Core,
    export: Export,
    dataset: Dataset,
    *,
    variant: str = "",
    keras: Keras | None = None,
    coverage: Coverage = THOROUGH,
    keep: Callable[[Result], None] = lambda _: None,
    say: Callable[[str], None] = lambda _: None,
) -> list[Result]:
    """Build, run and measure each model.

    Args:
        models: the models by their name in the results.
        core: the core to build for.
        export: turns a model file into C.
        dataset: the dataset with the test inputs.
        variant: variant of the exported C in the subjects' names, such as "skip-zeros".
        keras: the Keras model, if a gate compares with it.
        coverage: how many inputs each build runs on.
        keep: called with each result as soon as it is measured.
        say: called with a line of progress before each build.

    Raises:
        MissingExtraError: a package of the extra [mcu] is not installed.
        TargetError: the core needs a compiler that is not on the PATH.
    """
    firmware.require_tools(core)
    dataset = first_images(dataset, coverage.images)
    data, machine = describe(dataset), environment.describe() | firmware.versions(core)
    results: list[Result] = []

    def store(measured: Iterable[Result]) -> None:
        for result in measured:
            results.append(stamped(result, data, machine))
            keep(results[-1])

    scores: dict[Subject, Array] = {}
    for name, entry in models.items():
        store(_measured(name, entry, core, export, dataset, variant, coverage, say, scores))
    if keras and scores:
        if keras.file and keras.like:
            say(f"{keras.file.name} on Keras")
            store(_keras_answers(keras.file, keras.like, dataset, scores, keras.trust))
        classes = any(entry.usage.classes for entry in models.values())
        store(suite.agreements(scores, keras, classes))
    return results


def first_images(dataset: Dataset, most: int | None) -> Dataset:
    """Return the dataset with at most so many test images."""
    return replace(dataset, x_test=dataset.x_test[:most], y_test=dataset.y_test[:most])


def _keras_answers(
    file: Path, like: Entry, dataset: Dataset, scores: dict[Subject, Array], trust: bool
) -> Iterator[Result]:
    """Yield how good the Keras model's answers are, and add its scores to ``scores``."""
    with tempfile.TemporaryDirectory() as scratch:
        contenders = from_keras(
            file, Path(scratch), like.file.size, like.usage, names=(KERAS,), trust=trust
        )
        for one in contenders:
            if isinstance(one, Contender):
                scores[one.subject] = one.predict(dataset.x_test)
                yield outcome.measure(one.subject, scores[one.subject], dataset, used=like.usage)
            else:
                yield one


def subjects(core: Core, variant: str = "") -> list[str]:
    """Return the names of the builds for ``core``, the backends of the results."""
    return [
        " ".join(filter(None, (core.name, optimisation, variant))) for optimisation in OPTIMISATIONS
    ]


def _measured(
    name: str,
    entry: Entry,
    core: Core,
    export: Export,
    dataset: Dataset,
    variant: str,
    coverage: Coverage,
    say: Callable[[str], None],
    scores: dict[Subject, Array],
) -> Iterator[Result]:
    path = entry.file.path
    digest = files.sha256(path)
    backends = dict(zip(OPTIMISATIONS, subjects(core, variant), strict=True))
    try:
        library = export(path)
        tensors = min(coverage.tensors, coverage.emulated // max(1, library.macs))
        trial = trial_of(path, dataset, tensors, entry.usage) if core.emulated else None
    except ModelError as error:
        for backend in backends.values():
            yield absent(Subject(name, digest, backend), str(error))
        return
    for optimisation, backend in backends.items():
        subject = Subject(name, digest, backend)
        say(f"{name} on {backend}")
        try:
            yield from measure_build(
                subject, core, library, optimisation, trial, dataset, coverage, scores
            )
        except FirmwareError as error:
            yield Result(subject, "accuracy", "class", status="failed", reason=str(error))


def trial_of(path: Path, dataset: Dataset, tensors: int, used: Usage | None = None) -> Workload:
    """Return the raw inputs for the firmware, and the engine's outputs.

    Args:
        path: the .tflite file.
        dataset: the dataset with the test inputs.
        tensors: number of random tensors after them.
        used: how the model is used; None to determine it.

    Raises:
        ModelError: the engine cannot run the model.
    """
    used = used or usage.of(path, dataset)
    engine = "reference" if unavailable("native") else "native"
    model = edge_runtime.load(path, backend=engine)
    images = raw_inputs(model, used, dataset.x_test)
    drawn = random_tensors(tensors, model.input.shape[1:], model.input.dtype)
    inputs = np.concatenate([images, drawn])
    return Workload(model, used, engine, inputs, exactness.run_each(model.run, inputs), len(images))


def measure_build(
    subject: Subject,
    core: Core,
    library: Library,
    optimisation: str,
    trial: Workload | None,
    dataset: Dataset,
    coverage: Coverage,
    scores: dict[Subject, Array] | None = None,
) -> Iterator[Result]:
    """Measure one build: its sizes, and the rest if it is emulated.

    The scores of an emulated build are added to ``scores``.

    Raises:
        FirmwareError: the firmware cannot be built, or does not run.
    """
    built, labelled = both(core, library, optimisation)
    profile = None
    if trial is not None:
        raw = _raw(trial.inputs)
        profile = emulator.profile(built, raw[: trial.images], coverage.counted)
        counted = len(profile.instructions)
        affordable = coverage.emulated // int(profile.instructions.mean())
        count = min(len(raw), trial.images + affordable)
        others = emulator.answers(built, raw[counted:count])
        outputs = np.concatenate([profile.outputs, others]).view(trial.expected.dtype)
        outputs = outputs.reshape(count, *trial.expected.shape[1:])
        ports = trial.model.input, trial.model.output
        images = trial.inputs[: trial.images]
        answers = trial.usage.answers(images, outputs[: trial.images], *ports)
        if scores is not None:
            scores[subject] = answers
        yield outcome.measure(subject, answers, dataset, used=trial.usage)
        yield exactness.compared(
            subject,
            exactness.TO_NATIVE,
            f"the engine {trial.engine}",
            outputs,
            trial.expected[:count],
            0 if dataset.source == NO_DATA else trial.images,
        )
    yield flash(subject, built, library)
    yield ram(subject, built, library, profile)
    if trial is not None and profile is not None:
        counts = profile
        if built is not labelled:
            subset = _raw(trial.inputs[: min(coverage.labelled, trial.images)])
            counts = emulator.profile(labelled, subset, coverage.counted)
        yield instructions(subject, library, profile, counts)


def both(core: Core, library: Library, optimisation: str) -> tuple[Firmware, Firmware]:
    """Return the build and one with labels; the same one if these do not change the code.

    Raises:
        FirmwareError: the compiler fails.
    """
    built = firmware.build(core, library, optimisation, labels=False)
    labelled = firmware.build(core, library, optimisation)
    if labelled.image == built.image:
        # Labels changed no code: the same build has the steps' addresses, too.
        labelled = built = replace(built, steps=labelled.steps)
    return built, labelled


def _raw(tensors: Array) -> Bytes:
    """Return tensors [N, ...] as bytes uint8 [N, bytes]."""
    return np.ascontiguousarray(tensors).reshape(len(tensors), -1).view(np.uint8)


def flash(subject: Subject, built: Firmware, library: Library) -> Result:
    """Return the flash of a build, and of its functions."""
    summary = {
        "total": built.flash,
        "code": built.code,
        "constants": built.constants,
        "weights": library.weights,
        "multipliers": library.multipliers,
        "beyond": built.flash - library.weights - library.multipliers,
        "functions": [{"name": name, "bytes": size} for name, size in built.functions.items()],
    }
    return Result(subject, "flash", "bytes", (built.flash,), summary)


def ram(
    subject: Subject, built: Firmware, library: Library, profile: emulator.Profile | None
) -> Result:
    """Return the RAM of a build; without its stack if there is no profile."""
    stack = None if profile is None else profile.stack
    total = built.data + (stack or 0)
    data = built.data - library.arena
    summary = {"total": total, "data": data, "arena": library.arena, "stack": stack}
    return Result(subject, "ram", "bytes", (total,), summary)


def instructions(
    subject: Subject, library: Library, profile: emulator.Profile, labelled: emulator.Profile
) -> Result:
    """Return the instructions of each inference and of each step, with cycles and stack.

    Args:
        subject: the build.
        library: the model.
        profile: profile of the build.
        labelled: the same profile, or that of a build with labels if they change the code. Its
            total is in the summary, too: the steps are then not parts of the build's total.
    """
    steps = []
    for number, op in enumerate((*library.ops, "outside")):
        counts = labelled.steps[:, number]
        cycles = None if labelled.cycles is None else _median(labelled.cycles[:, number])
        waits = None if labelled.waits is None else int(labelled.waits[number])
        step = {"op": op, **_spread(counts), "macs": dict(enumerate(library.op_macs)).get(number)}
        step |= {"cycles": cycles, "flash_waits": waits}
        steps.append(step | {"stack": int(labelled.step_stacks[number])})
    summary = {
        **_spread(profile.instructions),
        "reset": profile.start,
        "macs": library.macs,
        "images": len(profile.instructions),
        "steps": steps,
        "steps_same_code": labelled is profile,
        "steps_total": _spread(labelled.instructions),
        "steps_images": len(labelled.instructions),
        "estimate": _estimate(profile),
    }
    samples = tuple(profile.instructions.tolist())
    return Result(subject, "instructions", "instructions", samples, summary)


def _estimate(profile: emulator.Profile) -> dict[str, Any] | None:
    """Return the estimated cycles and time of an inference; None for a core that has none."""
    if profile.cycles is None:
        return None
    cycles = _spread(profile.cycles.sum(axis=1))
    waits = None if profile.waits is None else int(profile.waits.sum())
    seconds = None if waits is None else (cycles["median"] + waits) / cortex_m4.CLOCK
    return {"cycles": cycles, "flash_waits": waits, "clock": cortex_m4.CLOCK, "seconds": seconds}


def _median(counts: npt.NDArray[np.int64]) -> int:
    return int(np.percentile(counts, 50, method="higher"))


def _spread(counts: npt.NDArray[np.int64]) -> dict[str, float]:
    median, p90 = np.percentile(counts, (50, 90), method="higher")
    figures = {"median": median, "p90": p90, "max": counts.max(), "min": counts.min()}
    return {name: int(figure) for name, figure in figures.items()}
