"""An estimate of a Cortex-M4's cycles: without wait states, and what flash adds to them.

Source of the cycles: Arm Cortex-M4 Processor Technical Reference Manual, r0p1 (100166_0001), 3.3.1
"Table of processor instructions", 3.3.2 "Load/store timings", and for floats 7.3 "FPU functional
description", table 7-1. Where the manual gives a range, this is taken:

- A branch that is taken refills the pipeline in 1 to 3 cycles, "depending on the alignment and
  width of the target instruction, and whether the processor manages to speculate the address
  early": 1 if the distance is in the instruction, and 1 more if the target has 32 bits across two
  words; 3 if the address comes from a register or from memory, as the manual says of LDR PC, TBB
  and TBH.
- A division takes 2 to 12 cycles, by its operands: 12.
- IT can be folded into the instruction before: it takes nothing after one of 16 bits, else 1.

An instruction whose condition fails counts as if it were executed. Not in the model: unaligned
accesses, contention for the bus, waiting for the result of an FPU instruction, integer instructions
that go on while the FPU divides, pipelining across the ends of basic blocks.

Wait states are those of an STM32L4R5 at 120 MHz, the part that MLPerf Tiny's results are measured
on (ST, RM0432, "Embedded Flash memory"): 5 for each read of 64 bits. Its accelerator keeps 1 KiB of
instructions and 256 bytes of data. In the model, what was used longest ago gives way, instructions
that follow one another are always prefetched in time, and so only these wait: a branch that is
taken to a basic block that the cache does not hold, and a load of data that it does not hold. RAM
has no wait states.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from edgekit.benchmarks.mcu.thumb import Branch, Instruction, Kind

NAME = "cortex-m4"
"""The core that the estimate is for; the manuals of M7 and M33 state no cycles."""

CLOCK = 120_000_000
"""Cycles a second."""

WAIT_STATES = 5
FLASH_WORD = 8
"""Bytes that flash reads at once."""
INSTRUCTION_CACHE, DATA_CACHE = 1024, 256
"""Bytes of the accelerator's caches."""

DIVISION = 12
FLOAT_CYCLES = {
    Kind.FLOAT_MOVE: 2,
    Kind.FLOAT_MULTIPLY_ADD: 3,
    Kind.FLOAT_DIVISION: 14,
}
ADDRESSING = frozenset((Kind.LOAD, Kind.STORE, Kind.STORE_INDEXED, Kind.SEVERAL, Kind.TABLE))
REFILL = {Branch.NONE: 0, Branch.DIRECT: 1, Branch.INDIRECT: 3}
"""Cycles of refilling the pipeline when a branch is taken."""


def cycles(instructions: Iterable[Instruction]) -> list[int]:
    """Return the cycles of each instruction of straight-line code, its branch not taken."""
    before, spent = Instruction(wide=True), []
    for one in instructions:
        spent.append(_cycles(one, before))
        before = one
    return spent


def _cycles(one: Instruction, before: Instruction) -> int:
    depends = bool(before.result & one.address)
    # "There is no forwarding path" from a calculation to the address of a load or store.
    late = int(depends and one.kind in ADDRESSING and before.kind not in ADDRESSING)
    match one.kind:
        case Kind.LOAD | Kind.STORE_INDEXED:
            # "If the next instruction is an LDR or STR, and the destination of the first LDR is
            # not used to compute the address for the next instruction, then one cycle is removed".
            follows = before.kind is Kind.LOAD and before.branch is Branch.NONE and not depends
            return 1 + (not follows) + late
        case Kind.STORE:
            return 1 + late
        case Kind.SEVERAL:
            return 1 + one.words + late
        case Kind.TABLE:
            return 3 + late
        case Kind.DIVISION:
            return DIVISION
        case Kind.IF_THEN:
            return int(before.wide)
        case Kind.PROCESSING:
            return 1
    return FLOAT_CYCLES[one.kind]


def refill(last: Instruction) -> int:
    """Return the cycles that a basic block takes in addition when its last instruction branches."""
    return REFILL[last.branch]


def straddles(address: int, first: Instruction) -> bool:
    """Tell whether a branch to this instruction waits a cycle: it has parts of two words."""
    return first.wide and address % 4 != 0


@dataclass(frozen=True)
class Accelerator:
    """The caches between flash and core, what was used longest ago first.

    Attributes:
        blocks: bytes of each basic block of instructions, by its address.
        words: bytes of each word of data, by its number.
    """

    blocks: dict[int, int] = field(default_factory=dict)
    words: dict[int, int] = field(default_factory=dict)


def enter(caches: Accelerator, address: int, size: int, branched: bool) -> int:
    """Return the cycles that a basic block's first instruction waits for flash."""
    blocks = caches.blocks
    held = blocks.pop(address, 0)
    blocks[address] = size
    if held:
        return 0
    room = INSTRUCTION_CACHE - sum(blocks.values())
    while room < 0 and len(blocks) > 1:
        room += blocks.pop(next(iter(blocks)))
    return WAIT_STATES if branched else 0


def read(caches: Accelerator, address: int) -> int:
    """Return the cycles that a load of data at an address of flash waits."""
    words, word = caches.words, address // FLASH_WORD
    held = words.pop(word, 0)
    words[word] = FLASH_WORD
    if held:
        return 0
    if len(words) > DATA_CACHE // FLASH_WORD:
        del words[next(iter(words))]
    return WAIT_STATES
