"""An emulated core with firmware in its flash: power, reset, and one inference after another.

The host plays the world around the firmware: it stops the core at the entry of ``ek_next``, reads
the output, writes the next input into the buffer and lets the core return from there. An inference
is what runs in between, including the call of the model and the loop around it.
"""

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from edgekit.benchmarks.mcu.firmware import Firmware
from edgekit.errors import FirmwareError

if TYPE_CHECKING:
    from unicorn import Uc

Bytes = npt.NDArray[np.uint8]

FLASH, FLASH_SIZE = 0, 1 << 20
RAM, RAM_SIZE = 0x20000000, 1 << 18
"""Addresses and sizes of board.ld."""

SYSTEM, SYSTEM_SIZE = 0xE000E000, 0x1000
"""System control space of a Cortex-M, where the firmware turns the FPU on."""


@dataclass(frozen=True)
class Machine:
    """An emulated core with firmware in its flash.

    Attributes:
        uc: unicorn's handle.
        firmware: the firmware that it runs.
        link: unicorn's number of the register with the return address.
        pointer: unicorn's number of the stack pointer.
        counter: unicorn's number of the program counter.
        thumb: added to the address that execution starts from: 1 for Thumb, else 0.
        faults: descriptions of invalid accesses; filled by a hook.
    """

    uc: "Uc"
    firmware: Firmware
    link: int
    pointer: int
    counter: int
    thumb: int
    faults: list[str]


def power_on(firmware: Firmware) -> Machine:
    """Return a machine in its state after power-on."""
    from unicorn import Uc, arm_const, riscv_const
    from unicorn import unicorn_const as unicorn

    core = firmware.core
    if core.emulated == "arm":
        mode = unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS
        uc = Uc(unicorn.UC_ARCH_ARM, mode, cpu=getattr(arm_const, core.model))
        registers = arm_const.UC_ARM_REG_LR, arm_const.UC_ARM_REG_SP, arm_const.UC_ARM_REG_PC
    else:
        uc = Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV32)
        registers = (
            riscv_const.UC_RISCV_REG_RA,
            riscv_const.UC_RISCV_REG_SP,
            riscv_const.UC_RISCV_REG_PC,
        )
    uc.mem_map(FLASH, FLASH_SIZE, unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC)
    uc.mem_map(RAM, RAM_SIZE, unicorn.UC_PROT_READ | unicorn.UC_PROT_WRITE)
    for address, content in firmware.image.items():
        uc.mem_write(address, content)
    if core.emulated == "arm":
        uc.mem_map(SYSTEM, SYSTEM_SIZE, unicorn.UC_PROT_READ | unicorn.UC_PROT_WRITE)
    machine = Machine(uc, firmware, *registers, thumb=int(core.emulated == "arm"), faults=[])

    def refuse(_uc: "Uc", access: int, address: int, *_: Any) -> bool:
        verb = {
            unicorn.UC_MEM_WRITE_UNMAPPED: "writes to",
            unicorn.UC_MEM_WRITE_PROT: "writes to flash at",
            unicorn.UC_MEM_READ_UNMAPPED: "reads from",
        }.get(access, "runs into")
        machine.faults.append(f"{verb} 0x{address:08x}")
        return False

    uc.hook_add(unicorn.UC_HOOK_MEM_INVALID, refuse)
    return machine


def reset(machine: Machine) -> None:
    """Do what the core does at reset, and run to the entry of ``ek_next``.

    Raises:
        FirmwareError: it does not arrive there.
    """
    entry = FLASH
    if machine.firmware.core.emulated == "arm":
        stack, entry = struct.unpack("<II", machine.uc.mem_read(FLASH, 8))
        machine.uc.reg_write(machine.pointer, stack)
    run(machine, entry & ~machine.thumb, "after reset")


def infer(machine: Machine, tensor: Bytes, number: int) -> bytes:
    """Return the output for one input; the machine is at ``ek_next`` before and after."""
    uc, symbols = machine.uc, machine.firmware.symbols
    uc.mem_write(symbols["ek_input"].address, tensor.tobytes())
    run(machine, uc.reg_read(machine.link) & ~machine.thumb, f"on input {number}")
    return bytes(uc.mem_read(symbols["ek_output"].address, symbols["ek_output"].size))


def run(machine: Machine, address: int, when: str) -> None:
    """Run from ``address`` to the entry of ``ek_next``.

    Raises:
        FirmwareError: it does not arrive there; the message contains ``when``.
    """
    from unicorn import UcError

    uc, firmware = machine.uc, machine.firmware
    stop = firmware.symbols["ek_next"].address
    reason = ""
    try:
        uc.emu_start(address | machine.thumb, stop, count=firmware.limit)
    except UcError as error:
        reason = machine.faults[-1] if machine.faults else str(error)
    at = uc.reg_read(machine.counter) & ~machine.thumb
    if not reason and at == stop:
        return
    reason = reason or f"still runs after {firmware.limit} instructions"
    build = f"{firmware.core.name} {firmware.optimisation}"
    raise FirmwareError(f"{build}: {when} {firmware.function(at)} at 0x{at:08x} {reason}")
