"""C sources taken apart into functions, types and macros.

This is no parser of C: it knows how the kernels' sources are laid out, and what it does not
understand it refuses, before code is lost or loses its condition.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

IDENTIFIER = re.compile(r"\b[A-Za-z_]\w*\b")
NOT_CODE = re.compile(
    r"""/\*.*?\*/ | "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*'""", re.DOTALL | re.VERBOSE
)
"""A comment, a string or a character."""

PART = re.compile(
    r"""
    (?P<comment> /\*(?:(?!\*/).)*\*/\n )
  | (?P<skipped> \n | \#include\ (?:"\w+\.h"|<(?:stddef|stdint|string|arm_mve|riscv_vector)\.h>)\n )
  | (?P<guard> \#ifndef\ (?P<header>\w+_H)\n\#define\ (?P=header)\n )
  | (?P<directive> \#(?:if|ifdef|ifndef|elif|else|endif)\b(?:[^\n]*\\\n)*[^\n]*\n )
  | (?P<block> \#define\ (?:[^\n]*\\\n)*[^\n]*\n
        | [^\n\#][^\n]*;(?:\ /\*[^\n]*\*/)?\n
        | EK_(?!TARGET\b)[^\n]*\)\n
        | (?:(?!\n\n|\*/)[^;{}\#])*\{.*?\n\}[^\n]*\n )
    """,
    re.DOTALL | re.VERBOSE,
)
"""The outermost level of a source file: a comment, what an exported file has no use for, a
directive, or a block: a macro, a line, or all up to a brace that stands first on its line."""

DEFINED = re.compile(
    r"""
    ^\#define\ (\w+)
  | ^EK_\w+\(EK\((\w+)\)            # a macro that defines the kernel in its argument
  | ^EK_\w+\((\w+),\                # likewise a function
  | ^EK_TARGET\ void\ EK\((\w+)\)
  | ^typedef\ struct\ \{.*\}\ (\w+);
  | ^enum\ \{\ (\w+)\ =[^,}]+\};  # of one value, since one name is found
  | ^(?:__attribute__\(\(\w+\)\)\ )?(?:\w[\w ]*[ *])(\w+)(?:[\[(]|\ =)  # function, its type, value
    """,
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)
"""What a block defines."""

CONDITION = re.compile(r"^#(?:if|ifdef|ifndef|elif)\b(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
KNOWN = re.compile(r"if|ifdef|ifndef|elif|defined|__\w+|_M_\w+|\w+_MAX")
"""What may stand in a condition: macros of compilers and of stdint.h."""

HOLDS = ""
"""What stands for a condition that is decided here, in place of its line."""


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


def parse(file: str, text: str, switches: Collection[str] = ()) -> tuple[Block, ...]:
    """Return the blocks of a source file.

    Args:
        file: its name.
        text: its content.
        switches: macros whose "#ifdef" the exporter writes itself, around all that needs it.

    Raises:
        ValueError: there is what is not understood; the message begins with file and line.
    """
    decided = dict.fromkeys((f"#ifdef {one}" for one in switches), HOLDS)
    text = re.sub(r"\bEK\((\w+)\)", r"EK(ek_\1)", text)
    blocks: list[Block] = []
    conditions: list[str] = []
    comment, otherwise, at = "", False, 0
    while at < len(text):
        part = PART.match(text, at)
        try:
            if part is None:
                raise ValueError(f"not understood: {text[at:].splitlines()[0]}")
            if part["guard"]:
                conditions.append(HOLDS)
            elif part["directive"]:
                otherwise = _direct(part["directive"].strip(), decided, conditions, otherwise)
            elif part["block"]:
                blocks.append(_block(file, comment, part["block"], "".join(conditions), otherwise))
        except ValueError as error:
            raise ValueError(f"{file}:{_line(text, at)}: {error}") from None
        comment, at = part["comment"] or "", part.end()
    if conditions:
        raise ValueError(f"{file}:{_line(text, at)}: the file ends, and there is no #endif")
    return tuple(blocks)


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _direct(line: str, decided: dict[str, str], conditions: list[str], otherwise: bool) -> bool:
    """Enter or leave a condition, and return whether what follows stands behind its "#else"."""
    stays = bool(conditions) and conditions[-1] != HOLDS
    if line.startswith("#if"):
        bare = NOT_CODE.sub("", line).strip()
        if bare not in decided:
            _require_known(line)
            if any(one != HOLDS for one in conditions):
                raise ValueError(f"a condition inside another: {line}")
        conditions.append(decided.get(bare, line))
        return otherwise
    if line.startswith("#else") and stays and not otherwise:
        return True
    if line.startswith("#endif") and conditions:
        conditions.pop()
        return otherwise and not stays
    raise ValueError(f"not understood here: {line}")


def _require_known(condition: str) -> None:
    """Raise when a condition names a macro that an exported file does not define."""
    names = IDENTIFIER.findall(NOT_CODE.sub("", condition))
    if unknown := [one for one in names if not KNOWN.fullmatch(one)]:
        raise ValueError(f"{unknown[0]} is not defined in an exported file: {condition}")


def _block(file: str, comment: str, text: str, condition: str, otherwise: bool) -> Block:
    names = frozenset(name for groups in DEFINED.findall(text) for name in groups if name)
    first = text.partition("\n")[0]
    if not names:
        raise ValueError(f"it defines nothing that is known: {first}")
    for line in CONDITION.findall(text):
        _require_known(line)
    if not (text.startswith("#define") or _is_one(text)):
        raise ValueError(f"no single definition: {first}")
    text = re.sub(r"\bEK\((\w+)\)", r"\1", text)
    text = re.sub(r"^(?:EK_TARGET )?void ek_", "static void ek_", text, flags=re.MULTILINE)
    text = text.replace("EK_TARGET void", "static void")
    uses = frozenset(IDENTIFIER.findall(re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)))
    return Block(file, names, comment + text, uses, condition, otherwise)


def _is_one(text: str) -> bool:
    """Tell whether braces and conditions are closed, and nothing follows the outermost brace."""
    code = NOT_CODE.sub("", text)
    if len(re.findall(r"^#if", code, re.MULTILINE)) != code.count("#endif"):
        return False
    depth = 0
    closed = False
    for brace in re.findall(r"[{}]", code):
        if closed:
            return False
        depth += 1 if brace == "{" else -1
        closed = depth == 0
    return depth == 0
