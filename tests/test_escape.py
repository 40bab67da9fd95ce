"""Text from files in every format, read by the format's own parser."""

import csv
import json
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

import click
import pytest
from hypothesis import given
from markdown_it import MarkdownIt
from matplotlib.cbook import is_math_text
from ruamel.yaml import YAML

import browser
from edgekit import columns, escape, files
from edgekit.benchmarks.report.page import page
from edgekit.commands import terminal
from hostile_text import LABELS, TEXTS, WORKING

GITHUB = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def squeezed(text: str) -> str:
    return " ".join(escape.line(text).split())


class Texts(HTMLParser):
    """The texts of a page's elements, one after another, with the attributes of each."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None], str]] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs), ""))

    def handle_data(self, data: str) -> None:
        if self.elements:
            tag, about, text = self.elements[-1]
            self.elements[-1] = (tag, about, text + data)


@given(TEXTS)
def test_a_line_has_nothing_that_works(text: str) -> None:
    line = escape.line(text)
    assert not WORKING.search(line)
    assert line.isprintable()
    assert escape.line(line) == line
    line.encode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("zero", "zero"),
        ("a\nb\tc\xa0d", "a b c d"),
        ("\x1b[31m\x9b\0", r"\x1b[31m\x9b\x00"),
        ("\u202eevil\ud800", r"\u202eevil\ud800"),
        ("Z\u0300\u0301\u0302\u0303\u0304\u0305a\u0300", "Z\u0300\u0301\u0302\u0303a\u0300"),
        ("größer 日本 🦀", "größer 日本 🦀"),
    ],
)
def test_what_does_not_print_is_told(text: str, shown: str) -> None:
    assert escape.line(text) == shown


@given(TEXTS)
def test_html_is_text_to_a_parser(text: str) -> None:
    ((tag, about, content),) = Texts(
        f'<p title="{escape.html(text)}">{escape.html(text)}</p>'
    ).elements
    assert tag == "p"
    assert about == {"title": escape.line(text)}
    assert content == escape.line(text)


@pytest.mark.skipif(browser.CHROMIUM is None, reason="there is no chromium")
@pytest.mark.slow
def test_html_is_text_to_a_browser(tmp_path: Path) -> None:
    rows = "".join(
        f'<p class="label" title="{escape.html(one)}">{escape.html(one)}</p>'
        f'<svg aria-label="{escape.html(one)}"><text class="label">{escape.html(one)}</text></svg>'
        for one in LABELS
    )
    script = """
        const labels = [...document.querySelectorAll('.label')].map(e => e.textContent);
        const titles = [...document.querySelectorAll('p.label')].map(e => e.title);
        const names = [...document.querySelectorAll('svg')].map(e => e.getAttribute('aria-label'));
        const tags = [...document.querySelectorAll('main *')].map(e => e.tagName.toLowerCase());
        const answer = {labels, titles, names, tags: [...new Set(tags)], title: document.title,
                        scripts: document.scripts.length, asked: window.asked};
    """
    guard = "<script>window.asked = 0; window.alert = () => { window.asked += 1; };</script>"
    source = page("".join(LABELS), [rows])
    parsed = browser.evaluate(source.replace("<head>", f"<head>{guard}"), script, tmp_path)
    shown = [escape.line(one) for one in LABELS]
    assert parsed["labels"] == [one for one in shown for _ in range(2)]
    assert parsed["titles"] == parsed["names"] == shown
    assert set(parsed["tags"]) == {"p", "svg", "text"}
    assert parsed["title"] == " ".join(escape.line("".join(LABELS)).split())
    assert (parsed["scripts"], parsed["asked"]) == (2, 0)


@given(TEXTS)
def test_a_line_is_what_xml_can_hold(text: str) -> None:
    case = ElementTree.Element("case", {"name": escape.line(text)})
    case.text = escape.line(text)
    read = ElementTree.fromstring(ElementTree.tostring(case, "unicode", xml_declaration=True))
    assert read.attrib["name"] == read.text or (read.text is None and not read.attrib["name"])
    assert read.attrib["name"] == escape.line(text)


@given(TEXTS)
def test_markdown_shows_the_text(text: str) -> None:
    shown, code = escape.markdown(text), escape.markdown_code(text)
    source = f"# {shown}\n\nx {shown}, y\n\n- {shown}\n\n{shown}\n\n"
    source += f"| {shown} | {code} |\n|---|---|\n| {code} | {shown} |\n\n{code}\n"
    elements = Texts(GITHUB.render(source)).elements
    assert {tag for tag, _, _ in elements} <= {
        *("h1", "p", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "code")
    }
    texts = [content.strip() for tag, _, content in elements]
    inline = squeezed(text)
    held = [one for one in texts if one and one != f"x {inline}, y"]
    assert set(held) <= {inline}
    assert len(held) == (8 if inline else 0)


@given(TEXTS)
def test_markdown_makes_no_links_and_formulas(text: str) -> None:
    shown = escape.markdown(text)
    assert "$" not in shown
    assert "://" not in shown
    assert "www." not in shown.lower()


@given(TEXTS)
def test_yaml_reads_the_text(text: str) -> None:
    source = f"description: {escape.yaml(text)}\nother: 1\n"
    assert YAML(typ="safe").load(source) == {"description": escape.line(text), "other": 1}


@given(TEXTS)
def test_json_reads_the_text(text: str) -> None:
    document = files.to_json({text: text})
    assert document.isascii()
    assert json.loads(document) == {text: text}


@given(TEXTS)
def test_csv_reads_the_text_and_no_formula(text: str) -> None:
    output = StringIO()
    csv.writer(output, lineterminator="\n").writerow([escape.csv(text), "1"])
    ((cell, one),) = csv.reader(StringIO(output.getvalue()))
    assert one == "1"
    assert cell.removeprefix("'") == escape.line(text).removeprefix("'")
    assert not cell.lstrip().startswith(("=", "+", "-", "@"))


def test_a_shell_reads_the_name_of_a_file(tmp_path: Path) -> None:
    # A name has no NUL, is bytes of the file system, and $() drops line breaks at its end.
    names = [one.replace("\0", "").replace("\ud800", "").rstrip("\n") for one in LABELS]
    names += ["-rf.tflite", "", "plain.tflite"]
    words = " ".join(map(escape.shell, names))
    done = subprocess.run(
        ["sh", "-c", f"printf '%s\\0' {words}"], capture_output=True, check=True, cwd=tmp_path
    )
    read = done.stdout.decode(errors="surrogateescape").split("\0")[:-1]
    assert [one.removeprefix("./") for one in read] == names
    assert not [one for one in read if one.startswith("-")]
    assert not list(tmp_path.iterdir())
    assert escape.shell("plain.tflite") == "plain.tflite"
    assert all(escape.shell(one).isprintable() for one in names)


def test_c_compiles_and_says_the_text(tmp_path: Path) -> None:
    comments = "".join(f"/* {escape.c_comment(one)} */\n" for one in LABELS)
    strings = "".join(
        f"static const char text_{i}[] = {escape.c_string(one)};\n"
        if len(one.encode(errors="replace")) <= escape.LONGEST_STRING
        else f"static const char text_{i}[] = {{{', '.join(escape.c_characters(one))}}};\n"
        for i, one in enumerate(LABELS)
    )
    assert not any("*/" in escape.c_comment(one) for one in LABELS)
    prints = "".join(
        f"    fwrite(text_{i}, 1, sizeof text_{i}, stdout);\n" for i in range(len(LABELS))
    )
    code = f"#include <stdio.h>\n{comments}{strings}int main(void)\n{{\n{prints}    return 0;\n}}\n"
    assert code.isascii()
    (tmp_path / "text.c").write_text(code)
    strict = ["-trigraphs", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    expected = "".join(
        one.replace("\0", "\ufffd").replace("\ud800", "\ufffd").replace("\udcff", "\ufffd") + "\0"
        for one in LABELS
    )
    for compiler in (["cc", "-std=c99"], ["g++", "-x", "c++", "-std=c++17"]):
        command = [*compiler, *strict, tmp_path / "text.c", "-o", tmp_path / "text"]
        subprocess.run(command, check=True)
        done = subprocess.run([tmp_path / "text"], capture_output=True, check=True)
        assert done.stdout == expected.encode()


@given(TEXTS)
def test_figures_read_no_formulas(text: str) -> None:
    shown = escape.plot(text)
    assert not is_math_text(shown)
    # What matplotlib makes of text that is no formula.
    assert shown.replace(r"\$", "$") == escape.line(text)


def printed(print_it: Callable[[], None]) -> str:
    with pytest.MonkeyPatch.context() as patch:
        output = StringIO()
        patch.setattr("sys.stdout", output)
        print_it()
        return output.getvalue()


@given(TEXTS, TEXTS)
def test_a_terminal_is_told_nothing_but_lines(text: str, other: str) -> None:
    parts = (terminal.Styled(other, "red"), f" {text}")
    plain = printed(lambda: terminal.echo(*parts, colour=False))
    coloured = printed(lambda: terminal.echo(*parts, colour=True))
    assert not WORKING.search(plain.removesuffix("\n"))
    assert plain.endswith("\n")
    page = printed(lambda: terminal.page(text))
    assert not WORKING.search(page.replace("\n", ""))
    assert page.count("\n") == text.count("\n") + 1
    head, _, tail = coloured.partition("\x1b[0m")
    assert coloured.startswith("\x1b[31m")
    assert not WORKING.search(head.removeprefix("\x1b[31m") + tail.removesuffix("\n"))
    assert click.unstyle(coloured) == plain


@given(TEXTS, TEXTS)
def test_columns_stay_columns(text: str, other: str) -> None:
    rows = [("a", "b", "c"), (text, other, "1"), ("x" * 40, "y", "22")]
    lines = columns.columns(rows, elastic=0, right=(2,))
    assert len(lines) == 3
    assert not any(map(WORKING.search, lines))
    assert len({columns.width(line) for line in lines}) == 1
    if columns.width(escape.line(other)) < columns.LINE - 20:
        assert columns.width(lines[0]) <= columns.LINE


@given(TEXTS)
def test_names_are_cut_to_columns(text: str) -> None:
    line = escape.line(text)
    for most in (1, 2, 8, 24):
        assert columns.width(columns.clip(line, most)) <= most
        short = columns.shortened(line, most)
        assert columns.width(short) <= max(most, 3)
        assert short == line or "…" in short
    for one in columns.wrapped(line, 20):
        assert columns.width(one) <= 20
    assert not any(map(WORKING.search, columns.pairs({text: text})))


@pytest.mark.parametrize("most", [3, 8, 24])
def test_a_long_name_keeps_both_ends(most: int) -> None:
    label = "abcdefghijklmnopqrstuvwxyz"
    short = columns.shortened(label, most)
    assert len(short) == most
    front, end = short.split("…")
    assert front
    assert label.startswith(front)
    assert label.endswith(end)
    assert columns.shortened("short", 5) == "short"


def test_long_names_are_told_apart() -> None:
    names = [f"class number {n} with a name of fifty characters" for n in range(12)]
    assert columns.told_apart(["a", "b" * 30], 24, 48) == ["a", f"{'b' * 11}…{'b' * 12}"]
    short = columns.told_apart(names, 24, 48)
    assert len(set(short)) == 12
    assert {len(one) for one in short} < set(range(24, 48))
    assert (
        columns.told_apart(["x" * 90, "x" * 45 + "y" + "x" * 44], 24, 48)
        == [f"{'x' * 23}…{'x' * 24}"] * 2
    )


@pytest.mark.parametrize(
    ("text", "wide"), [("zero", 4), ("日本", 4), ("e\u0301", 1), ("🦀", 2), ("ü", 1)]
)
def test_a_terminal_gives_each_character_its_columns(text: str, wide: int) -> None:
    assert columns.width(text) == wide
