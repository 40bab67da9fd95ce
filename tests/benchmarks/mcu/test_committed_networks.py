"""MLPerf Tiny's networks as firmware: LiteRT's bytes, and their cost as committed.

`make figures` updates the figures; a commit that makes one grow says why.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

import made_once
import runtimes
from edgekit.benchmarks import environment
from edgekit.benchmarks.mcu import builds, emulator, firmware
from edgekit.benchmarks.mcu.cores import CORES
from edgekit.benchmarks.mcu.firmware import Library
from edgekit.benchmarks.studies.networks import MLPERF_TINY, converted
from edgekit.benchmarks.tensors import random_tensors
from edgekit.convert.c.library import library

pytestmark = pytest.mark.tensorflow

FILE = Path(__file__).with_name("committed_networks.json")
CORE = "cortex-m4"
OTHERS = [name for name, core in CORES.items() if core.emulated and name != CORE]
BUILDS = [
    *(f"{network} {CORE} {option}" for network in MLPERF_TINY for option in ("-Os", "-O2")),
    # Convolutions of depth and of points, and dense layers: the two smallest networks.
    *(f"{network} {core} -Os" for network in ("kws", "ad") for core in OTHERS),
]
INPUTS = 3
SIZES = ("code", "constants", "beyond", "ram")
MORE = 1.01
"""How many times the committed instructions and cycles an inference may take: they depend on the
input, and the last bits of the converter's weights on the processor that it ran on."""


def make(folder: Path) -> None:
    """Convert the networks to int8."""
    for name, build in MLPERF_TINY.items():
        own = folder / name
        own.mkdir()
        (folder / f"{name}.tflite").write_bytes(converted(build, "int8", own))


@pytest.fixture(scope="session")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the networks, which all workers share."""
    return made_once.folder(tmp_path_factory, "networks", make)


def versions() -> dict[str, str]:
    """Return the versions of what makes the networks and the firmware."""
    return firmware.versions(CORES[CORE]) | environment.versions(("tensorflow", "keras"))


def measured(build: str, folder: Path) -> dict[str, int]:
    """Flash, RAM and stack in bytes; instructions and cycles of an inference, and of each step.

    Outputs are compared with LiteRT's.
    """
    network, core, optimisation = build.split()
    content = (folder / f"{network}.tflite").read_bytes()
    exported = library(content, f"{network}.tflite", "model")
    files = {"model.h": exported.header, "model.c": exported.source}
    model = Library("model", files, exported.arena, exported.weights, exported.macs, exported.ops)
    built, labelled = builds.both(CORES[core], model, optimisation)
    [port] = exported.inputs
    inputs = random_tensors(INPUTS, (1, *port.shape), port.dtype)
    raw = inputs.reshape(INPUTS, -1).view(np.uint8)
    profile = emulator.profile(built, raw[:1], 1, with_waits=False)
    outputs = [*profile.outputs, *emulator.answers(built, raw[1:])]
    litert = runtimes.builtin_ref(content)
    for output, tensor in zip(outputs, inputs, strict=True):
        assert output.tobytes() == litert(tensor).tobytes()
    figures = {
        "code": built.code,
        "constants": built.constants,
        "beyond": built.flash - exported.weights - exported.multipliers,
        "ram": built.data + profile.stack,
        "instructions": int(profile.instructions[0]),
    }
    if profile.cycles is not None:
        figures["cycles"] = int(profile.cycles.sum())
    if built is labelled:
        for number, op in enumerate(exported.ops):
            figures[f"instructions of {number} {op}"] = int(profile.steps[0, number])
    return figures


@pytest.mark.parametrize("build", BUILDS)
def test_the_bytes_are_litert_s_and_nothing_has_grown(build: str, networks: Path) -> None:
    document = json.loads(FILE.read_text())
    figures, committed = measured(build, networks), document["builds"][build]
    if document["versions"] != versions():
        pytest.skip(f"the figures are of {document['versions']}, here is {versions()}")
    assert figures.keys() == committed.keys(), "write them anew with `make figures`"
    grown = {
        name: (committed[name], figure)
        for name, figure in figures.items()
        if figure > committed[name] * (1 if name in SIZES else MORE)
    }
    assert grown == {}, "figure: (committed, now); write them anew with `make figures`"


def write() -> None:
    """Write the committed figures anew."""
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder))
        figures = {build: measured(build, Path(folder)) for build in BUILDS}
    FILE.write_text(json.dumps({"versions": versions(), "builds": figures}, indent=2) + "\n")


if __name__ == "__main__":
    write()
    sys.stdout.write(f"{FILE.name} written\n")
