"""Outputs of sums by two multiplications on Cortex-M, beside the definition of their rounding."""

import ctypes
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cortex_m
import sources
from edge_runtime.fixed_point import rescale_twice

ON_CORE = """#include "kernel.h"
#include "cortex_m/rescale_dsp.h"

ek_kernel ek_rescaled;

void ek_rescaled(const int32_t *params, void *const *tensors)
{
    const int32_t *total = tensors[0], *factor = tensors[1], *power = tensors[2];
    int32_t *output = tensors[3];
    for (int32_t i = 0; i < params[0]; i++) {
        output[i] = total[i];
        __asm__(EK_DSP_OUTPUT("%0", "%1", "%2", "%3")
                : "+r"(output[i])
                : "r"(factor[i]), "r"(power[i]), "r"(params[1]));
    }
}
"""
ON_HOST = """#include "packing/rescale_dsp.h"

int ek_packed(const int32_t *multiplier, const int32_t *shift, int32_t count, int32_t *factor,
              int32_t *power);
int ek_packed(const int32_t *multiplier, const int32_t *shift, int32_t count, int32_t *factor,
              int32_t *power)
{
    if (!ek_dsp_can_rescale(multiplier, shift, count))
        return 0;
    for (int32_t o = 0; o < count; o++) {
        factor[o] = ek_dsp_factor(multiplier[o]);
        power[o] = ek_dsp_power(multiplier[o], shift[o]);
    }
    return 1;
}
"""
TOTALS = [-(2**31), 1 - 2**31, -(2**30), -3, -2, -1, 0, 1, 2, 3, 2**30 - 1, 2**31 - 1]
MULTIPLIERS = [0, 2**30, 2**30 + 1, 3 * 2**29, 2**31 - 2, 2**31 - 1]


def cases() -> tuple[Any, Any, Any]:
    """Totals, multipliers and shifts: extreme ones, and many whose rounding is close."""
    edges = np.stack(np.meshgrid(TOTALS, MULTIPLIERS, np.arange(-31, -1)), axis=-1).reshape(-1, 3)
    draw, count = np.random.default_rng(0), 200_000
    multiplier = draw.integers(2**30, 2**31, count)
    # Multiples of powers of two make halves.
    halves = draw.random(count) < 0.5
    multiplier[halves] = (multiplier >> 27 << 27)[halves]
    shift = draw.integers(-31, -1, count)
    near = draw.integers(-150, 150, count) * 2.0 ** (30 - shift) / multiplier
    total = np.clip(near.astype(np.int64) + draw.integers(-2, 3, count), -(2**31), 2**31 - 1)
    drawn = np.stack([total, multiplier, shift], axis=-1)
    total, multiplier, shift = np.concatenate([edges, drawn]).T
    return total, multiplier, shift


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Pack multipliers and shifts; None for "not these"."""
    folder = tmp_path_factory.mktemp("pack")
    folder.joinpath("packed.c").write_text(ON_HOST)
    command = ["cc", *cortex_m.STRICT, "-fsanitize=undefined", "-fno-sanitize-recover=all"]
    command += ["-shared", "-fPIC", sources.INCLUDE, "packed.c", "-o", "packed.so"]
    subprocess.run(command, check=True, cwd=folder)
    function = ctypes.CDLL(str(folder / "packed.so")).ek_packed

    def packed(multiplier: Any, shift: Any) -> tuple[Any, Any] | None:
        arrays = [np.ascontiguousarray(one, np.int32) for one in (multiplier, shift)]
        made = [np.zeros_like(arrays[0]) for _ in range(2)]
        pointers = [ctypes.c_void_p(one.ctypes.data) for one in (*arrays, *made)]
        done = function(*pointers[:2], ctypes.c_int32(len(arrays[0])), *pointers[2:])
        return (made[0], made[1]) if done else None

    return packed


@pytest.mark.parametrize("optimisation", ["-Os", "-O3"])
def test_outputs_are_rounded_twice(tmp_path: Path, optimisation: str, pack: Any) -> None:
    tmp_path.joinpath("rescaled.c").write_text(ON_CORE)
    program = cortex_m.build(tmp_path, "cortex_m4", optimisation, [tmp_path / "rescaled.c"])
    core = cortex_m.Core("cortex_m4", program)
    total, multiplier, shift = cases()
    scaled = rescale_twice(total, multiplier, shift)
    contents = [np.ascontiguousarray(total, np.int32), *pack(multiplier, shift)]
    for zero_point in (-128, -3, 0, 127):
        raw = [*(one.tobytes() for one in contents), bytes(4 * len(total))]
        addresses = [core.place(slot, content) for slot, content in enumerate(raw)]
        core.call("rescaled", [len(total), zero_point], addresses)
        output = np.frombuffer(core.engine.mem_read(addresses[-1], 4 * len(total)), np.int32)
        np.testing.assert_array_equal(output, np.clip(scaled + zero_point, -128, 127))


@pytest.mark.parametrize(
    ("multiplier", "shift"), [(2**30 - 1, -5), (-(2**30), -5), (1, -5), (2**30, -1), (2**30, 3)]
)
def test_other_multipliers_are_refused(pack: Any, multiplier: int, shift: int) -> None:
    assert pack([2**30, multiplier], [-2, shift]) is None
    assert pack([2**30, 0], [-2, shift]) is not None
