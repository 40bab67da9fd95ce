"""FULLY_CONNECTED of float32 on the FPU of Cortex-M cores, compared with its definition."""

import subprocess
import sys
from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest
import unicorn

import cortex_m
import sources
from edge_runtime.kernels import fully_connected as kernels
from machines import LANGUAGES, WARNINGS

CORES = ["cortex_m4+vfp4d16sp", "cortex_m7+fp_armv8d16sp", "cortex_m33+dsp+fp_armv8d16sp"]
SOURCE = sources.KERNELS / "cortex_m/fully_connected_float32_fpu.c"
TINY = np.finfo(np.float32).smallest_subnormal
SPECIAL = np.array([0, -0.0, TINY, -TINY, 1, -1, 3e38, -3e38, np.inf, -np.inf, np.nan], np.float32)
ENDS = [(-np.inf, np.inf), (0, np.inf), (-1, 1), (0, 6)]


class Layer:
    """A layer of random numbers, of random kinds."""

    def __init__(self, draw: np.random.Generator, rows: int, depth: int, outputs: int) -> None:
        ends = np.array(ENDS[draw.integers(len(ENDS))], np.float32).view(np.int32)
        self.params = kernels.Float32(rows, depth, outputs, *map(int, ends))
        kind = draw.integers(6)
        self.tensors = []
        for size in rows * depth, outputs * depth, outputs:
            values = draw.normal(size=size)
            if kind == 0:  # products that are subnormal, of numbers of which some are
                values *= 2.0 ** draw.integers(-149, -10, size)
            elif kind == 1:  # sums that overflow
                values *= 2.0 ** draw.integers(50, 70, size)
            elif kind == 2:  # next to each other what is far apart
                values *= 2.0 ** draw.integers(-30, 30, size)
            elif kind == 3:  # sums of nothing but zeros, of either sign
                values *= draw.choice([0, -0.0, 1], size, p=[0.5, 0.4, 0.1])
            tensor = values.astype(np.float32)
            if kind == 4:
                here = draw.random(size) < draw.choice([0.01, 0.3])
                tensor[here] = draw.choice(SPECIAL, np.count_nonzero(here))
            self.tensors.append(tensor)

    def expected(self) -> np.ndarray:
        with np.errstate(all="ignore"):
            return kernels.fully_connected_float32(self.params, *self.tensors)


def layers(seed: int, count: int) -> Iterator[Layer]:
    """Every remainder of the depth, many small shapes, and some as deep as images."""
    draw = np.random.default_rng(seed)
    for depth in range(1, 71):
        yield Layer(draw, 1, depth, 2)
    for depth, outputs in product((784, 785), (1, 14)):
        yield Layer(draw, 1, depth, outputs)
    for _ in range(count):
        rows, depth, outputs = draw.integers(1, 4), draw.integers(1, 71), draw.integers(1, 20)
        yield Layer(draw, int(rows), int(depth), int(outputs))


def run(core: cortex_m.Core, layer: Layer, at_end: bool) -> np.ndarray:
    output = np.full(layer.params.rows * layer.params.outputs, 77, np.float32)
    contents = [tensor.tobytes() for tensor in (*layer.tensors, output)]
    addresses = [core.place(slot, content, at_end) for slot, content in enumerate(contents)]
    core.call("fully_connected_float32_fpu", vars(layer.params).values(), addresses)
    return np.frombuffer(core.engine.mem_read(addresses[-1], output.nbytes), np.float32)


@pytest.mark.parametrize(
    ("cpu", "optimisation", "count"),
    [
        (CORES[0], "-Os", 500),
        (CORES[0], "-O2", 500),
        (CORES[1], "-O0", 100),
        (CORES[2], "-O3", 100),
    ],
)
def test_the_same_bytes_on_the_fpu(tmp_path, cpu, optimisation, count):
    core = cortex_m.Core(cpu, cortex_m.build(tmp_path, cpu, optimisation, [SOURCE]))
    unlike = 0
    for number, layer in enumerate(layers(count, count)):
        output, expected = run(core, layer, at_end=number % 4 != 0), layer.expected()
        # The machine chooses which of the many NaN it is.
        nan = np.isnan(expected)
        np.testing.assert_array_equal(np.isnan(output), nan)
        assert output[~nan].tobytes() == expected[~nan].tobytes(), (layer.params, number)
        unlike += len(np.unique(expected[~nan])) > 1
    assert unlike > count / 2


@pytest.mark.parametrize("optimisation", ["-Os", "-O2"])
@pytest.mark.parametrize("cpu", CORES)
def test_the_sums_stay_in_registers(tmp_path, cpu, optimisation):
    core = cortex_m.Core(cpu, cortex_m.build(tmp_path, cpu, optimisation, [SOURCE]))
    executed = []
    core.engine.hook_add(unicorn.UC_HOOK_CODE, lambda *_: executed.append(1))
    run(core, Layer(np.random.default_rng(1), 1, 784, 14), at_end=True)
    assert 1.5 * 784 * 14 < len(executed) < 1.8 * 784 * 14


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("cpu", CORES)
def test_compilers_give_no_warnings(tmp_path, cpu, language):
    command = [sys.executable, "-m", "ziglang", "cc", *cortex_m.target(cpu), *LANGUAGES[language]]
    flags = [*WARNINGS, "-O0", "-fno-omit-frame-pointer"]
    arguments = ["-c", SOURCE, "-o", tmp_path / "kernel.o"]
    ran = subprocess.run([*command, *flags, *arguments], capture_output=True, text=True)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
