"""ADD, SUB and MUL: every engine against LiteRT, XNNPACK and TFLite Micro's arithmetic."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from hypothesis import given, settings
from hypothesis import strategies as st

import edge_runtime
import runtimes
import tflite_micro
from edge_runtime.planner import plan
from edge_runtime.reader import read

OPS = ("ADD", "SUB", "MUL")
RUNTIMES = {"litert": runtimes.builtin_ref, "xnnpack": runtimes.xnnpack}


def options(op, activation=0, powers=False):
    made = {"ADD": schema.AddOptionsT, "SUB": schema.SubOptionsT, "MUL": schema.MulOptionsT}[op]()
    made.fusedActivationFunction = activation
    if op != "MUL":
        made.potScaleInt16 = powers
    return made


def binary(op, dtype, x, constant, scales=(), zero_points=(0, 0, 0), *, first=False, **kinds):
    """A model of one op on its input and a constant, which is the first operand or the second."""
    a, b = (constant, x) if first else (x, constant)
    shape = np.broadcast_shapes(a.shape, b.shape)
    quantized = [((s,), (z,)) for s, z in zip(scales, zero_points, strict=True)] if scales else []
    given_at, constant_at = (1, 0) if first else (0, 1)
    pick = lambda i: quantized[i] if quantized else ((), ())  # noqa: E731
    tensors = [
        runtimes.tensor("x", x.shape, dtype, *pick(given_at)),
        runtimes.tensor("c", constant.shape, dtype, *pick(constant_at), data=constant),
        runtimes.tensor("y", shape, dtype, *pick(2)),
    ]
    return runtimes.model(op, options(op, **kinds), tensors, [given_at, constant_at], version=2)


def drawn(rng, dtype, shape):
    if dtype == "float32":
        return (rng.normal(size=shape) * 4).astype(np.float32)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, shape, endpoint=True).astype(dtype)


def equal(data, x, expected, rounding):
    for name, engine in runtimes.engines(data, rounding=rounding).items():
        answer = engine.run(x)
        assert answer.shape == expected.shape
        np.testing.assert_array_equal(answer, expected, err_msg=name)
        if expected.dtype == np.float32:
            assert answer.tobytes() == expected.tobytes(), name


@st.composite
def shapes(draw):
    """Two shapes that broadcast, the first not a scalar."""
    full = [*draw(st.lists(st.integers(1, 4), max_size=4)), draw(st.integers(1, 40))]
    masks = [draw(st.lists(st.booleans(), min_size=5, max_size=5)) for _ in range(2)]
    made = [
        tuple(1 if hidden else size for size, hidden in zip(full, mask, strict=False))
        for mask in masks
    ]
    return made[0], made[1][draw(st.integers(0, len(full))) :]


def f32(value):
    return float(np.float32(value))


def scaled(rng, op, dtype, wide):
    """Scales of both inputs and the output: outputs fill the range, or ``wide``, anything."""
    spread = (lambda: 10 ** rng.uniform(-4, 3)) if wide else (lambda: rng.uniform(0.001, 0.1))
    a, b = f32(spread()), f32(spread())
    limit = np.iinfo(dtype).max
    made = a * b * limit / 3 if op == "MUL" else 1.5 * max(a, b)
    made *= rng.uniform(0.2, 2) * (10 ** rng.uniform(-3, 3) if wide else 1)
    return a, b, f32(made)


INTEGERS = {
    "seed": st.integers(0, 2**32 - 1),
    "op": st.sampled_from(OPS),
    "dtype": st.sampled_from(("int8", "int16")),
    "pair": shapes(),
    "wide": st.booleans(),
    "first": st.booleans(),
    "activation": st.integers(0, 3),
}


def case(seed, op, dtype, pair, wide):
    rng = np.random.default_rng(seed)
    scales = scaled(rng, op, dtype, wide)
    ends = (-128, 127, *rng.integers(-128, 128, 3))
    zero_points = [int(z) for z in rng.choice(ends, 3)] if dtype == "int8" else [0, 0, 0]
    return scales, zero_points, drawn(rng, dtype, pair[0]), drawn(rng, dtype, pair[1])


@settings(max_examples=200, deadline=None)
@given(**INTEGERS)
def test_integers_are_what_litert_gives(seed, op, dtype, pair, wide, first, activation):
    scales, zero_points, x, constant = case(seed, op, dtype, pair, wide)
    data = binary(op, dtype, x, constant, scales, zero_points, first=first, activation=activation)
    equal(data, x, runtimes.builtin_ref(data)(x), "litert")


def delegated(op, scales):
    """Whether XNNPACK takes int8 of these scales."""
    a, b, made = (np.float32(scale) for scale in scales)
    if op == "MUL":
        return 2**-16 <= a * b / made < 2**8
    return all(2**-10 <= ratio < 2**8 for ratio in (a / made, b / made))


@settings(max_examples=200, deadline=None)
@given(**INTEGERS)
def test_single_is_what_litert_gives_by_default(seed, op, dtype, pair, wide, first, activation):
    scales, zero_points, x, constant = case(seed, op, dtype, pair, wide)
    data = binary(op, dtype, x, constant, scales, zero_points, first=first, activation=activation)
    taken = dtype == "int16" or delegated(op, scales)
    # LiteRT's own vector kernels are not followed where XNNPACK refuses.
    peer = runtimes.xnnpack if taken else runtimes.builtin_ref
    equal(data, x, peer(data)(x), "xnnpack")


@settings(max_examples=200, deadline=None)
@given(**INTEGERS)
def test_double_is_what_tflite_micro_calculates(seed, op, dtype, pair, wide, first, activation):
    scales, zero_points, x, constant = case(seed, op, dtype, pair, wide)
    data = binary(op, dtype, x, constant, scales, zero_points, first=first, activation=activation)
    operands = np.broadcast_arrays(*((constant, x) if first else (x, constant)))
    a, b = (operand.ravel().tolist() for operand in operands)
    quantization = tuple(zip(scales, zero_points, strict=True))
    bits = np.iinfo(dtype).bits
    calculate = {
        "ADD": tflite_micro.add,
        "SUB": tflite_micro.subtract,
        "MUL": tflite_micro.mul,
    }[op]
    made = calculate(a, b, quantization, activation, bits)
    equal(data, x, np.array(made, dtype).reshape(operands[0].shape), "tflite-micro")


@pytest.mark.parametrize("op", ["SUB", "MUL"])
def test_double_has_the_factors_of_tflite_micro(op):
    """Factors are rounded to float32 in SUB there and in MUL here, which few outputs show."""
    rng = np.random.default_rng(0)
    x, other = drawn(rng, "int16", (20000,)), drawn(rng, "int16", (20000,))
    scales = tuple(map(f32, (0.03, 0.042, 0.06) if op == "SUB" else (0.072, 0.057, 109.0)))
    data = binary(op, "int16", x, other, scales)
    quantization = tuple((scale, 0) for scale in scales)
    calculate = tflite_micro.mul if op == "MUL" else tflite_micro.subtract
    expected = np.array(calculate(x.tolist(), other.tolist(), quantization, 0, 16), np.int16)
    equal(data, x, expected, "tflite-micro")
    assert (runtimes.builtin_ref(data)(x) != expected).any()


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    op=st.sampled_from(OPS),
    dtype=st.sampled_from(("int32", "float32")),
    pair=shapes(),
    first=st.booleans(),
    activation=st.integers(0, 3),
    rounding=st.sampled_from(("litert", "xnnpack")),
)
def test_int32_and_float32_have_the_bytes_of_litert(
    seed, op, dtype, pair, first, activation, rounding
):
    rng = np.random.default_rng(seed)
    x, constant = (drawn(rng, dtype, shape) for shape in pair)
    data = binary(op, dtype, x, constant, first=first, activation=activation)
    equal(data, x, RUNTIMES[rounding](data)(x), rounding)


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("rounding", ["litert", "xnnpack"])
@pytest.mark.parametrize("activation", range(4))
def test_what_leaves_float32_ends_as_in_litert(op, rounding, activation):
    least = 1e-45 if rounding == "litert" else 1e-37  # XNNPACK takes denormal numbers for 0
    x = np.array([3e38, -3e38, least, -0.0, 0.0, -1e-30], np.float32)
    other = np.array([3e38, -3e38, 0, 0, -0.0, 1e-30], np.float32)
    other = -other if op == "SUB" else other
    data = binary(op, "float32", x, other, activation=activation)
    equal(data, x, RUNTIMES[rounding](data)(x), rounding)


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("rounding", ["litert", "xnnpack"])
@pytest.mark.parametrize(
    ("shape", "constant"),
    [
        ((2, 3, 2, 3, 2, 3), (1, 3, 1, 3, 1, 3)),
        ((2, 1, 3, 1, 2, 1), (1, 2, 1, 3, 1, 2)),
        ((5, 7, 11), (1, 7, 1)),
        ((3, 1, 1, 4), (2, 5, 1)),
        ((300,), ()),
        ((1, 1), (4, 300)),
    ],
)
def test_broadcasting(op, rounding, shape, constant):
    rng = np.random.default_rng(0)
    x, other = drawn(rng, "int8", shape), drawn(rng, "int8", constant)
    data = binary(op, "int8", x, other, (0.5, 0.3, 4.0 if op == "MUL" else 0.7), (3, -5, 7))
    equal(data, x, RUNTIMES[rounding](data)(x), rounding)


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("rounding", ["litert", "xnnpack"])
@pytest.mark.parametrize("scale", [2.0, 4.0, 12.0, 12 / 5, 12 / 7, 2 / 3])
@pytest.mark.parametrize("zero_point", [0, 1, -3])
def test_ends_of_activations_that_are_halves(op, rounding, scale, zero_point):
    x = np.arange(-128, 128).astype(np.int8)
    for activation in (2, 3):
        data = binary(op, "int8", x, x, (1, 1, scale), (0, 3, zero_point), activation=activation)
        equal(data, x, RUNTIMES[rounding](data)(x), rounding)


@pytest.mark.parametrize("op", OPS)
@pytest.mark.parametrize("rounding", ["litert", "xnnpack"])
def test_scales_at_the_limits_of_xnnpack(op, rounding):
    x = np.arange(-128, 128).astype(np.int8)
    least, below = 2.0**-10, f32(256 * (1 - 2.0**-24))
    pairs = [(least, 1.0), (least, least), (below, 1.0), (2 - 2.0**-22, 0.3), (1.0, below)]
    if op == "MUL":
        pairs = [(2.0**-8, 2.0**-8), (below, 1.0), (0.5, 2.0**-10), (4.5, 1.0), (100.5, 1.0)]
    for a, b in pairs:
        assert delegated(op, (a, b, 1))
        for other in (x[::-1].copy(), np.full_like(x, 4)):
            data = binary(op, "int8", x, other, (a, b, 1.0), (1, 3, 5))
            equal(data, x, RUNTIMES[rounding](data)(x), rounding)


@pytest.mark.parametrize("op", ["ADD", "SUB"])
@pytest.mark.parametrize("rounding", ["litert", "xnnpack"])
@pytest.mark.parametrize("activation", range(4))
@pytest.mark.parametrize(
    "scales",
    [
        (0.5, 0.25, 0.5),
        (0.25, 0.5, 0.5),
        (0.5, 0.5, 0.5),
        (2.0**-16, 0.5, 0.5),
        (0.50005, 0.25, 0.5),
        (0.5, 0.3, 0.5),
    ],
)
def test_int16_whose_scales_are_powers_of_two(op, rounding, activation, scales):
    rng = np.random.default_rng(0)
    x, other = drawn(rng, "int16", (500,)), drawn(rng, "int16", (500,))
    data = binary(op, "int16", x, other, scales, activation=activation, powers=True)
    equal(data, x, RUNTIMES[rounding](data)(x), rounding)


def test_powers_of_two_are_broadcast_when_subtracted():
    rng = np.random.default_rng(0)
    x, other = drawn(rng, "int16", (4, 100)), drawn(rng, "int16", (100,))
    data = binary("SUB", "int16", x, other, (0.5, 0.25, 0.5), powers=True)
    equal(data, x, runtimes.builtin_ref(data)(x), "litert")


any_scale = st.floats(2.0**-149, 2.0**127, width=32) | st.integers(-149, 127).map(lambda p: 2.0**p)


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    op=st.sampled_from(OPS),
    dtype=st.sampled_from(("int8", "int16")),
    scales=st.tuples(any_scale, any_scale, any_scale) | st.tuples(any_scale).map(lambda s: s * 3),
    ratio=st.integers(-30, 30),
    activation=st.integers(0, 3),
    powers=st.booleans(),
    rounding=st.sampled_from(("litert", "xnnpack", "tflite-micro")),
)
def test_any_scales_are_refused_or_native_equals_reference(
    seed, op, dtype, scales, ratio, activation, powers, rounding
):
    a, b, made = scales
    made = f32(min(max(made * 2.0**ratio, 2.0**-149), 2.0**127))
    rng = np.random.default_rng(seed)
    x, constant = drawn(rng, dtype, (4, 5)), drawn(rng, dtype, (4, 5))
    kinds = {"activation": activation, "powers": powers}
    data = binary(op, dtype, x, constant, (a, b, made), **kinds)
    try:
        engines = runtimes.engines(data, rounding=rounding)
    except edge_runtime.ModelError:
        return
    expected = engines["reference"].run(x)
    for name, engine in engines.items():
        np.testing.assert_array_equal(engine.run(x), expected, err_msg=name)


def tensors_of(shape, names, dtype="int8"):
    return [runtimes.tensor(name, shape, dtype, (0.05,), (3,)) for name in names]


@pytest.mark.parametrize("op", OPS)
def test_a_tensor_and_itself(op):
    x = np.arange(-128, 128).astype(np.int8)
    tensors = tensors_of(x.shape, "xy")
    data = runtimes.network([(op, options(op), [0, 0], 1)], tensors, version=2)
    equal(data, x, runtimes.builtin_ref(data)(x), "litert")


@pytest.mark.parametrize("second", [True, False])
@pytest.mark.parametrize("broadcast", [True, False])
def test_a_chain_in_place_keeps_what_is_still_read(second, broadcast):
    """t is read twice; u and v are made where their first inputs lay, if nobody needs those."""
    rng = np.random.default_rng(0)
    shape, wide = (1, 40), ((3, 40) if broadcast else (1, 40))
    c = drawn(rng, "int8", wide)
    tensors = [
        *tensors_of(shape, "xt"),
        *tensors_of(wide, "uvw"),
        runtimes.tensor("c", wide, "int8", (0.05,), (3,), data=c),
        *tensors_of(wide, "y"),
    ]
    steps = [
        ("ADD", options("ADD"), [0, 0], 1),
        ("ADD", options("ADD"), [1, 5], 2),
        ("MUL", options("MUL"), [2, 1] if second else [1, 2], 3),
        ("SUB", options("SUB"), [3, 3], 4),
        ("ADD", options("ADD"), [4, 1], 6),
    ]
    data = runtimes.network(steps, tensors, version=2)
    x = drawn(rng, "int8", shape)
    equal(data, x, runtimes.builtin_ref(data)(x), "litert")


def test_the_output_lies_where_the_first_input_lay():
    tensors = tensors_of((1, 64), "xtuy")
    add = options("ADD")
    steps = [("ADD", add, [0, 0], 1), ("ADD", add, [1, 0], 2), ("ADD", add, [2, 2], 3)]

    assert plan(read(runtimes.network(steps, tensors, version=2))).arena == 0


def refused(data):
    with pytest.raises(edge_runtime.ModelError) as error:
        plan(read(data))
    return str(error.value)


ZEROS = {"int8": np.zeros((2, 3), np.int8), "int16": np.zeros((2, 3), np.int16)}


@pytest.mark.parametrize(
    ("op", "dtype", "scales", "zero_point", "kinds", "message"),
    [
        ("ADD", "int8", (1, 1, 2.0**-20), 0, {}, "integer outputs have more than 2**-19"),
        ("SUB", "int16", (1, 1, 2.0**-14), 0, {}, "integer outputs have more than 2**-19"),
        ("MUL", "int8", (1e5, 1e5, 1), 0, {}, "input scales is less than 2**30 of the output's"),
        ("ADD", "int16", (1, 1, 1), 5, {}, "int16 the zero point 0; here it is 'c': zero point 5"),
        ("ADD", "int8", (1, 1, 1), 0, {"activation": 4}, "or RELU6; here it is 4"),
        ("ADD", "int16", (2, 1, 1), 0, {"powers": True}, "one input has the output's scale"),
        ("ADD", "int8", (), 0, {}, "int8 and int16 have one scale and zero point"),
    ],
)
def test_limits_are_told(op, dtype, scales, zero_point, kinds, message):
    x = ZEROS[dtype]
    assert message in refused(binary(op, dtype, x, x, scales, (0, zero_point, 0), **kinds))


@pytest.mark.parametrize(
    ("dtype", "inputs", "shape", "message"),
    [
        ("float32", [0, 1], (4,), "can be broadcast to each other"),
        ("float32", [0], (3,), "it has two inputs; here it is 1"),
        ("int64", [0, 1], (3,), "int8, int16, int32 or float32; here it is int64, int64, int64"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(dtype, inputs, shape, message):
    tensors = [
        runtimes.tensor("x", (3,), dtype),
        runtimes.tensor("c", shape, dtype, data=np.zeros(shape, dtype)),
        runtimes.tensor("y", shape, dtype),
    ]
    assert message in refused(runtimes.model("ADD", options("ADD"), tensors, inputs, version=1))


def test_powers_of_two_are_not_broadcast_when_added():
    x = ZEROS["int16"]
    data = binary("ADD", "int16", x, x[:1], (1, 1, 1), powers=True)
    assert "inputs have the same shape; here it is [2, 3] and [1, 3]" in refused(data)


def test_too_many_loops_are_refused():
    x = np.zeros((2, 1, 2, 1, 2, 1, 2), np.float32)
    data = binary("MUL", "float32", x, np.zeros((1, 2, 1, 2, 1, 2, 1), np.float32))
    assert "takes at most 6 nested loops" in refused(data)
