"""The check that an exported model's constants are what edgekit wrote: a CRC-32 of all of them.

A weight with one bit flipped changes few outputs, and hardly ever those of the recorded inputs; its
CRC-32 it always changes. Numbers are summed up by their values, the lowest byte first, so that the
sum is the same on machines of either byte order, and read as the kernels read them: on AVR from
flash.
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

READERS = {
    **{one: f"ek_flash_{one}" for one in ("int8", "int16", "uint16", "int32", "int64")},
    **dict.fromkeys(("uint8", "bool"), "ek_flash_int8"),
    "float32": "ek_flash_float",
}
"""Element type -> function of flash.h; uint32 is of cores that have one memory for all."""

NAMES = ("ek_crc32", "ek_float_bits")
"""Functions that the text defines besides the check itself."""

CRC32 = """\
/* CRC-32 as of zlib, bit by bit: of the lowest ``bytes`` of a number. */
static uint32_t ek_crc32(uint32_t sum, uint32_t number, int bytes)
{
    for (; bytes > 0; bytes--, number >>= 8) {
        sum ^= number & 0xff;
        for (int bit = 0; bit < 8; bit++)
            sum = (sum >> 1) ^ (sum & 1 ? UINT32_C(0xedb88320) : 0);
    }
    return sum;
}
"""

FLOAT_BITS = """\
static uint32_t ek_float_bits(float number)
{
    uint32_t bits;
    memcpy(&bits, &number, sizeof bits);
    return bits;
}
"""


def readers(constants: Iterable[ConstantArray]) -> list[Block]:
    """Return the functions of flash.h by which the check reads these constants."""
    return definitions("flash.h", {_reader(one) for one in constants if one.flash} - {""})


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
    head = f"int {name}_check_constants(void)\n{{\n"
    if not constants:
        return f"{head}    return 0;\n}}\n"
    everywhere = cores(macros)
    common = [constants[one] for one in groups.get(frozenset(everywhere), ())]
    kinds: dict[tuple[str, ...], list[Core]] = {}
    for core in everywhere:
        names = tuple(one for where, group in groups.items() if core in where for one in group)
        kinds.setdefault(names, []).append(core)
    parts = []
    for names, where in kinds.items():
        present = [constants[one] for one in names]
        rest = [*_sums(present[len(common) :]), f"    return sum == {_expected(present)} ? 0 : -1;"]
        parts.append((frozenset(where), "".join(f"{line}\n" for line in rest)))
    lines = ["    uint32_t sum = UINT32_C(0xffffffff);", *_sums(common)]
    body = "\n".join([*lines, conditional(parts, macros)])
    is_real = any(one.values.dtype == "float32" for one in constants.values())
    return "\n".join([CRC32, *([FLOAT_BITS] if is_real else []), f"{head}{body}}}\n"])


def _expected(constants: Sequence[ConstantArray]) -> str:
    """Return the sum, before its bits are inverted, as a C constant."""
    total = 0
    for one in constants:
        little = one.values.astype(one.values.dtype.newbyteorder("<"), copy=False)
        total = crc32(little.tobytes(), total)
    return f"UINT32_C({total ^ 0xFFFFFFFF:#010x})"


def _sums(constants: Iterable[ConstantArray]) -> list[str]:
    return [line for one in constants for line in _sum(one)]


def _sum(constant: ConstantArray) -> list[str]:
    """Return the loop over one array."""
    dtype, size, reader = str(constant.values.dtype), constant.values.itemsize, _reader(constant)
    at = f"{constant.name} + i"
    if dtype in ("uint8", "bool"):
        at = f"(const int8_t *){at}"
    number = f"{reader}({at})" if constant.flash and reader else f"{constant.name}[i]"
    if dtype == "float32":
        number = f"ek_float_bits({number})"
    loop = f"    for (size_t i = 0; i < {len(constant.values)}; i++)"
    if size < 8:
        return [loop, f"        sum = ek_crc32(sum, (uint32_t){number}, {size});"]
    return [
        f"{loop} {{",
        f"        const uint64_t number = (uint64_t){number};",
        "        sum = ek_crc32(sum, (uint32_t)number, 4);",
        "        sum = ek_crc32(sum, (uint32_t)(number >> 32), 4);",
        "    }",
    ]


def _reader(constant: ConstantArray) -> str:
    """Return the function of flash.h for the element type, "" where there is none."""
    return READERS.get(str(constant.values.dtype), "")
