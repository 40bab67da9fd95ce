"""Speed of edgekit's engine compared with LiteRT's on many .tflite files: the slowest ratio first.

A short measurement of each file in a process of its own, whatever its inputs and outputs are: the
whole call on random tensors, with states as they go on from call to call.
"""

import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

import edge_runtime
from edge_runtime.errors import EdgeRuntimeError, ModelError
from edge_runtime.graph import Tensor
from edge_runtime.reader import read
from edgekit import files
from edgekit.benchmarks.latency import compared
from edgekit.benchmarks.report.units import quantity, three_digits
from edgekit.benchmarks.resolvers import open_litert
from edgekit.benchmarks.result import Result, Subject
from edgekit.benchmarks.studies import calls
from edgekit.benchmarks.tensors import Raw, joined, random_tensors
from edgekit.errors import EdgekitError

OURS, PEER = "native", "LiteRT XNNPACK"
METRIC = "call_on_random"
RATIO = f"{METRIC}_ratio"
CALLS = 4
"""Distinct inputs of a file."""


def tflite_files(paths: Iterable[Path]) -> list[Path]:
    """Return the files among ``paths`` and the .tflite files in those that are folders.

    Raises:
        EdgekitError: there is none, or a path does not exist.
    """
    found = []
    for path in paths:
        if not path.exists():
            raise EdgekitError(f"{path}: there is no such file")
        found += sorted(path.glob("[!.]*.tflite")) if path.is_dir() else [path]
    if not found:
        raise EdgekitError(f"no .tflite files in {', '.join(map(str, paths))}")
    return found


def measure(models: Iterable[Path], rounds: int) -> Iterator[Result]:
    """Yield for each file the seconds of a call on both sides, and LiteRT's ratio to ours.

    Args:
        models: .tflite files.
        rounds: turns of each side.
    """
    for model in models:
        results = in_a_process(compare, model, rounds)
        if isinstance(results, str):
            subject = Subject(model.name, files.sha256(model), PEER, peer=True)
            results = [Result(subject, METRIC, "s", status="failed", reason=results)]
        yield from results


def in_a_process(work: Callable[..., list[Result]], *arguments: Any) -> list[Result] | str:
    """Return the results of ``work`` in a process of its own, which some files end in LiteRT.

    Then what is returned says so.
    """
    # What instructions are hidden from a process, a fork of it does not see either.
    if hasattr(os, "fork"):
        multiprocessing.set_start_method("fork", force=True)
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.Process(target=_send, args=(sender, work, *arguments))
    process.start()
    sender.close()
    try:
        results: list[Result] = receiver.recv()
    except EOFError:
        process.join()
        return f"the process ended with exit code {process.exitcode}"
    process.join()
    return results


def _send(sender: Connection, work: Callable[..., list[Result]], *arguments: Any) -> None:
    sender.send(work(*arguments))
    sender.close()


def compare(model: Path, rounds: int) -> list[Result]:
    """Return both sides' seconds of a call and their ratio; the reason if one cannot run it."""
    ours = Subject(model.name, files.sha256(model), OURS)
    peer = Subject(model.name, ours.sha256, PEER, peer=True)
    try:
        native = edge_runtime.load(model, backend="native")
        inputs = list(_inputs(tuple(native.inputs.values())))
        native.run(inputs[0])
    except EdgeRuntimeError as error:
        return [Result(ours, METRIC, "s", status="not present", reason=str(error))]
    try:
        litert = open_litert(model, "XNNPACK")
        litert.interpreter.reset_all_variables()
        litert.run(inputs[0])
    except (ModelError, RuntimeError, ValueError) as error:
        return [Result(peer, METRIC, "s", status="not present", reason=str(error))]
    native.reset()
    loops = {ours: calls.loop_of(native.run), peer: calls.loop_of_litert(litert)}
    measured = calls.measure(loops, inputs, METRIC, rounds)
    ratio = compared(measured[1], measured[0], RATIO)
    return [*measured, replace(ratio, summary={**ratio.summary, "ops": ops_of(model)})]


def report(results: Sequence[Result]) -> str:
    """Return a line for each file: LiteRT's time / ours, ours, LiteRT's, ops; the slowest first.

    Args:
        results: of ``measure``.
    """
    lines = [f"{name}: {value}" for name, value in results[0].environment.items()]
    lines += ["", "LiteRT / edgekit, edgekit, LiteRT with XNNPACK"]
    times = {one.subject: one for one in results if one.metric == METRIC}
    ratios = [one for one in results if one.metric == RATIO]
    width = max(len(one.subject.model) for one in results)
    for ratio in sorted(ratios, key=lambda one: float(one.summary["median"])):
        ours, peer = (
            quantity(times[subject].summary["p50"], "s")
            for subject in (replace(ratio.subject, backend=OURS, peer=False), ratio.subject)
        )
        figure = three_digits(ratio.summary["median"])
        name = ratio.subject.model.ljust(width)
        lines.append(f"{figure:>6} ×  {ours:>8}  {peer:>8}  {name}  {ratio.summary['ops']}")
    for one in results:
        if one.status != "measured":
            lines.append(f"{one.status}: {one.subject}: {one.reason}")
    slower = sum(ratio.summary["median"] < 1 for ratio in ratios)
    return "\n".join([*lines, "", f"{slower} of {len(ratios)} are slower than with XNNPACK"])


def ops_of(model: Path) -> str:
    """Return a file's ops and how many there are of each: "CONV_2D ×3, SOFTMAX"."""
    counts = Counter(op.name for op in read(model.read_bytes()).ops)
    return ", ".join(
        name if count == 1 else f"{name} ×{count}" for name, count in counts.most_common()
    )


def _inputs(tensors: Sequence[Tensor]) -> Iterator[Raw]:
    """Yield random inputs of a model.

    Integers of more than 16 bits, which count or index, are 0 or 1.
    """
    for call in range(CALLS):
        yield joined(
            drawn(tensor, 1 + call * len(tensors) + number) for number, tensor in enumerate(tensors)
        )


def drawn(tensor: Tensor, seed: int) -> Any:
    """Return a random input; integers of more than 16 bits are 0 or 1."""
    if tensor.dtype in ("int32", "int64"):
        return np.random.default_rng(seed).integers(0, 2, tensor.shape).astype(tensor.dtype)
    return random_tensors(1, tensor.shape, tensor.dtype, seed)[0]
