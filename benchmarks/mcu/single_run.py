"""The stack of each step and its waits for flash, of one inference on a machine of its own.

Python is called for more than the blocks, and so one inference has to do.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edgekit.benchmarks.mcu import cortex_m4
from edgekit.benchmarks.mcu.blocks import BasicBlock, Counts
from edgekit.benchmarks.mcu.firmware import Firmware
from edgekit.benchmarks.mcu.machine import (
    FLASH,
    FLASH_SIZE,
    Bytes,
    Machine,
    infer,
    power_on,
    reset,
)

if TYPE_CHECKING:
    from unicorn import Uc


@dataclass(frozen=True)
class SingleRun:
    """What an inference was seen to need, by step, and last outside of all steps.

    Attributes:
        stack: largest depth of the stack pointer, in bytes, int64 [steps + 1]; outside of the steps
            that is from reset on.
        waits: cycles that a Cortex-M4 waits for flash, int64 [steps + 1]; None if not timed.
    """

    stack: Counts
    waits: Counts | None


def single_run(
    firmware: Firmware, tensor: Bytes, blocks: Iterable[BasicBlock], *, timed: bool
) -> SingleRun:
    """Run from reset to the output for an input.

    Args:
        firmware: the firmware.
        tensor: the input.
        blocks: the blocks that run on the way. The core stops behind those of their instructions
            that may lower the stack pointer: after each instruction would take minutes.
        timed: find the waits for flash, too.
    """
    machine = power_on(firmware)
    # Lists, because callbacks add to an array's element more slowly.
    step, stack, waits = [firmware.outside], [0] * (firmware.outside + 1), [0]
    _note_stack(machine, step, stack, {at for block in blocks for at in block.lowered})
    reset(machine)
    if timed:
        waits = [0] * len(stack)
        _note_waits(machine, step, waits)
    infer(machine, tensor, 0)
    return SingleRun(np.array(stack), np.array(waits) if timed else None)


def _note_stack(machine: Machine, step: list[int], stack: list[int], lowered: set[int]) -> None:
    """Let the machine note the step that runs, and the largest depth of the stack in it.

    Args:
        machine: a machine before reset.
        step: the number of the step.
        stack: the largest depth of each step.
        lowered: addresses behind instructions that may lower the pointer.
    """
    from unicorn.unicorn_const import UC_HOOK_CODE

    symbols = machine.firmware.symbols
    top, bottom = symbols["ek_stack"].address, symbols["ek_bss_end"].address
    labels = dict(machine.firmware.steps)

    def note(uc: "Uc", address: int, *_: object) -> None:
        pointer = uc.reg_read(machine.pointer)
        # RISC-V has no stack pointer yet when it leaves reset.
        depth = top - pointer if pointer >= bottom else 0
        stack[step[0]] = max(stack[step[0]], depth)
        step[0] = labels.get(address, step[0])

    for address in sorted(lowered | labels.keys()):
        machine.uc.hook_add(UC_HOOK_CODE, note, begin=address, end=address)


def _note_waits(machine: Machine, step: list[int], waits: list[int]) -> None:
    """Let the machine add up what each step waits for flash.

    Args:
        machine: a machine after reset.
        step: the number of the step that runs.
        waits: cycles of each step.
    """
    from unicorn.unicorn_const import UC_HOOK_BLOCK, UC_HOOK_MEM_READ

    caches = cortex_m4.Accelerator()
    end = [0]

    def enter(_uc: "Uc", address: int, size: int, _data: object) -> None:
        waits[step[0]] += cortex_m4.enter(caches, address, size, address != end[0])
        end[0] = address + size

    def read(_uc: "Uc", _access: int, address: int, *_: object) -> None:
        waits[step[0]] += cortex_m4.read(caches, address)

    machine.uc.hook_add(UC_HOOK_BLOCK, enter)
    machine.uc.hook_add(UC_HOOK_MEM_READ, read, begin=FLASH, end=FLASH + FLASH_SIZE - 1)
