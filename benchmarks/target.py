"""Models as firmware on a microcontroller: right answers, exact bytes, flash, RAM, instructions."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import edge_runtime
from edge_runtime.backends import unavailable
from edge_runtime.errors import ModelError
from edge_runtime.quantize import dequantize
from edgekit import files
from edgekit.benchmarks import (
    emulator,
    environment,
    exactness,
    firmware,
    outcome,
    suite,
    usage,
)
from edgekit.benchmarks.contender import Contender, absent, from_keras, raw_inputs
from edgekit.benchmarks.cores import Core
from edgekit.benchmarks.dataset import NO_DATA, describe
from edgekit.benchmarks.firmware import Firmware, Library
from edgekit.benchmarks.result import KERAS, Result, Subject, stamped
from edgekit.benchmarks.subjects import Entry, Keras
from edgekit.benchmarks.usage import Usage
from edgekit.errors import FirmwareError
from edgekit.train.dataset import Dataset

Array = npt.NDArray[Any]
Export = Callable[[Path], Library]
"""A .tflite file -> the same as C; raises ModelError."""

OPTIMISATIONS = ("-Os", "-O2")
"""Of the two builds: for size first and for speed first. zig makes -Os of -Oz and -O2 of -O3."""

COUNTED = 200_000_000
"""Instructions that are counted one block at a time before no further image is: all test images of
a small model. The others' answers are compared all the same."""

EMULATED = 2_000_000_000
"""Instructions that are emulated for random tensors, at most; a multiply-accumulate is one or more.
"""


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    Attributes:
        tensors: random ones on which the outputs are compared with the engine's, at most.
        labelled: images on which the steps are counted where the labels change the code.
    """

    tensors: int
    labelled: int


THOROUGH = Effort(tensors=10_000, labelled=100)
QUICK = Effort(tensors=1_000, labelled=10)


@dataclass(frozen=True)
class Trial:
    """A model, what it is asked and what it is to answer.

    Attributes:
        model: on the engine whose answers the firmware is to give.
        usage: how it is fed and read.
        engine: the engine's name.
        inputs: [N, ...] raw inputs: of all test images, then random tensors.
        expected: [N, ...] raw outputs of the engine.
        images: how many of the inputs are of test images.
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
    effort: Effort = THOROUGH,
    keep: Callable[[Result], None] = lambda _: None,
    say: Callable[[str], None] = lambda _: None,
) -> list[Result]:
    """Build, run and measure each model.

    Args:
        models: by the name that the results call them.
        core: what the firmware is built for.
        export: turns a model file into C.
        dataset: whose test inputs are used.
        variant: of the exported C, for the subjects' names: "skip-zeros".
        keras: the Keras model that is asked the same, where a gate compares with it.
        effort: how much is measured.
        keep: called with each result as soon as it is there.
        say: called with a line of progress before each stage.

    Raises:
        MissingExtraError: a package of the extra [mcu] is not installed.
        TargetError: the core needs a compiler that is not on the PATH.
    """
    firmware.require_tools(core)
    data, machine = describe(dataset), environment.describe() | firmware.versions(core)
    results: list[Result] = []

    def store(measured: Iterable[Result]) -> None:
        for result in measured:
            results.append(stamped(result, data, machine))
            keep(results[-1])

    scores: dict[Subject, Array] = {}
    for name, entry in models.items():
        store(_measured(name, entry, core, export, dataset, variant, effort, say, scores))
    if keras and scores:
        if keras.file and keras.like:
            say(f"{keras.file.name} on Keras")
            store(_answered(keras.file, keras.like, dataset, scores, keras.trust))
        classes = any(entry.usage.classes for entry in models.values())
        store(suite.agreements(scores, keras, classes))
    return results


def _answered(
    file: Path, like: Entry, dataset: Dataset, scores: dict[Subject, Array], trust: bool
) -> Iterator[Result]:
    """Yield what the Keras model's answers are worth, and put its scores to the others'."""
    with tempfile.TemporaryDirectory() as scratch:
        ways = from_keras(
            file, Path(scratch), like.file.size, like.usage, names=(KERAS,), trust=trust
        )
        for one in ways:
            if isinstance(one, Contender):
                scores[one.subject] = one.predict(dataset.x_test)
                yield outcome.measure(one.subject, scores[one.subject], dataset)
            else:
                yield one


def subjects(core: Core, variant: str = "") -> list[str]:
    """Return how the results call the builds for ``core``, as backends."""
    return [" ".join(filter(None, (core.name, one, variant))) for one in OPTIMISATIONS]


def _measured(
    name: str,
    entry: Entry,
    core: Core,
    export: Export,
    dataset: Dataset,
    variant: str,
    effort: Effort,
    say: Callable[[str], None],
    scores: dict[Subject, Array],
) -> Iterator[Result]:
    path = entry.file.path
    digest = files.sha256(path)
    builds = dict(zip(OPTIMISATIONS, subjects(core, variant), strict=True))
    try:
        library = export(path)
        tensors = min(effort.tensors, EMULATED // max(1, library.macs))
        trial = trial_of(path, dataset, tensors, entry.usage) if core.emulated else None
    except ModelError as error:
        for backend in builds.values():
            yield absent(Subject(name, digest, backend), str(error))
        return
    for optimisation, backend in builds.items():
        subject = Subject(name, digest, backend)
        say(f"{name} on {backend}")
        try:
            yield from measure_build(
                subject, core, library, optimisation, trial, dataset, effort, scores
            )
        except FirmwareError as error:
            yield Result(subject, "accuracy", "class", status="failed", reason=str(error))


def trial_of(path: Path, dataset: Dataset, tensors: int, used: Usage | None = None) -> Trial:
    """Return what the firmware is asked, and the engine's answers.

    Args:
        path: the .tflite file.
        dataset: whose test inputs are used.
        tensors: how many random tensors follow them.
        used: how the model is fed and read; None to find that out.

    Raises:
        ModelError: the engine cannot run the model.
    """
    used = used or usage.of(path, dataset)
    engine = "reference" if unavailable("native") else "native"
    model = edge_runtime.load(path, backend=engine)
    given = raw_inputs(model, used, dataset.x_test)
    drawn = exactness.random_tensors(tensors, model.input.shape[1:], model.input.dtype)
    inputs = np.concatenate([given, drawn])
    return Trial(model, used, engine, inputs, exactness.answers(model.run, inputs), len(given))


def measure_build(
    subject: Subject,
    core: Core,
    library: Library,
    optimisation: str,
    trial: Trial | None,
    dataset: Dataset,
    effort: Effort,
    scores: dict[Subject, Array] | None = None,
) -> Iterator[Result]:
    """Measure one build; one that is not emulated has sizes only.

    The scores of an emulated one are put into ``scores``.

    Raises:
        FirmwareError: it cannot be built, or does not run.
    """
    built = firmware.build(core, library, optimisation, labels=False)
    labelled = firmware.build(core, library, optimisation)
    if labelled.image == built.image:
        # The addresses of the steps are all that it lacked.
        built = labelled
    profile = None
    if trial is not None:
        raw = _raw(trial.inputs)
        profile = emulator.profile(built, raw[: trial.images], COUNTED)
        counted = len(profile.instructions)
        affordable = EMULATED // int(profile.instructions.mean())
        asked = min(len(raw), trial.images + affordable)
        others = emulator.answers(built, raw[counted:asked])
        outputs = np.concatenate([profile.outputs, others]).view(trial.expected.dtype)
        outputs = outputs.reshape(asked, *trial.expected.shape[1:])
        answers = trial.usage.read(dequantize(outputs[: trial.images], trial.model.output))
        if scores is not None:
            scores[subject] = answers
        yield outcome.measure(subject, answers, dataset)
        yield exactness.compared(
            subject,
            exactness.TO_NATIVE,
            f"the engine {trial.engine}",
            outputs,
            trial.expected[:asked],
            0 if dataset.source == NO_DATA else trial.images,
        )
    yield _flash(subject, built, library)
    yield _ram(subject, built, library, profile)
    if trial is not None and profile is not None:
        counts = profile
        if built is not labelled:
            some = _raw(trial.inputs[: min(effort.labelled, trial.images)])
            counts = emulator.profile(labelled, some, COUNTED)
        yield _instructions(subject, library, profile, counts)


def _raw(tensors: Array) -> emulator.Bytes:
    """Return [N, ...] as bytes [N, bytes]."""
    return np.ascontiguousarray(tensors).reshape(len(tensors), -1).view(np.uint8)


def _flash(subject: Subject, built: Firmware, library: Library) -> Result:
    summary = {
        "total": built.flash,
        "code": built.code,
        "constants": built.constants,
        "weights": library.weights,
    }
    return Result(subject, "flash", "bytes", (built.flash,), summary)


def _ram(
    subject: Subject, built: Firmware, library: Library, profile: emulator.Profile | None
) -> Result:
    stack = None if profile is None else profile.stack
    total = built.data + (stack or 0)
    data = built.data - library.arena
    summary = {"total": total, "data": data, "arena": library.arena, "stack": stack}
    return Result(subject, "ram", "bytes", (total,), summary)


def _instructions(
    subject: Subject, library: Library, profile: emulator.Profile, labelled: emulator.Profile
) -> Result:
    """Return the instructions of each inference, and of each step.

    Args:
        subject: the build.
        library: the model.
        profile: of the build.
        labelled: the same, or of a build with labels for which the compiler makes other code. Its
            total stands beside the steps, so that nobody takes them for parts of the build's.
    """
    steps = [
        {"op": op, **_spread(column)}
        for op, column in zip((*library.ops, "outside"), labelled.steps.T, strict=True)
    ]
    summary = {
        **_spread(profile.instructions),
        "reset": profile.start,
        "macs": library.macs,
        "images": len(profile.instructions),
        "steps": steps,
        "steps_same_code": labelled is profile,
        "steps_total": _spread(labelled.instructions),
        "steps_images": len(labelled.instructions),
    }
    samples = tuple(profile.instructions.tolist())
    return Result(subject, "instructions", "instructions", samples, summary)


def _spread(counts: npt.NDArray[np.int64]) -> dict[str, float]:
    median, p90 = np.percentile(counts, (50, 90), method="higher")
    figures = {"median": median, "p90": p90, "max": counts.max(), "min": counts.min()}
    return {name: int(figure) for name, figure in figures.items()}
