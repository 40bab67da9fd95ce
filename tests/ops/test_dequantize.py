"""DEQUANTIZE: every engine against LiteRT and XNNPACK."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import runtimes
import unary
from edge_runtime import ModelError, kernels
from edge_runtime.backends import native
from edge_runtime.ops.call import Kernel
from edge_runtime.planner import plan
from edge_runtime.planner.plan import Slot
from edge_runtime.reader import read
from runtimes import f32
from unary import FLOAT, compare, int8s, roundings


def half_weights(weights, shape=(2, 3)):
    """A layer whose weights and bias are float16 in the file, as the converter leaves them."""
    outputs, depth = np.shape(weights)
    tensors = [
        build.tensor((*shape[:-1], depth)),
        build.constant(weights, "float16"),
        build.constant(np.arange(outputs) / 8, "float16"),
        build.tensor((outputs, depth)),
        build.tensor((outputs,)),
        build.tensor((*shape[:-1], outputs)),
    ]
    ops = [
        ("DEQUANTIZE", [1], 3, {}),
        ("DEQUANTIZE", [2], 4, {}),
        ("FULLY_CONNECTED", [0, 3, 4], 5, {"keepNumDims": len(shape) > 2}),
    ]
    return build.model(tensors, ops)


SEEDS = {
    "DEQUANTIZE float16": half_weights(np.arange(-6, 6).reshape(4, 3) / 16),
    **{
        f"DEQUANTIZE {dtype} float32": build.model(
            [build.tensor((3, 11), dtype, 0.05), build.tensor((3, 11))],
            [("DEQUANTIZE", [0], 1, {})],
        )
        for dtype in ("int8", "uint8", "int16")
    },
}


@settings(max_examples=60, deadline=None)
@given(rounding=roundings, power=st.floats(-30, 30), zero_point=int8s,
       dtype=st.sampled_from(["int8", "uint8", "int16"]))  # fmt: skip
def test_every_number(rounding, power, zero_point, dtype):
    zero_point = {"int8": zero_point, "uint8": zero_point + 128, "int16": 0}[dtype]
    compare("DEQUANTIZE", (dtype, f32(10**power), zero_point), FLOAT, rounding)


def test_float16_weights_are_constants_once_the_model_is_open():
    rng = np.random.default_rng(2)
    data = half_weights(rng.normal(size=(7, 13)), (5, 13))
    (step,) = plan(read(data)).steps
    assert step.op.name == "FULLY_CONNECTED"
    x = runtimes.drawn(rng, "float32", (5, 13))
    (answer, *others) = [engine.run(x) for engine in runtimes.engines(data).values()]
    assert all(other.tobytes() == answer.tobytes() for other in others)
    np.testing.assert_allclose(answer, runtimes.builtin_ref(data)(x), atol=1e-5)


def test_every_float16_number():
    """NaN keeps its bits."""
    halves = np.arange(2**16, dtype=np.uint16)
    for run in (kernels.run, native_run):
        numbers = run("dequantize_float16", {"count": halves.size}, halves.view(np.float16))
        known = ~np.isnan(halves.view(np.float16))
        expected = halves.view(np.float16)[known].astype(np.float32)
        assert numbers[known].tobytes() == expected.tobytes()
        bits = numbers.view(np.uint32)[~known]
        assert (bits == (halves[~known] & 0x8000).astype(np.uint32) << 16 | 0x7F800000
                | (halves[~known] & 0x3FF).astype(np.uint32) << 13).all()  # fmt: skip


def native_run(name, params, *tensors):
    """Run a kernel of the extension on constants."""
    kernel = Kernel(name, params, (0,))
    slots = [Slot(str(t.dtype), t.nbytes, memoryview(t.tobytes()), "constant") for t in tensors]
    engine = native.NativeEngine(native._extension(), None)
    (output,) = engine.run(kernel, slots, [4 * params["count"]])
    return np.frombuffer(output, np.float32)


def test_a_layer_with_float16_weights_and_no_dequantize_is_refused():
    tensors = [build.tensor((1, 2)), build.constant([[1, 2]], "float16"), build.tensor((1, 1))]
    data = build.model(tensors, [("FULLY_CONNECTED", [0, 1], 2, {})])
    with pytest.raises(ModelError, match="tensor 1 is float16: convert"):
        plan(read(data))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (("int32", 0.1, 0), "int8, uint8, int16 or float16"),
        (("int8", 0, 0), "one scale and zero point"),
        (("int16", 0.1, 4), "zero point 0; here .* zero point 4"),
    ],
)
def test_limits_are_told(source, message):
    unary.check_refused("DEQUANTIZE", source, FLOAT, message)
