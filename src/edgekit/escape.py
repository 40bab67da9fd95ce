"""Text that comes from files, made harmless for each format that it is written into.

Labels, names and file names are whatever somebody put into a file. Each format has one function
here. JSON needs none: ``files.to_json`` leaves nothing in it that is not ASCII. Nor does XML beyond
``line``, where ElementTree writes it, nor a line of Arduino's library.properties, which has no
escapes. CMake, Kconfig, keywords.txt and module.yml get C identifiers alone.
"""

import json
import os
import re
import shlex
import unicodedata

MOST_MARKS = 4
"""Combining characters on one letter that are kept: no script needs more, and a hundred of them
cover the lines above."""

LONGEST_STRING = 4095
"""Bytes of a string constant that every C99 compiler takes (5.2.4.1)."""

HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"})

MARKDOWN = re.compile(
    r"""[\\`*_\[\]<>|\#~&]                # what has a meaning anywhere
    | ^(?:[-+](?=\s|$) | (?:-+|=+)$)      # at the beginning of a line: lists, rules, headings
    | (?<=^\d)[.)](?=\s|$) | (?<=^\d\d)[.)](?=\s|$)
    """,
    re.VERBOSE,
)
ENTITY = re.compile(r"\$|:(?=//)|(?<=www)\.", re.IGNORECASE)
"""What GitHub makes formulas and links of, though a backslash stands before it."""

FORMULA = ("=", "+", "-", "@")
"""What a spreadsheet takes for the beginning of a formula."""


def line(text: str) -> str:
    r"""Return ``text`` on one line of what prints: for terminals, logs, XML.

    White space becomes spaces; control characters, marks of direction, lone surrogates and
    whatever else is invisible become escapes as ``\x1b`` or ``\u202e``.
    """
    if text.isascii() and text.isprintable():
        return text
    kept, marks = [], 0
    for character in text:
        if not character.isprintable():
            escaped = character.encode("unicode_escape").decode()
            kept.append(" " if character.isspace() else escaped)
            marks = 0
        else:
            marks = marks + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
            if marks <= MOST_MARKS:
                kept.append(character)
    return "".join(kept)


def html(text: str) -> str:
    """Return ``text`` as HTML's or SVG's, for an element or an attribute in quotes."""
    return line(text).translate(HTML)


def markdown(text: str) -> str:
    """Return ``text`` as Markdown of GitHub's kind shows it: on one line, in one cell."""
    escaped = MARKDOWN.sub(r"\\\g<0>", " ".join(line(text).split()))
    return ENTITY.sub(lambda found: f"&#{ord(found[0])};", escaped)


def markdown_code(text: str) -> str:
    """Return ``text`` as code in Markdown; as other text where code could not hold it."""
    shown = line(text)
    if shown != " ".join(shown.split()) or not shown or set(shown) & set("`|"):
        return markdown(text)
    return f"`{shown}`"


def plot(text: str) -> str:
    """Return ``text`` as matplotlib shows it: dollar signs enclose no formula."""
    return line(text).replace("$", r"\$")


def c_comment(text: str) -> str:
    """Return ``text`` such that it can stand in a ``/* */`` of C, on one line and in ASCII."""
    ascii_only = "".join(one if one.isascii() else "?" for one in " ".join(line(text).split()))
    return ascii_only.replace("*/", "* /").replace("/*", "/ *")


def c_string(text: str) -> str:
    r"""Return ``text`` as a C string constant of its bytes in UTF-8.

    What ends a string or has no UTF-8, NUL and lone surrogates, becomes U+FFFD.
    """
    characters = (_c_character(byte, '"') for byte in _utf8(text))
    return f'"{"".join(characters)}"'


def c_characters(text: str) -> list[str]:
    """Return the elements of an array of char that holds what :func:`c_string` would.

    For what is longer than ``LONGEST_STRING``.
    """
    characters = (_c_character(byte, "'") for byte in _utf8(text))
    return [*(f"'{one}'" for one in characters), "0"]


def _utf8(text: str) -> bytes:
    return re.sub("[\0\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", text).encode()


def _c_character(byte: int, quote: str) -> str:
    # A question mark may begin a trigraph.
    plain = 32 <= byte < 127 and chr(byte) not in f"\\?{quote}"
    return chr(byte) if plain else f"\\{byte:03o}"


def yaml(text: str) -> str:
    """Return ``text`` as a YAML scalar in quotes."""
    # A JSON string is one, but for what JSON writes as two surrogates.
    return json.dumps(line(text), ensure_ascii=False)


def shell(path: str) -> str:
    """Return the name of a file as a word of a POSIX shell's command line, not as an option."""
    # What no name of a file holds: NUL, and surrogates that are not Python's for other bytes.
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
    """Return ``text`` as a cell that no spreadsheet takes for a formula; csv.writer quotes it."""
    shown = line(text)
    return f"'{shown}" if shown.lstrip().startswith(FORMULA) else shown
