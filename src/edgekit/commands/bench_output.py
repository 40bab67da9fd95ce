"""The files that ``edgekit bench`` writes, and what it prints."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from edgekit import artifact_set, digests, files
from edgekit.commands import terminal
from edgekit.commands.bench_options import Options
from edgekit.index import write_index

if TYPE_CHECKING:
    from edgekit.benchmarks.gate import Gate
    from edgekit.benchmarks.report.network import Network
    from edgekit.benchmarks.result import Result

JOURNAL = "bench{}.jsonl"
DOCUMENT = "bench{}.json"
REPORT = "report{}.html"
"""Files in the artifacts folder; the braces hold a core's name, so that each has its own files."""


def journal(chosen: Options) -> Path:
    """Return the path of the file that keeps each result as soon as it is measured."""
    return chosen.artifacts / JOURNAL.format(_suffix(chosen))


def write(
    chosen: Options,
    document: str,
    results: "Sequence[Result]",
    gates: "Sequence[Gate]",
    models: Mapping[str, Path],
) -> None:
    """Write the document and the reports, and print the tables or the document."""
    from edgekit.benchmarks.report import html, junit, markdown, text

    suffix = _suffix(chosen)
    page = html.render(results, gates, _drawn(chosen, models))
    report = chosen.html or chosen.artifacts / REPORT.format(suffix)
    with artifact_set.replacing_set(chosen.artifacts) as staged:
        files.write_text(staged / DOCUMENT.format(suffix), document)
        if not chosen.html:
            files.write_text(staged / report.name, page)
    if chosen.html:
        files.write_text(chosen.html, page)
    if chosen.junit:
        files.write_text(chosen.junit, junit.render(results, gates))
    if chosen.markdown:
        files.write_text(chosen.markdown, markdown.render(results, gates))
    write_index(chosen.artifacts)
    others = (path for path in (chosen.html, chosen.junit, chosen.markdown) if path)
    digests.record(chosen.artifacts, journal(chosen), *others)
    if chosen.as_json:
        terminal.page(document.rstrip("\n"))
    else:
        tables = terminal.coloured(text.render(results, gates))
        terminal.page(*tables, f"\n\nreport: {report.resolve().as_uri()}")


def update(baseline: Path, document: str, passed: bool) -> None:
    """Replace the baseline with the document of a run that passed."""
    if passed:
        files.write_text(baseline, document)
        terminal.say(f"edgekit bench: {baseline} is the baseline now")
    else:
        terminal.say(f"edgekit bench: {baseline} stays as it was: a gate failed")


def _drawn(chosen: Options, models: Mapping[str, Path]) -> "dict[str, Network]":
    """Return the networks of the models as they run: in C as firmware, else on this machine."""
    from edgekit import networks

    draw = partial(networks.in_c, min_ram=chosen.min_ram) if chosen.core else networks.on_host
    found = {name: draw(path.read_bytes()) for name, path in models.items()}
    return {name: one for name, one in found.items() if one}


def _suffix(chosen: Options) -> str:
    parts = (chosen.core, chosen.variant)
    return "".join(f"_{part}" for part in parts if part)
