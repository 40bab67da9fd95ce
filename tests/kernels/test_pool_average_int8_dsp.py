"""AVERAGE_POOL_2D of int8 with the DSP extension: the portable kernel's bytes."""

from pathlib import Path

import numpy as np
import pytest

import packed_calls
import trials
from trials import Trial, between

KERNEL, LEVEL = "pool_average_int8_once", "dsp"


def draw(rng: np.random.Generator, largest: int = 5) -> Trial:
    """Return a pool whose windows leave the image or not."""
    batches, channels = between(rng, 1, 2), between(rng, 1, 19)
    image, output, window, strides, before = [], [], [], [], []
    for _ in range(2):
        taps, stride, size = between(rng, 1, largest), between(rng, 1, 3), between(rng, 1, 7)
        places = -(-size // stride)
        inside = rng.integers(2)
        before.append(0 if inside else max(0, (places - 1) * stride + taps - size) // 2)
        image.append(size + taps - 1 if inside else size)
        output.append(places)
        window.append(taps)
        strides.append(stride)
    low = -128 if rng.integers(2) else between(rng, -128, 127)
    limits = [low, 127 if rng.integers(2) else between(rng, low, 127)]
    params = [batches, *image, channels, *output, *window, *strides, *before, *limits]
    numbers = trials.int8s(rng, batches * image[0] * image[1] * channels)
    return Trial(params, [numbers], [], [batches * output[0] * output[1] * channels])


def extreme(rng: np.random.Generator) -> Trial:
    """Return a pool of the largest window that there is, and of the largest sums."""
    height = 2 ** between(rng, 0, 8)
    params = [1, height, 256 // height, 5, 1, 1, height, 256 // height, 1, 1, 0, 0, -128, 127]
    return Trial(params, [np.full(256 * 5, rng.choice([-128, 127]), np.int8)], [], [5])


@pytest.mark.parametrize(
    ("cpu", "optimisation", "count"),
    [
        ("cortex_m4", "-Os", 400),
        ("cortex_m4", "-O3", 100),
        ("cortex_m7", "-Os", 50),
        ("cortex_m33+dsp", "-O3", 50),
    ],
)
def test_bytes_are_those_of_the_portable_kernel(
    tmp_path: Path, cpu: str, optimisation: str, count: int
) -> None:
    rng = np.random.default_rng(count)
    core = packed_calls.core_with(KERNEL, LEVEL, tmp_path, cpu, optimisation)
    drawn = [draw(rng) for _ in range(count)] + [extreme(rng) for _ in range(10)]
    drawn += [draw(rng, largest=16) for _ in range(10)]
    assert packed_calls.count_refused(core, KERNEL, LEVEL, drawn) == 0
    assert core.stack() < 256


@pytest.mark.parametrize(
    ("window", "refused"), [((1, 257), True), ((17, 16), True), ((16, 16), False)]
)
def test_windows_whose_sums_overflow_are_refused(window: tuple[int, int], refused: bool) -> None:
    params = [1, *window, 1, 1, 1, *window, 1, 1, 0, 0, -128, 127]
    trial = Trial(params, [np.zeros(window[0] * window[1], np.int8)], [], [1])
    assert (packed_calls.packed(KERNEL, LEVEL, trial) is None) == refused
