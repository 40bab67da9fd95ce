"""Models of several inputs and outputs, and of states: against LiteRT, by name and in order."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import build
import edge_runtime
import runtimes
from edge_runtime import InputError, ModelError, _native, quantize
from runtimes import run_builtin_ref
from several import NAMED, drawn, joined, split, stateful, two

BACKENDS = ("native", "reference", "litert")


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def write_(data: bytes) -> Path:
        path = tmp_path / "model.tflite"
        path.write_bytes(data)
        return path

    return write_


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_a_dict_by_the_names_of_the_signature(write: Any, dtype: str, backend: str) -> None:
    data = two(dtype, signature=NAMED)
    model = edge_runtime.load(write(data), backend=backend)
    left, right = drawn(dtype, batch=2)
    probability, difference = run_builtin_ref(data, [left, right])
    outputs = model.run({"right": right, "left": left})
    assert list(outputs) == ["probability", "difference"]
    np.testing.assert_array_equal(outputs["difference"], difference)
    if dtype == "int8" and backend != "litert":
        assert outputs["probability"].tobytes() == probability.tobytes()
    else:
        np.testing.assert_allclose(outputs["probability"], probability, atol=1)


@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_fitting_arrays_go_straight_to_the_kernels(
    write: Any, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = edge_runtime.load(write(two(dtype, signature=NAMED)), backend="native")
    left, right = drawn(dtype, batch=2)
    pairs = [(left, right), (right, left)]
    slow = [model._runner.run(pair) for pair in pairs]
    monkeypatch.setattr(model._runner, "values", None)  # what is slow would need it
    kept = [model.run(pair) for pair in pairs]
    named = [model.run(dict(zip(("left", "right"), pair, strict=True))) for pair in pairs]
    for expected, outputs, by_name in zip(slow, kept, named, strict=True):
        assert isinstance(outputs, tuple)
        assert list(by_name) == ["probability", "difference"]
        for value, output, other in zip(expected, outputs, by_name.values(), strict=True):
            assert output.tobytes() == other.tobytes() == value.tobytes()


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_tuple_in_the_order_of_the_file(write: Any, backend: str) -> None:
    data = two(signature=NAMED)
    model = edge_runtime.load(write(data), backend=backend)
    left, right = drawn("int8", batch=2)
    first, second = model.run((left, right))
    assert isinstance(first, np.ndarray)
    by_name = model.run({"left": left, "right": right})
    np.testing.assert_array_equal(first, by_name["probability"])
    np.testing.assert_array_equal(second, by_name["difference"])
    by_tensor = model.run({"tensor 0": left, "tensor 1": right})
    np.testing.assert_array_equal(by_tensor["difference"], second)
    assert list(model.inputs) == ["left", "right"]
    assert list(model.outputs) == ["probability", "difference"]


def test_without_a_signature_names_are_those_of_the_tensors(write: Any) -> None:
    model = edge_runtime.load(write(two()))
    assert list(model.inputs) == ["tensor 0", "tensor 1"]
    assert list(model.outputs) == ["tensor 4", "tensor 3"]


@pytest.mark.parametrize(
    "maps",
    [
        {"inputs": {"left": 0}, "outputs": {"a": 3, "b": 4}},  # an input is missing
        {"inputs": {"left": 0, "right": 0}, "outputs": {"a": 3, "b": 4}},
        {"inputs": {"left": 0, "right": 9}, "outputs": {"a": 3, "b": 4}},
        {"inputs": {"": 0, "right": 1}, "outputs": {"a": 3, "b": 4}},
    ],
)
def test_a_signature_that_does_not_name_each_once_is_not_used(write: Any, maps: Any) -> None:
    model = edge_runtime.load(write(two(signature=maps)))
    assert list(model.inputs) == ["tensor 0", "tensor 1"]
    assert list(model.outputs) == ["b", "a"]


def test_bytes_give_memoryviews(write: Any) -> None:
    model = edge_runtime.load(write(two()))
    left, right = drawn("int8", batch=2)
    outputs = model.run((left.tobytes(), right.tobytes()))
    assert all(isinstance(one, memoryview) for one in outputs)
    expected = model.run((left, right))
    assert [bytes(one) for one in outputs] == [one.tobytes() for one in expected]


@pytest.mark.parametrize("backend", BACKENDS)
def test_many_along_the_first_axis(write: Any, backend: str) -> None:
    model = edge_runtime.load(write(two()), backend=backend)
    left, right = drawn("int8", batch=2 * 37)
    many = model.run((left, right))
    for start in range(0, len(left), 2):
        part = model.run((left[start : start + 2], right[start : start + 2]))
        for whole, one in zip(many, part, strict=True):
            np.testing.assert_array_equal(whole[start : start + 2], one)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        (lambda a, _: a, "has 2 inputs, 'tensor 0', 'tensor 1': pass a dict by these names, or a"),
        (lambda a, _: (a,), "2 tensors are expected, got 1"),
        (lambda a, _: {"tensor 0": a}, "the inputs are 'tensor 0', 'tensor 1', got 'tensor 0'"),
        (lambda a, b: {"tensor 0": a, "x": b}, "got 'tensor 0', 'x'"),
        (lambda a, b: (a, b.astype(np.int16)), r"expected a tensor of int8 \[2, 5\], got int16"),
        (lambda a, b: (a, np.concatenate([b, b])), r"differ in their number of tensors: \[1, 2\]"),
        (lambda a, _: (a, b"short"), "expected a tensor of int8"),
        (lambda a, b: [a, b], "pass a dict by these names, or a tuple"),
    ],
)
def test_what_does_not_fit_is_refused(write: Any, tensors: Any, message: str) -> None:
    model = edge_runtime.load(write(two()))
    with pytest.raises(InputError, match=message):
        model.run(tensors(*drawn("int8", batch=2)))


def test_not_a_number_is_refused_in_each_input(write: Any) -> None:
    model = edge_runtime.load(write(two("float32")))
    left, right = drawn("float32", batch=2)
    right[1, 2] = np.nan
    for tensors in (left, right), (left.tobytes(), right.tobytes()):
        with pytest.raises(InputError, match="NaN or infinity"):
            model.run(tensors)


def test_what_is_for_one_tensor_says_so(write: Any) -> None:
    model = edge_runtime.load(write(two()))
    for attribute in "input", "output":
        with pytest.raises(ModelError, match=rf"it has 2 {attribute}s, .*: use run\(\)"):
            getattr(model, attribute)
    with pytest.raises(
        InputError, match=r"has 2 inputs, .*: pass a dict by these names, or a tuple"
    ):
        model.predict(np.zeros((2, 5)))
    with pytest.raises(ModelError, match=r"it has 2 outputs, .*: use run\(\)"):
        model.classify(np.zeros((2, 5)))
    assert repr(model).count("int8 [2, 5]") == 4


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_predict_gives_numbers_by_name(write: Any, dtype: str, backend: str) -> None:
    """Floats on each input's scale; 7 rows, of which the model runs 2 at a time."""
    model = edge_runtime.load(write(two(dtype, signature=NAMED)), backend=backend)
    left, right = np.random.default_rng(2).uniform(-3, 3, (2, 7, 5))
    outputs = model.predict({"right": right, "left": left})
    assert outputs.keys() == {"difference", "probability"}
    assert {one.dtype.name for one in outputs.values()} == {"float32"}
    step = 0.1 if dtype == "int8" else 1e-6
    np.testing.assert_allclose(outputs["difference"], left - right, atol=step)
    expected = 1 / (1 + np.exp(-left - right))
    np.testing.assert_allclose(outputs["probability"], expected, atol=step / 2)
    whole = model.predict((left.round(), right.round().astype(int)))
    part = model.predict((left[3:].round(), right[3:].round()))
    for name, output in whole.items():
        np.testing.assert_array_equal(output[3:], part[name])


def test_predict_works_in_chunks(write: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model = edge_runtime.load(write(two()))
    batch = tuple(np.random.default_rng(2).uniform(-3, 3, (2, 21, 5)))
    expected = model.predict(batch)
    monkeypatch.setattr(quantize, "CHUNK", 4 * 4 * 10)
    chunks = list(quantize.encoded_inputs(batch, model.inputs))
    assert [len(left) for left, _ in chunks] == [4, 4, 4, 4, 4, 1]
    for name, output in model.predict(batch).items():
        np.testing.assert_array_equal(output, expected[name])
    assert [len(output) for output in model.predict((batch[0][:0],) * 2).values()] == [0, 0]


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (lambda a: {"tensor 0": a}, "the inputs are 'tensor 0', 'tensor 1', got 'tensor 0'"),
        (lambda a: (a, a[:2]), "not as many each: 3 of 'tensor 0', 2 of 'tensor 1'"),
        (lambda a: (a, a[:, :4]), r"input 'tensor 1': expected inputs \[N, 5\], got \[3, 4\]"),
        (lambda a: (a, a * np.nan), "input 'tensor 1': the inputs hold NaN or infinity"),
        (lambda a: (a, a + 100), "input 'tensor 1': floats from 100 to 100 are not on the model's"),
        (lambda a: (a, a.astype(np.uint8)), "input 'tensor 1': expected numbers .*, got uint8"),
    ],
)
def test_predict_refuses_what_does_not_fit(write: Any, batch: Any, message: str) -> None:
    model = edge_runtime.load(write(two()))
    with pytest.raises(InputError, match=message):
        model.predict(batch(np.zeros((3, 5))))


def test_predict_of_one_input_and_several_outputs(write: Any) -> None:
    model = edge_runtime.load(write(split()))
    x = np.random.default_rng(2).uniform(-2, 2, (3, 4)).astype(np.float32)
    outputs = model.predict(x)
    np.testing.assert_allclose(outputs["tensor 1"], 1 / (1 + np.exp(-x)), atol=1e-6)
    np.testing.assert_array_equal(outputs["tensor 2"], np.maximum(x, 0))
    by_name = model.predict({"tensor 0": x})
    np.testing.assert_array_equal(by_name["tensor 2"], outputs["tensor 2"])


def test_predict_of_several_inputs_and_classes(write: Any) -> None:
    model = edge_runtime.load(write(joined()))
    left, right = np.random.default_rng(2).normal(size=(2, 3, 4))
    scores = model.predict({"tensor 0": left, "tensor 1": right})
    powers = np.exp(left + right)
    np.testing.assert_allclose(scores, powers / powers.sum(axis=1, keepdims=True), atol=1e-6)


def test_predict_needs_the_batch_first(write: Any) -> None:
    tensors = [build.tensor((1, 4)), build.tensor((4,)), build.tensor((1, 4))]
    ops = [("ADD", [0, 1], 2, {})]
    model = edge_runtime.load(write(build.model(tensors, ops, inputs=[0, 1], outputs=[2])))
    with pytest.raises(ModelError, match=r"do not begin with the same number of inputs: use run"):
        model.predict((np.zeros((1, 4)), np.zeros((1, 4))))


def test_a_tuple_or_dict_of_one(write: Any) -> None:
    data = build.model(
        [build.tensor((1, 4), "int8", 0.1), build.tensor((1, 4), "int8", 1 / 256, -128)],
        [("LOGISTIC", [0], 1, {})],
    )
    model = edge_runtime.load(write(data))
    tensor = np.arange(4, dtype=np.int8)[None]
    expected = model.run(tensor)
    np.testing.assert_array_equal(model.run((tensor,)), expected)
    np.testing.assert_array_equal(model.run({"tensor 0": tensor}), expected)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_a_state_begins_as_litert_begins_it(write: Any, dtype: str, backend: str) -> None:
    data = stateful(dtype)
    tensor = np.array([[1, 2, 3, 4]], dtype)
    (expected,) = run_builtin_ref(data, [tensor])
    model = edge_runtime.load(write(data), backend=backend)
    for _ in range(2):
        np.testing.assert_array_equal(model.run(tensor), expected)
        model.reset()


def test_a_state_is_kept_between_runs_and_reset() -> None:
    """No op of the engine writes one yet, so a session is put together by hand: state += input."""
    import struct

    params = struct.pack("=3i", 1, -(2**31), 2**31 - 1)
    loops = struct.pack("=18i", *[1] * 5, 4, *[0] * 5, 1, *[0] * 5, 1)
    slots = (
        ("input", 16, None, 0),
        ("arena", 16, None, 16),
        ("constant", len(loops), loops, 0),
        ("output", 16, None, 0),
    )
    steps = (
        ("add_int32", "portable", params, None, (0, 1, 2, 1), -1),
        ("copy", "portable", struct.pack("=i", 16), None, (1, 3), -1),
    )
    port = (5, 16, (1, 4))
    session = _native.Session(slots, steps, 32, (port,), (port,), ((16, 16, 0, None),), 100, None)
    tensor, output = np.array([[1, 2, 3, 4]], np.int32), np.zeros((1, 4), np.int32)
    for run in 1, 2, 3:
        session.compute((tensor,), (output,))
        np.testing.assert_array_equal(output, run * tensor)
    session.reset()
    # Five images in one call are five runs, one after another.
    many, outputs = np.concatenate([tensor] * 5), np.zeros((5, 4), np.int32)
    session.compute((many,), (outputs,))
    np.testing.assert_array_equal(outputs, np.arange(1, 6)[:, None] * tensor)


def test_states_fill_their_place_byte_by_byte() -> None:
    slots = (("input", 4, None, 0), ("arena", 4, None, 8), ("output", 4, None, 0))
    steps = (("copy", "portable", b"\4\0\0\0", None, (1, 2), -1),)
    port = (2, 4, (1, 4))
    session = _native.Session(slots, steps, 16, (port,), (port,), ((8, 4, 253, None),), 100, None)
    output = bytearray(4)
    session.compute((bytes(4),), (output,))
    assert output == bytes([253] * 4)


@pytest.mark.parametrize(
    "states",
    [
        *(((offset, size, 0, None),) for offset, size in ((14, 4), (-1, 4), (0, -1), (0, 1 << 62))),
        (5,),
        ((0, 4, 0),),
        ((0, 4, 0, bytes(3)),),
        ((0, 4, 0, 1),),
    ],
)
def test_a_state_outside_of_the_arena_is_refused(states: Any) -> None:
    port = (2, 4, (1, 4))
    with pytest.raises((ValueError, TypeError)):
        _native.Session((), (), 16, (port,), (port,), states, 100, None)


@pytest.mark.parametrize(
    ("inputs", "outputs", "message"),
    [
        ((bytes(4),), (bytearray(4), bytearray(4)), "1 buffers, expected 2"),
        ((bytes(4), bytes(8)), (bytearray(4), bytearray(4)), "differ in their number of images"),
        ((bytes(4), bytes(4)), (bytearray(4), bytearray(3)), "differ in their number of images"),
        ((bytes(4), bytes(0)), (bytearray(4), bytearray(4)), "differ in their number of images"),
    ],
)
def test_buffers_that_do_not_fit_are_refused(inputs: Any, outputs: Any, message: str) -> None:
    slots = (
        *(("input", 4, None, position) for position in range(2)),
        *(("output", 4, None, position) for position in range(2)),
    )
    steps = tuple(("copy", "portable", b"\4\0\0\0", None, (at, at + 2), -1) for at in range(2))
    port = (2, 4, (1, 4))
    session = _native.Session(slots, steps, 0, (port,) * 2, (port,) * 2, (), 100, None)
    with pytest.raises(ValueError, match=message):
        session.compute(inputs, outputs)
    session.compute((b"abcd", b"efgh"), pair := (bytearray(4), bytearray(4)))
    assert pair == (bytearray(b"abcd"), bytearray(b"efgh"))


def test_a_slot_of_a_port_that_is_not_there_is_refused() -> None:
    port = (2, 4, (1, 4))
    for slot in ("input", 4, None, 1), ("output", 4, None, -1):
        with pytest.raises(ValueError, match="not there"):
            _native.Session((slot,), (), 16, (port,), (port,), (), 100, None)


def scalar(dtype: str) -> bytes:
    """Twice a scalar, and that plus a vector: the outputs are a scalar and a vector."""
    tensors = [
        build.tensor((), dtype, name="x"),
        build.tensor((1, 5), dtype, name="v"),
        build.tensor((), dtype, name="twice"),
        build.tensor((1, 5), dtype, name="sum"),
    ]
    ops: list[build.Op] = [("ADD", [0, 0], 2, {}), ("ADD", [1, 2], 3, {})]
    return build.model(tensors, ops, inputs=[0, 1], outputs=[2, 3])


@pytest.mark.parametrize("dtype", ["float32", "int32"])
def test_scalars_go_in_and_come_out(dtype: str, tmp_path: Path) -> None:
    data = scalar(dtype)
    inputs = [np.array(3, dtype), np.arange(5, dtype=dtype)[None]]
    expected = run_builtin_ref(data, inputs)
    path = tmp_path / "model.tflite"
    path.write_bytes(data)
    engines = {**runtimes.engines(data), "litert": edge_runtime.load(path, backend="litert")}
    for name, engine in engines.items():
        for tensors in (tuple(inputs), tuple(x.tobytes() for x in inputs)):
            for one, value in zip(engine.run(tensors), expected, strict=True):
                assert np.asarray(one).shape == value.shape, name
                assert np.asarray(one).tobytes() == value.tobytes(), name


def test_a_scalar_is_no_batch(tmp_path: Path) -> None:
    tensors = [build.tensor((), name="x"), build.tensor((), name="y")]
    path = tmp_path / "model.tflite"
    path.write_bytes(build.model(tensors, [("ADD", [0, 0], 1, {})]))
    for backend in "native", "reference", "litert":
        model = edge_runtime.load(path, backend=backend)
        assert model.run(np.array(3, np.float32)) == 6
        with pytest.raises(edge_runtime.InputError, match=r"expected a tensor of float32 \[\]"):
            model.run(np.zeros(2, np.float32))
        with pytest.raises(edge_runtime.ModelError, match=r"use run\(\)"):
            model.predict([1.0])
