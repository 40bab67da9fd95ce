"""A process that runs a model with LiteRT's profiler: ``python -m ...litert_profiler``.

It prints a JSON array of runs; a run is an array of the name and the microseconds of each op. The
functions and structures are those of LiteRT's C API, litert/c, of version 2.3.
"""

import ctypes
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime.graph import Tensor
from edge_runtime.reader import read
from edgekit.benchmarks.tensors import parts, random_inputs

LIBRARIES = ("libLiteRt.so", "libLiteRt.dylib")
CPU = 1
"""kLiteRtHwAcceleratorCpu"""
WRITE = 1
"""kLiteRtTensorBufferLockModeWrite"""
OPERATOR, DELEGATED = 1 << 1, 1 << 3
"""Types of the events that are ops: a builtin's, or one inside of XNNPACK."""
ROOM = 512
"""Bytes, more than enough for LiteRtRankedTensorType."""
SIZES_AT = 8
"""Offset of the dimensions in it, int32, behind the element type and the rank."""
WARM_UP = 5
TOGETHER = 10
"""Runs whose events the profiler keeps at once."""

Handle = ctypes.c_void_p
Size = ctypes.c_size_t


class Event(ctypes.Structure):
    """ProfiledEventData of litert_profiler_event.h; memory is two of MemoryUsage."""

    _fields_ = (
        ("tag", ctypes.c_char_p),
        ("type", ctypes.c_int),
        ("start", ctypes.c_uint64),
        ("elapsed", ctypes.c_uint64),
        ("memory", ctypes.c_int64 * 6),
        ("metadata", ctypes.c_uint64 * 2),
        ("source", ctypes.c_int),
    )


def library() -> Path | None:
    """Return the path of LiteRT's C library; None if its package has none."""
    spec = find_spec("ai_edge_litert")
    folders = spec.submodule_search_locations if spec else None
    paths = (Path(folder) / name for folder in folders or () for name in LIBRARIES)
    return next((path for path in paths if path.is_file()), None)


class Profiled:
    """A model that is compiled with a profiler, with XNNPACK and one thread.

    Raises:
        RuntimeError: LiteRT refuses something.
    """

    def __init__(self, path: Path, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> None:
        self._library = ctypes.CDLL(str(library()))
        self._kept: list[Any] = []
        environment = self._made("LiteRtCreateEnvironment", 0, None)
        model = self._made("LiteRtCreateModelFromFile", environment, bytes(path))
        options = self._made("LiteRtCreateOptions")
        self._call("LiteRtSetOptionsHardwareAccelerators", options, CPU)
        self._add_options(options, b"runtime_options_string", b"enable_profiling = true\n")
        self._add_options(options, b"xnnpack", b"num_threads = 1\n")
        self._model = self._made("LiteRtCreateCompiledModel", environment, model, options)
        self._profiler = self._made("LiteRtCompiledModelGetProfiler", self._model)
        if not self._profiler:
            raise RuntimeError("the compiled model has no profiler")
        graph = self._made("LiteRtGetModelSubgraph", model, Size(0))
        for number, tensor in enumerate(inputs):
            if tensor.signature != tensor.shape:
                name, sizes = "LiteRtCompiledModelResizeInputTensor", _int32s(tensor.shape)
                self._call(name, self._model, Size(0), Size(number), sizes, Size(len(sizes)))
        self._inputs = self._buffers("Input", environment, graph, inputs)
        self._outputs = self._buffers("Output", environment, graph, outputs)

    def fill(self, tensors: tuple[np.ndarray[Any, Any], ...]) -> None:
        """Copy tensors into the inputs."""
        for buffer, tensor in zip(self._inputs, tensors, strict=True):
            address = self._made("LiteRtLockTensorBuffer", Handle(buffer), last=(WRITE,))
            ctypes.memmove(address, tensor.tobytes(), tensor.nbytes)
            self._call("LiteRtUnlockTensorBuffer", Handle(buffer))

    def run(self) -> None:
        """Run the model once."""
        inputs, outputs = Size(len(self._inputs)), Size(len(self._outputs))
        self._call(
            "LiteRtRunCompiledModel",
            *(self._model, Size(0), inputs, self._inputs, outputs, self._outputs),
        )

    def profile(self, runs: int) -> Iterator[list[tuple[str, int]]]:
        """Yield the name and the microseconds of the ops of each run."""
        self._call("LiteRtResetProfiler", self._profiler)
        self._call("LiteRtStartProfiler", self._profiler)
        for _ in range(runs):
            self.run()
        self._call("LiteRtStopProfiler", self._profiler)
        count = ctypes.c_int()
        self._call("LiteRtGetNumProfilerEvents", self._profiler, ctypes.byref(count))
        events = (Event * count.value)()
        self._call("LiteRtGetProfilerEvents", self._profiler, count, events)
        ops = [
            (event.tag.decode(), int(event.elapsed))
            for event in events
            if event.type in (OPERATOR, DELEGATED)
        ]
        if len(ops) % runs:
            raise RuntimeError("the profiler does not have all ops of all runs")
        each = len(ops) // runs
        for start in range(0, len(ops), each or 1):
            yield ops[start : start + each]

    def _call(self, name: str, *arguments: Any) -> None:
        function = getattr(self._library, name, None)
        if function is None:
            raise RuntimeError(f"LiteRT's library has no {name}")
        if status := function(*arguments):
            raise RuntimeError(f"{name} returned {status}")

    def _made(self, name: str, *arguments: Any, last: tuple[Any, ...] = ()) -> Any:
        """Call a function that stores a handle where an argument points to; return the handle."""
        handle = Handle()
        self._call(name, *arguments, ctypes.byref(handle), *last)
        return handle

    def _add_options(self, options: Any, identifier: bytes, text: bytes) -> None:
        """Add options in the form of TOML; the text has to stay where it is."""
        payload = ctypes.create_string_buffer(text)
        free = ctypes.CFUNCTYPE(None, Handle)(_leave)
        self._kept += [payload, free]
        made = self._made("LiteRtCreateOpaqueOptions", identifier, payload, free)
        self._call("LiteRtAddOpaqueOptions", options, made)

    def _buffers(self, kind: str, environment: Any, graph: Any, tensors: Sequence[Tensor]) -> Any:
        """Return buffers for all inputs or outputs, as an array of handles."""
        handles = []
        for number, tensor in enumerate(tensors):
            handle = self._made(f"LiteRtGetSubgraph{kind}", graph, Size(number))
            element = ctypes.create_string_buffer(ROOM)
            self._call("LiteRtGetRankedTensorType", handle, element)
            # A size that the file leaves open is -1 there.
            sizes = _int32s(tensor.shape)
            ctypes.memmove(ctypes.byref(element, SIZES_AT), sizes, ctypes.sizeof(sizes))
            name = f"LiteRtGetCompiledModel{kind}BufferRequirements"
            needs = self._made(name, self._model, Size(0), Size(number))
            name = "LiteRtCreateManagedTensorBufferFromRequirements"
            handles.append(self._made(name, environment, element, needs).value)
        return (Handle * len(handles))(*handles)


def _int32s(sizes: Sequence[int]) -> Any:
    """Return sizes as an array of int32."""
    return (ctypes.c_int32 * len(sizes))(*sizes)


def _leave(_: Any) -> None:
    """Free nothing: Python owns it."""


def main(path: str, least: str, most: str, seconds: str) -> None:
    """Print the runs, at least and at most so many, which take about so many seconds."""
    graph = read(Path(path).read_bytes())
    inputs = [graph.tensors[index] for index in graph.inputs]
    outputs = [graph.tensors[index] for index in graph.outputs]
    model = Profiled(Path(path), inputs, outputs)
    model.fill(parts(random_inputs(1, inputs)))
    started = time.perf_counter()
    for _ in range(WARM_UP):
        model.run()
    taken = (time.perf_counter() - started) / WARM_UP
    wanted = max(int(least), min(int(most), int(float(seconds) / taken)))
    runs: list[list[tuple[str, int]]] = []
    while len(runs) < wanted:
        runs += model.profile(min(TOGETHER, wanted - len(runs)))
    print(json.dumps(runs))


def _report(work: Callable[[], None]) -> int:
    try:
        work()
    except (OSError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_report(lambda: main(*sys.argv[1:])))
