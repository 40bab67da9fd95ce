"""The kernels' C sources taken apart into functions, types and macros, and what a kernel needs.

The exported C holds the engine's own sources, of which it takes those blocks that its kernels use;
nothing in a block is changed but its linkage, and a name that two files use for different things.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from itertools import groupby

FOLDER = "edge_runtime.ops"
OWN_INCLUDE = re.compile(r'#include "(\w+\.h)"')
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
IDENTIFIER = re.compile(r"\b[A-Za-z_]\w*\b")

PART = re.compile(
    r"""
    (?P<comment> /\*.*?\*/\n )
  | (?P<skipped> \n | \#include[^\n]*\n | \#ifndef\ (\w+_H)\n\#define\ \3\n
        | \#if[^\n]*(?:EK_AVX2|\ EK_DSP|Py_LIMITED_API)[^\n]*\n )
  | (?P<condition> \#(?:if|else|endif)(?:[^\n]*\\\n)*[^\n]*\n )
  | (?P<block> \#define(?:[^\n]*\\\n)*[^\n]*\n
        | [^\n]*;\n | EK_[^\n]*\)\n
        | .*?\n\}[^\n]*\n )
    """,
    re.DOTALL | re.VERBOSE,
)
"""The outermost level of a source file: a comment, what the engine's own build needs (includes,
guards, its instruction sets), a condition that stays, or a block: a macro, a line, or all up to a
brace that stands first on its line."""

DEFINED = re.compile(
    r"""
    ^\#define\ (\w+)
  | ^EK_\w+\(EK\((\w+)\)            # a macro that defines the kernel that it is given
  | ^typedef\ struct\ \{.*\}\ (\w+);
  | ^enum\ \{\ (\w+)\ =
  | ^(?:__attribute__\(\(\w+\)\)\ )?(?:\w[\w ]*[ *])(\w+)(?:[\[(]|\ =)  # function, its type, value
    """,
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)
"""What a block defines."""


@dataclass(frozen=True)
class Block:
    """A definition at the outermost level of a source file, with the comment above it.

    Attributes:
        file: name of the file.
        names: what it defines.
        text: as it stands in the file, but a kernel is static.
        uses: all identifiers in it.
        condition: the line "#if …" that it stands behind; "" where it stands behind none.
        otherwise: whether it stands behind the "#else" of that condition.
    """

    file: str
    names: frozenset[str]
    text: str
    uses: frozenset[str]
    condition: str = ""
    otherwise: bool = False

    def stands_beside(self, other: "Block") -> bool:
        """Tell whether there is a machine that both are compiled for."""
        same = (self.file, self.condition) == (other.file, other.condition)
        return not same or self.otherwise == other.otherwise


def needed(kernels: Iterable[str]) -> list[Block]:
    """Return what the C functions ``kernels`` need, themselves included, in a valid order.

    Args:
        kernels: names of C functions: "ek_fully_connected_int8".

    Raises:
        KeyError: there is no such kernel.
    """
    reached: list[Block] = []
    order: list[str] = []
    for kernel in kernels:
        file = _index()[kernel]
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
    """Return what defines the names in a header, and what that needs of it, in its order."""
    reached: list[Block] = []
    _reach((block for name in names for block in definition(file, name)), reached)
    return [block for block in _blocks(file) if block in reached]


def merged(blocks: Sequence[Block]) -> list[Block]:
    """Return the blocks fit for one file: names that two files define have the file's before."""
    owners: dict[str, set[str]] = {}
    for block in blocks:
        for name in block.names:
            owners.setdefault(name, set()).add(block.file)
    shared = {name for name, files in owners.items() if len(files) > 1}
    return [_renamed(block, shared) for block in blocks]


def _renamed(block: Block, shared: set[str]) -> Block:
    own = shared & {name for one in _blocks(block.file) for name in one.names}
    if not own:
        return block
    stem = block.file.partition(".")[0]
    pattern = re.compile(rf"\b({'|'.join(sorted(own))})\b")
    names = frozenset(f"{stem}_{one}" if one in shared else one for one in block.names)
    return replace(block, names=names, text=pattern.sub(rf"{stem}_\1", block.text))


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
def _index() -> dict[str, str]:
    """Return the file of each kernel."""
    names = [one.name for one in files(FOLDER).iterdir() if one.name.endswith(".c")]
    return {
        name: file
        for file in sorted(names)
        if not file.endswith(("_avx2.c", "_avx512.c", "_avxvnni.c", "_neon.c", "_dotprod.c"))
        for block in _blocks(file)
        for name in block.names
        if name.startswith("ek_")
    }


@cache
def _text(file: str) -> str:
    return files(FOLDER).joinpath(file).read_text(encoding="utf-8")


@cache
def _included(file: str) -> tuple[str, ...]:
    """Return the file and the headers that it includes, each behind those that it needs."""
    found: list[str] = []
    for header in OWN_INCLUDE.findall(_text(file)):
        if header != "kernels.h":
            found += [one for one in _included(header) if one not in found]
    return (*found, file)


@cache
def _visible(file: str) -> dict[str, list[Block]]:
    """Return what the file defines, and the headers that it includes, by name."""
    found: dict[str, list[Block]] = {}
    for one in _included(file):
        for block in _blocks(one):
            for name in block.names:
                found.setdefault(name, []).append(block)
    return found


@cache
def _blocks(file: str) -> tuple[Block, ...]:
    blocks, comment, condition, otherwise = [], "", "", False
    text = re.sub(r"\bEK\((\w+)\)", r"EK(ek_\1)", _text(file))
    for part in PART.finditer(text):
        if line := part["condition"]:
            otherwise = line.startswith("#else")
            condition = condition if otherwise else line.strip() if "#if" in line else ""
        if part["block"]:
            block = _block(file, comment, part["block"])
            blocks.append(replace(block, condition=condition, otherwise=otherwise))
        comment = part["comment"] or ""
    return tuple(blocks)


def _block(file: str, comment: str, text: str) -> Block:
    names = {name for found in DEFINED.findall(text) for name in found if name}
    text = re.sub(r"\bEK\((\w+)\)", r"\1", text)
    text = re.sub(r"^(?:EK_TARGET )?void ek_", "static void ek_", text, flags=re.MULTILINE)
    text = text.replace("EK_TARGET void", "static void")
    code = COMMENT.sub(" ", text)
    return Block(file, frozenset(names), comment + text, frozenset(IDENTIFIER.findall(code)))
