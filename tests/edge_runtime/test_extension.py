"""The C extension with arguments that the planner never passes: errors, and no crash."""

from typing import Any

import numpy as np
import pytest

import edge_runtime
import models
from edge_runtime import _native

FLOAT, INT8, INT64 = 11, 1, 9
"""NumPy's type numbers."""

PACKED, BEST = "fully_connected_int8_once", _native.instructions()[0]
"""A kernel and a level whose weights are packed."""


COPY = ("copy", "portable", (12).to_bytes(4, "little"), None, (0, 1), -1)
"""A step of 12 bytes."""


def session(**changes: Any) -> Any:
    """A session of one copy of 3 floats, [1, 3] -> [1, 3], with arguments changed."""
    arguments = {
        "slots": (("input", 12, None, 0), ("output", 12, None, 0)),
        "steps": (COPY,),
        "arena": 0,
        "inputs": ((FLOAT, 12, (1, 3)),),
        "outputs": ((FLOAT, 12, (1, 3)),),
        "states": (),
        "work": 24,
        "instructions": None,
    }
    return _native.Session(*(arguments | changes).values())


def test_the_session_of_these_tests_runs() -> None:
    output = bytearray(24)
    session().compute((bytes(range(24)),), (output,))
    assert output == bytes(range(24))


@pytest.mark.parametrize(
    ("source", "output", "error", "said"),
    [
        (b"", bytearray(), ValueError, "0 bytes, less than an image of 12"),
        (b"1234", bytearray(), ValueError, "input has 4 bytes, less than an image of 12"),
        (bytes(12), bytearray(), ValueError, "differ in their number of images"),
        (bytes(12), bytearray(24), ValueError, "differ in their number of images"),
        (bytes(24), bytearray(12), ValueError, "differ in their number of images"),
        (bytes(13), bytearray(13), ValueError, "differ in their number of images"),
        (bytes(12), memoryview(bytearray(13))[1:], ValueError, "output is not aligned"),
        (bytes(12), bytes(12), BufferError, "not writable"),
        (bytes(12), memoryview(bytearray(24))[::2], BufferError, "not C-contiguous"),
        (memoryview(bytes(24))[::2], bytearray(12), BufferError, "not C-contiguous"),
        (np.zeros((3, 3), np.float32).T[:1], bytearray(12), ValueError, "not C-contiguous"),
        ("text", bytearray(12), TypeError, "bytes-like"),
        (None, None, TypeError, "bytes-like"),
    ],
)
def test_buffers_that_are_wrong(
    source: Any, output: Any, error: type[Exception], said: str
) -> None:
    one = session()
    with pytest.raises(error, match=said):
        one.compute((source,), (output,))
    if isinstance(output, bytearray):
        output.append(0)  # nobody holds it any more


@pytest.mark.parametrize("count", [1, 2, 40])
@pytest.mark.parametrize("shift", [1, 2, 3])
def test_an_input_at_an_odd_address_is_copied(shift: int, count: int) -> None:
    content, output = np.arange(3 * count, dtype=np.float32).tobytes(), bytearray(12 * count)
    session().compute((memoryview(bytes(shift) + content)[shift:],), (output,))
    assert output == content


@pytest.mark.parametrize(
    "changes",
    [
        {"inputs": ((FLOAT, 0, (1, 3)),)},
        {"inputs": ((FLOAT, 12, (1, 0)),)},
        {"inputs": ((FLOAT, 12, (0,)),)},
        {"inputs": ((FLOAT, -12, (1, -3)),)},
        {"inputs": ((FLOAT, 12, (-1, -3)),)},
        {"inputs": ((FLOAT, 8, (1, 3)),)},
        {"inputs": ((FLOAT, 16, (1, 3)),)},
        {"inputs": ((FLOAT, 12, (2**62, 2**62, 3)),)},
        {"inputs": ((FLOAT, 12, (2**70,)),)},
        {"inputs": ((FLOAT, 12, ("3",)),)},
        {"inputs": ((FLOAT, 12, (1,) * 9),)},
        {"inputs": ((FLOAT, 12),)},
        {"inputs": ((INT8, 12, (1, 3)),)},
        {"inputs": ((INT64, 12, (1, 3)),)},
        {"inputs": ((17, 12, (1, 3)),)},  # Python objects
        {"inputs": ((-1, 12, (1, 3)),)},
        {"outputs": ((FLOAT, 12, (1, 4)),)},
        {"outputs": ((FLOAT, 0, ()),)},
        {"inputs": ()},
        {"outputs": ()},
        {"inputs": (None,)},
        {"inputs": [(FLOAT, 12, (1, 3))]},
        {"states": None},
        {"arena": -1},
        {"work": -1},
        {"instructions": "abacus"},
        {"instructions": ""},
        {"slots": (("input", 16, None, 0), ("output", 12, None, 0))},
        {"slots": (("input", 12, None, 0), ("output", 8, None, 0))},
        {"slots": (("input", 12, None, 0), ("arena", 12, None, 0))},
        {"slots": (("input", 12, None, 0), ("arena", -1, None, 0))},
        {"slots": (("input", 12, None, 0), ("arena", 12, None, -4)), "arena": 64},
        {"slots": (("input", 12, None, 0), ("arena", 12, None, 2**62)), "arena": 64},
        {"slots": (("constant", 12, None, 0), ("output", 12, None, 0))},
        {"slots": (("constant", 12, b"short", 0), ("output", 12, None, 0))},
        {"slots": ("input", "output")},
        {"slots": (None, None)},
        {"slots": ((), ())},
        {"slots": ()},
        {"slots": []},
        {"steps": (("abacus", "portable", bytes(4), None, (0, 1), -1),)},
        {"steps": (("copy", "portable", None, None, (0, 1), -1),)},
        {"steps": (("copy", "portable", bytes(4), 5, (0, 1), -1),)},
        {"steps": (("copy", "portable", bytes(4), (), (0, 1), -1),)},
        {"steps": (("copy", "portable", bytes(4), (None,) * len(_native.GROUPS), (0, 1), -1),)},
        {"steps": (("copy", "portable", bytes(4), None, (0, 2), -1),)},
        {"steps": (("copy", "portable", bytes(4), None, (0, -1), -1),)},
        {"steps": (("copy", "portable", bytes(4), None, (0, 2**70), -1),)},
        {"steps": (("copy", "portable", bytes(4), None, (0, "1"), -1),)},
        {"steps": (("copy", "portable", bytes(4), None, [0, 1], -1),)},
        {"steps": (("copy", "portable", bytes(4), None),)},
        {"steps": (None,)},
        {"steps": (("copy", "abacus", bytes(4), None, (0, 1), -1),)},
        {"steps": (("copy", None, bytes(4), None, (0, 1), -1),)},
        {"steps": (("copy", "avx512", bytes(4), None, (0, 1), -1),)},
        {"steps": (("fully_connected_int8_once", "dsp", bytes(64), None, (0, 1), -1),)},
        {"steps": ((PACKED, BEST, bytes(64), None, (), -1),)},
        {"steps": ((PACKED, BEST, bytes(64), None, (0, 1), -1),)},
        {"steps": ((PACKED, BEST, bytes(64), None, (0, 1), 0),)},
        {"steps": ((PACKED, BEST, bytes(64), None, (0, 1), 2**40),)},
        {"steps": (COPY, (PACKED, BEST, bytes(64), None, (0, 1), 0))},
        {"steps": (("copy", "portable", bytes(4), None, (0, 1), None),)},
    ],
    ids=repr,
)
def test_a_plan_that_is_invalid(changes: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError, OverflowError, MemoryError)):
        session(**changes)


def test_a_session_is_only_made_of_a_plan() -> None:
    for make in (_native.Session, lambda: object.__new__(_native.Session), session().__reduce__):
        with pytest.raises(TypeError):
            make()


def test_a_bound_function_calls_the_other_one() -> None:
    run = session().bind(lambda tensor: ("slow", tensor), ("x",), ("y",))
    assert run(b"bytes") == ("slow", b"bytes")
    strided = np.zeros((1, 6), np.float32)[:, ::2]
    shapes = (0, 3), (2, 4), (3,), (1, 1, 3)
    others = [np.zeros(shape, np.float32) for shape in shapes]
    for tensor in *others, np.zeros((1, 3)), strided:
        assert run(tensor)[1] is tensor
    tensor = np.array([[1, 2, 3]], np.float32)
    assert (run(tensor) == tensor).all()
    tensor[0, 0] = np.nan
    assert run(tensor)[1] is tensor
    batch = np.arange(6, dtype=np.float32).reshape(2, 3)
    first, second = run(batch), run(batch + 1)
    assert (first == batch).all()
    assert (second == batch + 1).all()
    batch[1, 2] = np.inf
    assert run(batch)[1] is batch
    with pytest.raises(TypeError):
        session().bind(None, ("x",), ("y",))(b"")
    with pytest.raises(TypeError):
        run()
    for names in ((("x", "z"), ("y",)), (("x",), ())):
        with pytest.raises(ValueError, match="has a name"):
            session().bind(None, *names)


def moved(array: np.ndarray, by: int) -> np.ndarray:
    """Return a copy ``by`` bytes after an address aligned to 64."""
    memory = np.zeros(array.nbytes + 128, np.uint8)
    start = -memory.ctypes.data % 64 + by
    place = memory[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    place[...] = array
    return place


@pytest.mark.parametrize("name", ["dense int8", "dense int16", "dense float32", "RELU float32"])
@pytest.mark.parametrize("backend", ["native", "reference", "litert"])
def test_arrays_at_odd_addresses(name: str, backend: str, tmp_path: Any) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(models.seeds()[name])
    model = edge_runtime.load(path, backend=backend)
    rng = np.random.default_rng(1)
    one = (rng.random(model.input.shape) * 100).astype(model.input.dtype)
    many = (rng.random((20 * len(one), *one.shape[1:])) * 100).astype(model.input.dtype)
    calls = [model.run]
    if model.input.dtype == "float32":
        calls.append(model.predict)
    for tensor in (one, many):
        for call in calls:
            expected = call(tensor)
            for by in (1, 2, 3, 4, 6):
                answer = call(moved(tensor, by))
                assert answer.tobytes() == expected.tobytes()


def test_a_profile_has_the_time_of_each_step_and_of_none_and_computes_the_same() -> None:
    two = session(
        slots=(("input", 12, None, 0), ("arena", 12, None, 0), ("output", 12, None, 0)),
        steps=(COPY, (*COPY[:4], (1, 2), -1)),
        arena=12,
        work=36,
    )
    output = bytearray(12)
    times = memoryview(two.profile((bytes(range(12)),), (output,))).cast("q").tolist()
    assert output == bytes(range(12))
    assert len(times) == 3
    assert min(times) >= 0
    assert sum(times) > 0


def test_a_profile_of_wrong_buffers_is_refused() -> None:
    with pytest.raises(ValueError, match="input has 4 bytes, less than an image of 12"):
        session().profile((b"1234",), (bytearray(12),))
    with pytest.raises(ValueError, match="a profile is of one image, and not of 2"):
        session().profile((bytes(24),), (bytearray(24),))
    with pytest.raises(TypeError):
        session().profile(b"1234", bytearray(12))


def test_each_level_of_this_machine_has_a_peak() -> None:
    levels = [level for level in _native.instructions() if level != "portable"]
    for level in levels:
        assert _native.peak(level, "int8") > 1e6, level
        assert (_native.peak(level, "float32") or 1e9) > 1e6, level
    assert _native.peak("portable", "int8") is None
    assert _native.peak("no such level", "int8") is None
    assert _native.peak(BEST, "int64") is None
    with pytest.raises(TypeError):
        _native.peak(BEST)
