"""What tests of ops of one number share: all values of a type, comparisons, models, strategies."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import strategies as st

import build
import edge_runtime
import runtimes
from edge_runtime import ModelError, kernels
from edge_runtime.backends import native, reference
from edge_runtime.planner import plan
from edge_runtime.reader import read
from edge_runtime.record import replace
from runtimes import f32

Array = npt.NDArray[Any]
Type = tuple[str, float, int]
"""Element type, scale (0: none) and zero point of a tensor."""

FLOAT: Type = ("float32", 0, 0)
ROUNDINGS = tuple(runtimes.PEERS)
HALVES_MAY_DIFFER = 1e-4
"""LiteRT takes exp and tanh from the machine's C library, whose last bit is not always right: in
steps of the output's scale, this near to a half its table may be one off."""

scales = st.floats(-4, 1).map(lambda power: f32(10**power))
factors = st.floats(-7, 7).map(lambda power: 2**power) | st.integers(1, 24).map(lambda n: n / 8)
"""Ratios of scales; those with few bits have halves to round."""
sixteenths = st.integers(-40, 40).map(lambda n: n / 16)
int8s = st.integers(-128, 127)
bytes_ = st.sampled_from(["int8", "uint8"])
roundings = st.sampled_from(ROUNDINGS)


def seeds(
    op: str, source: float, outputs: dict[str, tuple[float, int]], **options: Any
) -> dict[str, bytes]:
    """Return small models of the op in float32 and in the types of ``outputs``.

    Args:
        op: builtin.
        source: scale of the input.
        outputs: element type -> scale and zero point of the output.
        options: of the op.
    """
    models = {}
    for dtype, (scale, zero_point) in {"float32": (0.0, 0), **outputs}.items():
        tensors = [
            build.tensor((2, 19), dtype, source if scale else 0.0, 5 if dtype == "int8" else 0),
            build.tensor((2, 19), dtype, scale, zero_point),
        ]
        models[f"{op} {dtype}"] = build.model(tensors, [(op, [0], 1, options)])
    return models


def moved(dtype: str, zero_point: int) -> int:
    """Return a zero point of int8 as one of an element type."""
    return {"int8": zero_point, "uint8": zero_point + 128}.get(dtype, 0)


def every(dtype: str, step: int = 1) -> Array:
    """Return [1, N], every ``step``-th value of an integer type, of int32 some of each size."""
    limits = np.iinfo(dtype)
    if dtype == "int32":
        sizes = np.arange(-(2**17), 2**17)
        return np.concatenate([sizes, sizes * 2**14, [limits.max, limits.min]]).astype(dtype)[None]
    return np.arange(limits.min, limits.max + 1, step).astype(dtype)[None]


def numbers(seed: int = 0) -> Array:
    """Return [1, N] finite float32 numbers of every size and sign, denormal ones too."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2**32, 200_000, dtype=np.uint32).view(np.float32)
    near = rng.normal(size=100_000).astype(np.float32) * rng.choice([1e-3, 1, 10], 100_000)
    below = np.nextafter(np.float32(2**-12), np.float32(0))
    special = [0, -0.0, 2**-12, -(2**-12), below, 88, -104]
    x = np.concatenate([bits, near.astype(np.float32), np.array(special, np.float32)])
    return x[np.isfinite(x)][None]


def compare(
    op: str,
    source: Type,
    output: Type,
    rounding: str = "litert",
    doubtful: Array | None = None,
    **options: Any,
) -> None:
    """Compare all engines with the runtime that ``rounding`` names, over all values.

    Where ``doubtful`` the answers may be one apart.
    """
    x = every(source[0])
    data = build.unary(op, source, output, x.size, **options)
    expected = runtimes.PEERS[rounding](data)(x)
    for name, engine in runtimes.engines(data, rounding=rounding).items():
        answer = engine.run(x)
        assert answer.dtype == expected.dtype
        if doubtful is None:
            np.testing.assert_array_equal(answer, expected, err_msg=name)
        else:
            difference = np.abs(answer.astype(int) - expected)
            assert difference[~doubtful].max(initial=0) == 0, name
            assert difference.max() <= 1, name


def compare_micro(
    op: str,
    source: Type,
    output: Type,
    kernel: Callable[[int], int],
    step: int = 1,
    **options: Any,
) -> None:
    """Compare all engines with a function of a number, over every ``step``-th value."""
    x = every(source[0], step)
    expected = [kernel(value) for value in x[0].tolist()]
    data = build.unary(op, source, output, x.size, **options)
    for name, engine in runtimes.engines(data, rounding="tflite-micro").items():
        np.testing.assert_array_equal(engine.run(x)[0], expected, err_msg=name)


def near_half(values: Array, scale: float) -> Array:
    """Tell where float values are so near to a half of ``scale`` that libraries may differ."""
    return np.abs(values / scale % 1 - 0.5) < HALVES_MAY_DIFFER


def ulps(answer: Array, true: Array, least: float = 0.0) -> float:
    """Return the largest error in units of the last place of float32."""
    true = np.asarray(true, np.longdouble)
    size = np.maximum(np.abs(true), least).astype(np.float32)
    return float((np.abs(answer - true) / np.spacing(size)).max())


def check_float_function(op: str, function: Callable[[Array], Array], least: float) -> None:
    """Require float32 answers that are all but rounded rightly, and near those of LiteRT.

    Args:
        op: builtin.
        function: what it calculates.
        least: answers below count as if they were of this size.
    """
    x = numbers()
    data = build.unary(op, FLOAT, FLOAT, x.size)
    expected = runtimes.builtin_ref(data)(x)
    engines = runtimes.engines(data)
    answer = engines.pop("reference").run(x)
    with np.errstate(over="ignore"):
        assert ulps(answer, function(x.astype(np.longdouble)), least) < 0.501
    assert ulps(expected, answer, least) <= 4
    for engine in engines.values():
        assert engine.run(x).tobytes() == answer.tobytes()


def run_repeatedly(
    op: str, source: Type, output: Type, x: Array, times: int, **options: Any
) -> Any:
    """Return the bytes of so many runs of an op, all but the first of which work in place."""
    graph = read(build.unary(op, source, output, x.size, **options))
    planned = plan(graph, "xnnpack")
    (step,) = planned.steps
    assert step.kernel.in_place
    again = replace(step, reads=(planned.outputs[0], *step.reads[1:]))
    planned = replace(planned, steps=(step, *[again] * (times - 1)))
    engine = native.NativeEngine(native._extension(), None)
    (output,) = native.NativeSession(graph, planned, engine).run([x.tobytes()])
    return bytes(output)


def check_in_place(op: str, source: Type, output: Type, **options: Any) -> None:
    """Require that a kernel that works on its own output gives what it gives elsewhere."""
    x = numbers() if source == FLOAT else every(source[0])
    (step,) = plan(read(build.unary(op, source, output, x.size, **options)), "xnnpack").steps
    constants = [np.frombuffer(one.data, one.dtype) for one in step.kernel.constants]
    expected = x.ravel()
    for _ in range(2):
        expected = kernels.run(step.kernel.name, step.kernel.params, expected, *constants)
    assert run_repeatedly(op, source, output, x, 2, **options) == expected.tobytes()


def check_not_a_number(op: str, **options: Any) -> None:
    """Require the same bytes everywhere for what is not a number, and for infinities."""
    x = np.array([[np.nan, np.inf, -np.inf, 1.0]], np.float32)
    (step,) = plan(read(build.unary(op, FLOAT, FLOAT, x.size, **options))).steps
    expected = kernels.run(step.kernel.name, step.kernel.params, x.ravel())
    assert run_repeatedly(op, FLOAT, FLOAT, x, 1, **options) == expected.tobytes()


def check_special(op: str, expected: dict[float, float], **options: Any) -> None:
    """Require what numbers and what is not a number become, of a float32 kernel and in LiteRT.

    Args:
        op: builtin, in LiteRT's reference kernels.
        expected: input -> output; NaN is any NaN.
        options: of the op.
    """
    x = np.array([list(expected)], np.float32)
    data = build.unary(op, FLOAT, FLOAT, x.size, **options)
    litert = runtimes.builtin_ref(data)(x)
    (step,) = plan(read(data)).steps
    constants = [np.frombuffer(one.data, one.dtype) for one in step.kernel.constants]
    answer = kernels.run(step.kernel.name, step.kernel.params, x.ravel(), *constants)
    for given in litert.ravel(), answer:
        np.testing.assert_array_equal(given, np.array(list(expected.values()), np.float32))
        known = ~np.isnan(given)
        signs = np.signbit(list(expected.values()))
        np.testing.assert_array_equal(np.signbit(given)[known], signs[known])
    assert run_repeatedly(op, FLOAT, FLOAT, x, 1, **options) == answer.tobytes()


def check_refused(
    op: str, source: Type, output: Type, message: str, rounding: str = "litert", **options: Any
) -> None:
    """Require that both backends refuse a model with a message."""
    data = build.unary(op, source, output, 4, **options)
    for backend in native, reference:
        with pytest.raises(ModelError, match=f"{op} 'y': .*{message}"):
            backend.open_session(read(data), data, rounding=rounding)


EXTREMES = (1e-45, 1.2e-38, 1e-20, 1e20, 3.4e38)


def check_extreme_scales(
    op: str,
    dtype: str,
    rounding: str,
    fixed: Sequence[float] | None = None,
    *,
    all_refused: bool = False,
    **options: Any,
) -> None:
    """Require of absurd scales that they are refused, or give the same everywhere.

    Args:
        op: builtin.
        dtype: of input and output.
        rounding: the engine's.
        fixed: scale and zero point of the output, if it has no others.
        all_refused: whether all of them are, instead of some.
        options: of the op.
    """
    x, refused = every(dtype), 0
    for scale, other in itertools.product(EXTREMES, EXTREMES):
        data = build.unary(
            op, (dtype, scale, 0), (dtype, *(fixed or (other, 0))), x.size, **options
        )
        try:
            engines = runtimes.engines(data, rounding=rounding)
        except edge_runtime.ModelError:
            refused += 1
            continue
        expected = engines.pop("reference").run(x)
        for engine in engines.values():
            np.testing.assert_array_equal(engine.run(x), expected)
    assert (refused == len(EXTREMES) ** 2) == all_refused
