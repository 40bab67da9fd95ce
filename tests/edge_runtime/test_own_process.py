"""LiteRT in a separate process: the same outputs, and a file that crashes it is an error."""

import os
import select
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

import build
import edge_runtime
import models
from edge_runtime import BackendError, ModelError, own_process, worker
from edge_runtime.backends import litert, options_for
from edge_runtime.errors import UnsoundError
from edge_runtime.reader import read

pytestmark = pytest.mark.unsanitized

FAKE = """
import os
class OpResolverType(dict):
    __class_getitem__ = classmethod(lambda cls, name: name)
class Interpreter:
    calls = 0
    def __init__(self, **_): {opening}
    def allocate_tensors(self): pass
    def set_tensor(self, index, tensor): self.tensor = tensor
    def get_tensor(self, index): return self.tensor
    def invoke(self):
        Interpreter.calls += 1
        {running}
"""


def changed(name: str, change: Callable[[Any], None]) -> bytes:
    """A small model, its graph changed."""
    tree = schema.ModelT.InitFromPackedBuf(models.seeds()[name])
    change(tree.subgraphs[0])
    return build.pack(tree)


def without_scale(graph: Any) -> None:
    graph.tensors[1].quantization = None


def denormal_scale(graph: Any) -> None:
    graph.tensors[0].quantization.scale = [1e-38]


def without_inputs(graph: Any) -> None:
    graph.operators[0].inputs = []


def without_weights(graph: Any) -> None:
    graph.operators[0].inputs = [0]


def unchecked() -> bytes:
    """One op that LiteRT has and the engine lacks: BITCAST, [1, 6] -> [1, 6]."""
    tensors = [build.tensor((1, 6), "float32"), build.tensor((1, 6), "float32")]
    return build.model(tensors, [("BITCAST", [0], 1, {})])


@pytest.fixture
def written(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(data: bytes) -> Path:
        path = tmp_path / "model.tflite"
        path.write_bytes(data)
        return path

    return write


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Replace LiteRT in the child by one that does what the test says."""

    def put(opening: str = "pass", running: str = "pass") -> None:
        package = tmp_path / "fake" / "ai_edge_litert"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "interpreter.py").write_text(FAKE.format(opening=opening, running=running))
        monkeypatch.syspath_prepend(package.parent)

    return put


def load(path: Path) -> edge_runtime.Model:
    return edge_runtime.load(path, backend="litert", own_process=True)


@pytest.mark.parametrize("name", ["dense int8", "dense float32", "documented"])
def test_outputs_are_the_same(name: str, written: Any) -> None:
    path = written(models.seeds()[name])
    here, there = edge_runtime.load(path, backend="litert"), load(path)
    rng = np.random.default_rng(1)
    one = (rng.random(here.input.shape) * 100).astype(here.input.dtype)
    many = (rng.random((70 * len(one), *one.shape[1:])) * 100).astype(here.input.dtype)
    for tensor in one, many, one.tobytes():
        expected, answer = (np.asarray(model.run(tensor)) for model in (here, there))
        assert answer.tobytes() == expected.tobytes()
        assert (answer.shape, answer.dtype) == (expected.shape, expected.dtype)
    assert there.backend_note == here.backend_note
    if len(one) == 1:
        seconds = there._session.times(one, 30)
        assert len(seconds) == 30
        assert min(seconds) > 0


def test_a_batch_is_sent_in_pieces(written: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load(written(unchecked()))
    monkeypatch.setattr(own_process, "PIECE", 100)  # 4 of 24 bytes
    sizes = []
    answers = own_process.ProcessSession._answers
    monkeypatch.setattr(
        own_process.ProcessSession,
        "_answers",
        lambda self, tensors, batch: (
            sizes.append(len(tensors[0])) or answers(self, tensors, batch=batch)
        ),
    )
    batch = np.arange(60, dtype=np.float32).reshape(10, 6)
    np.testing.assert_array_equal(model.run(batch), batch)
    assert sizes == [4, 4, 2]


@pytest.mark.parametrize(
    ("name", "change", "how"),
    [("ADD int8", without_scale, "SIGABRT"), ("QUANTIZE int8 int8", denormal_scale, "SIGSEGV")],
)
def test_files_that_crash_litert_2_3(
    name: str, change: Any, how: str, written: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    path = written(changed(name, change))
    message = f"{path}: LiteRT died of it \\({how}\\).*: refused$"
    for options in {"own_process": True}, options_for("litert"):
        with pytest.raises(ModelError, match=message):
            edge_runtime.load(path, backend="litert", **options)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("RELU float32", without_inputs, "it has to have a first input and one output"),
        ("dense int8", without_weights, "it has no input"),
    ],
)
def test_a_contradictory_file_reaches_no_engine(
    name: str, change: Any, said: str, written: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reached(*_: object, **__: object) -> None:
        raise AssertionError("LiteRT was handed the file")

    monkeypatch.setattr(litert, "_open_interpreter", reached)
    monkeypatch.setattr(own_process.subprocess, "Popen", reached)
    path = written(changed(name, change))
    for options in {}, {"own_process": True}, {"own_process": None}:
        with pytest.raises(UnsoundError, match=said):
            edge_runtime.load(path, backend="litert", **options)
    for backend in "native", "reference":
        with pytest.raises(UnsoundError, match=said):
            edge_runtime.load(path, backend=backend)


def test_a_file_that_the_engine_has_checked_runs_in_this_process(written: Any) -> None:
    for data, separate in (models.seeds()["dense int8"], False), (unchecked(), True):
        path = written(data)
        model = edge_runtime.load(path, backend="litert", own_process=None)
        assert isinstance(model._session, own_process.ProcessSession) == separate
        assert litert.is_checked(read(data)) != separate
        plain = edge_runtime.load(path, backend="litert")
        assert isinstance(plain._session, litert.LiteRTSession)
    assert options_for("native") == {}


def other_shape(graph: Any) -> None:
    graph.tensors[graph.operators[0].outputs[0]].shape = [1 << 20, 784]


@pytest.mark.parametrize(
    ("name", "change"), [("QUANTIZE int8 int8", denormal_scale), ("documented", other_shape)]
)
def test_shapes_that_only_litert_uses_are_not_checked(name: str, change: Any, written: Any) -> None:
    data = changed(name, change)
    edge_runtime.load(written(data))  # the engine runs it
    assert not litert.is_checked(read(data))
    assert litert.is_checked(read(models.seeds()[name]))


def test_a_crash_during_a_run(written: Any, fake: Any) -> None:
    fake(running="if Interpreter.calls == 3: os.abort()")
    model = load(written(unchecked()))
    tensor = np.ones((1, 6), np.float32)
    for _ in range(2):
        model.run(tensor)
        model.run(tensor)
        with pytest.raises(BackendError, match=r"^LiteRT died of it \(SIGABRT\)$"):
            model.run(tensor)
    # A new child, whose third call is the last one as well.
    with pytest.raises(BackendError, match="SIGABRT"):
        model._session.times(tensor, 3)


@pytest.mark.parametrize(
    ("opening", "said"),
    [
        ("os.kill(os.getpid(), 9)", r"LiteRT died of it \(SIGKILL\): refused"),
        ("os._exit(7)", r"LiteRT died of it \(exit code 7\): refused"),
        (
            "os.write(2, b'INFO: x\\nlast words\\n'); os.abort()",
            r"\(SIGABRT\): last words: refused",
        ),
        ("raise RuntimeError('not this\\nfile')", "LiteRT cannot run it: not this file"),
        ("raise KeyError('x')", r"\(exit code 1\): KeyError: 'x': refused"),
        ("raise MemoryError", "out of memory"),
    ],
)
def test_ways_in_which_a_child_dies(opening: str, said: str, written: Any, fake: Any) -> None:
    fake(opening=opening)
    with pytest.raises(edge_runtime.EdgeRuntimeError, match=said) as raised:
        load(written(unchecked()))
    assert "\n" not in str(raised.value)


def test_output_of_the_library_is_not_a_frame(written: Any, fake: Any) -> None:
    fake(opening="print('hello'); os.write(1, b'world')", running="os.write(1, b'hello')")
    tensor = np.ones((1, 6), np.float32)
    np.testing.assert_array_equal(load(written(unchecked())).run(tensor), tensor)


def test_a_failure_is_an_error_and_the_child_lives(written: Any, fake: Any) -> None:
    fake(running="if Interpreter.calls == 1: raise RuntimeError('once')")
    model = load(written(unchecked()))
    child = model._session._child.pid
    with pytest.raises(BackendError, match="LiteRT failed while running the model: once"):
        model.run(np.ones((1, 6), np.float32))
    model.run(np.ones((1, 6), np.float32))
    assert model._session._child.pid == child


def test_an_interrupt_leaves_no_frame_for_the_next_call(written: Any, fake: Any) -> None:
    fake(running="import time; time.sleep(60 if self.tensor[0, 0] == 5 else 0)")
    model = load(written(unchecked()))
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    with pytest.raises(KeyboardInterrupt):
        model.run(np.full((1, 6), 5, np.float32))
    tensor = np.ones((1, 6), np.float32)
    np.testing.assert_array_equal(model.run(tensor), tensor)


def test_the_child_ends_with_the_model(written: Any) -> None:
    model = load(written(unchecked()))
    child, errors = model._session._child, model._session._errors
    del model
    assert child.returncode == 0
    assert child.stdin.closed
    assert child.stdout.closed
    assert errors.closed


def test_a_forked_process_starts_another_child(written: Any) -> None:
    model = load(written(unchecked()))
    tensor = np.ones((1, 6), np.float32)
    child = model._session._child.pid
    fork = os.fork()
    if fork == 0:
        signal.alarm(20)
        right = bool((model.run(tensor) == 1).all()) and model._session._child.pid != child
        model._session.close()
        os._exit(not right)
    assert os.waitpid(fork, 0)[1] == 0
    assert (model.run(tensor) == 1).all()
    assert model._session._child.pid == child


def test_a_child_that_does_not_end_is_killed(
    written: Any, fake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(opening="import atexit, time; atexit.register(time.sleep, 60)")
    monkeypatch.setattr(own_process.ProcessSession.close, "__defaults__", (0.1,))
    model = load(written(unchecked()))
    child = model._session._child
    del model
    assert child.returncode == -signal.SIGKILL


@pytest.mark.skipif(not hasattr(select, "poll"), reason="Windows has no poll")
def test_a_child_during_a_run_does_not_outlive_its_parent(written: Any, fake: Any) -> None:
    fake(running="import time; time.sleep(60)")
    model = load(written(unchecked()))
    child = model._session._child
    tensor = np.ones((1, 6), np.float32)
    worker.send(child.stdin, {"shape": tensor.shape, "batch": False}, tensor.tobytes())
    child.stdin.close()  # as the system does when the parent is killed
    assert child.wait(10) == 1


def test_where_no_child_can_be_started(written: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(unchecked())
    for executable in "/nowhere/python", "":
        monkeypatch.setattr(own_process.sys, "executable", executable)
        with pytest.raises(BackendError, match="cannot be started in a separate process"):
            load(path)


def test_where_nothing_can_be_written(written: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(unchecked())
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    with pytest.raises(BackendError, match=r"cannot be started.*/nowhere"):
        load(path)
