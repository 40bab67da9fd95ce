"""``num_threads``: the same bytes from any number of threads, which end with the model."""

import gc
import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import build
import edge_runtime
import golden
import models
import networks
import runtimes
from edge_runtime import BackendError, _native
from edge_runtime.backends import native
from edge_runtime.ops.window import SAME
from edge_runtime.planner import stages
from forked import busy, in_child

pytestmark = pytest.mark.skipif(
    _native.MOST_THREADS == 1, reason="the extension has no threads on this system"
)

COUNTS = (2, 3, 8)
"""Numbers of threads; the last is more than most layers have rows."""

TASKS = Path("/proc/self/task")
"""Linux' list of this process's threads."""


@pytest.fixture(autouse=True)
def all_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Share every step that has parts, however small."""
    monkeypatch.setattr(stages, "LEAST", 0)


def convolutions(batch: int = 1, size: int = 24) -> bytes:
    """Layers that are shared by positions, by rows and by columns, and some that are not."""
    rng = np.random.default_rng(size)
    channels, outputs = 8, 24

    def weights(*shape: int) -> Any:
        return build.constant(rng.integers(-127, 128, shape), "int8", 0.01)

    def bias(outputs: int) -> Any:
        return build.constant(rng.integers(-900, 900, outputs), "int32", 0.001)

    half = (size + 1) // 2
    tensors = [
        build.tensor((batch, size, size, channels), "int8", 0.05, 3),
        weights(outputs, 1, 1, channels),
        build.tensor((batch, size, size, outputs), "int8", 0.2, -5),
        weights(1, 3, 3, outputs),
        build.tensor((batch, half, half, outputs), "int8", 0.4, 1),
        weights(channels, 3, 3, outputs),
        build.tensor((batch, half, half, channels), "int8", 2.0, 1),
        bias(outputs),
        bias(channels),
        build.tensor((batch, (half + 1) // 2, (half + 1) // 2, channels), "int8", 2.0, 1),
    ]
    dilations = {"dilationHFactor": 1, "dilationWFactor": 1}
    one = {"padding": SAME, "strideH": 1, "strideW": 1}
    two = {"padding": SAME, "strideH": 2, "strideW": 2}
    nodes: list[build.Op] = [
        ("CONV_2D", [0, 1, 7], 2, one | dilations),
        ("DEPTHWISE_CONV_2D", [2, 3, 7], 4, two | dilations | {"depthMultiplier": 1}),
        ("CONV_2D", [4, 5, 8], 6, one | dilations),
        ("MAX_POOL_2D", [6], 9, two | {"filterHeight": 2, "filterWidth": 2}),
    ]
    return build.model(tensors, nodes)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "model.tflite"
    file.write_bytes(convolutions())
    return file


def inputs(model: edge_runtime.Model, several: int, seed: int = 1) -> Any:
    """Return random tensors, so many for each input, or one where the model takes no more."""
    rng = np.random.default_rng(seed)
    drawn = []
    for tensor in model.inputs.values():
        shape = (tensor.shape[0] * several, *tensor.shape[1:]) if several > 1 else tensor.shape
        drawn.append(runtimes.drawn(rng, tensor.dtype, shape))
    return tuple(drawn)


def answer(model: edge_runtime.Model, tensors: Any) -> bytes | str:
    """Return the bytes of all outputs, or the error with which the model refuses the inputs."""
    model.reset()
    try:
        return b"".join(np.asarray(output).tobytes() for output in model.run(tensors))
    except edge_runtime.InputError as error:
        return str(error)


def require_the_same(path: Path, batches: tuple[int, ...] = (1, 5)) -> None:
    """Require the bytes of one thread of any number of them."""
    alone = edge_runtime.load(path)
    expected = [(tensors := inputs(alone, count), answer(alone, tensors)) for count in batches]
    for threads in COUNTS:
        with edge_runtime.load(path, num_threads=threads) as model:
            for tensors, output in expected:
                assert answer(model, tensors) == output, threads


@pytest.mark.parametrize("level", runtimes.INSTRUCTIONS)
def test_every_op_gives_the_same_bytes(
    level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(native.VARIABLE, level)
    path = tmp_path / "model.tflite"
    for data in models.seeds().values():
        path.write_bytes(data)
        try:
            edge_runtime.load(path)
        except edge_runtime.ModelError:
            continue
        require_the_same(path)


@pytest.mark.parametrize("scheme", networks.SCHEMES)
def test_random_networks_give_the_same_bytes(scheme: str, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    for seed in range(15):
        path.write_bytes(networks.network(seed, scheme))
        require_the_same(path)


@pytest.mark.parametrize("name", sorted(file.name for file in golden.FOLDER.glob("*.tflite")))
def test_models_give_the_same_bytes(name: str) -> None:
    require_the_same(golden.FOLDER / name, (1, 2, 40, 700))


@pytest.mark.parametrize("size", [4, 5, 24, 61])
@pytest.mark.parametrize("batch", [1, 2])
def test_convolutions_give_the_same_bytes(batch: int, size: int, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(convolutions(batch, size))
    require_the_same(path, (1, 2, 7, 100))


def test_steps_below_the_least_work_are_not_shared(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = threads()
    monkeypatch.setattr(stages, "LEAST", 10**12)
    model = edge_runtime.load(path, num_threads=2)
    model.run(inputs(model, 1))
    assert threads() == before
    model.run(inputs(model, 100))  # a batch is shared
    assert threads() == before + 1


def test_threads_of_python_share_a_model(path: Path) -> None:
    """One of them has the model's threads, the others run alone."""
    alone = edge_runtime.load(path)
    several = [inputs(alone, count, seed) for seed, count in enumerate((1, 1, 1, 40, 3))]
    expected = [answer(alone, tensors) for tensors in several]
    with edge_runtime.load(path, num_threads=3) as model:

        def work(start: int) -> bool:
            order = [(start + i) % len(several) for i in range(60)]
            outputs = ((i, model.run(several[i])) for i in order)
            return all(output.tobytes() == expected[i] for i, output in outputs)

        former = sys.getswitchinterval()
        sys.setswitchinterval(1e-5)
        try:
            with ThreadPoolExecutor(4) as pool:
                assert all(pool.map(work, range(4)))
        finally:
            sys.setswitchinterval(former)


def test_a_model_that_keeps_a_state_runs_in_one_thread(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(models.seeds()["variables"])
    before, alone = threads(), edge_runtime.load(path)
    with edge_runtime.load(path, num_threads=2) as model:
        for seed in range(3):
            tensors = inputs(model, 1, seed)
            outputs, expected = model.run(tensors), alone.run(tensors)
            assert [one.tobytes() for one in outputs] == [one.tobytes() for one in expected]
        assert threads() == before


def threads() -> int:
    """Return the number of this process's threads."""
    if not TASKS.exists():
        pytest.skip("threads are counted with Linux' /proc")
    gc.collect()
    return sum(1 for _ in TASKS.iterdir())


def test_threads_start_with_a_run_and_end_with_close(path: Path) -> None:
    before = threads()
    model = edge_runtime.load(path, num_threads=4)
    assert threads() == before
    model.run(inputs(model, 1))
    assert threads() == before + 3
    model.close()
    assert threads() == before
    model.close()


def test_threads_end_with_the_last_reference(path: Path) -> None:
    before = threads()
    model = edge_runtime.load(path, num_threads=4)
    tensors, run = inputs(model, 1)[0], model.run
    run(tensors)
    del model
    assert threads() == before + 3
    run(tensors)
    del run
    assert threads() == before


def test_sleeping_threads_wake_and_end(path: Path) -> None:
    before = threads()
    with edge_runtime.load(path, num_threads=4) as model:
        tensors = inputs(model, 1)
        expected = answer(edge_runtime.load(path), tensors)
        for _ in range(5):
            time.sleep(0.01)  # they spin for less than a tenth of that
            assert answer(model, tensors) == expected
        time.sleep(0.01)
    assert threads() == before


def test_a_closed_model_refuses_to_run(path: Path) -> None:
    model = edge_runtime.load(path, num_threads=2)
    tensor = inputs(model, 1)[0]
    run = model.run
    run(tensor)
    with model as same:
        assert same is model
    calls: list[Callable[[], object]] = [
        lambda: run(tensor),
        lambda: model.run(tensor.tobytes()),
        lambda: model.run((np.concatenate([tensor] * 3),)),
        model.reset,
    ]
    for call in calls:
        with pytest.raises(BackendError, match="the model is closed"):
            call()


@pytest.mark.parametrize("backend", ["native", "reference", "litert"])
def test_every_backend_can_be_closed(backend: str, path: Path) -> None:
    with edge_runtime.load(path, backend=backend) as model:
        tensor = inputs(model, 1)[0]
        model.run(tensor)
    with pytest.raises(BackendError, match="the model is closed"):
        model.run(tensor)


def test_litert_ends_its_process_with_close(path: Path) -> None:
    model = edge_runtime.load(path, backend="litert", own_process=True)
    child = model._session._child
    model.close()
    assert child.poll() is not None


def test_close_waits_for_runs_of_other_threads(path: Path) -> None:
    before = threads()
    model = edge_runtime.load(path, num_threads=2)
    batch = inputs(model, 3000)
    expected, begun = answer(model, batch), threading.Event()
    outputs = []

    def work() -> None:
        begun.set()
        outputs.append(answer(model, batch))

    other = threading.Thread(target=work)
    other.start()
    begun.wait()
    time.sleep(0.005)
    model.close()
    other.join()
    assert threads() == before
    assert outputs == [expected]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_has_threads_of_its_own(path: Path) -> None:
    model = edge_runtime.load(path, num_threads=3)
    tensors, batch = inputs(model, 1), inputs(model, 60)
    expected = [answer(model, one) for one in (tensors, batch)]

    def same() -> bool:
        found = [answer(model, one) for one in (tensors, batch)] == expected
        return found and threads() == 3

    assert [in_child(same) for _ in range(3)] == ["right"] * 3
    assert in_child(lambda: same() and in_child(same) == "right") == "right"
    with busy(lambda: model.run(batch)):
        assert [in_child(same) for _ in range(10)] == ["right"] * 10

    def let_go() -> bool:
        nonlocal model
        del model
        return threads() == 1

    assert in_child(let_go) == "right"
    assert answer(model, tensors) == expected[0]


@pytest.mark.parametrize("backend", ["native", "litert"])
@pytest.mark.parametrize(
    "count",
    [0, -1, 65, 10**9, 10**5000, True, "2", 2.0, None],
    ids=lambda count: f"{count}"[:9] if count != 10**5000 else "huge",
)
def test_num_threads_that_are_none(count: Any, backend: str, path: Path) -> None:
    with pytest.raises(BackendError, match="num_threads is a whole number from 1 to 64"):
        edge_runtime.load(path, backend=backend, num_threads=count)


def test_a_system_without_threads(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_native, "MOST_THREADS", 1)
    edge_runtime.load(path, num_threads=1)
    with pytest.raises(BackendError, match="num_threads=2: "):
        edge_runtime.load(path, num_threads=2)


def test_threads_wait_for_each_other_between_stages() -> None:
    """A thread with little to do copies, in the next stage, what another one is still writing."""
    size, little = 1 << 20, 64
    slots = (("input", size, None, 0), ("arena", size, None, 0), ("output", size, None, 0))
    port = (1, size, (1, size))

    def copied(first: int, count: int) -> Any:
        return ((count.to_bytes(4, "little"), (first, first)),)

    half, rest = size // 2, size - little
    steps = tuple(
        ("copy", "portable", size.to_bytes(4, "little"), None, pair, -1)
        for pair in ((0, 1), (1, 2))
    )
    stages_of = (
        (0, 1, (copied(0, rest), copied(rest, little))),
        (1, 1, (copied(0, half), copied(half, half))),
    )
    session = _native.Session(
        slots, steps, size, (port,), (port,), (), 2 * size, None, 2, 0, stages_of
    )
    rng, output = np.random.default_rng(1), bytearray(size)
    for _ in range(40):
        content = rng.bytes(size)
        session.compute((content,), (output,))
        assert output == content


PARAMS = (12).to_bytes(4, "little")
PART = ((PARAMS, (0, 0)),)
"""A part of one step: parameters, and from which byte on it touches each tensor."""


@pytest.mark.parametrize(
    "arguments",
    [
        (0, 0, ((0, 1, ()),)),
        (-1, 0, ((0, 1, ()),)),
        (65, 0, ((0, 1, ()),)),
        (2**62, 0, ((0, 1, ()),)),
        (2, -64, ((0, 1, ()),)),
        (2, 63, ((0, 1, ()),)),
        (2, 2**62, ((0, 1, ()),)),
        (2, 0, ()),
        (2, 0, [(0, 1, ())]),
        (2, 0, (None,)),
        (2, 0, ((0, 1),)),
        (2, 0, (("0", 1, ()),)),
        (2, 0, ((0, 1, None),)),
        (2, 0, ((0, 1, (None, None)),)),
        (2, 0, ((0, 1, ()), (1, 1, ()))),
        (2, 0, ((0, 1, ()), (0, 1, ()))),
        (2, 0, ((1, 1, ()),)),
        (2, 0, ((0, 0, ()),)),
        (2, 0, ((0, -1, ()),)),
        (2, 0, ((0, 2, ()),)),
        (2, 0, ((0, 2**62, ()),)),
        (2, 0, ((0, 1, (PART,)),)),
        (2, 0, ((0, 1, (PART,) * 3),)),
        (2, 0, ((0, 1, ((), ())),)),
        (2, 0, ((0, 1, (PART + PART, PART)),)),
        (2, 0, ((0, 1, (PART, ((PARAMS,),))),)),
        (2, 0, ((0, 1, (PART, ((PARAMS, None),))),)),
        (2, 0, ((0, 1, (PART, ((None, (0, 0)),))),)),
        (2, 0, ((0, 1, (PART, ((PARAMS, (0, -1)),))),)),
        (2, 0, ((0, 1, (PART, ((PARAMS, (0, 13)),))),)),
        (2, 0, ((0, 1, (PART, ((PARAMS, (2**70, 0)),))),)),
        (2, 0, ((0, 1, (PART, ((PARAMS, ("0", 0)),))),)),
        (2, 0, ((0, 1, (PART, ((PARAMS, (0, 0, 0)),))),)),
    ],
)
def test_arguments_that_the_planner_never_passes(arguments: tuple[Any, ...]) -> None:
    slots = (("input", 12, None, 0), ("output", 12, None, 0))
    step = ("copy", "portable", PARAMS, None, (0, 1), -1)
    port = (11, 12, (1, 3))

    def session(*threads: Any) -> Any:
        return _native.Session(slots, (step,), 0, (port,), (port,), (), 24, None, *threads)

    session(2, 64, ((0, 1, (PART, PART)),))
    with pytest.raises((TypeError, ValueError, OverflowError)):
        session(*arguments)
