"""DEPTHWISE_CONV_2D with the DSP extension: the portable kernel's bytes, from packed constants."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import packed_calls
import trials
from edge_runtime import _native
from edge_runtime.kernels.depthwise_conv_2d import Int8
from trials import Trial, between

KERNEL, LEVEL = "depthwise_conv_2d_int8_twice", "dsp"
ALL_INT32 = [-(2**31), 1 - 2**31, -1, 0, 1, 2**31 - 1]


def spans(rng: np.random.Generator) -> tuple[int, int, int, int, int]:
    """Return the size of an image in a direction, of the output, the window, stride, padding."""
    taps, stride = (
        between(rng, 1, 3),
        between(rng, 1, 2) if rng.integers(4) else between(rng, 1, 12),
    )
    size = between(rng, 1, 30) if rng.integers(2) else between(rng, 1, 7)
    before, after = [between(rng, 0, taps - 1) if rng.integers(2) else 0 for _ in range(2)]
    if rng.integers(2):  # as SAME has it
        count = -(-size // stride)
        before = max(0, (count - 1) * stride + taps - size) // 2
        return size, count, taps, stride, before
    size = max(size, taps)
    return size, (size + before + after - taps) // stride + 1, taps, stride, before


def rescaling(rng: np.random.Generator, channels: int) -> list[trials.Array]:
    """Return bias, multiplier and shift: outputs of all sizes, halves of steps, extremes."""
    kind = rng.integers(4)
    if kind == 0:
        bias = rng.choice(np.array(ALL_INT32, np.int64), channels)
        shift = rng.integers(-11, -1, channels)
    else:
        bias = rng.integers(-(2**14), 2**14, channels)
        shift = rng.integers(-14, -1, channels)
    multiplier = rng.integers(2**30, 2**31, channels)
    if kind == 1:
        multiplier = rng.choice(np.array([0, 2**30, 2**30 + 1, 3 * 2**29, 2**31 - 1]), channels)
    if channels >= 4 and rng.integers(3) == 0:  # large and small factors
        some = rng.permutation(channels)[: between(rng, 1, channels // 4)]
        multiplier[some] = 2**31 - 1 - some
        shift[some] = rng.choice([*range(-31, -14), *[-1, 0] * 8], len(some))
        bias[some] = rng.integers(-300, 300, len(some))
    return [one.astype(np.int32) for one in (bias, multiplier, shift)]


def draw(rng: np.random.Generator) -> Trial:
    """Return a layer that the packer accepts."""
    height, rows, window_height, stride_h, top = spans(rng)
    width, columns, window_width, stride_w, left = spans(rng)
    channels, batches = between(rng, 1, 13), between(rng, 1, 2)
    if rng.integers(2):  # a part of the rows
        skipped = between(rng, 0, rows - 1)
        rows, top = between(rng, 1, rows - skipped), top - skipped * stride_h
    zero_points = [between(rng, -128, 127) for _ in range(2)]
    if rng.integers(2):
        zero_points[1] = -128
    params = [batches, height, width, channels, 1, rows, columns, window_height, window_width]
    params += [stride_h, stride_w, 1, 1, top, left, *zero_points, -128, 127]
    tensors = [
        trials.int8s(rng, batches * height * width * channels),
        trials.int8s(rng, window_height * window_width * channels),
        *rescaling(rng, channels),
    ]
    return Trial(params, tensors, range(1, 5), [batches * rows * columns * channels])


def drawn(seed: int, count: int) -> list[Trial]:
    rng = np.random.default_rng(seed)
    return [draw(rng) for _ in range(count)]


@pytest.mark.parametrize(
    ("cpu", "optimisation", "count"),
    [
        ("cortex_m4", "-Os", 1000),
        ("cortex_m4", "-O3", 300),
        ("cortex_m7", "-Os", 100),
        ("cortex_m33+dsp", "-O3", 100),
    ],
)
def test_bytes_are_those_of_the_portable_kernel(
    tmp_path: Path, cpu: str, optimisation: str, count: int
) -> None:
    core = packed_calls.core_with(KERNEL, LEVEL, tmp_path, cpu, optimisation)
    assert packed_calls.count_refused(core, KERNEL, LEVEL, drawn(count, count)) == 0
    assert core.stack() < 320


def packed(trial: Trial, **changed: int) -> tuple[bytes, tuple[bytes | None, ...]] | None:
    """Return what the packer makes of a trial, some of whose parameters are others."""
    params = vars(Int8(*trial.params)) | changed
    return packed_calls.packed(KERNEL, LEVEL, replace(trial, params=[*params.values()]))


def layer(channels: int = 2, taps: int = 3) -> Trial:
    """Return a layer whose weights count up."""
    params = [1, 4, 5, channels, 1, 4, 5, taps, taps, 1, 1, 1, 1, 1, 1, -7, 3, -128, 127]
    weights = np.arange(taps * taps * channels, dtype=np.int8)
    bias, multiplier = np.full(channels, 1000, np.int32), np.full(channels, 2**30 + 1, np.int32)
    shift = np.full(channels, -4, np.int32)
    tensors = [np.zeros(20 * channels, np.int8), weights, bias, multiplier, shift]
    return Trial(params, tensors, range(1, 5), [20 * channels])


def test_channels_are_records_of_weights_column_by_column() -> None:
    trial = layer()
    trial.tensors[3][1] = 0
    found = packed(trial)
    assert found is not None
    params, (image, records, _, _, _, output) = found
    assert (image, output) == (None, None)
    assert params == np.array(trial.params, np.int32).tobytes()
    first = [0, 6, 12, 2, 8, 14, 4, 10, 16]
    second = [one + 1 for one in first]
    # The bias is less -7 times the sum of the weights; the factor is 2 * multiplier - 2^32. A
    # multiplier of 0 has the power 0, which is 2^32 to the kernel.
    heads = np.array(
        [[1000 + 7 * sum(first), 2 * (2**30 + 1) - 2**32], [1000 + 7 * sum(second), 0]]
    )
    content = [heads.astype("<i4")[i].tobytes() for i in range(2)]
    content = [content[0], bytes([*first, 32 - 4]), content[1], bytes([*second, 32])]
    assert records == np.frombuffer(b"".join(content), "<u4").astype(np.uint32).tobytes()


def test_smaller_windows_have_weights_of_zero() -> None:
    found = packed(layer(channels=1, taps=2))
    assert found is not None
    records = found[1][1]
    assert records is not None
    weights = np.frombuffer(records, np.uint32).astype("<u4").tobytes()[8:17]
    assert weights == bytes([0, 2, 0, 1, 3, 0, 0, 0, 0])


@pytest.mark.parametrize(
    "changed",
    [
        {"multiplier": 2, "channels": 1},
        {"window_height": 4, "window_width": 1},
        {"window_height": 1, "window_width": 4},
        {"dilation_h": 2},
        {"dilation_w": 2},
        {"left": 3},
        {"left": -5},
        {"lowest": -127},
        {"highest": 126},
    ],
)
def test_other_layers_are_left_to_the_portable_kernel(changed: dict[str, int]) -> None:
    assert packed(layer(), **changed) is None


def test_large_factors_are_packed_apart() -> None:
    trial = layer(channels=5)
    trial.tensors[4][3] = -1
    found = packed(trial)
    assert found is not None
    weights = [3, 18, 33, 8, 23, 38, 13, 28, 43]
    bias, factor = 1000 + 7 * sum(weights), 2 * (2**30 + 1) - 2**32
    content = np.array([3, bias, factor, 1], np.int32).tobytes() + bytes([*weights, 0, 0, 0])
    end = np.array([2**31 - 1, *[0] * 6], np.int32).tobytes()
    assert found[1][3] == content + end


@pytest.mark.parametrize(("shift", "multiplier"), [(1, 2**30), (-4, 2**30 - 1), (-32, 2**30)])
def test_other_factors_are_left_to_the_portable_kernel(shift: int, multiplier: int) -> None:
    trial = layer(channels=8)
    trial.tensors[4][1], trial.tensors[3][1] = shift, multiplier
    assert packed(trial) is None


def test_small_factors_of_large_sums_are_packed_apart() -> None:
    trial = layer(channels=5)
    weights = [3, 18, 33, 8, 23, 38, 13, 28, 43]
    for shift, added, count in [(-11, 2**28, 0), (-12, 0, 1), (-12, -1, 0), (-13, -1, 1)]:
        trial.tensors[4][3] = shift
        # A sum of 2^20 - 1 at most and a shift by 12 leave halves apart from other numbers.
        trial.tensors[2][3] = 2**20 + added - 128 * sum(weights) - 7 * sum(weights)
        found = packed(trial)
        assert found is not None
        exact = found[1][3]
        assert exact is not None
        assert len(exact) == 28 * (1 + count)


def test_many_large_factors_are_left_to_the_portable_kernel() -> None:
    trial = layer(channels=8)
    trial.tensors[4][:2] = 0
    assert packed(trial) is not None
    trial.tensors[4][:3] = 0
    assert packed(trial) is None


@pytest.mark.parametrize(
    ("width", "stride", "columns"),
    [(5, 1, 7), (48, 1, 14), (24, 2, 13), (3, 2, 7), (9, 12, 3), (9, 3, 12)],
)
def test_scratch_is_of_a_block_of_columns(width: int, stride: int, columns: int) -> None:
    trial = layer()
    params = [*trial.params]
    params[2], params[6], params[10] = width * stride, width, stride
    seen = packed_calls.contents(trial)
    scratch = _native.scratch(KERNEL, LEVEL, np.array(params, np.int32).tobytes(), seen)
    assert scratch == 32 * columns
