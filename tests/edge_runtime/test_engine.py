"""The engine: native and reference against LiteRT's reference kernels, byte by byte."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings
from hypothesis import strategies as st

import edge_runtime
import single_op
from edge_runtime import BackendError, ModelError
from edge_runtime.backends import native
from edge_runtime.plan import plan
from edge_runtime.reader import read


def dense(rng, rows, depth, outputs, per_channel, activation, zero_point):
    weights = rng.integers(-127, 128, (outputs, depth)).astype(np.int8)
    bias = rng.integers(-20000, 20000, outputs).astype(np.int32)
    scales = tuple(
        float(s) for s in rng.uniform(0.001, 0.05, outputs if per_channel else 1).astype("f4")
    )
    options = schema.FullyConnectedOptionsT()
    options.fusedActivationFunction = activation
    spread = float(np.float32(rng.uniform(0.01, 0.1) * np.sqrt(depth)))
    tensors = [
        single_op.tensor("x", (rows, depth), "int8", (0.05,), (zero_point,)),
        single_op.tensor("w", weights.shape, "int8", scales, (0,) * len(scales), weights),
        single_op.tensor(
            "b", bias.shape, "int32", tuple(0.05 * s for s in scales), (0,) * len(scales), bias
        ),
        single_op.tensor("y", (rows, outputs), "int8", (spread,), (-zero_point // 2,)),
    ]
    return single_op.model("FULLY_CONNECTED", options, tensors, [0, 1, 2])


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(1, 5),
    depth=st.integers(1, 300),
    outputs=st.integers(1, 40),
    per_channel=st.booleans(),
    activation=st.integers(0, 3),
    zero_point=st.integers(-128, 127),
)
def test_dense_int8_is_what_litert_gives(
    seed, rows, depth, outputs, per_channel, activation, zero_point
):
    rng = np.random.default_rng(seed)
    data = dense(rng, rows, depth, outputs, per_channel, activation, zero_point)
    litert, engines = single_op.builtin_ref(data), single_op.engines(data)
    for _ in range(3):
        x = rng.integers(-128, 128, (rows, depth)).astype(np.int8)
        expected = litert(x)
        for name, engine in engines.items():
            np.testing.assert_array_equal(engine.run(x), expected, err_msg=name)


@pytest.mark.parametrize("level", single_op.INSTRUCTIONS)
def test_the_documented_model_is_exact(int8_model, dataset, level, monkeypatch):
    monkeypatch.setenv(native.VARIABLE, level)
    model = edge_runtime.load(int8_model, backend="native")
    litert = single_op.builtin_ref(int8_model.read_bytes())
    from edge_runtime.quantize import encode

    images = encode(dataset.x_test, model.input, model.metadata)
    random = np.random.default_rng(1).integers(-128, 128, (2000, *images.shape[1:]))
    for x in np.concatenate([images, random.astype(np.int8)]):
        np.testing.assert_array_equal(model.run(x[None]), litert(x[None]))


def test_reference_and_native_are_equal_in_float32(float_model, dataset, monkeypatch):
    reference = edge_runtime.load(float_model, backend="reference")
    litert = single_op.builtin_ref(float_model.read_bytes())
    x = (dataset.x_test[:200] / np.float32(255)).astype(np.float32).reshape(-1, 784)
    x = np.concatenate([x, np.random.default_rng(1).normal(size=x.shape).astype(np.float32)])
    for level in single_op.INSTRUCTIONS:
        monkeypatch.setenv(native.VARIABLE, level)
        model = edge_runtime.load(float_model, backend="native")
        for image in x.reshape(-1, *model.input.shape):
            answer = model.run(image)
            np.testing.assert_array_equal(answer, reference.run(image))
            np.testing.assert_allclose(answer, litert(image), atol=1e-5)


def test_activations_of_the_documented_model_take_16_bytes(int8_model):
    made = plan(read(int8_model.read_bytes()))

    assert made.arena == 16
    assert [step.kernel.name for step in made.steps] == [
        "fully_connected_int8",
        "fully_connected_int8",
        "lookup_int8",
    ]


def test_any_buffer_is_taken(int8_model):
    model = edge_runtime.load(int8_model, backend="native")
    x = np.arange(784, dtype=np.uint8).view(np.int8)
    expected = model.run(x.reshape(model.input.shape))

    assert isinstance(expected, np.ndarray)
    for given_buffer in (x.tobytes(), bytearray(x.tobytes()), memoryview(x.tobytes())):
        answer = model.run(given_buffer)
        assert isinstance(answer, memoryview)
        assert answer.tobytes() == expected.tobytes()


def test_what_does_not_fit_is_refused(int8_model):
    model = edge_runtime.load(int8_model, backend="native")
    for wrong in (np.zeros(784, np.int8), np.zeros(model.input.shape, np.uint8), b"short", 5):
        with pytest.raises(edge_runtime.InputError, match="expected a tensor of int8"):
            model.run(wrong)


def test_strided_arrays_are_right(int8_model):
    model = edge_runtime.load(int8_model, backend="native")
    wide = np.random.default_rng(0).integers(-128, 128, (2, *model.input.shape)).astype(np.int8)
    strided = np.moveaxis(np.ascontiguousarray(np.moveaxis(wide, 0, -1)), -1, 0)[1]

    np.testing.assert_array_equal(model.run(strided), model.run(wide[1]))


def test_a_batch_gives_what_one_by_one_gives(int8_model, dataset):
    model = edge_runtime.load(int8_model, backend="native")
    peer = edge_runtime.load(int8_model, backend="reference")

    np.testing.assert_array_equal(
        model.predict(dataset.x_test[:70]), peer.predict(dataset.x_test[:70])
    )


def test_an_unknown_op_is_refused_by_name(tmp_path):
    tensors = [
        single_op.tensor("x", (1, 4), "float32"),
        single_op.tensor("cosine", (1, 4), "float32"),
    ]
    path = tmp_path / "cos.tflite"
    path.write_bytes(single_op.model("COS", None, tensors, [0], version=1))

    with pytest.raises(ModelError, match="op 0, COS 'cosine', is not supported: there are"):
        edge_runtime.load(path, backend="native")


def test_a_broken_limit_is_told_with_its_value(tmp_path):
    data = dense(np.random.default_rng(0), 1, 4, 2, False, 4, 0)
    path = tmp_path / "tanh.tflite"
    path.write_bytes(data)

    with pytest.raises(
        ModelError, match=r"FULLY_CONNECTED 'y': the fused activation .*; here it is 4"
    ):
        edge_runtime.load(path, backend="native")


def test_unknown_instructions_are_refused(int8_model, monkeypatch):
    monkeypatch.setenv(native.VARIABLE, "sse9")
    with pytest.raises(BackendError, match="EDGEKIT_INSTRUCTIONS=sse9: this machine has"):
        edge_runtime.load(int8_model, backend="native")


def test_without_the_extension_it_says_so(int8_model, monkeypatch):
    monkeypatch.setattr(native, "_extension", lambda: None)
    assert "C extension is not there" in (native.unavailable() or "")
    with pytest.raises(BackendError, match="C extension is not there"):
        edge_runtime.load(int8_model, backend="native")
    assert edge_runtime.load(int8_model, backend="reference").classify is not None
