"""The basic blocks of firmware, and what the core spends on those that it enters.

An instruction whose condition fails is counted, because it is executed; Arm counts it, too (event
INST_RETIRED, Arm Architecture Reference Manual, "Instruction architecturally executed").
"""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice, pairwise

import numpy as np
import numpy.typing as npt

from edgekit.benchmarks.mcu import cortex_m4
from edgekit.benchmarks.mcu.firmware import Firmware
from edgekit.benchmarks.mcu.stack_pointer import may_lower
from edgekit.benchmarks.mcu.thumb import decode as decode_thumb

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Label:
    """Where a step begins in a basic block.

    Attributes:
        step: its number.
        instructions: those of the block before it.
        cycles: those of the block before it.
    """

    step: int
    instructions: int
    cycles: int


@dataclass(frozen=True)
class BasicBlock:
    """Straight-line code, which runs as a whole.

    Attributes:
        address: of its first byte.
        end: behind its last byte.
        instructions: their number.
        cycles: of a Cortex-M4, if its branch is not taken; 0 for other cores.
        refill: cycles in addition if it is.
        straddles: a branch to it waits a cycle.
        labels: the steps that begin here.
        lowered: addresses behind the instructions that may lower the stack pointer.
    """

    address: int
    end: int
    instructions: int
    cycles: int
    refill: int
    straddles: bool
    labels: tuple[Label, ...]
    lowered: tuple[int, ...]


def block(firmware: Firmware, address: int, size: int) -> BasicBlock:
    """Return the block of ``size`` bytes at ``address``."""
    content, arm = firmware.content(address, size), firmware.core.emulated == "arm"
    offsets = instructions(content, arm)
    parts = [content[start:end] for start, end in pairwise([*offsets, size])]
    cycles, refill, straddles = [0] * len(parts), 0, False
    if firmware.core.name == cortex_m4.NAME:
        decoded = [decode_thumb(part) for part in parts]
        cycles = cortex_m4.cycles(decoded)
        refill = cortex_m4.refill(decoded[-1])
        straddles = cortex_m4.straddles(address, decoded[0])
    before = list(accumulate(cycles, initial=0))
    labels = []
    for place, step in firmware.steps:
        if address <= place < address + size:
            index = offsets.index(place - address)
            labels.append(Label(step, index, before[index]))
    lowered = tuple(
        address + offset + len(part)
        for offset, part in zip(offsets, parts, strict=True)
        if may_lower(part, arm)
    )
    return BasicBlock(
        address=address,
        end=address + size,
        instructions=len(parts),
        cycles=before[-1],
        refill=refill,
        straddles=straddles,
        labels=tuple(labels),
        lowered=lowered,
    )


def counted(
    firmware: Firmware, numbers: Iterable[int], entered: "array[int]", blocks: list[BasicBlock]
) -> Counts:
    """Return what an inference takes, int64 [2, steps + 1]: instructions, and cycles.

    The steps are in order, and last is what is outside of them.

    Args:
        firmware: the firmware that ran.
        numbers: address << 16 | size of each block, by its number.
        entered: numbers of the blocks that were entered, in order.
        blocks: decoded blocks by number; missing ones are added.
    """
    blocks += [
        block(firmware, key >> 16, key & 0xFFFF) for key in islice(numbers, len(blocks), None)
    ]
    order = np.frombuffer(entered, np.dtype(entered.typecode)).copy()
    labelled = np.flatnonzero(_each([bool(one.labels) for one in blocks], order)).tolist()
    marks = [(entry, label) for entry in labelled for label in blocks[order[entry]].labels]
    steps = [label.step for _, label in marks]
    instructions = _each([one.instructions for one in blocks], order)
    before = [(entry, label.instructions) for entry, label in marks]
    counts = [_by_step(instructions, before, steps, firmware.outside)]
    before = [(entry, label.cycles) for entry, label in marks]
    counts.append(_by_step(_cycles(blocks, order), before, steps, firmware.outside))
    return np.array(counts)


def _each(values: Sequence[int], order: npt.NDArray[np.uint32]) -> npt.NDArray[np.int32]:
    """Return a value of each block, for each block that was entered."""
    return np.array(values, np.int32)[order]


def _cycles(blocks: Sequence[BasicBlock], order: npt.NDArray[np.uint32]) -> npt.NDArray[np.int32]:
    """Return the cycles of each block that was entered, with its branch if it was taken."""
    cycles = _each([one.cycles for one in blocks], order)
    refill = _each([one.refill for one in blocks], order)
    ends, starts = ([getattr(one, end) for one in blocks] for end in ("end", "address"))
    taken = _each(ends, order[:-1]) != _each(starts, order[1:])
    taken &= refill[:-1] > 0
    straddles = _each([one.straddles for one in blocks], order[1:])
    cycles[:-1] += taken * (refill[:-1] + straddles)
    cycles[-1:] += refill[-1:]  # the call of ek_next
    return cycles


def _by_step(
    spent: npt.NDArray[np.int32],
    before: Sequence[tuple[int, int]],
    steps: Sequence[int],
    outside: int,
) -> Counts:
    """Return the sums of each step and of what is outside of them, int64 [steps + 1].

    Args:
        spent: what each entered block takes.
        before: for each label, the entered block and what is before the label there.
        steps: the step of each label; what is between two labels belongs to that of the first.
        outside: number of what is outside.
    """
    ends = np.cumsum(spent, dtype=np.int64)
    sums = np.zeros(outside + 1, np.int64)
    at, step = 0, outside
    for (entry, offset), following in zip(before, steps, strict=True):
        position = int(ends[entry] - spent[entry]) + offset
        sums[step] += position - at
        at, step = position, following
    sums[step] += int(ends[-1]) - at
    return sums


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
