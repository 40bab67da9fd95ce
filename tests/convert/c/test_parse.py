"""The kernels' sources taken apart: whole, or refused with the line that is not understood."""

import re

import pytest

from edgekit.convert.c import blocks
from edgekit.convert.c.parse import parse

A = "static int a(void)\n{\n    return 1;\n}\n"
B = "static int b(void)\n{\n    return 2;\n}\n"

REFUSED = {
    "nested conditions": (f"#if __A__\n#if __B__\n{A}#endif\n{B}#endif\n", 2, "inside another"),
    "#elif": (f"#if __A__\n{A}#elif __B__\n{B}#endif\n", 6, "#elif"),
    "a second #else": (f"#if __A__\n#else\n{A}#else\n{B}#endif\n", 7, "#else"),
    "#else of a switch": (f"#ifdef EK_DSP\n{A}#else\n{B}#endif\n", 6, "#else"),
    "code of the host": (f"#ifdef EK_X86\n{A}#endif\n", 1, "EK_X86 is not defined"),
    "#else of nothing": (f"{A}#else\n{B}", 5, "#else"),
    "#endif of nothing": (f"{A}#endif\n{B}", 5, "#endif"),
    "no #endif": (f"{A}\n#if __A__\n{B}", 11, "no #endif"),
    "a macro of the build": (f"#ifdef EK_FAST\n{A}#endif\n", 1, "EK_FAST"),
    "a macro of the build among others": (f"#if __A__ || FAST\n{A}#endif\n", 1, "FAST"),
    "a macro of the build in a function": (
        "static int a(void)\n{\n#ifdef EK_FAST\n    return 1;\n#endif\n    return 2;\n}\n",
        1,
        "EK_FAST",
    ),
    "an unknown directive": (f"{A}#undef __A__\n{B}", 5, "#undef"),
    "an indented directive": (f"# if __A__\n{A}#endif\n", 1, "# if"),
    "an unknown header": ("#include <limits.h>\n", 1, "limits.h"),
    "code between comments": (f"/* a */ EK_CALL(a)\n/* b */\n{B}", 1, "/* a */ EK_CALL(a)"),
    "text": (f"{A}some text\n\n{B}", 5, "some text"),
    "a call over two lines": (f"EK_BOTH(a,\n        b)\n\n{A}", 1, "EK_BOTH"),
    "a function on one line": (f"static int c(void) {{ return 3; }}\n{A}", 1, "static int c"),
    "braces in one branch": (
        "static int a(int b)\n{\n#if __A__\n    if (b) {\n#endif\n    return 1;\n}\n",
        1,
        "static int a",
    ),
    "half a condition": (
        f"static int a(void)\n{{\n#endif\n    return 1;\n}}\n{B}",
        1,
        "static int a",
    ),
    "an enum of two values": ("enum { A = 1, B = 2 };\n", 1, "enum"),
    "what defines nothing": ("EK_ALL(X)\n", 1, "EK_ALL"),
    "no last line": (A[:-1], 1, "static int a"),
}
"""What is wrong -> the file, the line that is named, and a part of the message."""


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_understood_is_refused_with_its_line(what: str) -> None:
    text, line, message = REFUSED[what]
    with pytest.raises(ValueError, match=rf"^kernel\.c:{line}: .*{re.escape(message)}"):
        parse("kernel.c", text, ["EK_DSP"])


def test_every_kernel_is_understood() -> None:
    assert len(blocks.kernel_files()) > 50


def test_no_two_headers_define_the_same_name() -> None:
    """A model may need both, and only names of .c files are told apart."""
    owners: dict[str, set[str]] = {}
    for file in {
        one for kernel in blocks.kernel_files().values() for one in blocks._included(kernel)
    }:
        for name in {name for block in blocks._blocks(file) for name in block.names}:
            if file.endswith(".h"):
                owners.setdefault(name, set()).add(file)
    assert {name: files for name, files in owners.items() if len(files) > 1} == {}


def test_conditions_around_blocks_are_kept() -> None:
    first = f"#if __A__\n{A}#else\n{B}#endif\n"
    second = "#ifdef __B__ /* why */\nenum { C = 1 }; /* one */\n#endif\n"
    a, b, c = parse("kernel.c", first + second)
    assert [a.names, b.names, c.names] == [{"a"}, {"b"}, {"C"}]
    assert [a.condition, b.condition] == ["#if __A__"] * 2
    assert c.condition == "#ifdef __B__ /* why */"
    assert [a.otherwise, b.otherwise, c.otherwise] == [False, True, False]
    assert not a.stands_beside(b)
    assert a.stands_beside(c)


def test_a_condition_inside_a_function_stays_in_it() -> None:
    body = "#if __A__\n    return '{';\n#elif __B__\n    return 2; /* } */\n#endif\n    return 3;\n"
    (block,) = parse("kernel.c", f"static int a(void)\n{{\n{body}}}\n")
    assert body in block.text
    assert block.condition == ""


def test_a_switch_is_not_exported() -> None:
    """A guard, the condition, and one that stays in it."""
    text = f"#ifndef A_H\n#define A_H\n#ifdef EK_DSP\n#if __A__\n{A}#endif\n{B}#endif\n#endif\n"
    a, b = parse("a.h", text, ["EK_DSP"])
    assert (a.condition, b.condition) == ("#if __A__", "")
    assert [block.text for block in (a, b)] == [A, B]
