"""Tests, models and shared arithmetic of ops of two tensors that are broadcast to each other."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import build
import edge_runtime
import runtimes
from micro_arithmetic import Triple
from runtimes import drawn, equal, f32
from trials import Trial, between, float32s, int8s

ROUNDINGS = tuple(runtimes.PEERS)


def binary(
    op: str,
    dtype: str,
    x: Any,
    constant: Any,
    scales: Any = (),
    zero_points: Any = (0, 0, 0),
    *,
    first: bool = False,
    activation: int = 0,
    **options: Any,
) -> bytes:
    """Return a model of an op on its input "x" and a constant "c", the first operand or the second.

    Args:
        op: builtin.
        dtype: of all tensors.
        x: what the model will be run on.
        constant: the other operand.
        scales: of first and second operand and output, empty for none.
        zero_points: of these.
        first: whether the constant is the first operand.
        activation: the fused one.
        options: further ones of the op.
    """
    quantized = list(zip(scales or (0.0,) * 3, zero_points, strict=True))
    x_at, constant_at = (1, 0) if first else (0, 1)
    tensors = [
        build.tensor(x.shape, dtype, *quantized[x_at], name="x"),
        build.tensor(constant.shape, dtype, *quantized[constant_at], data=constant, name="c"),
        build.tensor(np.broadcast_shapes(x.shape, constant.shape), dtype, *quantized[2], name="y"),
    ]
    options["fusedActivationFunction"] = activation
    return build.model(tensors, [(op, [x_at, constant_at], 2, options)])


def plain(shape: tuple[int, ...], names: str) -> list[Any]:
    """Return int8 tensors of one scale and zero point."""
    return [build.tensor(shape, "int8", 0.05, 3, name=name) for name in names]


def seeds(op: str) -> dict[str, bytes]:
    """Return small models of the op, of each element type."""
    rng = np.random.default_rng(3)
    models = {}
    for dtype, scale in (
        *(("float32", 0.0), ("int8", 0.05), ("int16", 0.05), ("int32", 0.0)),
        *(("uint8", 0.05), ("int64", 0.0)),
    ):
        low = 0 if dtype == "uint8" else -100
        tensors = [
            build.tensor((4, 13), dtype, scale),
            build.constant(rng.integers(low, 100, (1, 13)), dtype, scale / 2),
            build.tensor((4, 13), dtype, 1.5 * scale),
            build.tensor((4, 13), dtype, 2 * scale),
        ]
        ops = [(op, [0, 1], 2, {"fusedActivationFunction": 1}), (op, [2, 0], 3, {})]
        models[f"{op} {dtype}"] = build.model(tensors, ops)
    return models


Rescaled = Callable[[np.random.Generator, str], list[int]]
"""Draws an op's parameters before the multiplier, of an element type."""


def zero_point(rng: np.random.Generator, dtype: str) -> int:
    """Return any zero point of an element type, for int16 0."""
    limits = np.iinfo(dtype)
    return 0 if dtype == "int16" else between(rng, limits.min, limits.max)


def operands(rng: np.random.Generator, draw: Callable[[int], Any]) -> tuple[list[Any], int]:
    """Return both tensors of a trial and their loops, and the elements of the output.

    Both are as they are, broadcast along rows or columns, or a single number.

    Args:
        rng: draws their shapes.
        draw: returns so many numbers.
    """
    rows, count = between(rng, 1, 4), between(rng, 1, 100)
    loops = np.zeros((3, 6), np.int32)
    loops[0] = 1, 1, 1, 1, rows, count
    tensors = []
    for first in True, False:
        # The kernels' loops have at least one input that moves.
        along, across = first or rng.integers(2) == 1, rng.integers(2) == 1
        width = count if along else 1
        loops[1 + (not first)][4:] = width if across else 0, along
        tensors.append(draw(width * (rows if across else 1)))
    return [*tensors, loops], rows * count


def trial(rng: np.random.Generator, dtype: str, head: Rescaled) -> Trial:
    """Return a trial of a kernel that rescales twice."""
    size, low, high = np.dtype(dtype).itemsize, np.iinfo(dtype).min, np.iinfo(dtype).max
    tensors, elements = operands(rng, lambda count: int8s(rng, size * count))
    params = [
        *head(rng, dtype),
        *(between(rng, 1 << 30, 2**31 - 1), between(rng, -31, 0)),
        zero_point(rng, dtype),
        low if rng.integers(2) else between(rng, low, (low + high) // 2),
        high if rng.integers(2) else between(rng, (low + high + 1) // 2, high),
    ]
    return Trial(params, tensors, [2], [size * elements])


def float_trial(rng: np.random.Generator, head: Sequence[int]) -> Trial:
    """Return a trial of a kernel of float32, whose parameters are of ``head`` and bounds."""
    kind = int(rng.integers(8))
    tensors, elements = operands(rng, lambda count: float32s(rng, count, kind))
    bounds = np.array([(-np.inf, np.inf), (-1, 1), (0, 6)][rng.integers(3)], np.float32)
    chosen = [int(rng.choice(head))] if head else []
    params = [*chosen, *bounds.view(np.int32).tolist()]
    return Trial(params, tensors, [2], [4 * elements])


def trials(
    op: str, head: Rescaled, float_head: Sequence[int]
) -> dict[str, Callable[[np.random.Generator], Trial]]:
    """Return TRIALS of an op: its kernels <op>_<type>_twice and <op>_float32.

    Args:
        op: it begins the kernels' names.
        head: draws the first parameters of a quantised type.
        float_head: values of the one that precedes the bounds of float32, if there is one.
    """
    types = ("int8", "uint8", "int16")
    twice = {f"{op}_{dtype}_twice": partial(trial, dtype=dtype, head=head) for dtype in types}
    return {**twice, f"{op}_float32": partial(float_trial, head=float_head)}


@st.composite
def shapes(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Two shapes that broadcast, the first not a scalar."""
    full = [*draw(st.lists(st.integers(1, 4), max_size=4)), draw(st.integers(1, 40))]
    masks = [draw(st.lists(st.booleans(), min_size=5, max_size=5)) for _ in range(2)]
    first, second = (
        tuple(1 if hidden else size for size, hidden in zip(full, mask, strict=False))
        for mask in masks
    )
    return first, second[draw(st.integers(0, len(full))) :]


any_scale = st.floats(2.0**-149, 2.0**127, width=32) | st.integers(-149, 127).map(lambda p: 2.0**p)

INTEGERS = {
    "seed": st.integers(0, 2**32 - 1),
    "dtype": st.sampled_from(("int8", "uint8", "int16")),
    "pair": shapes(),
    "wide": st.booleans(),
    "first": st.booleans(),
    "activation": st.integers(0, 3),
}


def examples(count: int) -> settings:
    """Return the settings of a test that the ops share; each op has its own class."""
    shared = [HealthCheck.differing_executors]
    return settings(max_examples=count, deadline=None, suppress_health_check=shared)


class Comparisons:
    """The tests that ops of two tensors share; those of an op are a class of its own below this."""

    op: str
    """The builtin."""

    scales = (0.5, 0.3, 0.7)
    """Of two inputs over their range and an output of about the same range."""

    limits: tuple[tuple[float, float], ...]
    """Scales of two inputs, beside an output scale of 1, that XNNPACK just accepts."""

    powered = False
    """Whether the op has the option of int16 scales that are powers of two."""

    def model(self, *arguments: Any, powers: bool = False, **kinds: Any) -> bytes:
        """Return ``binary`` of the op."""
        options = {"potScaleInt16": powers} if self.powered else {}
        return binary(self.op, *arguments, **kinds, **options)

    def filling(self, a: float, b: float, limit: int) -> float:
        """Return an output scale for which outputs fill their range, which ends at ``limit``."""
        raise NotImplementedError

    def delegated(self, scales: Any) -> bool:
        """Tell whether XNNPACK accepts int8 of these scales."""
        raise NotImplementedError

    def micro(
        self, x: list[int], y: list[int], quantization: Triple, activation: int, bits: int
    ) -> list[int]:
        """Return what TFLite Micro calculates."""
        raise NotImplementedError

    def case(self, seed: int, dtype: str, pair: Any, wide: bool) -> Any:
        """Return scales, zero points and both operands; ``wide``: scales of any size."""
        rng = np.random.default_rng(seed)
        a, b = (
            f32(10 ** rng.uniform(-4, 3) if wide else rng.uniform(0.001, 0.1)) for _ in range(2)
        )
        output = self.filling(a, b, np.iinfo(dtype).max)
        output *= rng.uniform(0.2, 2) * (10 ** rng.uniform(-3, 3) if wide else 1)
        limits = np.iinfo(dtype)
        bounds = (limits.min, limits.max, *rng.integers(limits.min, limits.max, 3, endpoint=True))
        zero_points = [0, 0, 0] if dtype == "int16" else [int(z) for z in rng.choice(bounds, 3)]
        x, constant = (drawn(rng, dtype, shape) for shape in pair)
        return (a, b, f32(output)), zero_points, x, constant

    @examples(70)
    @given(**INTEGERS)
    def test_integers_are_what_litert_gives(self, seed, dtype, pair, wide, first, activation):
        scales, zero_points, x, constant = self.case(seed, dtype, pair, wide)
        kinds = {"first": first, "activation": activation}
        data = self.model(dtype, x, constant, scales, zero_points, **kinds)
        equal(data, x, runtimes.builtin_ref(data)(x), "litert")

    @examples(70)
    @given(**INTEGERS)
    def test_rounding_once_is_what_litert_gives_by_default(
        self, seed, dtype, pair, wide, first, activation
    ):
        scales, zero_points, x, constant = self.case(seed, dtype, pair, wide)
        kinds = {"first": first, "activation": activation}
        data = self.model(dtype, x, constant, scales, zero_points, **kinds)
        # LiteRT's own vector kernels are not followed where XNNPACK refuses.
        followed = dtype == "int16" or self.delegated(scales)
        peer = runtimes.xnnpack if followed else runtimes.builtin_ref
        equal(data, x, peer(data)(x), "xnnpack")

    @examples(70)
    @given(**{**INTEGERS, "dtype": st.sampled_from(("int8", "int16"))})
    def test_rounding_twice_is_what_tflite_micro_calculates(
        self, seed, dtype, pair, wide, first, activation
    ):
        scales, zero_points, x, constant = self.case(seed, dtype, pair, wide)
        kinds = {"first": first, "activation": activation}
        data = self.model(dtype, x, constant, scales, zero_points, **kinds)
        operands = np.broadcast_arrays(*((constant, x) if first else (x, constant)))
        a, b = (operand.ravel().tolist() for operand in operands)
        quantization = tuple(zip(scales, zero_points, strict=True))
        expected = self.micro(a, b, quantization, activation, np.iinfo(dtype).bits)
        equal(data, x, np.array(expected, dtype).reshape(operands[0].shape), "tflite-micro")

    @examples(20)
    @given(
        seed=st.integers(0, 2**32 - 1),
        dtype=st.sampled_from(("int32", "int64", "float32")),
        pair=shapes(),
        first=st.booleans(),
        activation=st.integers(0, 3),
        rounding=st.sampled_from(ROUNDINGS),
    )
    def test_other_types_have_the_bytes_of_litert(
        self, seed, dtype, pair, first, activation, rounding
    ):
        rng = np.random.default_rng(seed)
        x, constant = (drawn(rng, dtype, shape) for shape in pair)
        data = self.model(dtype, x, constant, first=first, activation=activation)
        equal(data, x, runtimes.PEERS[rounding](data)(x), rounding)

    @pytest.mark.parametrize("rounding", ROUNDINGS)
    @pytest.mark.parametrize("activation", range(4))
    def test_what_leaves_float32_ends_as_in_litert(self, rounding, activation):
        least = 1e-45 if rounding == "litert" else 1e-37  # XNNPACK takes denormal numbers for 0
        x = np.array([3e38, -3e38, least, -0.0, 0.0, -1e-30], np.float32)
        other = np.array([3e38, -3e38, 0, 0, -0.0, 1e-30], np.float32)
        for constant in other, -other:
            data = self.model("float32", x, constant, activation=activation)
            equal(data, x, runtimes.PEERS[rounding](data)(x), rounding)

    @pytest.mark.parametrize("rounding", ROUNDINGS)
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
    def test_broadcasting(self, rounding, shape, constant):
        rng = np.random.default_rng(0)
        x, other = drawn(rng, "int8", shape), drawn(rng, "int8", constant)
        data = self.model("int8", x, other, self.scales, (3, -5, 7))
        equal(data, x, runtimes.PEERS[rounding](data)(x), rounding)

    @pytest.mark.parametrize("rounding", ROUNDINGS)
    @pytest.mark.parametrize("scale", [2.0, 4.0, 12.0, 12 / 5, 12 / 7, 2 / 3])
    @pytest.mark.parametrize("zero_point", [0, 1, -3])
    def test_bounds_of_activations_that_are_halves(self, rounding, scale, zero_point):
        x = np.arange(-128, 128).astype(np.int8)
        for activation in (2, 3):
            quantization = (1, 1, scale), (0, 3, zero_point)
            data = self.model("int8", x, x, *quantization, activation=activation)
            equal(data, x, runtimes.PEERS[rounding](data)(x), rounding)

    @pytest.mark.parametrize("rounding", ROUNDINGS)
    def test_scales_at_the_limits_of_xnnpack(self, rounding):
        x = np.arange(-128, 128).astype(np.int8)
        for a, b in self.limits:
            assert self.delegated((a, b, 1))
            for other in (x[::-1].copy(), np.full_like(x, 4)):
                data = self.model("int8", x, other, (a, b, 1.0), (1, 3, 5))
                equal(data, x, runtimes.PEERS[rounding](data)(x), rounding)

    @examples(50)
    @given(
        seed=st.integers(0, 2**32 - 1),
        dtype=st.sampled_from(("int8", "uint8", "int16")),
        scales=st.tuples(*[any_scale] * 3) | st.tuples(any_scale).map(lambda s: s * 3),
        ratio=st.integers(-30, 30),
        activation=st.integers(0, 3),
        powers=st.booleans(),
        rounding=st.sampled_from((*ROUNDINGS, "tflite-micro")),
    )
    def test_any_scales_are_refused_or_native_equals_reference(
        self, seed, dtype, scales, ratio, activation, powers, rounding
    ):
        a, b, output = scales
        output = f32(min(max(output * 2.0**ratio, 2.0**-149), 2.0**127))
        rng = np.random.default_rng(seed)
        x, constant = drawn(rng, dtype, (4, 5)), drawn(rng, dtype, (4, 5))
        kinds = {"activation": activation, "powers": powers}
        data = self.model(dtype, x, constant, (a, b, output), **kinds)
        try:
            engines = runtimes.engines(data, rounding=rounding)
        except edge_runtime.ModelError:
            return
        expected = engines["reference"].run(x)
        for name, engine in engines.items():
            np.testing.assert_array_equal(engine.run(x), expected, err_msg=name)

    def test_a_tensor_and_itself(self):
        x = np.arange(-128, 128).astype(np.int8)
        data = build.model(plain(x.shape, "xy"), [(self.op, [0, 0], 1, {})])
        equal(data, x, runtimes.builtin_ref(data)(x), "litert")


class FloatFactors:
    """A test for ops whose factors TFLite Micro or LiteRT rounds to float32, the other not."""

    rounded_scales: tuple[float, float, float]
    """Of the inputs and the output: some outputs show the rounding."""

    def test_factors_are_those_of_tflite_micro(self):
        rng = np.random.default_rng(0)
        x, other = drawn(rng, "int16", (20000,)), drawn(rng, "int16", (20000,))
        scales = tuple(map(f32, self.rounded_scales))
        data = self.model("int16", x, other, scales)
        quantization = tuple((scale, 0) for scale in scales)
        micro = self.micro(x.tolist(), other.tolist(), quantization, 0, 16)
        expected = np.array(micro, np.int16)
        equal(data, x, expected, "tflite-micro")
        assert (runtimes.builtin_ref(data)(x) != expected).any()


class Sums(Comparisons):
    """The tests that ADD and SUB share, which have the same kernels."""

    powered = True
    limits = (
        (2.0**-10, 1.0),
        (2.0**-10, 2.0**-10),
        (f32(256 * (1 - 2.0**-24)), 1.0),
        (2 - 2.0**-22, 0.3),
        (1.0, f32(256 * (1 - 2.0**-24))),
    )

    def filling(self, a, b, _):
        return 1.5 * max(a, b)

    def delegated(self, scales):
        a, b, output = (np.float32(scale) for scale in scales)
        return all(2**-10 <= ratio < 2**8 for ratio in (a / output, b / output))

    @pytest.mark.parametrize("rounding", ROUNDINGS)
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
    def test_int16_whose_scales_are_powers_of_two(self, rounding, activation, scales):
        rng = np.random.default_rng(0)
        x, other = drawn(rng, "int16", (500,)), drawn(rng, "int16", (500,))
        data = self.model("int16", x, other, scales, activation=activation, powers=True)
        equal(data, x, runtimes.PEERS[rounding](data)(x), rounding)


def require_rows_that_repeat(op: str) -> None:
    """Require LiteRT's answers of rows of any length, each with the same operand."""
    rng = np.random.default_rng(9)
    for width in (*range(1, 135), 2047, 2048, 2049):
        x, constant = (drawn(rng, "int8", shape) for shape in ((7, width), (width,)))
        data = binary(op, "int8", x, constant, (0.5, 0.25, 1.0), (3, -4, 5))
        equal(data, x, runtimes.builtin_ref(data)(x))
