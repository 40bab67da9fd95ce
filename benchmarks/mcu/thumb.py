"""What a Thumb instruction does, as far as its cycles depend on it.

Encodings: Armv7-M Architecture Reference Manual, A5 (Thumb) and A6.4 to A6.7 (floating point). What
a Cortex-M4 does not have is not recognised.
"""

from dataclasses import dataclass
from enum import Enum, auto

SP, PC = 13, 15
"""Numbers of the registers."""


class Kind(Enum):
    """What an instruction does."""

    PROCESSING = auto()
    """Calculates from registers and constants, or does nothing; branches as well."""
    LOAD = auto()
    """Reads one register from memory."""
    STORE = auto()
    """Writes one register to memory, at a register with or without a constant."""
    STORE_INDEXED = auto()
    """Writes one register to memory, at the sum of two."""
    SEVERAL = auto()
    """Moves several registers from or to memory, or any of the FPU."""
    TABLE = auto()
    """Reads a branch's distance from a table: TBB, TBH."""
    DIVISION = auto()
    IF_THEN = auto()
    """IT: makes what follows conditional."""
    FLOAT_MOVE = auto()
    """Moves between registers of the core and of the FPU."""
    FLOAT_MULTIPLY_ADD = auto()
    FLOAT_DIVISION = auto()
    """Divides floats, or calculates a square root."""


class Branch(Enum):
    """How an instruction says where to go on."""

    NONE = auto()
    DIRECT = auto()
    """By a distance in the instruction."""
    INDIRECT = auto()
    """By a register or from memory."""


@dataclass(frozen=True)
class Instruction:
    """An instruction.

    Attributes:
        kind: what it does.
        wide: it has 32 bits.
        branch: how it branches.
        result: the register that it calculates or loads alone, as a bit of a mask; 0 for none.
        address: mask of the registers that make its address in memory.
        words: 32-bit words that SEVERAL moves.
    """

    kind: Kind = Kind.PROCESSING
    wide: bool = False
    branch: Branch = Branch.NONE
    result: int = 0
    address: int = 0
    words: int = 0


def decode(content: bytes) -> Instruction:
    """Return the instruction of 2 or 4 bytes."""
    first = int.from_bytes(content[:2], "little")
    if len(content) == 2:
        return _narrow(first)
    return _wide(first, int.from_bytes(content[2:], "little"))


def _narrow(half: int) -> Instruction:
    """A5.2."""
    if half < 0x4000:  # shifts, additions, and constants of 8 bits, of which CMP has no result
        large = half >= 0x2000
        compares = half >> 11 == 0b00101
        return Instruction(result=0 if compares else _bit(half >> 8 if large else half, 7))
    if half < 0x4400:  # TST, CMP and CMN have no result
        return Instruction(result=0 if half >> 6 & 15 in (8, 10, 11) else _bit(half, 7))
    if half < 0x4800:
        return _high_registers(half)
    if half < 0x5000:  # of a literal
        return Instruction(Kind.LOAD, result=_bit(half >> 8, 7))
    if half < 0x6000:
        return _single(half >= 0x5600, True, half, _bit(half >> 3, 7) | _bit(half >> 6, 7))
    if half < 0x9000:
        return _single(bool(half & 0x800), False, half, _bit(half >> 3, 7))
    if half < 0xA000:
        return _single(bool(half & 0x800), False, half >> 8, 1 << SP)
    if half < 0xB000:  # ADR and ADD of the stack pointer
        return Instruction(result=_bit(half >> 8, 7))
    if half < 0xC000:
        return _miscellaneous(half)
    if half < 0xD000:
        words = (half & 0xFF).bit_count()
        return Instruction(Kind.SEVERAL, address=_bit(half >> 8, 7), words=words)
    if half < 0xDE00 or half >= 0xE000:
        return Instruction(branch=Branch.DIRECT)
    return Instruction()  # UDF and SVC


def _single(loads: bool, indexed: bool, register: int, address: int) -> Instruction:
    if loads:
        return Instruction(Kind.LOAD, result=_bit(register, 7), address=address)
    return Instruction(Kind.STORE_INDEXED if indexed else Kind.STORE, address=address)


def _high_registers(half: int) -> Instruction:
    """A5.2.3: ADD, CMP and MOV of high registers, BX and BLX."""
    operation = half >> 8 & 3
    result = _bit(half >> 4 & 8 | half & 7, 15) if operation in (0, 2) else 0
    jumps = operation == 3 or result == 1 << PC
    return Instruction(branch=Branch.INDIRECT if jumps else Branch.NONE, result=result)


def _miscellaneous(half: int) -> Instruction:
    """A5.2.5."""
    if half & 0xF600 == 0xB400:  # PUSH and POP, with LR and PC
        words, pops = (half & 0x1FF).bit_count(), half & 0x800
        branch = Branch.INDIRECT if pops and half & 0x100 else Branch.NONE
        return Instruction(Kind.SEVERAL, branch=branch, address=1 << SP, words=words)
    if half & 0xF500 == 0xB100:  # CBZ and CBNZ
        return Instruction(branch=Branch.DIRECT)
    if half & 0xFF00 == 0xB000:
        return Instruction(result=1 << SP)
    if half & 0xFF00 in (0xB200, 0xBA00):  # extensions and reversals
        return Instruction(result=_bit(half, 7))
    if half & 0xFF00 == 0xBF00 and half & 15:
        return Instruction(Kind.IF_THEN)
    return Instruction()


def _wide(first: int, second: int) -> Instruction:
    """A5.3."""
    if first & 0x0400 and first >> 11 != 0b11110:
        return _coprocessor(first, second)
    if first >> 9 == 0b1110100:
        return _several(first, second)
    if first >> 11 == 0b11110 and second & 0x8000:
        return _branch(first, second)
    if first >> 9 == 0b1111100:
        return _load_or_store(first, second)
    if first & 0xFFD0 == 0xFB90:  # SDIV and UDIV
        return Instruction(Kind.DIVISION, True, result=_bit(second >> 8, 15))
    if first & 0xFF80 == 0xFB80:  # products of 64 bits
        return Instruction(wide=True, result=_bit(second >> 8, 15) | _bit(second >> 12, 15))
    return Instruction(wide=True, result=_bit(second >> 8, 15) & ~(1 << PC))


def _several(first: int, second: int) -> Instruction:
    """A5.3.5 and A5.3.6: several registers, two, exclusive ones, and branches by tables."""
    address, loads = _bit(first, 15), bool(first & 0x10)
    if not first & 0x40:
        branch = Branch.INDIRECT if loads and second >> PC else Branch.NONE
        return Instruction(Kind.SEVERAL, True, branch, address=address, words=second.bit_count())
    if first & 0xFFF0 == 0xE8D0 and second & 0xFFE0 == 0xF000:
        address |= _bit(second, 15)
        return Instruction(Kind.TABLE, True, Branch.INDIRECT, address=address & ~(1 << PC))
    if not first & 0x0120:  # LDREX, STREX and their like
        if loads:
            return Instruction(Kind.LOAD, True, result=_bit(second >> 12, 15), address=address)
        return Instruction(Kind.STORE, True, address=address)
    return Instruction(Kind.SEVERAL, True, address=address & ~(1 << PC), words=2)


def _branch(first: int, second: int) -> Instruction:
    """A5.3.4: B, BL and conditional branches; else system registers, hints and barriers."""
    conditional = not second & 0x5000 and first >> 7 & 7 != 0b111
    if conditional or second & 0x1000:
        return Instruction(wide=True, branch=Branch.DIRECT)
    return Instruction(wide=True)


def _load_or_store(first: int, second: int) -> Instruction:
    """A5.3.7 to A5.3.10: one register."""
    literal = first & 15 == PC
    indexed = not literal and not first & 0x80 and not second & 0x800
    address = 0 if literal else _bit(first, 15)
    if indexed:
        address |= _bit(second, 15)
    if not first & 0x10:
        return Instruction(Kind.STORE_INDEXED if indexed else Kind.STORE, True, address=address)
    result = _bit(second >> 12, 15)
    if result != 1 << PC:
        return Instruction(Kind.LOAD, True, result=result, address=address)
    if first & 0x60 == 0x40:
        return Instruction(Kind.LOAD, True, Branch.INDIRECT, result, address)
    return Instruction(wide=True)  # PLD and PLI


def _coprocessor(first: int, second: int) -> Instruction:
    """A6.4 to A6.7: the FPU."""
    if first & 0xFFE0 == 0xEC40:  # VMOV of two registers of the core
        return Instruction(Kind.FLOAT_MOVE, True)
    if first & 0xFE00 == 0xEC00:
        alone = first & 0xFF20 == 0xED00  # VLDR and VSTR, of one word or two
        words = 1 + (second >> 8 & 1) if alone else second & 0xFF
        return Instruction(Kind.SEVERAL, True, address=_bit(first, 15) & ~(1 << PC), words=words)
    if second & 0x10:  # VMRS and VMSR take a cycle as processing does
        system = first & 0xFFE0 == 0xEEE0
        return Instruction(Kind.PROCESSING if system else Kind.FLOAT_MOVE, True)
    operation = first >> 4 & 0b1011
    if operation in (0b0000, 0b0001, 0b1001, 0b1010):
        return Instruction(Kind.FLOAT_MULTIPLY_ADD, True)
    square_root = operation == 0b1011 and first & 15 == 1 and second & 0xC0 == 0xC0
    if operation == 0b1000 or square_root:
        return Instruction(Kind.FLOAT_DIVISION, True)
    return Instruction(wide=True)


def _bit(number: int, mask: int) -> int:
    """Return the register whose number is in the lower bits, as a mask of registers."""
    return 1 << (number & mask)
