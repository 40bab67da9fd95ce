"""The parts of the kernels' C sources that an exported file contains: the blocks that it uses.

Nothing in a block is changed but its linkage, and a name that two files use for different things.
"""

import re
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from io import BytesIO
from itertools import groupby

from edgekit.convert.c.parse import IDENTIFIER, Block, parse

FOLDERS = ("", "cortex_m/", "riscv/")
"""Of the kernels' sources, what is exported: portable kernels, and those for microcontrollers."""

DECLARATIONS = "kernel.h"
"""The header of which only the switches are exported."""

OWN_INCLUDE = re.compile(r'#include "(\w+\.h)"')
SWITCH = re.compile(r"^(#if(?:[^\n]*\\\n)*[^\n]*)\n(#define (\w+) 1\n)#endif\n", re.MULTILINE)
"""A condition, the macro that is defined where it holds, and the macro's name."""


def needed(kernels: Iterable[str]) -> list[Block]:
    """Return what the C functions ``kernels`` need, themselves included, in a valid order.

    Args:
        kernels: names of C functions: "ek_fully_connected_int8_once".

    Raises:
        KeyError: there is no such kernel.
    """
    reached: list[Block] = []
    order: list[str] = []
    for kernel in kernels:
        file = kernel_files()[kernel]
        order += [one for one in _included(file) if one not in order]
        _reach(_visible(file)[kernel], reached)
    return [block for file in order for block in _blocks(file) if block in reached]


def _reach(blocks: Iterable[Block], reached: list[Block]) -> None:
    """Add the blocks and all that they need to ``reached``."""
    waiting = list(blocks)
    while waiting:
        block = waiting.pop()
        if block not in reached:
            reached.append(block)
            visible = _visible(block.file)
            used = [one for name in block.uses & visible.keys() for one in visible[name]]
            waiting += [one for one in used if one.stands_beside(block)]


def definition(file: str, name: str) -> list[Block]:
    """Return what defines ``name`` in a header, with its conditions."""
    return [block for block in _blocks(file) if name in block.names]


def definitions(file: str, names: Iterable[str]) -> list[Block]:
    """Return what defines the names in a header, and what that needs, in a valid order."""
    reached: list[Block] = []
    _reach((block for name in names for block in definition(file, name)), reached)
    return [block for one in _included(file) for block in _blocks(one) if block in reached]


def merged(blocks: Sequence[Block]) -> list[Block]:
    """Return the blocks fit for one file: names that two files define have the file's behind.

    Before it, as in ``transpose_conv_int8_twice``, a name might become that of a kernel.
    """
    owners: dict[str, set[str]] = {}
    for block in blocks:
        for name in block.names:
            owners.setdefault(name, set()).add(block.file)
    shared = {name for name, files in owners.items() if len(files) > 1}
    return [_renamed(block, shared) for block in blocks]


def _renamed(block: Block, shared: set[str]) -> Block:
    ambiguous = shared & {name for one in _blocks(block.file) for name in one.names}
    if not ambiguous:
        return block
    stem = block.file.partition(".")[0]
    pattern = re.compile(rf"\b({'|'.join(sorted(ambiguous))})\b")
    names = frozenset(f"{one}_of_{stem}" if one in shared else one for one in block.names)
    return replace(block, names=names, text=pattern.sub(rf"\1_of_{stem}", block.text))


def joined(blocks: Iterable[Block]) -> str:
    """Return the blocks as text, those that share a condition behind it."""
    parts = []
    for (_, condition), group in groupby(blocks, key=lambda one: (one.file, one.condition)):
        members = list(group)
        if not condition:
            parts += [block.text for block in members]
            continue
        first = [block.text for block in members if not block.otherwise]
        second = [block.text for block in members if block.otherwise]
        middle = ["#else\n", *second] if second else []
        parts += [f"{condition}\n", *first, *middle, "#endif\n"]
    return "\n".join(parts)


@cache
def switches() -> dict[str, Block]:
    """Return what defines each macro that says which of the forms of a step a core can run."""
    return {
        name: Block(
            DECLARATIONS, frozenset({name}), text, frozenset(IDENTIFIER.findall(text)), condition
        )
        for condition, text, name in SWITCH.findall(_text(DECLARATIONS))
    }


@cache
def kernel_files() -> dict[str, str]:
    """Return the file of each kernel."""
    return {
        name: file
        for file in sorted(_paths())
        if file.endswith(".c")
        for block in _blocks(file)
        for name in block.names
        if name.startswith("ek_")
    }


@cache
def _paths() -> dict[str, Traversable]:
    """Return where each file lies; no two have the same name."""
    kernels = _kernels()
    folders = (kernels.joinpath(one) for one in FOLDERS)
    return {one.name: one for folder in folders for one in folder.iterdir() if one.is_file()}


def _kernels() -> Traversable:
    """Return the kernels' sources: a folder in a checkout, an archive in a wheel."""
    folder = files(__package__).joinpath("kernels")
    if folder.is_dir():
        return folder
    archive = files(__package__).joinpath("kernels.zip").read_bytes()
    return zipfile.Path(BytesIO(archive))


@cache
def _text(file: str) -> str:
    return _paths()[file].read_text(encoding="utf-8")


@cache
def _included(file: str) -> tuple[str, ...]:
    """Return the file and the headers that it includes, each behind those that it needs."""
    names: list[str] = []
    for header in OWN_INCLUDE.findall(_text(file)):
        if header != DECLARATIONS:
            names += [one for one in _included(header) if one not in names]
    return (*names, file)


@cache
def _visible(file: str) -> dict[str, list[Block]]:
    """Return what the file defines, and the headers that it includes, by name."""
    visible: dict[str, list[Block]] = {}
    for one in _included(file):
        for block in _blocks(one):
            for name in block.names:
                visible.setdefault(name, []).append(block)
    return visible


@cache
def _blocks(file: str) -> tuple[Block, ...]:
    return parse(file, _text(file), switches())
