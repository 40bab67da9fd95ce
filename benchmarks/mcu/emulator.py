"""Firmware on an emulated core: all outputs, every instruction counted, the stack measured."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from edgekit.benchmarks.mcu import cortex_m4, painted, qemu
from edgekit.benchmarks.mcu.blocks import BasicBlock, Counts, counted
from edgekit.benchmarks.mcu.firmware import Firmware
from edgekit.benchmarks.mcu.machine import Bytes, infer, power_on, reset
from edgekit.benchmarks.mcu.single_run import single_run

if TYPE_CHECKING:
    from unicorn import Uc

MOST_TIMED = 200_000_000
"""Most instructions of an inference whose waits for flash are found: Python is called for each word
that it reads from there, which takes a minute for some thirty million."""


@dataclass(frozen=True)
class Profile:
    """Outputs, instruction counts and stack use of N inferences.

    What is given by step has the steps in order, and last what is outside of all steps.

    Attributes:
        outputs: output of each inference, uint8 [N, bytes].
        start: instructions from reset to the first input.
        instructions: instructions of each inference, int64 [N].
        steps: instructions of each step, int64 [N, steps + 1].
        stack: peak stack use of reset and all inferences, in bytes.
        step_stacks: peak stack use while each step runs, callers included, in the first inference,
            in bytes, int64 [steps + 1].
        cycles: cycles of each step without waits for memory, as ``cortex_m4`` estimates them, int64
            [N, steps + 1]; None for other cores.
        waits: cycles that each step waits for flash in the first inference, int64 [steps + 1]; None
            for other cores, after more than MOST_TIMED instructions, or if not asked for.
    """

    outputs: Bytes
    start: int
    instructions: Counts
    steps: Counts
    stack: int
    step_stacks: Counts
    cycles: Counts | None
    waits: Counts | None


def answers(firmware: Firmware, inputs: Bytes) -> Bytes:
    """Return the output bytes [N, ...] of input bytes [N, ...], fast because nothing is counted.

    Raises:
        FirmwareError: a fault, or an endless loop.
        TargetError: the core needs QEMU, which is not installed.
    """
    if firmware.core.machine:
        return qemu.run(firmware, inputs).outputs
    machine = power_on(firmware)
    reset(machine)
    outputs = [infer(machine, tensor, number) for number, tensor in enumerate(inputs)]
    return _array(outputs, firmware)


def profile(firmware: Firmware, inputs: Bytes, budget: int, *, with_waits: bool = True) -> Profile:
    """Return the outputs of input bytes [N, ...] with instruction counts and peak stack use.

    Stops after the input that reaches ``budget`` instructions in total. Python is called for each
    block that the core enters, which takes a minute for about a thousand million instructions.

    The stack reaches from its top to the lowest byte that changed, or to the lowest stack pointer
    until the first output if that is lower: not all of a frame is written to.

    ``with_waits`` finds those for flash, which takes a few times as long as counting.

    Raises:
        FirmwareError: a fault, or an endless loop.
        TargetError: the core needs QEMU, which is not installed.
    """
    from unicorn.unicorn_const import UC_HOOK_BLOCK

    if firmware.core.machine:
        ran = qemu.within(firmware, inputs, budget)
        return Profile(
            outputs=ran.outputs,
            start=ran.start,
            instructions=ran.steps.sum(axis=1),
            steps=ran.steps,
            stack=ran.stack,
            # QEMU tells how far the stack reached, not when.
            step_stacks=np.full(ran.steps.shape[1], ran.stack),
            cycles=None,
            waits=None,
        )

    machine = power_on(firmware)
    uc, top, bottom = (
        machine.uc,
        firmware.symbols["ek_stack"].address,
        firmware.symbols["ek_bss_end"].address,
    )
    uc.mem_write(bottom, bytes([painted.PAINT]) * (top - bottom))
    numbers: dict[int, int] = {}
    entered = array("I")
    uc.hook_add(UC_HOOK_BLOCK, partial(_enter, numbers, entered))
    reset(machine)
    blocks: list[BasicBlock] = []
    start = int(counted(firmware, numbers, entered, blocks)[0].sum())
    outputs, counts, spent = [], [], 0
    for number, tensor in enumerate(inputs):
        del entered[:]
        outputs.append(infer(machine, tensor, number))
        counts.append(counted(firmware, numbers, entered, blocks))
        spent += int(counts[-1][0].sum())
        if spent >= budget:
            break
    estimated = firmware.core.name == cortex_m4.NAME
    timed = with_waits and estimated and int(counts[0][0].sum()) <= MOST_TIMED
    alone = single_run(firmware, inputs[0], blocks, timed=timed)
    written = painted.depth(np.frombuffer(uc.mem_read(bottom, top - bottom), np.uint8))
    steps, cycles = np.array(counts).transpose(1, 0, 2)
    return Profile(
        outputs=_array(outputs, firmware),
        start=start,
        instructions=steps.sum(axis=1),
        steps=steps,
        stack=max(written, int(alone.stack.max())),
        step_stacks=alone.stack,
        cycles=cycles if estimated else None,
        waits=alone.waits,
    )


def _enter(
    numbers: dict[int, int], entered: "array[int]", _uc: "Uc", at: int, size: int, _data: object
) -> None:
    """Note that a block is entered."""
    entered.append(numbers.setdefault(at << 16 | size, len(numbers)))


def _array(outputs: Sequence[bytes], firmware: Firmware) -> Bytes:
    size = firmware.symbols["ek_output"].size
    return np.frombuffer(b"".join(outputs), np.uint8).reshape(len(outputs), size)
