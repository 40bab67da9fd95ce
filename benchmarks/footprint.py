"""Cost of a first answer: cold start and peak memory of a fresh process, sizes on disk."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np

from edgekit.benchmarks.contender import Contender
from edgekit.benchmarks.result import Result, Status, Subject
from edgekit.benchmarks.tensors import parts
from edgekit.train.dataset import Inputs

BARE_PYTHON = Subject("", "", "bare Python", peer=True)
"""The bare interpreter, which every other start includes."""
# -P: nothing is imported from the working directory, which could contain a json.py or train/.
FRESH = [sys.executable, "-P", str(Path(__file__).with_name("first_answer.py"))]
"""Command of a fresh process, without the arguments of first_answer.py."""
ENOUGH_STARTS = 3
BUDGET_SECONDS = 10.0
"""A contender with ENOUGH_STARTS that took this long in total is not started again."""

Start = tuple[float, int]
"""Seconds to the first answer, and peak memory in bytes (0 if unknown)."""


class StartError(Exception):
    """The fresh process ended without an answer."""


def measure(contenders: Sequence[Contender], images: Inputs, starts: int = 5) -> list[Result]:
    """Start fresh processes for a first answer, all contenders and bare Python in turns.

    Returns "cold_start" in seconds and "peak_memory" in bytes, one sample per start; "ratio" in the
    summary is the median ratio to the bare Python of the same turn. Files are in the page cache,
    because this process has used them.
    """
    commands = {BARE_PYTHON: (["python"], b"")}
    for contender in contenders:
        subject = contender.subject
        kind = "runtime"
        if subject.peer:
            kind = "trusted peer" if contender.trust else "peer"
        raw = contender.inputs(images[:1])
        arguments = [kind, subject.backend, str(contender.file), *map(str, parts(raw)[0].shape)]
        commands[subject] = arguments, b"".join(tensor.tobytes() for tensor in parts(raw))
    samples: dict[Subject, list[Start]] = {subject: [] for subject in commands}
    failures: dict[Subject, str] = {}
    for turn in range(starts):
        for subject, (arguments, data) in commands.items():
            spent = sum(seconds for seconds, _ in samples[subject])
            if subject in failures or (turn >= ENOUGH_STARTS and spent > BUDGET_SECONDS):
                continue
            try:
                samples[subject].append(first_answer(arguments, data))
            except StartError as error:
                failures[subject] = str(error)
    results = []
    for subject, taken in samples.items():
        reason = failures.get(subject, "")
        (seconds, memory), (bare_seconds, bare_memory) = (
            [[start[i] for start in starts if start[i]] for i in range(2)]
            for starts in (taken, samples[BARE_PYTHON])
        )
        results.append(_result(subject, "cold_start", "s", seconds, bare_seconds, "failed", reason))
        unknown = reason or "this system does not report a process's peak memory"
        status: Status = "failed" if reason else "not present"
        results.append(
            _result(subject, "peak_memory", "bytes", memory, bare_memory, status, unknown)
        )
    return results


def sizes(contender: Contender) -> list[Result]:
    """Return "file_size" and "installed_size", both in bytes.

    The installed size is the total of the distributions that the contender needs besides Python.
    """
    subject = contender.subject
    file_size = contender.file.stat().st_size
    installed = {
        name: distribution_size(name) for name in sorted(closed_set(contender.distributions))
    }
    total = sum(installed.values())
    return [
        Result(subject, "file_size", "bytes", (file_size,), {"median": file_size}),
        Result(
            subject,
            "installed_size",
            "bytes",
            (total,),
            {"median": total, "distributions": installed},
        ),
    ]


def first_answer(arguments: Sequence[str], tensor: bytes) -> Start:
    """Run first_answer.py with ``arguments`` on a raw input tensor, or several one after another.

    Raises:
        StartError: it ended without an answer; the message contains its last line on stderr.
    """
    # Let a checkout cache its bytecode, which an installed package has.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        with subprocess.Popen(
            [*FRESH, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment,
        ) as child:
            assert child.stdin is not None
            assert child.stdout is not None
            try:
                child.stdin.write(tensor)
                child.stdin.close()
            except BrokenPipeError:
                pass  # it ended before it read its input; see its exit code below
            child.stdout.readline()
            elapsed = time.perf_counter() - started
            memory = child.stdout.read()
        if child.returncode:
            errors.seek(0)
            lines = errors.read().decode(errors="replace").strip().splitlines()
            last = lines[-1] if lines else "no message"
            raise StartError(f"a fresh process ended with code {child.returncode}: {last}")
    return elapsed, int(memory)


def closed_set(distributions: Iterable[str]) -> set[str]:
    """Return ``distributions`` and all installed distributions that they need.

    Requirements of extras are left out, as are requirements that are not installed because their
    environment marker does not match.
    """
    needed: set[str] = set()
    waiting = list(distributions)
    while waiting:
        name = normalized(waiting.pop())
        if name in needed:
            continue
        try:
            requirements = distribution(name).requires or []
        except PackageNotFoundError:
            continue
        needed.add(name)
        for requirement in requirements:
            specifier, _, marker = requirement.partition(";")
            if "extra" not in marker:
                waiting.append(re.split(r"[^\w.-]", specifier.strip(), maxsplit=1)[0])
    return needed


def normalized(name: str) -> str:
    """Return a distribution's name as PEP 503 normalises it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def distribution_size(name: str) -> int:
    """Return the total size of the files that an installed distribution recorded, in bytes."""
    paths = (Path(str(file.locate())) for file in distribution(name).files or [])
    return sum(path.stat().st_size for path in paths if path.is_file())


def _result(
    subject: Subject,
    metric: str,
    unit: str,
    samples: Sequence[float],
    bare: Sequence[float],
    otherwise: Status,
    reason: str,
) -> Result:
    """Return the measured result, or one that says why there is no sample.

    Args:
        subject: what was started.
        metric: metric of the result.
        unit: unit of the samples.
        samples: one for each start.
        bare: samples of bare Python, at least as many.
        otherwise: status if there are no samples.
        reason: why there are none.
    """
    if not samples:
        return Result(subject, metric, unit, status=otherwise, reason=reason)
    summary = {"median": float(np.median(samples)), "min": min(samples), "max": max(samples)}
    if bare:
        ratios = [sample / python for sample, python in zip(samples, bare, strict=False)]
        summary["ratio"] = float(np.median(ratios))
    return Result(subject, metric, unit, tuple(samples), summary)
