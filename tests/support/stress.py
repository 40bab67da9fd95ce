"""Stress tests of the runtime as programs that embed it use it: ``stress.py NAME SCALE``.

Each stress is a function here and runs in a separate process, which ends with a traceback when
memory grows, an output differs or an error is missing. SCALE 1 is the full count; `make stress`
runs that under sanitizers, `make test` a hundredth.
"""

import array
import gc
import os
import random
import signal
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

import build
import edge_runtime
import models
import smoke
from edge_runtime import runner

RUNS, LOADS, FORKS, INTERPRETERS, ROUNDS = 1_000_000, 10_000, 200, 40, 20_000
"""Repetitions at scale 1."""

THREADS = 16

PAGES = 1024
"""Pages by which a process may grow after its first tenth, for any count: 4 MB are 4 bytes per run
and 400 per opening."""

BLOCKS = 2_000
"""The same for Python's small objects: the free lists of tuples alone hold that many."""


def small() -> bytes:
    return models.seeds()["dense int8"]


def large() -> bytes:
    """Two layers that are calculated without the GIL."""
    rng = np.random.default_rng(1)
    tensors = [
        build.tensor((1, 900), "int8", 0.05, 3),
        build.constant(rng.integers(-127, 128, (600, 900)), "int8", 0.01),
        build.tensor((1, 600), "int8", 0.3, -5),
        build.constant(rng.integers(-127, 128, (50, 600)), "int8", 0.01),
        build.tensor((1, 50), "int8", 0.4, 1),
    ]
    nodes: list[build.Op] = [
        ("FULLY_CONNECTED", [0, 1, -1], 2, {}),
        ("FULLY_CONNECTED", [2, 3, -1], 4, {}),
    ]
    return build.model(tensors, nodes)


def opened(data: bytes) -> edge_runtime.Model:
    """Open a model and remove its file, as an update does."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.tflite")
        path.write_bytes(data)
        return edge_runtime.load(path)


def inputs(model: edge_runtime.Model, count: int) -> list[Any]:
    rng = np.random.default_rng(2)
    return [rng.integers(-128, 128, model.input.shape).astype(np.int8) for _ in range(count)]


class Growth:
    """Compares resources with those at the first call of ``require_none``."""

    def __init__(self) -> None:
        self._before: tuple[int, ...] | None = None

    def require_none(self) -> None:
        gc.collect()
        now = (
            int(Path("/proc/self/statm").read_text().split()[1]),
            sys.getallocatedblocks(),
            Path("/proc/self/maps").read_text().count("\n"),
            sum(1 for _ in Path("/proc/self/fd").iterdir()),
            len(runner._opened),
        )
        if self._before is None:
            self._before = now
        grown = [after - before for after, before in zip(now, self._before, strict=True)]
        names = ("pages", "blocks", "maps", "descriptors", "models")
        limits = (PAGES, BLOCKS, 20, 0, 0)
        for name, more, limit in zip(names, grown, limits, strict=True):
            assert more <= limit, f"{more} {name} more: {dict(zip(names, grown, strict=True))}"


def repeated(count: int, work: Callable[[int], object]) -> None:
    """Repeat ``work``, and require that nothing grows after the first tenth."""
    growth = Growth()
    for index in range(count):
        if index == count // 10:
            growth.require_none()
        work(index)
    growth.require_none()


def runs(scale: float) -> None:
    """Many runs of one model, of arrays, bytes, batches, and inputs that are refused."""
    model = opened(models.seeds()["dense int16"])
    tensor = inputs(model, 1)[0].astype(np.int16)
    content, odd, batch = tensor.tobytes(), bytearray(1), np.concatenate([tensor] * 40)
    odd += content
    moved = np.zeros(batch.nbytes + 1, np.uint8)[1:].view(np.int16).reshape(batch.shape)
    moved[...] = batch
    wrong = tensor.astype(np.int8)
    expected = model.run(tensor).tobytes()
    references = [sys.getrefcount(one) for one in (model, tensor, content, batch, wrong)]

    def refused() -> None:
        for bad in wrong, "text", b"":
            try:
                model.run(bad)
            except edge_runtime.InputError:
                continue
            raise AssertionError(bad)

    def work(index: int) -> None:
        run = model.run
        for _ in range(1000):
            answer = run(tensor)
        assert answer.tobytes() == expected
        for _ in range(20):
            assert bytes(run(content)) == bytes(run(memoryview(odd)[1:])) == expected
            assert run(batch).tobytes() == run(moved).tobytes() == expected * 40
        if index % 10 == 0:
            refused()

    repeated(max(20, int(RUNS * scale) // 1000), work)
    assert references == [sys.getrefcount(one) for one in (model, tensor, content, batch, wrong)]


def loads(scale: float) -> None:
    """Many openings, some without the garbage collector, as of those who cannot wait for it."""
    folder = tempfile.TemporaryDirectory()
    paths = []
    for data in small(), models.seeds()["documented"], small()[:-300]:
        paths.append(Path(folder.name, f"{len(paths)}.tflite"))
        paths[-1].write_bytes(data)
    gone: list[int] = []

    def work(index: int) -> None:
        try:
            model = edge_runtime.load(paths[index % len(paths)])
        except edge_runtime.ModelError:
            return
        weakref.finalize(model, gone.append, index)
        model.run(bytes(model.input.elements * np.dtype(model.input.dtype).itemsize))
        assert model.metadata is None
        del model
        assert gone.pop() == index
        assert not runner._opened

    gc.disable()
    repeated(int(LOADS * scale), work)
    folder.cleanup()


def together(count: int, work: Callable[[int], object]) -> None:
    """Do something in so many threads, which begin at once; raise what one of them raises."""
    begin = threading.Barrier(count)

    def one(index: int) -> None:
        begin.wait()
        work(index)

    with ThreadPoolExecutor(count) as pool:
        for job in [pool.submit(one, index) for index in range(count)]:
            job.result()


def threads(scale: float) -> None:
    """16 threads on one session: everyone gets the bytes that one alone gets."""
    sys.setswitchinterval(1e-5)
    for data, share in (small(), 1.0), (large(), 0.1):
        model = opened(data)
        tensors = inputs(model, 30)
        alone = [model.run(one).tobytes() for one in tensors]
        batch, whole = np.concatenate(tensors), b"".join(alone)
        rounds = max(1, int(ROUNDS * scale * share / THREADS))

        def work(
            index: int,
            model: Any = model,
            tensors: Any = tensors,
            alone: Any = alone,
            batch: Any = batch,
            whole: Any = whole,
            rounds: int = rounds,
        ) -> None:
            order = random.Random(index)
            for _ in range(rounds):
                for at in order.sample(range(len(tensors)), len(tensors)):
                    assert model.run(tensors[at]).tobytes() == alone[at]
                at = order.randrange(len(tensors))
                assert bytes(model.run(tensors[at].tobytes())) == alone[at]
                assert model.run(batch).tobytes() == whole

        together(THREADS, work)


def buffers(scale: float) -> None:
    """Others try to resize or free what a run reads and writes; nobody can, while it lasts."""
    model = opened(large())
    compute = model._session._native.compute
    batch = np.concatenate(inputs(model, 40))
    expected = model.run(batch).tobytes()
    refused = dict.fromkeys(("bytearray", "array", "memoryview", "ndarray", "output"), 0)

    def attempt(name: str, work: Callable[[], object]) -> None:
        try:
            work()
        except (BufferError, ValueError):
            refused[name] += 1

    for _ in range(max(10, int(ROUNDS * scale / 100))):
        source, output = bytearray(batch.tobytes()), bytearray(len(expected))
        numbers = array.array("b", batch.tobytes())
        view = memoryview(source)
        done = threading.Event()

        def work(
            source: Any = source,
            output: Any = output,
            numbers: Any = numbers,
            view: Any = view,
            done: Any = done,
        ) -> None:
            for one in source, numbers, view:
                compute((one,), (output,))
                assert output == expected
            done.set()

        worker = threading.Thread(target=work)
        worker.start()
        while not done.is_set():
            # What can be done between two computations is undone again.
            attempt("bytearray", lambda one=source: (one.append(0), one.pop()))
            attempt("output", lambda one=output: (one.append(0), one.pop()))
            attempt("array", lambda one=numbers: (one.append(0), one.pop()))
            time.sleep(0)
        worker.join()
        # An array, and the only name of one, which goes while it is read.
        held = [batch.copy()]
        running = threading.Event()

        def run(held: Any = held, running: Any = running) -> None:
            tensor = held[0]
            running.set()
            assert model.run(tensor).tobytes() == expected

        worker = threading.Thread(target=run)
        worker.start()
        running.wait()
        # The thread's reference is enough for NumPy to refuse.
        attempt("ndarray", lambda held=held: held[0].resize(1))
        held.clear()
        worker.join()
        attempt("memoryview", lambda: model._data.close())
    # The memoryview is of the file: the model's constants are views of it.
    assert all(refused.values()), refused
    assert model.run(batch).tobytes() == expected


def closed(scale: float) -> None:
    """A model is let go of while threads are inside a run of it."""
    content = large()
    expected = opened(content).run(np.concatenate(inputs(opened(content), 20))).tobytes()

    def work(index: int) -> None:
        order = random.Random(index)
        for _ in range(max(2, int(ROUNDS * scale / 500))):
            shared = [opened(content)]
            batch = np.concatenate(inputs(shared[0], 20))
            started = threading.Event()

            def run(shared: Any = shared, batch: Any = batch, started: Any = started) -> None:
                function = shared[0].run
                started.set()
                assert function(batch).tobytes() == expected

            thread = threading.Thread(target=run)
            thread.start()
            started.wait()
            time.sleep(order.random() * 0.002)
            shared.clear()
            thread.join()

    together(4, work)
    gc.collect()
    assert not runner._opened


def forks(scale: float) -> None:
    """A process forks while its threads predict, and its children predict."""
    model = opened(large())
    batch = np.concatenate(inputs(model, 20))
    expected, done = model.run(batch).tobytes(), threading.Event()

    def busy() -> None:
        while not done.is_set():
            model.run(batch)

    others = [threading.Thread(target=busy) for _ in range(3)]
    for one in others:
        one.start()
    for _ in range(max(5, int(FORKS * scale))):
        time.sleep(0.002)
        child = os.fork()
        if child == 0:
            signal.alarm(30)
            os._exit(model.run(batch).tobytes() != expected)
        status = os.waitpid(child, 0)[1]
        assert status == 0, status
    done.set()
    for one in others:
        one.join()


def interpreters(scale: float) -> None:
    """Interpreters that come and go, each with the extension and a model."""
    descriptors = set()
    for _ in range(max(3, int(INTERPRETERS * scale))):
        smoke.in_another_interpreter()  # CPython 3.11 itself loses 10 KB with each
        descriptors.add(sum(1 for _ in Path("/proc/self/fd").iterdir()))
    assert len(descriptors) == 1


STRESSES = (runs, loads, threads, buffers, closed, forks, interpreters)

if __name__ == "__main__":
    {one.__name__: one for one in STRESSES}[sys.argv[1]](float(sys.argv[2]))
