"""Latency of one image and throughput of many, with the contenders in turns in one process.

In turns, because a machine that slows down for a second then slows all of them down: the ratio of
two contenders within a round stays right when their absolute figures do not.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from edge_runtime.errors import BackendError
from edge_runtime.worker import times
from edgekit.benchmarks.contender import Contender
from edgekit.benchmarks.result import Result, Subject
from edgekit.benchmarks.tensors import Raw
from edgekit.train.dataset import Inputs

FEWEST_CALLS = 3
"""Least calls of a round, even if one call takes longer than the whole slice."""
TYPICAL_CALLS = 20
"""Calls that estimate beforehand how long one takes, where FEWEST_CALLS fit into a slice."""
WARM_UP = 10
"""Most untimed calls at the start of a turn: the contender before left the caches cold, and these
few calls would dominate the 99 % percentile."""
P99_CALLS = 1000
"""Least samples for a 99 % percentile; of fewer, it would be little else than the maximum."""
DISTINCT_IMAGES = 64
"""Number of images that the calls alternate between, so that no branch predictor learns one."""


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
    ``slice_seconds``, but at least one.

    A contender that runs in its own process is timed there; if the process dies, the result is
    failed.

    Args:
        contenders: the contenders, in the order of their turns.
        images: the dataset's inputs [N, ...].
        rounds: turns of each contender.
        calls: most calls in a turn; fewer if they would take longer than ``slice_seconds``.
        slice_seconds: approximate length of a turn.
    """
    inputs = [contender.inputs(images[:DISTINCT_IMAGES]) for contender in contenders]
    failures: dict[Subject, str] = {}

    def clock(contender: Contender, raw: Raw, calls: int) -> list[float]:
        """Return the seconds of each call; [] once a call has failed."""
        if contender.subject in failures:
            return []
        try:
            return (contender.times or partial(times, contender.run))(raw, calls)
        except BackendError as error:
            failures[contender.subject] = str(error)
            return []

    turns = []
    for contender, raw in zip(contenders, inputs, strict=True):
        typical = clock(contender, raw, FEWEST_CALLS)
        if sum(typical) < slice_seconds:
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

    There is no p99 for fewer than ``P99_CALLS`` samples.
    """
    p50, p90, p99 = np.percentile(samples, [50, 90, 99]).tolist()
    summary = {"p50": p50, "p90": p90, "calls": len(samples), "rounds": rounds}
    return summary | ({"p99": p99} if len(samples) >= P99_CALLS else {})


def relative(results: Sequence[Result]) -> list[Result]:
    """Compare each latency with the one that has the smallest median: "relative_latency"."""
    if not results:
        return []
    fastest = min(results, key=lambda result: float(result.summary["p50"]))
    return [compared(result, fastest, "relative_latency") for result in results]


def against_litert(results: Sequence[Result]) -> list[Result]:
    """Compare each latency of a model with LiteRT's of the same model: "latency_to_litert"."""
    litert = {
        result.subject.model: result for result in results if result.subject.backend == "litert"
    }
    return [
        compared(result, litert[result.subject.model], "latency_to_litert")
        for result in results
        if result.subject.model in litert
    ]


def compared(result: Result, reference: Result, metric: str) -> Result:
    """Compare two latencies of as many rounds, round by round: result / reference.

    The samples are ratios of the two medians of a round; the summary has their median and their 5 %
    and 95 % percentiles.
    """
    medians, others = (
        np.median(np.reshape(one.samples, (one.summary["rounds"], -1)), axis=1)
        for one in (result, reference)
    )
    ratios = medians / others
    low, median, high = np.percentile(ratios, [5, 50, 95]).tolist()
    summary = {"reference": str(reference.subject), "median": median, "low": low, "high": high}
    return replace(result, metric=metric, unit="1", samples=tuple(ratios.tolist()), summary=summary)


def throughput(contenders: Sequence[Contender], images: Inputs, passes: int = 5) -> list[Result]:
    """Time ``predict`` on all ``images`` at once; samples in images/s, one per pass.

    A contender that runs in its own process is left out: the pipe is no part of an answer.
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
