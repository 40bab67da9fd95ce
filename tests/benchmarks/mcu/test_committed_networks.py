"""MLPerf Tiny's networks as firmware: LiteRT's bytes, and their cost as committed.

`make figures` updates the figures; a commit that makes one grow says why.
"""

import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest

import committed
import made_once
import poisoned
import runtimes
from edgekit.benchmarks import environment
from edgekit.benchmarks.mcu import emulator, firmware
from edgekit.benchmarks.mcu.cores import CORES
from edgekit.benchmarks.mcu.programs import PROGRAMS
from edgekit.benchmarks.studies.networks import MLPERF_TINY, converted
from edgekit.benchmarks.tensors import random_tensors
from edgekit.convert.c.library import library
from edgekit.exported import built as firmware_library

pytestmark = pytest.mark.tensorflow

FILE = Path(__file__).with_name("committed_networks.json")
CORE = "cortex-m4"
OTHERS = [name for name, core in CORES.items() if core.model or name == "rv32imc"]
OTHERS.remove(CORE)
BUILDS = [
    *(f"{network} {CORE} {option}" for network in MLPERF_TINY for option in ("-Os", "-O2")),
    *(f"{network} {CORE} -Os min-ram" for network in MLPERF_TINY),
    # Convolutions of depth and of points, and dense layers: the two quickest networks.
    *(f"{network} {core} -Os" for network in ("kws", "ad") for core in OTHERS),
]
INPUTS = 2
MORE = 1.01
"""How many times the committed figures may be reached: instructions depend on the input, and the
last bits of the converter's weights on the processor that it ran on."""


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
    """Flash, RAM and stack in bytes; instructions and cycles of an inference.

    Outputs are compared with LiteRT's.
    """
    network, core, optimisation, *variant = build.split()
    content = (folder / f"{network}.tflite").read_bytes()
    most = 0 if variant == ["min-ram"] else None
    exported = library(content, f"{network}.tflite", "model", most_ram=most)
    model = firmware_library(exported)
    built = firmware.build(CORES[core], model, optimisation, labels=False)
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
    return figures


@pytest.mark.parametrize("build", BUILDS)
def test_the_bytes_are_litert_s_and_nothing_has_grown(build: str, networks: Path) -> None:
    committed.compare(FILE, build, measured(build, networks), versions(), MORE)


HELIUM = {"kws": 1_270_000, "resnet": 3_440_000, "vww": 4_590_000, "ad": 200_000}
"""Most instructions of an inference on a Cortex-M55: 0.7 times TFLite Micro's with CMSIS-NN."""


@pytest.mark.parametrize("network", MLPERF_TINY)
@pytest.mark.parametrize("option", ["-Os", "-O2"])
def test_helium_gives_litert_s_bytes_in_few_instructions(
    network: str, option: str, networks: Path
) -> None:
    if shutil.which(PROGRAMS["arm"]) is None:
        pytest.skip(f"needs {PROGRAMS['arm']}")
    assert measured(f"{network} cortex-m55 {option}", networks)["instructions"] <= HELIUM[network]


ARENAS = {"kws": 9_000, "resnet": 34_400, "vww": 37_600, "ad": 800}
"""Most bytes of each network's arena, with its input."""


@pytest.mark.parametrize("network", MLPERF_TINY)
def test_the_arena_is_small_and_its_bytes_are_all_needed(
    network: str, networks: Path, tmp_path: Path
) -> None:
    content = (networks / f"{network}.tflite").read_bytes()
    one = poisoned.watched(content, "m")
    assert one.library.arena <= ARENAS[network]
    kept = poisoned.watched(content, "k", keep_input=True)
    assert kept.library.arena <= one.library.arena
    functions = poisoned.compiled([one, kept], tmp_path / "host")
    assert poisoned.host(one, functions) == poisoned.host(kept, functions) == []
    assert poisoned.emulated([one], tmp_path / "core") == []


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder))
        figures = {build: measured(build, Path(folder)) for build in BUILDS}
    committed.write(FILE, versions(), figures)
