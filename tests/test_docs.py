"""The pages of the documentation: their links lead somewhere, and the commands they name exist."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import click
import pytest

from edgekit.commands.group import cli

ROOT = Path(__file__).parents[1]
PAGES = {
    path.relative_to(ROOT).as_posix(): path
    for path in (*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")))
}

FENCED = re.compile(r"^( *)```\w*\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"(?:(?<=\n\n)|\A)(?: {4}.*\n+)+")
CODE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
LINK = re.compile(r"\]\(([^)\s]+)\)")
FOLDERS = "src|train|convert|edge_runtime|benchmarks|tests|examples|docs|[.]github"
PATH = re.compile(rf"`((?:{FOLDERS})/[\w/.-]*)`")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
COMMAND = re.compile(r"(?:^|&& |run: |^\$ )((?:edgekit (?!\w+: )|python -m edgekit|make ).+)")
"""A command, but not a line that edgekit prints, such as "edgekit bench: ..."."""


def prose(text: str) -> str:
    """Return a page without its blocks of code."""
    return INDENTED.sub("", FENCED.sub("", text))


@cache
def anchors(path: Path) -> frozenset[str]:
    """Return the anchors that GitHub gives a page's headings."""
    headings = HEADING.findall(prose(path.read_text(encoding="utf-8")))
    return frozenset(
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings
    )


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    path = PAGES[page]
    for link in LINK.findall(prose(path.read_text(encoding="utf-8"))):
        if link.startswith("https://"):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.is_relative_to(ROOT), link
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES)
def test_files_exist(page: str) -> None:
    """Paths between backquotes, unless they are patterns."""
    for path in PATH.findall(prose(PAGES[page].read_text(encoding="utf-8"))):
        assert (ROOT / path).exists(), path


def test_the_page_on_the_index_has_no_links_into_the_repository() -> None:
    text = PAGES["docs/package.md"].read_text(encoding="utf-8")
    assert all(link.startswith("https://") for link in LINK.findall(text))


@pytest.mark.parametrize("page", [name for name in PAGES if name.startswith("docs/")])
def test_the_readme_leads_to_every_page(page: str) -> None:
    if page != "docs/package.md":  # the readme of the package, which says the same
        assert f"]({page}" in PAGES["README.md"].read_text(encoding="utf-8")


def test_the_readme_installs_what_its_commands_need_before_them() -> None:
    """`make demo` installs the extras host and peers; firmware is measured with mcu."""
    lines = [line.strip() for line in PAGES["README.md"].read_text(encoding="utf-8").splitlines()]
    installed = lines.index("$ pip install --editable '.[mcu]'")
    assert installed < next(
        index for index, line in enumerate(lines) if line.startswith("$ edgekit bench --core")
    )


def commands(text: str) -> Iterator[str]:
    """Yield the commands in a page's blocks of code and between its backquotes."""
    blocks = [block for _, block in FENCED.findall(text)]
    blocks += INDENTED.findall(FENCED.sub("", text))
    for block in blocks:
        for line in re.sub(r"\\\n *", "", block).splitlines():
            for part in line.strip().removeprefix("- ").split(" && "):
                yield from COMMAND.findall(part)
    for code in CODE.findall(prose(text)):
        yield from COMMAND.findall(" ".join(code.split()))


def words(command: str) -> list[str]:
    """Return the arguments of a command in a shell, up to a pipe, a redirection or a comment."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars="|;<>&")
    lexer.whitespace_split = True
    found = []
    for word in lexer:
        if set(word) <= set("|;<>&"):
            break
        found.append(word)
    return found


@cache
def options(name: str) -> frozenset[str]:
    """Return the options of a command of edgekit."""
    command = cli.get_command(click.Context(cli), name)
    assert command is not None, f"edgekit has no command {name}"
    params = command.get_params(click.Context(command))
    return frozenset(option for one in params for option in (*one.opts, *one.secondary_opts))


def used(arguments: list[str]) -> set[str]:
    """Return the options among a command's arguments."""
    return {word.partition("=")[0] for word in arguments if re.match("--?[a-z]", word)}


@pytest.mark.parametrize("page", PAGES)
def test_commands_exist(page: str) -> None:
    goals = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for command in commands(PAGES[page].read_text(encoding="utf-8")):
        program, *arguments = words(command)
        if program == "make":
            assert arguments[0] in goals, command
        elif program == "python":
            module = arguments[1]
            assert find_spec(module), command
            source = Path(str(find_spec(module).origin)).read_text(encoding="utf-8")
            assert all(f'"{option}"' in source for option in used(arguments[2:])), command
        elif not arguments[0].startswith("-"):
            for name in re.split(r"[|/]", arguments[0]):
                unknown = used(arguments[1:]) - options(name)
                assert not unknown, f"{command}: no {', '.join(sorted(unknown))}"


@pytest.mark.parametrize("page", PAGES)
def test_options_exist(page: str) -> None:
    """Options between backquotes, without the command that has them."""
    known = frozenset[str]().union(*map(options, cli.list_commands(click.Context(cli))))
    for code in CODE.findall(prose(PAGES[page].read_text(encoding="utf-8"))):
        if re.match(r"--[a-z]", code):
            unknown = used(words(" ".join(code.split()))) - known
            assert not unknown, f"no command has {', '.join(sorted(unknown))}"


def test_a_page_is_read_as_it_is_meant() -> None:
    text = (
        "# A & b: `c`\n\n    $ edgekit train --hidden 2 | less  # x\n    make demo && "
        "edgekit bench\n\nSee `edgekit convert --quantize`\nor `python -m edgekit.x`.\n\n"
        "```yaml\n- run: edgekit sweep \\\n    --seeds 3\n```\n"
    )
    assert [words(command) for command in commands(text)] == [
        ["edgekit", "sweep", "--seeds", "3"],
        ["edgekit", "train", "--hidden", "2"],
        ["make", "demo"],
        ["edgekit", "bench"],
        ["edgekit", "convert", "--quantize"],
        ["python", "-m", "edgekit.x"],
    ]
    assert "train" not in prose(text)
    assert used(["--a=1", "-q", "-1", "x"]) == {"--a", "-q"}
