"""Cost of firmware of the documented network, compared with the committed figures.

`make figures` updates them; a commit that makes one grow says why.
"""

from pathlib import Path

import numpy as np
import pytest

import committed
import seeded
from edgekit.benchmarks.mcu import emulator, firmware
from edgekit.benchmarks.mcu.cores import CORES
from edgekit.convert.c.library import library
from edgekit.exported import built as firmware_library

FILE = Path(__file__).with_name("committed_figures.json")
BUILDS = [
    f"{core} {optimisation}{variant}"
    for core in ("cortex-m0", "cortex-m4", "cortex-m7", "cortex-m33", "rv32imc")
    for optimisation in ("-Os", "-O2")
    for variant in ("", " skip-zeros", " sparse")
]
IMAGES = 20


def measured(build: str) -> dict[str, int]:
    """Flash and RAM in bytes, instructions of an inference."""
    core, optimisation, *variant = build.split()
    content = seeded.network(zeros=0.8 if variant == ["sparse"] else 0.0)
    exported = library(content, "seeded.tflite", "model", skip_zeros=variant == ["skip-zeros"])
    built = firmware.build(CORES[core], firmware_library(exported), optimisation)
    profile = emulator.profile(built, seeded.strokes(IMAGES).view(np.uint8), 1 << 40)
    return {
        "code": built.code,
        "constants": built.constants,
        "ram": built.data + profile.stack,
        "median instructions": int(np.percentile(profile.instructions, 50, method="higher")),
        "most instructions": int(profile.instructions.max()),
    }


@pytest.mark.parametrize("build", BUILDS)
def test_nothing_has_grown(build: str) -> None:
    committed.compare(FILE, build, measured(build), firmware.versions(CORES[build.split()[0]]))


if __name__ == "__main__":
    versions = firmware.versions(CORES["cortex-m4"])
    committed.write(FILE, versions, {build: measured(build) for build in BUILDS})
