"""Plans by rows on emulated cores: the bytes of the engine, whatever kernels a core has."""

from pathlib import Path

import numpy as np
import pytest

import image_chains
from edge_runtime import load
from edgekit.benchmarks.mcu import emulator, firmware
from edgekit.benchmarks.mcu.cores import CORES
from edgekit.benchmarks.mcu.firmware import Library
from edgekit.benchmarks.tensors import random_tensors
from edgekit.convert.c.library import library


@pytest.mark.parametrize("core", ["cortex-m0", "cortex-m4"])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_network_by_rows_gives_the_engine_s_bytes(core: str, seed: int, tmp_path: Path) -> None:
    content = image_chains.network(seed)
    exported = library(content, "m.tflite", "model", most_ram=0)
    assert exported.fed_rows
    assert exported.arena < library(content, "m.tflite", "model").arena / 2
    files = {"model.h": exported.header, "model.c": exported.source}
    model = Library("model", files, exported.arena, exported.weights, exported.macs, exported.ops)
    [port] = exported.inputs
    inputs = random_tensors(2, (1, *port.shape), port.dtype)
    built = firmware.build(CORES[core], model, "-O2")
    outputs = emulator.answers(built, inputs.reshape(len(inputs), -1).view(np.uint8))
    path = tmp_path / "m.tflite"
    path.write_bytes(content)
    engine = load(path)
    for output, tensor in zip(outputs, inputs, strict=True):
        assert output.tobytes() == engine.run(tensor).tobytes()
