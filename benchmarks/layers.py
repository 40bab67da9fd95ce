"""Where the time of an inference goes: the steps of edgekit's engine, and the ops of LiteRT.

A step's multiply-accumulates a second are compared with the most that a thread of this machine can
do, which the extension measures with loops of the instructions that its kernels multiply with.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import edge_runtime
from edge_runtime.backends import native, options_for, unavailable
from edge_runtime.errors import BackendError, EdgeRuntimeError, ModelError
from edge_runtime.graph import Graph, Op
from edge_runtime.planner import plan
from edgekit import files
from edgekit.benchmarks import environment, latency, litert_ops, model_file
from edgekit.benchmarks.contender import Contender
from edgekit.benchmarks.model_file import ModelFile
from edgekit.benchmarks.result import Result, Subject, stamped
from edgekit.benchmarks.tensors import each, random_inputs
from edgekit.train.dataset import Inputs

TIME = "layer_time"
PEAK = "peak_rate"
"""Metrics of this measurement, besides "latency" of whole inferences."""

ALL = "layers"
"""Metric of ``times``, which has all layers in one result."""

TYPES = ("int8", "float32")
"""Element types of multiplications whose peak is measured."""

DISTINCT = 16
"""Number of random tensors that the runs alternate between."""

WARM_UP = 5
"""Runs before those that are timed."""

Count = Callable[[Graph, Op], int | None]
"""Multiply-accumulates of an op; None for one that has none."""


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    Attributes:
        seconds: approximate time for the profile of a model on an engine.
        runs: least and most runs of a profile.
        rounds, calls: turns of the latency measurement, and most calls in a turn.
    """

    seconds: float
    runs: tuple[int, int]
    rounds: int
    calls: int


THOROUGH = Effort(seconds=1.0, runs=(20, 2000), rounds=20, calls=100)
QUICK = Effort(seconds=0.1, runs=(5, 200), rounds=3, calls=20)


def run(
    models: Mapping[str, Path],
    count: Count,
    *,
    effort: Effort = THOROUGH,
    say: Callable[[str], None] = lambda _: None,
) -> list[Result]:
    """Measure the peaks of this machine, then each model, whole and step by step.

    Args:
        models: .tflite files by their names in the results.
        count: counts multiply-accumulates.
        effort: how much is measured.
        say: called with a line of progress before each model.

    Returns:
        The peaks; for each model its latency on native and LiteRT, the time of each step and, if
        LiteRT is installed, that of each op there. A model that an engine cannot run has one result
        that says why.

    Raises:
        BackendError: edgekit's extension is not there.
        ModelError: bench cannot measure a file, or the engine runs none of them.
    """
    engine = native.open_engine()
    opened = {name: model_file.load(path) for name, path in models.items()}
    say("the most that this machine can do")
    results = list(peaks(engine))
    peaks_of = {(one.summary["level"], one.summary["type"]): _rate(one) for one in results}
    best = {kind: max(_of_type(peaks_of, kind), default=None) for kind in TYPES}
    refused: list[str] = []
    for name, file in opened.items():
        say(name)
        subject = Subject(name, files.sha256(file.path), "native")
        try:
            steps = _steps(subject, file, engine, count, peaks_of, effort)
        except ModelError as error:
            refused.append(f"{file.path}: {error}")
            results.append(_absent(subject, str(error)))
            continue
        results += _latencies(subject, file, effort)
        results += steps
        results += _litert(subject, file, count, best, effort)
    if len(refused) == len(opened):
        raise ModelError(refused[0])
    machine = environment.describe()
    return [stamped(result, {}, machine) for result in results]


def times(subject: Subject, file: ModelFile, effort: Effort = QUICK) -> Result:
    """Return how long each layer of edgekit's engine takes, all in one result.

    Args:
        subject: the model on native.
        file: the same model.
        effort: how much is measured.

    Raises:
        BackendError: edgekit's extension is not there.
        ModelError: the engine cannot run the model.
    """
    timed = _steps(subject, file, native.open_engine(), lambda *_: None, {}, effort)
    steps = [one.summary for one in timed]
    found = [{key: step[key] for key in ("op", "name", "median")} for step in steps]
    summary = {"layers": found, "runs": steps[0]["runs"] if steps else 0}
    return Result(subject, ALL, "s", tuple(step["median"] for step in steps), summary)


def peaks(engine: native.NativeEngine) -> Iterable[Result]:
    """Yield the peak of each level of the engine for each type that it multiplies."""
    available: Sequence[str] = native.instructions()
    if engine.forced:
        available = available[available.index(engine.forced) :]
    for level in available:
        for kind in TYPES:
            rate = engine.extension.peak(level, kind)
            if rate is not None:
                summary = {"level": level, "type": kind, "rate": rate}
                yield Result(Subject("", "", f"{level} {kind}"), PEAK, "MAC/s", (rate,), summary)


def _rate(peak: Result) -> float:
    return float(peak.summary["rate"])


def _of_type(peaks: Mapping[tuple[str, str], float], kind: str) -> list[float]:
    """Return the peaks of all levels for a type."""
    return [rate for (_, one), rate in peaks.items() if one == kind]


def _steps(
    subject: Subject,
    file: ModelFile,
    engine: native.NativeEngine,
    count: Count,
    peaks: Mapping[tuple[str, str], float],
    effort: Effort,
) -> list[Result]:
    """Time each step of the plan.

    Its multiply-accumulates are compared with the peak of its kernel's level for their type, or the
    best for the type where the level has none.

    Raises:
        ModelError: the engine cannot run the model.
    """
    planned = plan(file.graph, "litert", engine)
    session = native.NativeSession(file.graph, planned, engine)
    times = _profile(session, file, effort)
    clock = float(np.median(times[:, -1]))
    results = []
    for number, step in enumerate(planned.steps):
        macs = count(planned.graph, step.op)
        kind = _type([planned.slots[slot].dtype for slot in step.reads], macs)
        best = max(_of_type(peaks, kind), default=None)
        figures = _figures(times[:, number], clock)
        summary = {
            "step": number,
            "op": _position(file.graph, step.op),
            "name": step.op.name,
            "kernel": step.kernel.name,
            "level": step.level,
            "type": kind,
            "output": list(planned.graph.tensors[step.op.outputs[0]].shape),
            **figures,
            **rates(macs, figures["median"], peaks.get((step.level, kind), best)),
        }
        samples = tuple((1e-9 * times[:, number]).tolist())
        results.append(Result(subject, TIME, "s", samples, summary))
    return results


def _profile(
    session: native.NativeSession, file: ModelFile, effort: Effort
) -> npt.NDArray[np.int64]:
    """Return nanoseconds [runs, steps + 1]; the last column is what reading the clock costs."""
    raw = random_inputs(DISTINCT, file.inputs)
    inputs = [one if isinstance(one, tuple) else (one,) for one in each(raw)]
    started = time.perf_counter()
    for number in range(WARM_UP):
        session.profile(inputs[number % DISTINCT])
    taken = (time.perf_counter() - started) / WARM_UP
    least, most = effort.runs
    runs = int(np.clip(effort.seconds / taken, least, most))
    return np.array([session.profile(inputs[number % DISTINCT]) for number in range(runs)])


def _figures(nanoseconds: npt.NDArray[np.int64], clock: float) -> dict[str, float]:
    """Return the seconds of a step, without what reading the clock costs."""
    without = np.maximum(nanoseconds - clock, 0.0) * 1e-9
    return {
        "median": float(np.median(without)),
        "p90": float(np.percentile(without, 90)),
        "min": float(without.min()),
        "runs": len(nanoseconds),
        "clock": clock * 1e-9,
    }


def rates(macs: int | None, seconds: float, peak: float | None) -> dict[str, Any]:
    """Return multiply-accumulates, those a second and their share of the peak, None if unknown."""
    rate = macs / seconds if macs and seconds else None
    return {"macs": macs, "rate": rate, "share": rate / peak if rate and peak else None}


def _position(graph: Graph, op: Op) -> int | None:
    """Return the position of an op in the file; None of a copy that is not there."""
    added = any(index >= len(graph.tensors) for index in op.outputs)
    return None if op.name == "COPY" and added else op.index


def _type(kinds: Sequence[str], macs: int | None) -> str:
    """Return what an op multiplies, of the types of its inputs; of one that does not, the first.

    That is the type of the weights, but 16 bits if the activations have as many.
    """
    weights = macs and len(kinds) > 1 and kinds[0] != "int16"
    return kinds[1] if weights else "".join(kinds[:1])


def _latencies(subject: Subject, file: ModelFile, effort: Effort) -> list[Result]:
    """Time whole inferences of both engines in turns, and compare them."""
    contenders, results = [], []
    for backend in ("native", "litert"):
        one = Subject(subject.model, subject.sha256, backend)
        if reason := unavailable(backend):
            results.append(_absent(one, reason, "latency"))
            continue
        try:
            contenders.append(_contender(one, file))
        except EdgeRuntimeError as error:
            results.append(_absent(one, str(error), "latency"))
    nothing = np.zeros((latency.DISTINCT_IMAGES, 0), np.float32)
    timed = latency.measure(
        contenders,
        nothing,
        rounds=effort.rounds,
        calls=effort.calls,
        slice_seconds=effort.seconds / effort.rounds,
    )
    good = [one for one in timed if one.status == "measured"]
    return [*timed, *results, *latency.against_litert(good)]


def _contender(subject: Subject, file: ModelFile) -> Contender:
    """Load a model on a backend, to run on random tensors.

    Raises:
        BackendError, ModelError: it cannot.
    """
    backend = subject.backend
    model = edge_runtime.load(file.path, backend=backend, **options_for(backend))

    def inputs(images: Inputs) -> Any:
        return random_inputs(len(images), file.inputs)

    return Contender(
        subject,
        file.path,
        model.predict,
        inputs,
        model.run,
        (),
        times=getattr(model._session, "times", None),
    )


def _litert(
    subject: Subject,
    file: ModelFile,
    count: Count,
    best: Mapping[str, float | None],
    effort: Effort,
) -> list[Result]:
    """Time each op of LiteRT; one result that says why where that is not possible."""
    subject = Subject(subject.model, subject.sha256, "litert")
    try:
        events = litert_ops.profile(file.path, effort.runs, effort.seconds)
    except BackendError as error:
        return [_absent(subject, str(error))]
    positions = litert_ops.positions(file.graph, [one.name for one in events])
    results = []
    for number, (one, at) in enumerate(zip(events, positions, strict=True)):
        name, macs, kind = one.name, None, ""
        if at is not None:
            op = file.graph.ops[at]
            name, macs = op.name, count(file.graph, op)
            kind = _type([file.graph.tensors[i].dtype for i in op.inputs if i >= 0], macs)
        seconds = float(np.median(one.seconds))
        summary = {
            "step": number,
            "op": at,
            "name": name,
            "kernel": one.name,
            "type": kind,
            "median": seconds,
            "p90": float(np.percentile(one.seconds, 90)),
            "min": min(one.seconds),
            "runs": len(one.seconds),
            **rates(macs, seconds, best.get(kind)),
        }
        results.append(Result(subject, TIME, "s", one.seconds, summary))
    return results


def _absent(subject: Subject, reason: str, metric: str = TIME) -> Result:
    return Result(subject, metric, "s", status="not present", reason=" ".join(reason.split()))
