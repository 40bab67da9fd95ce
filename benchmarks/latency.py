"""Latency of one image and throughput of many, contenders taking turns in one process.

Turns, because a machine that slows down for a second then slows all of them down: the ratio of
two contenders within a round holds where their absolute figures do not.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import BackendError
from edge_runtime.worker import times
from edgekit.benchmarks.contender import Contender
from edgekit.benchmarks.result import Result, Subject
from edgekit.train.dataset import Inputs

FEWEST_CALLS = 5
"""Calls a round even when one call takes longer than the whole slice."""
TYPICAL_CALLS = 20
"""Calls that tell beforehand how long one takes."""
WARM_UP = 10
"""Untimed calls at the start of a turn, at most: the contender before left the caches cold, and
those few calls would be all that a 99 % percentile shows."""
P99_CALLS = 1000
"""Fewer samples than this give no 99 % percentile: it would be little else than their maximum."""
DISTINCT_IMAGES = 64
"""Different images that the calls go through, so that no branch predictor learns the one."""


def measure(
    contenders: Sequence[Contender],
    images: Inputs,
    *,
    rounds: int = 20,
    calls: int = 200,
    slice_seconds: float = 0.1,
) -> list[Result]:
    """Time ``run`` on one image at a time; samples in seconds, round after round.

    A turn starts with untimed calls, ``WARM_UP`` of them or as many as fit into a tenth of
    ``slice_seconds``, but one at least.

    Who runs in a process of its own is timed there, and gets a failed result where it dies.

    Args:
        contenders: who takes turns.
        images: the dataset's inputs [N, ...].
        rounds: turns for each contender.
        calls: calls in a turn, at most; fewer for who would need longer than ``slice_seconds``.
        slice_seconds: rough length of a turn.
    """
    inputs = [contender.inputs(images[:DISTINCT_IMAGES]) for contender in contenders]
    failures: dict[Subject, str] = {}

    def clock(contender: Contender, raw: npt.NDArray[Any], calls: int) -> list[float]:
        """Return the seconds of calls; none from the first one on that fails."""
        if contender.subject in failures:
            return []
        try:
            return (contender.times or partial(times, contender.run))(raw, calls)
        except BackendError as error:
            failures[contender.subject] = str(error)
            return []

    turns = []
    for contender, raw in zip(contenders, inputs, strict=True):
        typical = clock(contender, raw, TYPICAL_CALLS) or [slice_seconds]
        fitting = slice_seconds / float(np.median(typical))
        warm_up, timed = np.clip((fitting / 10, fitting), (1, FEWEST_CALLS), (WARM_UP, calls))
        turns.append((int(warm_up), int(timed)))
    samples: list[list[float]] = [[] for _ in contenders]
    for _ in range(rounds):
        for contender, raw, turn, taken in zip(contenders, inputs, turns, samples, strict=True):
            warm_up, timed = turn
            taken += clock(contender, raw, warm_up + timed)[warm_up:]
    return [
        Result(subject, "latency", "s", status="failed", reason=failures[subject])
        if subject in failures
        else Result(subject, "latency", "s", tuple(taken), summarise(taken, rounds))
        for subject, taken in zip((one.subject for one in contenders), samples, strict=True)
    ]


def summarise(samples: Sequence[float], rounds: int) -> dict[str, float]:
    """Return p50, p90 and p99 (linear between order statistics) and how the samples were taken.

    There is no p99 of fewer than ``P99_CALLS`` samples.
    """
    p50, p90, p99 = np.percentile(samples, [50, 90, 99]).tolist()
    summary = {"p50": p50, "p90": p90, "calls": len(samples), "rounds": rounds}
    return summary | ({"p99": p99} if len(samples) >= P99_CALLS else {})


def relative(results: Sequence[Result]) -> list[Result]:
    """Compare each latency with the one of the smallest median: "relative_latency"."""
    if not results:
        return []
    fastest = min(results, key=lambda result: float(result.summary["p50"]))
    return [compared(result, fastest, "relative_latency") for result in results]


def against_litert(results: Sequence[Result]) -> list[Result]:
    """Compare each latency of a model with LiteRT's of the same model: "latency_to_litert"."""
    own = {one.subject.model: one for one in results if one.subject.backend == "litert"}
    return [
        compared(result, own[result.subject.model], "latency_to_litert")
        for result in results
        if result.subject.model in own
    ]


def compared(result: Result, reference: Result, metric: str) -> Result:
    """Compare two latencies, both with as many rounds, round by round: own / reference.

    The samples are ratios of two medians of the same round; the summary has their median and
    their 5 % and 95 % percentiles.
    """
    own, other = (
        np.median(np.reshape(one.samples, (one.summary["rounds"], -1)), axis=1)
        for one in (result, reference)
    )
    ratios = own / other
    low, median, high = np.percentile(ratios, [5, 50, 95]).tolist()
    summary = {"reference": str(reference.subject), "median": median, "low": low, "high": high}
    return replace(result, metric=metric, unit="1", samples=tuple(ratios.tolist()), summary=summary)


def throughput(contenders: Sequence[Contender], images: Inputs, passes: int = 5) -> list[Result]:
    """Time ``predict`` on all ``images`` at once; samples in images/s, one a pass.

    Who runs in a process of its own is left out: the way there is no part of an answer.
    """
    contenders = [one for one in contenders if one.times is None]
    samples: list[list[float]] = [[] for _ in contenders]
    for _ in range(passes):
        for contender, taken in zip(contenders, samples, strict=True):
            started = time.perf_counter()
            contender.predict(images)
            taken.append(len(images) / (time.perf_counter() - started))
    return [
        Result(
            contender.subject,
            "throughput",
            "images/s",
            tuple(taken),
            {"median": float(np.median(taken)), "images": len(images)},
        )
        for contender, taken in zip(contenders, samples, strict=True)
    ]
