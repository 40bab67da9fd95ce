"""The check that an exported model's constants are what edgekit wrote: a CRC-32 of all of them.

A weight with one bit flipped may change no output of the self-test; its CRC-32 it always changes.
Numbers are summed up by their values, the lowest byte first, so that the sum is the same on
machines of either byte order, and read as the kernels read them: on AVR from flash. The self-test
sums up activations with the same function.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

from edgekit.convert.c.blocks import definitions
from edgekit.convert.c.conditions import conditional, cores

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from edgekit.convert.c.conditions import Core, Cores
    from edgekit.convert.c.forms import ConstantArray
    from edgekit.convert.c.parse import Block

NAMES = ("ek_crc32", "ek_numbers")
"""The function that the text defines besides the check itself, and the struct that it reads."""

START = 0xFFFFFFFF
"""Sum of no bytes; ``zlib.crc32`` inverts all bits before and after."""

FLASH = 4
"""What says of numbers that they are in flash alone."""

DECLARATIONS = """\
/* For the self-test: numbers in memory, ``what`` is 8 x their bytes + 4 if they lie in flash alone
 * + the logarithm of the bytes of each; the CRC-32 of ``count`` of these, at
 * least one; the arena. */
struct {name}_ek_numbers {{
    const void *at;
    uint32_t what;
}};
uint32_t {name}_ek_crc32(uint32_t sum, const struct {name}_ek_numbers *each, int count);
extern int64_t {name}_ek_arena[];
"""
"""What the header declares."""

CRC32 = """\
/* CRC-32 as of zlib, bit by bit, without the inversions: the lowest byte of each number first. */
uint32_t ek_crc32(uint32_t sum, const struct ek_numbers *each, int count)
{
    const uint16_t one = 1;
    const int is_little = *(const uint8_t *)&one;
    do {
        const uint8_t *const bytes = (const uint8_t *)each->at;
        const uint32_t swap = is_little ? 0 : (UINT32_C(1) << (each->what & 3)) - 1;
        for (uint32_t i = 0; i < each->what >> 3; i++) {
            sum ^= BYTE;
            for (int bit = 0; bit < 8; bit++)
                sum = (sum >> 1) ^ (sum & 1 ? UINT32_C(0xedb88320) : 0);
        }
        each++;
    } while (--count > 0);
    return sum;
}
"""

BYTE = "bytes[i ^ swap]"
BYTE_OF_EITHER = "each->what & 4 ? ek_flash_uint8(bytes + (i ^ swap)) : bytes[i ^ swap]"


def readers(constants: Iterable[ConstantArray]) -> list[Block]:
    """Return what of flash.h the check reads these constants with."""
    return definitions("flash.h", ["ek_flash_uint8"] if any(one.flash for one in constants) else [])


def numbers(at: str, size: int, itemsize: int, *, flash: bool = False) -> str:
    """Return the initialiser of an ``ek_numbers``.

    Args:
        at: C expression of the address.
        size: bytes.
        itemsize: bytes of a number.
        flash: whether they are in flash alone.
    """
    return f"{{{at}, UINT32_C(8) * {size} + {FLASH * flash + itemsize.bit_length() - 1}}}"


def render(
    name: str,
    constants: Mapping[str, ConstantArray],
    groups: Mapping[Cores, Sequence[str]],
    macros: Mapping[str, str],
) -> str:
    """Return the C function that returns 0 while all constants are as they are here, else -1.

    Args:
        name: name of the library.
        constants: by their names.
        groups: names of the constants by the cores that have them, those of all cores first.
        macros: as for ``conditional``.
    """
    in_flash = any(one.flash for one in constants.values())
    crc = CRC32.replace("BYTE", BYTE_OF_EITHER if in_flash else BYTE)
    head = f"int {name}_check_constants(void)\n{{\n"
    if not constants:
        return f"{crc}\n{head}    return 0;\n}}\n"
    everywhere = cores(macros)
    common = [constants[one] for one in groups.get(frozenset(everywhere), ())]
    kinds: dict[tuple[str, ...], list[Core]] = {}
    for core in everywhere:
        names = tuple(one for where, group in groups.items() if core in where for one in group)
        kinds.setdefault(names, []).append(core)
    parts = []
    for names, where in kinds.items():
        present = [constants[one] for one in names]
        rows = _rows(present[len(common) :]) if present else ["        {0, 0},"]
        parts.append((frozenset(where), "".join(f"{line}\n" for line in [*rows, *_end(present)])))
    lines = ["    static const struct ek_numbers each[] = {", *_rows(common)]
    body = "\n".join([*lines, conditional(parts, macros)])
    return f"{crc}\n{head}{body}}}\n"


def _rows(constants: Iterable[ConstantArray]) -> list[str]:
    return [
        f"        {numbers(one.name, one.values.nbytes, one.values.itemsize, flash=one.flash)},"
        for one in constants
    ]


def _end(constants: Sequence[ConstantArray]) -> list[str]:
    """Return the lines behind the rows of all constants of a core."""
    total = 0
    for one in constants:
        little = one.values.astype(one.values.dtype.newbyteorder("<"), copy=False)
        total = crc32(little.tobytes(), total)
    count = "(int)(sizeof each / sizeof *each)"
    return [
        "    };",
        f"    return ek_crc32(UINT32_C({START:#x}), each, {count}) == {inverted(total)} ? 0 : -1;",
    ]


def inverted(crc: int) -> str:
    """Return the sum of which zlib's is the inverse, as a C constant."""
    return f"UINT32_C({crc ^ START:#010x})"
