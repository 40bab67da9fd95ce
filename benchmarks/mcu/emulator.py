"""Firmware on an emulated core: all outputs, every instruction counted, the stack measured.

The host plays the world around the firmware: it stops the core at the entry of ``ek_next``, reads
the output, writes the next input into the buffer and lets the core return from there. An inference
is what runs in between, including the call of the model and the loop around it. An instruction
whose condition fails is counted, because it is executed; Arm counts it, too (event INST_RETIRED,
Arm Architecture Reference Manual, "Instruction architecturally executed").
"""

import struct
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from edgekit.benchmarks.mcu import qemu
from edgekit.benchmarks.mcu.firmware import Firmware
from edgekit.benchmarks.mcu.stack_pointer import may_move
from edgekit.errors import FirmwareError

if TYPE_CHECKING:
    from unicorn import Uc

Bytes = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.int64]

FLASH, FLASH_SIZE = 0, 1 << 20
RAM, RAM_SIZE = 0x20000000, 1 << 18
"""Addresses and sizes of board.ld."""

SYSTEM, SYSTEM_SIZE = 0xE000E000, 0x1000
"""System control space of a Cortex-M, where the firmware turns the FPU on."""

WORD = 4
"""Unit of stack growth, in bytes."""

PAINT = 0xA5
"""Initial content of the RAM below the stack."""


@dataclass(frozen=True)
class Profile:
    """Outputs, instruction counts and stack use of N inferences.

    Attributes:
        outputs: output of each inference, uint8 [N, bytes].
        start: instructions from reset to the first input.
        instructions: instructions of each inference, int64 [N].
        steps: instructions of each step, and last of those outside all steps, int64 [N, steps + 1].
        stack: peak stack use of reset and all inferences, in bytes.
    """

    outputs: Bytes
    start: int
    instructions: Counts
    steps: Counts
    stack: int


@dataclass(frozen=True)
class BasicBlock:
    """Straight-line code, which runs as a whole.

    Attributes:
        instructions: their number.
        labels: for each step that begins here, index of its first instruction and its number.
        moved: addresses behind the instructions that may move the stack pointer.
    """

    instructions: int
    labels: tuple[tuple[int, int], ...]
    moved: tuple[int, ...]


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


def answers(firmware: Firmware, inputs: Bytes) -> Bytes:
    """Return the output bytes [N, ...] of input bytes [N, ...], fast because nothing is counted.

    Raises:
        FirmwareError: a fault, or an endless loop.
        TargetError: the core needs QEMU, which is not installed.
    """
    if firmware.core.machine:
        return qemu.run(firmware, inputs).outputs
    machine = _power_on(firmware)
    _run(machine, _reset(machine), "after reset")
    outputs = [_infer(machine, tensor, number) for number, tensor in enumerate(inputs)]
    return _array(outputs, firmware)


def profile(firmware: Firmware, inputs: Bytes, budget: int) -> Profile:
    """Return the outputs of input bytes [N, ...] with instruction counts and peak stack use.

    Stops after the input that reaches ``budget`` instructions in total. Python is called for each
    block that the core enters, which takes a minute for about a thousand million instructions.

    The stack reaches from its top to the lowest byte that changed, or to the lowest stack pointer
    until the first output if that is lower: not all of a frame is written to.

    Raises:
        FirmwareError: a fault, or an endless loop.
        TargetError: the core needs QEMU, which is not installed.
    """
    from unicorn.unicorn_const import UC_HOOK_BLOCK

    if firmware.core.machine:
        ran = qemu.within(firmware, inputs, budget)
        return Profile(ran.outputs, ran.start, ran.steps.sum(axis=1), ran.steps, ran.stack)

    machine = _power_on(firmware)
    uc, top, bottom = (
        machine.uc,
        firmware.symbols["ek_stack"].address,
        firmware.symbols["ek_bss_end"].address,
    )
    uc.mem_write(bottom, bytes([PAINT]) * (top - bottom))
    numbers: dict[int, int] = {}
    entered = array("I")
    uc.hook_add(UC_HOOK_BLOCK, partial(_enter, numbers, entered))
    _run(machine, _reset(machine), "after reset")
    blocks: list[BasicBlock] = []
    start = int(_counted(firmware, numbers, entered, blocks).sum())
    outputs, counts, spent = [], [], 0
    for number, tensor in enumerate(inputs):
        del entered[:]
        outputs.append(_infer(machine, tensor, number))
        counts.append(_counted(firmware, numbers, entered, blocks))
        spent += int(counts[-1].sum())
        if spent >= budget:
            break
    lowest = _lowest_pointer(firmware, inputs[0], blocks)
    painted = np.frombuffer(uc.mem_read(bottom, top - bottom), np.uint8)
    changed = np.flatnonzero(painted != PAINT)
    written = len(painted) - int(changed[0]) // WORD * WORD if len(changed) else 0
    steps = np.array(counts)
    return Profile(
        outputs=_array(outputs, firmware),
        start=start,
        instructions=steps.sum(axis=1),
        steps=steps,
        stack=max(written, top - lowest),
    )


def _enter(
    numbers: dict[int, int], entered: "array[int]", _uc: "Uc", at: int, size: int, _data: object
) -> None:
    """Note that a block is entered."""
    entered.append(numbers.setdefault(at << 16 | size, len(numbers)))


def _lowest_pointer(firmware: Firmware, tensor: Bytes, blocks: Iterable[BasicBlock]) -> int:
    """Return the lowest stack pointer from reset to the output for an input.

    Args:
        firmware: the firmware.
        tensor: the input.
        blocks: the blocks that run on the way. A core of its own stops behind those of their
            instructions that may move the pointer: after each instruction would take minutes.
    """
    from unicorn.unicorn_const import UC_HOOK_CODE

    machine = _power_on(firmware)
    pointers = {firmware.symbols["ek_stack"].address}

    def note(uc: "Uc", *_: object) -> None:
        pointers.add(uc.reg_read(machine.pointer))

    for address in sorted({address for block in blocks for address in block.moved}):
        machine.uc.hook_add(UC_HOOK_CODE, note, begin=address, end=address)
    _run(machine, _reset(machine), "after reset")
    _infer(machine, tensor, 0)
    # RISC-V has no stack pointer yet when it leaves reset.
    bottom = firmware.symbols["ek_bss_end"].address
    return min(pointer for pointer in pointers if pointer >= bottom)


def _power_on(firmware: Firmware) -> Machine:
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


def _reset(machine: Machine) -> int:
    """Do what the core does at reset; return the address of the first instruction."""
    if machine.firmware.core.emulated == "riscv":
        return FLASH
    stack, entry = struct.unpack("<II", machine.uc.mem_read(FLASH, 8))
    machine.uc.reg_write(machine.pointer, stack)
    return int(entry) & ~machine.thumb


def _infer(machine: Machine, tensor: Bytes, number: int) -> bytes:
    """Return the output for one input; the machine is at ``ek_next`` before and after."""
    uc, symbols = machine.uc, machine.firmware.symbols
    uc.mem_write(symbols["ek_input"].address, tensor.tobytes())
    _run(machine, uc.reg_read(machine.link) & ~machine.thumb, f"on input {number}")
    return bytes(uc.mem_read(symbols["ek_output"].address, symbols["ek_output"].size))


def _run(machine: Machine, address: int, when: str) -> None:
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


def _array(outputs: Sequence[bytes], firmware: Firmware) -> Bytes:
    size = firmware.symbols["ek_output"].size
    return np.frombuffer(b"".join(outputs), np.uint8).reshape(len(outputs), size)


def _counted(
    firmware: Firmware, numbers: Iterable[int], entered: "array[int]", blocks: list[BasicBlock]
) -> Counts:
    """Return the instructions of each step, and last of those outside all steps, [steps + 1].

    Args:
        firmware: the firmware that ran.
        numbers: address << 16 | size of each block, by its number.
        entered: numbers of the blocks that were entered, in order.
        blocks: decoded blocks by number; missing ones are added.
    """
    blocks += [
        _decode(firmware, key >> 16, key & 0xFFFF) for key in islice(numbers, len(blocks), None)
    ]
    order = np.frombuffer(entered, np.dtype(entered.typecode)).copy()
    lengths = np.array([block.instructions for block in blocks], np.int64)[order]
    counts = np.zeros(firmware.outside + 1, np.int64)
    starts = np.cumsum(lengths) - lengths
    labelled = np.array([bool(block.labels) for block in blocks])[order]
    # Instructions between two labels belong to the step of the first one.
    at, step = 0, firmware.outside
    for i in np.flatnonzero(labelled):
        for offset, following in blocks[order[i]].labels:
            position = int(starts[i]) + offset
            counts[step] += position - at
            at, step = position, following
    counts[step] += int(lengths.sum()) - at
    return counts


def _decode(firmware: Firmware, address: int, size: int) -> BasicBlock:
    """Return the block of ``size`` bytes at ``address``."""
    content, arm = firmware.content(address, size), firmware.core.emulated == "arm"
    offsets = instructions(content, arm)
    labels = []
    for place, step in firmware.steps:
        if address <= place < address + size:
            labels.append((offsets.index(place - address), step))
    moved = tuple(
        address + end
        for start, end in pairwise([*offsets, size])
        if may_move(content[start:end], arm)
    )
    return BasicBlock(len(offsets), tuple(labels), moved)


def instructions(content: bytes, arm: bool) -> list[int]:
    """Return the offset of each instruction of straight-line code.

    Thumb: a first halfword of 0b11101, 0b11110 or 0b11111 in the upper five bits starts 32 bits
    (Armv7-M Architecture Reference Manual, A5.1). RISC-V: lower two bits 0b11 (The RISC-V
    Instruction Set Manual, volume I, 1.5).
    """
    offsets, at = [], 0
    while at < len(content):
        offsets.append(at)
        half = content[at] | content[at + 1] << 8
        wide = half >> 11 >= 0b11101 if arm else half & 3 == 3
        at += 4 if wide else 2
    return offsets
