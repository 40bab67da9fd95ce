"""Constants that kernels read are exported, whatever their bytes are."""

from pathlib import Path

import numpy as np
import pytest

import build
from edge_runtime import load
from edgekit.benchmarks.mcu import emulator, firmware
from edgekit.benchmarks.mcu.cores import CORES
from edgekit.convert.c.library import library
from edgekit.exported import built

FACTOR = float(np.float32(0.6))


def dense(weights: np.ndarray, bias: list[int], scale: float) -> bytes:
    tensors = [
        build.tensor((1, weights.shape[1]), "int8", 1.0),
        build.constant(weights, "int8", scale),
        build.constant(bias, "int32", scale),
        build.tensor((1, len(weights)), "int8", 1.0),
    ]
    return build.model(tensors, [("FULLY_CONNECTED", [0, 1, 2], 3, {})])


ALIKE = np.tile([1, -2, 2, 1, -1, 2, -2, 0], (3, 1))


@pytest.mark.parametrize(
    "content",
    [
        # Shifts of three outputs, each 0, with what says how they are read: four bytes of 0.
        dense(ALIKE, [5, -7, 9], FACTOR),
        # Weights of one output, all left out: a number of groups, 0.
        *(dense(np.zeros((1, depth), np.int64), [5], FACTOR) for depth in (1, 2, 3, 5, 16, 100)),
    ],
)
@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m0"])
def test_constants_of_four_zero_bytes_are_read(content: bytes, core: str, tmp_path: Path) -> None:
    exported = library(content, "m.tflite", "model")
    assert "NULL" not in exported.source.partition("_run_in(")[2]
    firmware_of_it = firmware.build(CORES[core], built(exported), "-Os")
    [port] = exported.inputs
    inputs = np.random.default_rng(0).integers(-128, 128, (30, *port.shape)).astype(np.int8)
    outputs = emulator.answers(firmware_of_it, inputs.reshape(30, -1).view(np.uint8))
    path = tmp_path / "m.tflite"
    path.write_bytes(content)
    engine = load(path)
    for output, tensor in zip(outputs, inputs, strict=True):
        assert output.tobytes() == engine.run(tensor[None]).tobytes()


@pytest.mark.parametrize("nearly", [1, 12, 100])
def test_a_slope_just_below_a_power_of_two_has_its_line_at_once(nearly: int) -> None:
    """Euclid's algorithm, one step at a time, would call itself a million times."""
    scale = float(np.float32(2.0**-12 * (1 - nearly * 2.0**-24)))
    draw = np.random.default_rng(3)
    tensors = [
        build.tensor((1, 1, 1, 64), "int8", 1.0),
        build.constant(draw.integers(-127, 128, (2, 1, 1, 64)), "int8", scale),
        build.constant(draw.integers(-300_000, 300_000, 2), "int32", scale),
        build.tensor((1, 1, 1, 2), "int8", 1.0, -128),
    ]
    options = {"padding": 0, "strideH": 1, "strideW": 1, "fusedActivationFunction": 1}
    assert library(build.model(tensors, [("CONV_2D", [0, 1, 2], 3, options)]), "m", "m").source
