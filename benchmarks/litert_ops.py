"""The time of each op in LiteRT, by LiteRT's own profiler.

The Python API has no profiler, but the C library in its package has one, which times the ops of
XNNPACK as well. It counts whole microseconds, rounded down. Because nothing but this module says
which functions and structures that library has, it is called in a process of its own, and only for
versions that it was written for.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from edge_runtime.backends import litert
from edge_runtime.errors import BackendError
from edge_runtime.graph import Graph
from edgekit.benchmarks import litert_profiler

KNOWN = "2.3."
"""Versions of ai-edge-litert whose profiler is known, by how they begin."""

PATIENCE = 120.0
"""Seconds after which a process without an answer is ended."""

MOST_PAIRS = 4_000_000
"""Most pairs of an op of LiteRT and one of the file that are compared."""

KINDS = {
    "Add": {"ADD"},
    "Average Pooling": {"AVERAGE_POOL_2D"},
    "Batch Matrix Multiply": {"BATCH_MATMUL"},
    "Clamp": {"RELU", "RELU6", "RELU_N1_TO_1", "RELU_0_TO_1"},
    "Concatenate": {"CONCATENATION"},
    "Constant Pad": {"PAD", "PADV2"},
    "Convert": {"QUANTIZE", "DEQUANTIZE"},
    "Convolution": {"CONV_2D", "DEPTHWISE_CONV_2D"},
    "Copy": {"RESHAPE", "EXPAND_DIMS", "SQUEEZE"},
    "Deconvolution": {"TRANSPOSE_CONV"},
    "Divide": {"DIV"},
    "ELU": {"ELU"},
    "Fully Connected": {"FULLY_CONNECTED", "CONV_2D"},
    "Global Average Pooling": {"MEAN", "AVERAGE_POOL_2D"},
    "HardSwish": {"HARD_SWISH"},
    "Leaky ReLU": {"LEAKY_RELU"},
    "LeakyReLU": {"LEAKY_RELU"},
    "Max Pooling": {"MAX_POOL_2D"},
    "Maximum": {"MAXIMUM"},
    "Mean": {"MEAN"},
    "Minimum": {"MINIMUM"},
    "Multiply": {"MUL"},
    "PReLU": {"PRELU"},
    "Reduce Max": {"REDUCE_MAX"},
    "Reduce Min": {"REDUCE_MIN"},
    "Sigmoid": {"LOGISTIC"},
    "Slice": {"SLICE", "STRIDED_SLICE"},
    "Softmax": {"SOFTMAX"},
    "Squared Difference": {"SQUARED_DIFFERENCE"},
    "Static Constant Pad": {"PAD", "PADV2"},
    "Static Mean": {"MEAN"},
    "Static Reduce": {"MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN"},
    "Static Reshape": {"RESHAPE", "EXPAND_DIMS", "SQUEEZE"},
    "Static Resize Bilinear": {"RESIZE_BILINEAR"},
    "Static Slice": {"SLICE", "STRIDED_SLICE"},
    "Static Transpose": {"TRANSPOSE"},
    "Subtract": {"SUB"},
    "Sum": {"SUM"},
    "Tanh": {"TANH"},
    "Transpose": {"TRANSPOSE"},
}
"""Beginning of XNNPACK's name of an op -> the builtins that it runs."""


@dataclass(frozen=True)
class Event:
    """An op as LiteRT runs it.

    Attributes:
        name: the name of a builtin, or XNNPACK's: "Convolution (NHWC, QC8) DWConv".
        seconds: of each run, whole microseconds.
    """

    name: str
    seconds: tuple[float, ...]


def unavailable() -> str | None:
    """Return why LiteRT's profiler cannot be used; None if it can."""
    if reason := litert.unavailable():
        return reason
    if not (installed := version("ai-edge-litert")).startswith(KNOWN):
        return f"LiteRT's profiler is known for ai-edge-litert {KNOWN}*, not for {installed}"
    if litert_profiler.library() is None:
        return "this platform's package of LiteRT has no library with a profiler"
    return None


def profile(path: Path, runs: tuple[int, int], seconds: float) -> list[Event]:
    """Run a model on random tensors, with XNNPACK and one thread, and time its ops.

    Args:
        path: the .tflite file.
        runs: least and most runs that are timed.
        seconds: about how long they take.

    Raises:
        BackendError: the profiler cannot be used, or not for this model.
    """
    if reason := unavailable():
        raise BackendError(reason)
    arguments = (str(path), *map(str, runs), str(seconds))
    # -P: nothing is imported from the working directory.
    command = [sys.executable, "-P", "-m", "edgekit.benchmarks.litert_profiler", *arguments]
    try:
        child = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        raise BackendError(f"LiteRT's profiler did not end within {PATIENCE:.0f} s") from None
    if child.returncode:
        lines = [line for line in child.stderr.splitlines() if not line.startswith("INFO")]
        reason = lines[-1] if lines and child.returncode > 0 else f"exit code {child.returncode}"
        raise BackendError(f"LiteRT's profiler failed: {reason}")
    return _events(json.loads(child.stdout))


def _events(runs: list[list[Any]]) -> list[Event]:
    """Return the ops with the times of all runs, which have the same ops in the same order.

    Raises:
        BackendError: they have not.
    """
    names = [[name for name, _ in run] for run in runs]
    if not names or not names[0] or any(one != names[0] for one in names):
        raise BackendError("LiteRT's profiler failed: its runs do not have the same ops")
    return [
        Event(name, tuple(1e-6 * run[number][1] for run in runs))
        for number, name in enumerate(names[0])
    ]


def positions(graph: Graph, names: Sequence[str]) -> list[int | None]:
    """Return the position in the file of each op that LiteRT ran; None for ops of its own.

    LiteRT runs ops in the order of the file, but XNNPACK has names of its own, merges some ops and
    adds others. So the names are aligned with the ops such that as many as possible fit. Of models
    with thousands of ops none is found.
    """
    ops = [op.name for op in graph.ops]
    if len(names) * len(ops) > MOST_PAIRS:
        return [None] * len(names)
    kinds = [_kinds(name) for name in names]
    # Most pairs among names[i:] and ops[j:], from the end.
    most = [[0] * (len(ops) + 1) for _ in range(len(names) + 1)]
    for i in reversed(range(len(names))):
        for j in reversed(range(len(ops))):
            pair = 1 + most[i + 1][j + 1] if ops[j] in kinds[i] else 0
            most[i][j] = max(pair, most[i + 1][j], most[i][j + 1])
    found: list[int | None] = [None] * len(names)
    i = j = 0
    while i < len(names) and j < len(ops):
        if ops[j] in kinds[i] and most[i][j] == 1 + most[i + 1][j + 1]:
            found[i] = j
            i, j = i + 1, j + 1
        elif most[i][j] == most[i + 1][j]:
            i += 1
        else:
            j += 1
    return found


def _kinds(name: str) -> set[str]:
    """Return the builtins that an op of LiteRT can be."""
    return KINDS.get(name.partition(" (")[0], {name})
