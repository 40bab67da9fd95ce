"""Threads: any number of them, on one session or on several, get the right answers."""

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import build
import edge_runtime

SMALL, LARGE = (1, 40, 12), (2, 700, 300)
"""Rows, depth and outputs of a layer that holds the GIL, and of one that releases it."""


def dense(rows: int, depth: int, outputs: int) -> bytes:
    """Two layers, so that there is an activation in the arena that threads could share."""
    rng = np.random.default_rng(depth)
    tensors = [
        build.tensor((rows, depth), "int8", 0.05, 3),
        build.constant(rng.integers(-127, 128, (outputs, depth)), "int8", 0.01),
        build.tensor((rows, outputs), "int8", 0.3, -5),
        build.constant(rng.integers(-127, 128, (depth, outputs)), "int8", 0.01),
        build.tensor((rows, depth), "int8", 0.4, 1),
    ]
    nodes: list[build.Op] = [
        ("FULLY_CONNECTED", [0, 1, -1], 2, {}),
        ("FULLY_CONNECTED", [2, 3, -1], 4, {}),
    ]
    return build.model(tensors, nodes)


@pytest.fixture(params=[SMALL, LARGE], ids=["small", "large"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    file = tmp_path / "model.tflite"
    file.write_bytes(dense(*request.param))
    return file


def inputs(model: edge_runtime.Model, count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [rng.integers(-128, 128, model.input.shape).astype(np.int8) for _ in range(count)]


def answers(model: edge_runtime.Model, tensors: list[np.ndarray], start: int) -> list[bytes]:
    """Run all tensors; each thread starts at another one."""
    order = [*range(start, len(tensors)), *range(start)]
    outputs = {i: model.run(tensors[i]).tobytes() for i in order}
    return [outputs[i] for i in range(len(tensors))]


def together(sessions: list[edge_runtime.Model], tensors: list[np.ndarray]) -> list[list[bytes]]:
    """Run all tensors in one thread per session, all at the same time."""
    start = threading.Barrier(len(sessions))

    def work(index: int) -> list[bytes]:
        start.wait()
        return answers(sessions[index], tensors, index * len(tensors) // len(sessions))

    former = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(len(sessions)) as pool:
            return list(pool.map(work, range(len(sessions))))
    finally:
        sys.setswitchinterval(former)


def test_two_threads_with_two_sessions(path: Path) -> None:
    sessions = [edge_runtime.load(path, backend="native") for _ in range(2)]
    tensors = inputs(sessions[0], 40)
    alone = answers(edge_runtime.load(path, backend="native"), tensors, 0)

    assert len(set(alone)) == len(alone)
    assert together(sessions, tensors) == [alone] * 2


def test_one_session_of_many_threads(path: Path) -> None:
    session = edge_runtime.load(path, backend="native")
    tensors = inputs(session, 40)
    alone = answers(session, tensors, 0)

    assert together([session] * 8, tensors) == [alone] * 8


def test_bytes_and_arrays_at_once(path: Path) -> None:
    """Arrays bypass the lock for which buffers wait."""
    session = edge_runtime.load(path, backend="native")
    tensors = inputs(session, 30)
    alone = answers(session, tensors, 0)

    with ThreadPoolExecutor(4) as pool:
        arrays = [pool.submit(answers, session, tensors, 0) for _ in range(2)]
        buffers = [
            pool.submit(lambda: [bytes(session.run(t.tobytes())) for t in tensors])
            for _ in range(2)
        ]
        assert [job.result() for job in arrays] == [alone] * 2
        assert [job.result() for job in buffers] == [alone] * 2


def test_a_batch_beside_single_images(path: Path) -> None:
    session = edge_runtime.load(path, backend="native")
    tensors = inputs(session, 20)
    alone = answers(session, tensors, 0)

    with ThreadPoolExecutor(2) as pool:
        batch = pool.submit(session._session.run_batch, [np.concatenate(tensors)])
        single = pool.submit(answers, session, tensors, 0)
        assert batch.result()[0].tobytes() == b"".join(alone)
        assert single.result() == alone


def test_other_threads_run_during_a_long_run(tmp_path: Path) -> None:
    """During a long run in one thread, another thread makes progress.

    The switch interval is longer than the run: only who lets go of the GIL lets others work.
    """
    file = tmp_path / "model.tflite"
    file.write_bytes(dense(400, 1500, 700))
    session = edge_runtime.load(file, backend="native")
    # Long enough for another thread to get a processor on a busy machine.
    tensors = np.concatenate(inputs(session, 1) * 50)
    steps: list[int] = []
    begin, done = threading.Event(), threading.Event()

    def count() -> None:
        begin.wait()
        while not done.is_set():
            steps.append(1)
            time.sleep(0)  # gives the GIL back

    other = threading.Thread(target=count)
    other.start()
    former = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    try:
        before = len(steps)
        begin.set()
        session._session.run_batch([tensors])
        during = len(steps) - before
    finally:
        sys.setswitchinterval(former)
        done.set()
        other.join()

    assert during > 5
