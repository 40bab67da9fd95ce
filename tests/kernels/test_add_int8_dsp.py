"""ADD and SUB of int8 with the DSP extension: the portable kernel's bytes for all inputs."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import packed_calls
from trials import Array, Trial, between

KERNEL, LEVEL = "add_int8_twice", "dsp"


def factor(real: float) -> tuple[int, int]:
    """Return multiplier and shift of a factor."""
    fraction, exponent = math.frexp(real)
    multiplier = round(fraction * 2**31)
    return (2**30, exponent + 1) if multiplier == 2**31 else (multiplier, exponent)


def loops(count: int) -> Array:
    """Return the loops over two inputs of so many elements."""
    table = np.zeros((3, 6), np.int32)
    table[0] = 1, 1, 1, 1, 1, count
    table[1:, 4:] = count, 1
    return table


def layer(rng: np.random.Generator, a: Array, b: Array) -> Trial:
    """Return a sum of inputs of random scales."""
    scales = 10 ** rng.uniform(-2, 0, 2)
    if rng.integers(3) == 0:
        scales[1] = scales[0]
    output = scales.max() * 10 ** rng.uniform(-0.25, 0.4)
    zero_points = [between(rng, -128, 127) for _ in range(3)]
    twice = 2 * scales.max()
    params = [20]
    for scale, zero_point in zip(scales, zero_points[:2], strict=True):
        params += [zero_point, *factor(scale / twice)]
    params += [int(rng.choice([-1, 1])), *factor(twice / (2**20 * output))]
    params += [-128 if rng.integers(2) else zero_points[2], -128, 127]
    return Trial(params, [a, b, loops(len(a))], [2], [len(a)])


def every(rng: np.random.Generator) -> Trial:
    """Return a sum of all pairs of numbers."""
    numbers = np.arange(-128, 128, dtype=np.int8)
    return layer(rng, np.repeat(numbers, 256), np.tile(numbers, 256))


def mean(rng: np.random.Generator) -> Trial:
    """Return the mean of all pairs, whose halves go away from zero."""
    trial, half = every(rng), factor(1 / 2)
    params = [20, 0, *half, 0, *half, 1, *factor(1 / 2**20), 0, -128, 127]
    return replace(trial, params=params)


def some(rng: np.random.Generator) -> Trial:
    """Return a sum of a few rows, of which those of an input may be the same."""
    rows, count = between(rng, 1, 4), between(rng, 1, 40)
    a, b = rng.integers(-128, 128, (2, rows * count)).astype(np.int8)
    table = loops(count)
    table[0, 4] = rows
    same = rng.integers(4)
    if same in (1, 2):
        table[same, 4] = 0
    trial = layer(rng, a[:count] if same == 1 else a, b[:count] if same == 2 else b)
    return replace(trial, tensors=[*trial.tensors[:2], table], outputs=[rows * count])


@pytest.mark.parametrize(
    ("cpu", "optimisation", "count"),
    [
        ("cortex_m4", "-Os", 40),
        ("cortex_m4", "-O3", 5),
        ("cortex_m7", "-Os", 5),
        ("cortex_m33+dsp", "-O3", 5),
    ],
)
def test_bytes_are_those_of_the_portable_kernel(
    tmp_path: Path, cpu: str, optimisation: str, count: int
) -> None:
    rng = np.random.default_rng(count)
    core = packed_calls.core_with(KERNEL, LEVEL, tmp_path, cpu, optimisation)
    drawn = [every(rng) for _ in range(count)] + [some(rng) for _ in range(10 * count)]
    drawn.append(mean(rng))
    assert packed_calls.count_refused(core, KERNEL, LEVEL, drawn) <= count / 10
    assert core.stack() < 160


@pytest.mark.parametrize("input_", [0, 1])
def test_the_output_may_lie_where_an_input_lies(tmp_path: Path, input_: int) -> None:
    core = packed_calls.core_with(KERNEL, LEVEL, tmp_path)
    rng = np.random.default_rng(7)
    trial = layer(rng, *rng.integers(-128, 128, (2, 23)).astype(np.int8))
    packed = packed_calls.packed(KERNEL, LEVEL, trial)
    assert packed is not None
    params, (_, _, numbers, _) = packed
    assert numbers is not None
    contents = [*(tensor.tobytes() for tensor in trial.tensors[:2]), numbers]
    addresses = [core.place(slot, content) for slot, content in enumerate(contents)]
    addresses.append(addresses[input_])
    core.call(f"{KERNEL}_{LEVEL}", np.frombuffer(params, np.int32).tolist(), addresses)
    output = bytes(core.engine.mem_read(addresses[3], 23))
    assert output == packed_calls.expected(KERNEL, trial)


def refused(changed: dict[int, int], table: Array | None = None) -> bool:
    """Tell whether a sum is refused some of whose parameters are others."""
    twice = factor(1 / 2), factor(1 / 2), factor(2 / 2**20)
    params = [20, 0, *twice[0], 0, *twice[1], 1, *twice[2], 0, -128, 127]
    for position, value in changed.items():
        params[position] = value
    numbers = np.zeros(12, np.int8)
    trial = Trial(params, [numbers, numbers, loops(12) if table is None else table], [2], [12])
    return packed_calls.packed(KERNEL, LEVEL, trial) is None


@pytest.mark.parametrize("changed", [{0: 19}, {3: 1}, {6: 1}, {9: 1}, {11: -127}, {12: 126}])
def test_what_no_scales_give_is_refused(changed: dict[int, int]) -> None:
    assert not refused({})
    assert refused(changed)


def test_a_factor_of_eight_is_refused() -> None:
    assert not refused({8: 1_999_999_973, 9: -16})
    assert refused({8: 1_999_999_973, 9: -15})


def test_other_broadcast_inputs_are_refused() -> None:
    planes, scalar, column = loops(2), loops(12), loops(4)
    planes[0, 3:5], planes[1, 3:5], planes[2, 3:5] = (2, 3), (6, 2), (0, 2)
    scalar[2] = 0
    column[0, 4], column[2, 4:] = 3, (1, 0)
    for table in planes, scalar, column:
        assert refused({}, table)


def test_rounding_that_no_line_follows_is_refused() -> None:
    params = [20, 79, 1810663376, -1, -94, 1073741824, 0, 1, 1221206397, -18, -11, -128, 127]
    assert refused(dict(enumerate(params)))
    assert not refused(dict(enumerate(params)) | {8: 1321206397})


def test_halves_away_from_zero_are_of_a_steeper_line() -> None:
    assert not refused({9: -19})


def test_numbers_are_cut_into_halves() -> None:
    trial = layer(np.random.default_rng(1), np.zeros(5, np.int8), np.zeros(5, np.int8))
    half, whole = factor(1 / 2), factor(2 / 2**20)
    params = [20, 0, *half, 0, *half, -1, *whole, 3, -128, 127]
    trial = Trial(params, trial.tensors, [2], [5])
    packed = packed_calls.packed(KERNEL, LEVEL, trial)
    assert packed is not None
    numbers = packed[1][2]
    assert numbers is not None
    rows, count, *strides, upper, lower, start, start_lower = np.frombuffer(numbers, "i4").tolist()
    assert (rows, count, *strides) == (1, 5, 5, 5)
    # a counts 1, that is 2^27, and b -1: these are 2^12 and -2^12 times 2^15.
    assert (upper, lower) == (-(2**12) * 2**16 + 2**12, 0)
    assert start * 2**15 + start_lower == 3.5 * 2**27
