"""Firmware on cores that QEMU alone emulates: outputs, every instruction counted, the stack.

QEMU runs all inputs in one process; semihosting.c, beside the firmware, reads the inputs and writes
the outputs. With ``-icount`` each instruction moves the machine's clocks by the same time, which is
more than a tick, so that ticks are instructions.
"""

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgekit.benchmarks.mcu import painted
from edgekit.benchmarks.mcu.blocks import Counts
from edgekit.benchmarks.mcu.firmware import Firmware
from edgekit.benchmarks.mcu.machine import Bytes
from edgekit.benchmarks.mcu.programs import PROGRAMS, require
from edgekit.errors import FirmwareError

WORD = 4
"""Bytes of the numbers that semihosting.c writes."""

SHIFTS = {"arm": 7, "riscv": 8}
"""An instruction takes 2^shift ns."""
TICKS = 2.56
"""Ticks of the machine's clock in that time: at 20 MHz (Arm) or 10 MHz."""
AROUND = 4
"""Instructions of ek_next between the two values of the clock."""
NOTING = {"arm": 6, "riscv": 4}
"""Instructions of EK_STEP, of which the third or second reads the clock."""

QUIET = ("-nodefaults", "-display", "none", "-monitor", "none", "-serial", "none")
SECONDS = 600
"""Most time that QEMU gets; an endless loop ends with it."""


@dataclass(frozen=True)
class Run:
    """N inferences.

    Attributes:
        outputs: output of each inference, uint8 [N, bytes].
        start: instructions from reset to the first input, on RISC-V with those of the boot ROM.
        steps: instructions of each step, and last of those outside all steps, int64 [N, steps + 1].
        stack: from the stack's top to the lowest byte that changed, in bytes.
    """

    outputs: Bytes
    start: int
    steps: Counts
    stack: int


def within(firmware: Firmware, inputs: Bytes, budget: int) -> Run:
    """Run as many of the inputs as reach ``budget`` instructions, the first one in any case.

    Args:
        firmware: the firmware.
        inputs: bytes of each input, uint8 [N, ...].
        budget: instructions of all inferences.

    Raises:
        FirmwareError: a fault, or an endless loop.
        TargetError: QEMU is not installed.
    """
    first = run(firmware, inputs[:1])
    count = max(1, min(len(inputs), -(-budget // int(first.steps.sum()))))
    return first if count == 1 else run(firmware, inputs[:count])


def run(firmware: Firmware, inputs: Bytes) -> Run:
    """Run inferences.

    In firmware with labels the instructions that note the clock are not counted.

    Args:
        firmware: the firmware.
        inputs: bytes of each input, uint8 [N, ...].

    Raises:
        FirmwareError: a fault, or an endless loop.
        TargetError: QEMU is not installed.
    """
    emulated = firmware.core.emulated
    require(emulated)
    command = [PROGRAMS[emulated], *firmware.core.machine, *QUIET]
    command += ["-icount", f"shift={SHIFTS[emulated]},sleep=off"]
    command += ["-semihosting-config", "enable=on,target=native"]
    bottom = firmware.symbols["ek_bss_end"].address
    top = firmware.symbols["ek_stack"].address
    contents = {**firmware.image, bottom: bytes([painted.PAINT]) * (top - bottom)}
    build = f"{firmware.core.name} {firmware.optimisation}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.joinpath("inputs").write_bytes(inputs.tobytes())
        for address, content in contents.items():
            path = folder / f"{address:08x}"
            path.write_bytes(content)
            command += ["-device", f"loader,file={path.name},addr=0x{address:x},force-raw=on"]
        try:
            done = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, check=False, timeout=SECONDS
            )
        except subprocess.TimeoutExpired as error:
            raise FirmwareError(f"{build}: still runs after {SECONDS} s") from error
        fault = folder / "fault"
        if fault.exists():
            at = int.from_bytes(fault.read_bytes(), "little")
            raise FirmwareError(f"{build}: {firmware.function(at)} at 0x{at:08x} faults")
        written = folder / "outputs"
        if done.returncode or not written.exists():
            reason = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
            raise FirmwareError(f"{build}: {reason[0]}")
        return _read(firmware, written.read_bytes(), len(inputs), top - bottom)


def _read(firmware: Firmware, content: bytes, count: int, room: int) -> Run:
    """Return what semihosting.c wrote of ``count`` inferences and ``room`` bytes for the stack."""
    size = firmware.symbols["ek_output"].size
    numbers = 1 + firmware.symbols["ek_ticks"].size // WORD - 1
    [start] = np.frombuffer(content, "<u4", 1)
    record = WORD * numbers + size
    records = np.frombuffer(content, np.uint8, count * record, WORD).reshape(count, record)
    ticks = records[:, : WORD * numbers].copy().view("<u4")
    whole = _instructions(ticks[:, 0]) - AROUND
    steps = np.zeros((count, firmware.outside + 1), np.int64)
    if firmware.outside:
        noting = NOTING[firmware.core.emulated]
        steps[:, :-1] = _instructions(np.diff(ticks[:, 1 : firmware.outside + 2])) - noting
        whole = whole - noting * (firmware.outside + 1)
    steps[:, -1] = whole - steps[:, :-1].sum(axis=1)
    return Run(
        outputs=records[:, WORD * numbers :].copy(),
        start=int(_instructions(np.array([start], np.uint32))[0]) - 2,
        steps=steps,
        stack=painted.depth(np.frombuffer(content, np.uint8, room, WORD + count * record)),
    )


def _instructions(ticks: npt.NDArray[np.uint32]) -> Counts:
    return np.rint(ticks / TICKS).astype(np.int64)
