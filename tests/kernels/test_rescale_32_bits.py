"""ek_rescale_once as compiled for 32 bits, for all results that fit into int32."""

from pathlib import Path

import numpy as np
import pytest

import cortex_m
from edge_runtime.fixed_point import rescale_once

SOURCE = """#include "kernel.h"
#include "fixed_point.h"

ek_kernel ek_rescaled;

void ek_rescaled(const int32_t *params, void *const *tensors)
{
    const int32_t *total = tensors[0], *multiplier = tensors[1], *shift = tensors[2];
    int32_t *output = tensors[3];
    for (int32_t i = 0; i < params[0]; i++)
        output[i] = ek_rescale_once(total[i], multiplier[i], shift[i]);
}
"""
EDGES = [-(2**31), 1 - 2**31, -(2**30), -1, 0, 1, 2**30 - 1, 2**30, 2**31 - 1]


@pytest.mark.parametrize("optimisation", ["-Os", "-O3"])
def test_rescale(tmp_path: Path, optimisation: str) -> None:
    tmp_path.joinpath("rescaled.c").write_text(SOURCE)
    path = cortex_m.build(tmp_path, "cortex_m4", optimisation, [tmp_path / "rescaled.c"])
    shifts = np.arange(-31, 31)
    edges = np.stack(np.meshgrid(EDGES, EDGES, shifts), axis=-1).reshape(-1, 3)
    draw = np.random.default_rng(0)
    # Totals of any size: where there are many bits, few are fractions.
    total = draw.integers(-(2**31), 2**31, 100_000) >> draw.integers(0, 32, 100_000)
    multiplier = draw.integers(-(2**31), 2**31, 100_000)
    # Multiples of powers of two make halves.
    halves = draw.random(100_000) < 0.5
    multiplier[halves] = (multiplier >> 29 << 29)[halves]
    drawn = np.stack([total, multiplier, draw.integers(-31, 31, 100_000)], axis=-1)
    cases = np.concatenate([edges, drawn])
    tensors = [np.ascontiguousarray(column, np.int32) for column in cases.T]
    core = cortex_m.Core("cortex_m4", path)
    contents = [*(one.tobytes() for one in tensors), bytes(4 * len(cases))]
    addresses = [core.place(slot, content) for slot, content in enumerate(contents)]
    core.call("rescaled", [len(cases)], addresses)
    output = np.frombuffer(core.engine.mem_read(addresses[-1], 4 * len(cases)), np.int32)
    np.testing.assert_array_equal(output, rescale_once(*cases.T).astype(np.int32))
