"""Fork: a child uses the models of its parent, whatever the parent's threads are doing."""

import gc
import os
import sys
import threading
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import build
import edge_runtime
import models
from edge_runtime import BackendError
from edge_runtime.backends import litert
from edge_runtime.reader import read
from forked import busy, in_child

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


class Stuck:
    """A session that blocks in the parent until it is released."""

    def __init__(self) -> None:
        self.inside, self.leave, self.parent = threading.Event(), threading.Event(), os.getpid()

    def run(self, tensors: Any) -> Any:
        if os.getpid() == self.parent:
            self.inside.set()
            self.leave.wait()
        return [np.asarray(tensor) for tensor in tensors]

    run_batch = run


def test_a_lock_that_a_thread_of_the_parent_holds_is_not_the_childs() -> None:
    data = models.seeds()["RELU float32"]
    session = Stuck()
    model = edge_runtime.Model("model", data, read(data), session, "stuck")
    tensor = np.ones(model.input.shape, np.float32)
    other = threading.Thread(target=lambda: model.run(tensor))
    other.start()
    session.inside.wait()
    try:
        assert in_child(lambda: bool((model.run(tensor) == tensor).all())) == "right"
        assert in_child(lambda: bool((model._runner.run_batch([tensor])[0] == 1).all())) == "right"
    finally:
        session.leave.set()
        other.join()


@pytest.mark.parametrize("options", [{}, {"backend": "litert", "num_threads": 4}], ids=str)
def test_a_child_of_a_process_whose_threads_predict(options: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    tensors = [
        build.tensor((1, 300), "float32"),
        build.constant(rng.random((900, 300)), "float32"),
        build.tensor((1, 900), "float32"),
    ]
    path = tmp_path / "model.tflite"
    path.write_bytes(build.model(tensors, [("FULLY_CONNECTED", [0, 1, -1], 2, {})]))
    model = edge_runtime.load(path, **options)
    batch = rng.random((40, 300), np.float32)
    answers = model.run(batch).tobytes()

    def same() -> bool:
        single = b"".join(model.run(one[None]).tobytes() for one in batch)
        return model.run(batch).tobytes() == single == answers

    with busy(lambda: model.run(batch)):
        assert [in_child(same) for _ in range(5)] == ["right"] * 5
    assert model.run(batch).tobytes() == answers


def test_a_child_of_a_child(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(models.seeds()["RELU float32"])
    model = edge_runtime.load(path, backend="litert")
    tensor = np.ones(model.input.shape, np.float32)
    expected = model.run(tensor)

    def same() -> bool:
        return bool((model.run(tensor) == expected).all())

    assert in_child(lambda: same() and in_child(same) == "right") == "right"


def test_a_device_serves_the_process_that_opened_it() -> None:
    data = models.seeds()["RELU float32"]
    model = read(data)
    session = litert.LiteRTSession(model, data)
    session._delegates = ["a device"]
    tensor = np.ones(model.tensors[model.inputs[0]].shape, np.float32)

    def refused() -> bool:
        session.after_fork()
        with pytest.raises(BackendError, match="open the model in the child"):
            session.run([tensor])
        return True

    assert in_child(refused) == "right"
    session.run([tensor])


def test_a_fork_waits_until_standard_error_is_restored() -> None:
    place = os.fstat(2).st_ino
    inside, leave = threading.Event(), threading.Event()

    def opening() -> None:
        with litert.without_info():
            inside.set()
            leave.wait()

    other = threading.Thread(target=opening)
    other.start()
    inside.wait()
    assert os.fstat(2).st_ino != place
    threading.Timer(0.1, leave.set).start()
    assert in_child(lambda: os.fstat(2).st_ino == place) == "right"
    other.join()


@pytest.mark.parametrize("backend", ["native", "reference", "litert"])
def test_a_model_is_freed_with_its_last_reference(backend: str, tmp_path: Path) -> None:
    """Without the garbage collector, which may run late or never; its file is closed, too."""
    path = tmp_path / "model.tflite"
    path.write_bytes(models.seeds()["RELU float32"])
    gc.collect()
    gc.disable()
    try:
        model = edge_runtime.load(path, backend=backend)
        tensor = np.ones(model.input.shape, np.float32)
        answer, run = model.run(tensor), model.run
        gone = weakref.ref(model), weakref.ref(model._runner), weakref.ref(model._data)
        del model
        if backend == "native":
            assert gone[0]() is None
        assert (run(tensor) == answer).all()
        assert bytes(run(tensor.tobytes())) == answer.tobytes()
        with pytest.raises(edge_runtime.InputError):
            run(tensor[0])
        del run
        assert [one() for one in gone] == [None] * 3
        assert sys.getrefcount(answer) == 2
    finally:
        gc.enable()
