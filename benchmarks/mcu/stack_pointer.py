"""Which instructions may lower the stack pointer.

They are few, so that an emulator which asks for the pointer only after them is fast.
"""

THUMB_SP, RISCV_SP = 13, 2
"""Number of the register."""


def may_lower(instruction: bytes, arm: bool) -> bool:
    """Tell whether an instruction of 2 or 4 bytes may lower the stack pointer."""
    low = int.from_bytes(instruction[:2], "little")
    high = int.from_bytes(instruction[2:], "little")
    if arm:
        return _wide_thumb(low, high) if len(instruction) == 4 else _thumb(low)
    return _riscv(high << 16 | low) if len(instruction) == 4 else _compressed(low)


def _thumb(half: int) -> bool:
    """Armv7-M Architecture Reference Manual, A5.2: SUB SP; ADD and MOV of high registers; PUSH."""
    return half & 0xFF80 == 0xB080 or half & 0xFC87 == 0x4485 or half & 0xFE00 == 0xB400


def _wide_thumb(first: int, second: int) -> bool:
    """As before, A5.3: data processing, with a shifted register or a constant; stores that push.

    These are of several registers, of one, and of the FPU, with the bit W.
    """
    processing = first >> 9 == 0b1110101 or (first >> 11 == 0b11110 and not second & 0x8000)
    if processing:
        return second >> 8 & 15 == THUMB_SP
    one = first & 0xFF9F == 0xF80D and second & 0x0900 == 0x0900
    return one or first & 0xFA3F == 0xE82D


def _riscv(word: int) -> bool:
    """The RISC-V Instruction Set Manual, volume I, 2.2: stores and branches have no result."""
    return word >> 7 & 31 == RISCV_SP and word & 0x7F not in (0x23, 0x63)


def _compressed(half: int) -> bool:
    """As before, chapter C: C.ADDI, C.LI and C.ADDI16SP; C.MV and C.ADD."""
    quadrant, function = half & 3, half >> 13
    moves = function in (0, 2, 3) if quadrant == 1 else function == 4 and quadrant == 2
    return moves and half >> 7 & 31 == RISCV_SP
