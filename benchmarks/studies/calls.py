"""Time of a call that is shorter than reading a clock: blocks of calls, in turns.

``latency`` times each call separately, to get percentiles, so that the clock's 50 ns are part of
every figure. Here a block of calls is timed as a whole, over many distinct inputs.
"""

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edgekit.benchmarks.latency import summarise
from edgekit.benchmarks.resolvers import LiteRTModel
from edgekit.benchmarks.result import Result, Subject
from edgekit.benchmarks.tensors import Raw, parts

Array = npt.NDArray[Any]
Loop = Callable[[Sequence[Raw]], None]
"""Runs a model on each of the inputs, one per call."""

BLOCKS = 5
"""Timed blocks in a turn; a round's figure is their median."""
BLOCK_SECONDS = 0.004
"""Approximate length of a block: 80,000 times as long as reading the clock."""


def loop_of(run: Callable[[Any], Any]) -> Loop:
    """Return a loop that calls a function from raw inputs to raw outputs."""

    def loop(inputs: Sequence[Raw]) -> None:
        for tensor in inputs:
            run(tensor)

    return loop


def loop_of_litert(model: LiteRTModel) -> Loop:
    """Return the loop that a user of LiteRT writes, with methods looked up once."""
    interpreter, input_index, output_index = model.interpreter, model.input, model.output
    set_tensor, invoke = interpreter.set_tensor, interpreter.invoke
    get_tensor = interpreter.get_tensor

    def loop(inputs: Sequence[Raw]) -> None:
        for tensor in inputs:
            set_tensor(input_index, tensor)
            invoke()
            get_tensor(output_index)

    def loop_of_several(inputs: Sequence[Raw]) -> None:
        for tensors in inputs:
            for index, tensor in zip(model.inputs, parts(tensors), strict=True):
                set_tensor(index, tensor)
            invoke()
            for index in model.outputs:
                get_tensor(index)

    return loop if len(model.inputs) == len(model.outputs) == 1 else loop_of_several


def measure(
    loops: Mapping[Subject, Loop], inputs: Sequence[Raw], metric: str, rounds: int
) -> list[Result]:
    """Time calls in blocks, all loops in turns; the samples are seconds per call of each block.

    Each turn begins with a pass over ``inputs`` that is not timed. Garbage collection is off
    meanwhile, as in ``timeit``.

    Args:
        loops: the loop of each subject.
        inputs: input of each call, distinct so that no branch predictor learns one.
        metric: metric of the results.
        rounds: turns of each subject.
    """
    passes = {}
    for subject, loop in loops.items():
        loop(inputs)
        passes[subject] = max(1, round(BLOCK_SECONDS / (len(inputs) * _block(loop, inputs, 1))))
    samples: dict[Subject, list[float]] = {subject: [] for subject in loops}
    collects = gc.isenabled()
    gc.disable()
    try:
        for _ in range(rounds):
            for subject, loop in loops.items():
                loop(inputs)
                samples[subject] += [_block(loop, inputs, passes[subject]) for _ in range(BLOCKS)]
    finally:
        if collects:
            gc.enable()
    return [
        Result(subject, metric, "s", tuple(taken), summarise(taken, rounds))
        for subject, taken in samples.items()
    ]


def singles(batch: Array, count: int) -> list[Array]:
    """Return copies of the first ``count`` elements of [N, ...] as arrays [1, ...]."""
    return [np.array(batch[i : i + 1]) for i in range(min(count, len(batch)))]


def _block(loop: Loop, inputs: Sequence[Raw], passes: int) -> float:
    """Return the seconds per call of ``passes`` passes over ``inputs``."""
    started = time.perf_counter()
    for _ in range(passes):
        loop(inputs)
    return (time.perf_counter() - started) / (passes * len(inputs))
