"""What the portable kernels have in assembly for a Cortex-M0, beside the definitions."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cortex_m
import packed_calls
import sources
import trials
from edge_runtime.fixed_point import rounding_shift

CPU = "cortex_m0"
RESCALED = """#include "kernel.h"
#include "fixed_point.h"

ek_kernel ek_rescaled;

void ek_rescaled(const int32_t *params, void *const *tensors)
{
    const int32_t *total = tensors[0], *multiplier = tensors[1], *shift = tensors[2];
    int32_t *output = tensors[3];
    for (int32_t i = 0; i < params[0]; i++)
        output[i] = ek_rescale_twice(total[i], multiplier[i], shift[i]);
}
"""
EDGES = [-(2**31), 1 - 2**31, -(2**30), -3, -1, 0, 1, 2, 2**16 - 1, 2**30, 3 * 2**29, 2**31 - 1]


def rescaled(total: Any, multiplier: Any, shift: Any) -> Any:
    """Define ek_rescale_twice for all multipliers: what leaves int32 wraps."""
    moved = (total << np.maximum(shift, 0)).astype(np.int32).astype(np.int64)
    high = ((moved * multiplier + 2**30) >> 31).astype(np.int32)
    return rounding_shift(high.astype(np.int64), np.maximum(-shift, 0))


@pytest.mark.parametrize("optimisation", ["-O0", "-Os", "-O3"])
def test_rescale_twice(tmp_path: Path, optimisation: str) -> None:
    tmp_path.joinpath("rescaled.c").write_text(RESCALED)
    path = cortex_m.build(tmp_path, CPU, optimisation, [tmp_path / "rescaled.c"])
    draw, count = np.random.default_rng(0), 100_000
    grid = np.meshgrid(EDGES, EDGES, np.arange(-31, 31))
    # Totals of any size: where there are many bits, few are fractions.
    total = draw.integers(-(2**31), 2**31, count) >> draw.integers(0, 32, count)
    multiplier = draw.integers(-(2**31), 2**31, count)
    # Multiples of powers of two make halves.
    halves = draw.random(count) < 0.5
    multiplier[halves] = (multiplier >> 29 << 29)[halves]
    drawn = total, multiplier, draw.integers(-31, 31, count)
    cases = [np.concatenate([a.ravel(), b]) for a, b in zip(grid, drawn, strict=True)]
    contents = [np.ascontiguousarray(one, np.int32).tobytes() for one in cases]
    core = cortex_m.Core(CPU, path)
    contents.append(bytes(len(contents[0])))
    addresses = [core.place(slot, one) for slot, one in enumerate(contents)]
    core.call("rescaled", [len(cases[0])], addresses)
    output = np.frombuffer(core.engine.mem_read(addresses[-1], len(contents[0])), np.int32)
    np.testing.assert_array_equal(output, rescaled(*cases))


@pytest.mark.parametrize(
    ("kernel", "file", "optimisation", "count"),
    [
        ("conv_2d_int8_twice", "conv_2d.c", "-O0", 200),
        ("conv_2d_int8_twice", "conv_2d.c", "-Os", 1000),
        ("conv_2d_int8_twice", "conv_2d.c", "-O3", 300),
        ("depthwise_conv_2d_int8_twice", "depthwise_conv_2d.c", "-Os", 1000),
        ("depthwise_conv_2d_int8_twice", "depthwise_conv_2d.c", "-O3", 300),
    ],
)
def test_layers(tmp_path: Path, kernel: str, file: str, optimisation: str, count: int) -> None:
    path = cortex_m.build(tmp_path, CPU, optimisation, [sources.KERNELS / file])
    core, draw, rng = cortex_m.Core(CPU, path), trials.random(kernel), np.random.default_rng(count)
    for number in range(count):
        trial = draw(rng)
        tensors = [*(one.tobytes() for one in trial.tensors), b"\x5a" * trial.outputs[0]]
        addresses = [core.place(slot, one, number % 4 != 0) for slot, one in enumerate(tensors)]
        core.call(kernel, trial.params, addresses)
        output = bytes(core.engine.mem_read(addresses[-1], trial.outputs[0]))
        assert output == packed_calls.expected(kernel, trial), (number, trial.params)
