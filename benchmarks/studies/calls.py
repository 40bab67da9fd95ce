"""What a call costs when it costs less than reading a clock: blocks of calls, in turns.

``latency`` times each call by itself, to have its percentiles; the clock's own 50 ns are then part
of every figure. Here a block of calls is timed as a whole, over many distinct inputs.
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

Array = npt.NDArray[Any]
Loop = Callable[[Sequence[Array]], None]
"""Runs a model on each of the inputs, one a call."""

BLOCKS = 5
"""Timed blocks in a turn; a round's figure is their median."""
BLOCK_SECONDS = 0.004
"""Rough length of a block: 80,000 times what the clock costs."""


def loop_of(run: Callable[[Array], Any]) -> Loop:
    """Return the loop of a function from array to array."""

    def loop(inputs: Sequence[Array]) -> None:
        for tensor in inputs:
            run(tensor)

    return loop


def loop_of_litert(opened: LiteRTModel) -> Loop:
    """Return the loop that a user of LiteRT writes, the methods looked up once."""
    set_tensor, invoke = opened.interpreter.set_tensor, opened.interpreter.invoke
    get_tensor, given, made = opened.interpreter.get_tensor, opened.input, opened.output

    def loop(inputs: Sequence[Array]) -> None:
        for tensor in inputs:
            set_tensor(given, tensor)
            invoke()
            get_tensor(made)

    return loop


def measure(
    loops: Mapping[Subject, Loop], inputs: Sequence[Array], metric: str, rounds: int
) -> list[Result]:
    """Time calls in blocks, everyone in turns; the samples are seconds a call, block after block.

    Each turn begins with a pass over ``inputs`` that is not timed. The garbage collector rests
    meanwhile, as it does in ``timeit``.

    Args:
        loops: who takes turns.
        inputs: what a call takes, distinct so that no branch predictor learns the one.
        metric: of the results.
        rounds: turns for each.
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
    """Return the first ``count`` of [N, ...] as arrays [1, ...] of their own."""
    return [np.array(batch[i : i + 1]) for i in range(min(count, len(batch)))]


def _block(loop: Loop, inputs: Sequence[Array], passes: int) -> float:
    """Return seconds a call of ``passes`` passes over ``inputs``."""
    started = time.perf_counter()
    for _ in range(passes):
        loop(inputs)
    return (time.perf_counter() - started) / (passes * len(inputs))
