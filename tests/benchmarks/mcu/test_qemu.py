"""Firmware on QEMU: as many instructions as unicorn counts, one by one."""

import shutil
from dataclasses import replace

import numpy as np
import pytest

from edgekit.benchmarks.mcu import emulator, firmware, programs
from edgekit.benchmarks.mcu.cores import CORES, Core
from edgekit.errors import FirmwareError, TargetError
from firmware_library import doing, library
from kernel_firmware import INPUTS

ALL = 1 << 60
PAIRS = [("cortex-m33", "cortex-m55"), ("rv32imc", "rv32imcv")]
"""A core of unicorn's, and one whose machine runs the same code."""
QEMU = [other for _, other in PAIRS]


@pytest.fixture(params=PAIRS, ids=" ".join)
def cores(request: pytest.FixtureRequest) -> tuple[Core, Core]:
    """A core on unicorn and on QEMU."""
    one, other = (CORES[name] for name in request.param)
    require(other)
    return one, replace(one, machine=other.machine, memory=other.memory)


def require(core: Core) -> None:
    """Skip where QEMU is not installed."""
    try:
        programs.require(core.emulated)
    except TargetError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("optimisation", ["-Os", "-O2"])
@pytest.mark.parametrize("labels", [False, True])
def test_instructions_are_those_that_unicorn_counts(
    cores: tuple[Core, Core], optimisation: str, labels: bool
) -> None:
    inputs = np.random.default_rng(5).integers(0, 256, (6, 16)).astype(np.uint8)
    one, other = (
        emulator.profile(firmware.build(core, library(), optimisation, labels=labels), inputs, ALL)
        for core in cores
    )
    assert other.outputs.tolist() == one.outputs.tolist()
    assert other.instructions.tolist() == one.instructions.tolist()
    assert len(set(one.instructions.tolist())) > 1
    # A step's arguments may be loaded on the other side of what notes the clock.
    assert np.abs(other.steps - one.steps).max() <= 2
    assert abs(other.start - one.start) < 16
    assert abs(other.stack - one.stack) <= 8


@pytest.mark.parametrize("name", QEMU)
def test_counting_ends_with_the_budget(name: str) -> None:
    require(CORES[name])
    inputs = np.zeros((4, 16), np.uint8)
    built = firmware.build(CORES[name], library(), "-Os")
    whole = emulator.profile(built, inputs, ALL)
    part = emulator.profile(built, inputs, int(whole.instructions[:3].sum()))
    assert part.instructions.tolist() == whole.instructions[:3].tolist()


@pytest.mark.parametrize("name", QEMU)
def test_a_fault_is_named(name: str) -> None:
    require(CORES[name])
    built = firmware.build(
        CORES[name], doing(f"(void)*(volatile int8_t *){INPUTS[name][1]}u;"), "-Os"
    )
    with pytest.raises(FirmwareError, match=rf"{name} -Os: \w+\(\) at 0x\w{{8}} faults"):
        emulator.answers(built, np.full((1, 16), 3, np.uint8))


def test_without_qemu_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(TargetError, match=r"^qemu-system-arm is not on the PATH: install QEMU"):
        firmware.require_tools(CORES["cortex-m55"])
