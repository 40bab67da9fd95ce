"""Text that comes from files, made harmless for each format that it is written into.

Labels, names and file names may be anything. Each format has one function here. JSON needs none,
because ``files.to_json`` writes ASCII only. XML that ElementTree writes needs only ``line``, and so
does a line of Arduino's library.properties, which has no escapes. CMake, Kconfig, keywords.txt and
module.yml contain only C identifiers.
"""

import json
import os
import re
import shlex
import unicodedata

MOST_MARKS = 4
"""Most combining characters to keep on one letter: no script needs more, and a hundred of them
cover the lines above."""

LONGEST_STRING = 4095
"""Bytes of the longest string constant that every C99 compiler accepts (5.2.4.1)."""

HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"})

MARKDOWN = re.compile(
    r"""[\\`*_\[\]<>|\#~&]                # special anywhere
    | ^(?:[-+](?=\s|$) | (?:-+|=+)$)      # at the beginning of a line: lists, rules, headings
    | (?<=^\d)[.)](?=\s|$) | (?<=^\d\d)[.)](?=\s|$)
    """,
    re.VERBOSE,
)
ENTITY = re.compile(r"\$|:(?=//)|(?<=www)\.", re.IGNORECASE)
"""Characters that start formulas and links on GitHub even after a backslash."""

FORMULA = ("=", "+", "-", "@")
"""Characters that begin a formula in a spreadsheet."""


def line(text: str) -> str:
    r"""Return ``text`` as one line of printable characters: for terminals, logs, XML.

    White space becomes spaces; control characters, direction marks, lone surrogates and other
    invisible characters become escapes such as ``\x1b`` or ``\u202e``.
    """
    if text.isascii() and text.isprintable():
        return text
    parts, marks = [], 0
    for character in text:
        if not character.isprintable():
            escaped = character.encode("unicode_escape").decode()
            parts.append(" " if character.isspace() else escaped)
            marks = 0
        else:
            marks = marks + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
            if marks <= MOST_MARKS:
                parts.append(character)
    return "".join(parts)


def html(text: str) -> str:
    """Return ``text`` as HTML or SVG, for an element or an attribute in quotes."""
    return line(text).translate(HTML)


def markdown(text: str) -> str:
    """Return ``text`` as GitHub's Markdown, on one line and in one cell."""
    escaped = MARKDOWN.sub(r"\\\g<0>", " ".join(line(text).split()))
    return ENTITY.sub(lambda match: f"&#{ord(match[0])};", escaped)


def markdown_code(text: str) -> str:
    """Return ``text`` as code in Markdown, or as plain text where code cannot contain it."""
    code = line(text)
    if code != " ".join(code.split()) or not code or set(code) & set("`|"):
        return markdown(text)
    return f"`{code}`"


def plot(text: str) -> str:
    """Return ``text`` for matplotlib: dollar signs do not start a formula."""
    return line(text).replace("$", r"\$")


def c_comment(text: str) -> str:
    """Return ``text`` for a C comment, ``/* */``, on one line and in ASCII."""
    ascii_only = "".join(c if c.isascii() else "?" for c in " ".join(line(text).split()))
    return ascii_only.replace("*/", "* /").replace("/*", "/ *")


def c_string(text: str) -> str:
    r"""Return ``text`` as a C string constant of its bytes in UTF-8.

    NUL, which ends a string, and lone surrogates, which have no UTF-8, become U+FFFD.
    """
    characters = (_c_character(byte, '"') for byte in _utf8(text))
    return f'"{"".join(characters)}"'


def c_characters(text: str) -> list[str]:
    """Return the elements of an array of char with the content of :func:`c_string`.

    For texts longer than ``LONGEST_STRING``.
    """
    characters = (_c_character(byte, "'") for byte in _utf8(text))
    return [*(f"'{character}'" for character in characters), "0"]


def _utf8(text: str) -> bytes:
    return re.sub("[\0\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", text).encode()


def _c_character(byte: int, quote: str) -> str:
    # A question mark may begin a trigraph.
    plain = 32 <= byte < 127 and chr(byte) not in f"\\?{quote}"
    return chr(byte) if plain else f"\\{byte:03o}"


def yaml(text: str) -> str:
    """Return ``text`` as a YAML scalar in quotes."""
    # A JSON string is one, except for characters that JSON writes as two surrogates.
    return json.dumps(line(text), ensure_ascii=False)


def shell(path: str) -> str:
    """Return a file name as a word of a POSIX shell's command line, never as an option."""
    # Impossible in file names: NUL, and surrogates that Python does not use for other bytes.
    name = re.sub("[\0\ud800-\udc7f\udd00-\udfff]", "\N{REPLACEMENT CHARACTER}", path)
    name = f"./{name}" if name.startswith("-") else name
    if name.isprintable():
        return shlex.quote(name)
    octal = "".join(
        chr(byte) if 32 <= byte < 127 and chr(byte) not in "\\'" else f"\\0{byte:03o}"
        for byte in os.fsencode(name)
    )
    return f"\"$(printf '%b' '{octal}')\""


def csv(text: str) -> str:
    """Return ``text`` as a cell that no spreadsheet reads as a formula; csv.writer quotes it."""
    cell = line(text)
    return f"'{cell}" if cell.lstrip().startswith(FORMULA) else cell
