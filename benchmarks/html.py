"""The run as one HTML file that needs nothing else: no script, no font, no other file."""

from collections.abc import Sequence
from html import escape
from importlib.resources import files

from edgekit.benchmarks import charts
from edgekit.benchmarks.answers import agreement, confusions, wrong_answers
from edgekit.benchmarks.charts import name
from edgekit.benchmarks.gate import MARKS, Gate, passed
from edgekit.benchmarks.latency import P99_CALLS
from edgekit.benchmarks.result import Result
from edgekit.benchmarks.table import Table, banner, tables, worth_telling

ACCURACY_NOTE = (
    "Dot: share of the test images that are answered right. Line: its 95 % interval (Wilson). "
    "Dashed: what is asked. Filled dots are ours; hollow ones are the Keras model run by others."
)
LATENCY_NOTE = (
    "One image a call, raw tensor in, raw tensor out, one thread, everyone in turns in one "
    "process, each turn after a warm-up. Dot: median. Thick line: to the 90 % percentile. Thin "
    f"line: to the 99 % percentile, which takes {P99_CALLS} calls. Each grid line is ten times "
    "the one before."
)


def render(results: Sequence[Result], gates: Sequence[Gate]) -> str:
    """Return the report of a run."""
    speed, outputs, footprint = tables(results)
    limit = next((gate.limit for gate in gates if gate.name == "accuracy"), None)
    bars = "".join(
        f"<div><h3>{title}</h3>{chart}</div>"
        for metric, title in (
            ("cold_start", "Cold start"),
            ("peak_memory", "Peak memory"),
            ("installed_size", "Installed"),
        )
        if (chart := charts.bars(results, metric))
    )
    body = [
        _header(results, gates),
        section(speed.title, _table(speed), speed.note),
        section("Gates", _gates(worth_telling(gates, speed))),
        section("Accuracy", charts.accuracy(results, limit), ACCURACY_NOTE),
        section("Confusion", confusions(results)),
        section("Wrong answers", wrong_answers(results)),
        section("Agreement", agreement(results)),
        section("Latency of one image", charts.latency(results), _latency_note(results)),
        section(outputs.title, _table(outputs) if outputs.rows else "", outputs.note),
        section(
            footprint.title,
            (f'<div class="multiples">{bars}</div>' if bars else "")
            + (_table(footprint) if footprint.rows else ""),
            footprint.note,
        ),
        section("Measured on", _environment(results)),
    ]
    verdict = "passed" if passed(gates) else "failed"
    return page(f"edgekit bench: {verdict}", body)


def page(title: str, body: Sequence[str], style: str = "") -> str:
    """Return a whole document of sections; ``style`` is CSS besides report.css."""
    common = files("edgekit.benchmarks").joinpath("report.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{common}{style}</style>\n</head>\n"
        f"<body>\n<main>\n{''.join(body)}</main>\n</body>\n</html>\n"
    )


def _header(results: Sequence[Result], gates: Sequence[Gate]) -> str:
    verdict = "passed" if passed(gates) else "failed"
    dataset = results[0].dataset if results else {}
    about = ""
    if dataset:
        labels = ", ".join(dataset["labels"])
        about = f" on {dataset['images']} test images of {dataset['name']} ({labels})"
    held = sum(gate.verdict == "passed" for gate in gates)
    asked = sum(gate.verdict != "skipped" for gate in gates)
    failures = "".join(
        f"<li><strong>{escape(gate.subject)}</strong>: {escape(gate.name)}: "
        f"{escape(gate.message)}</li>"
        for gate in gates
        if gate.verdict == "failed"
    )
    warning = banner(results)
    return (
        f'<header>\n<p class="kicker">edgekit bench</p>\n'
        f'<h1 class="{verdict}"><span>{MARKS[verdict]}</span> {verdict.capitalize()}</h1>\n'
        f"<p>{held} of {asked} gates held{escape(about)}.</p>\n"
        + (f'<p class="banner">{escape(warning)}</p>\n' if warning else "")
        + (f'<ul class="failures">{failures}</ul>\n' if failures else "")
        + "</header>\n"
    )


def _latency_note(results: Sequence[Result]) -> str:
    calls = [one.summary["calls"] for one in results if one.metric == "latency"]
    return f"{LATENCY_NOTE} At least {min(calls)} calls each." if calls else ""


def section(title: str, content: str, note: str = "") -> str:
    """Return a titled section with an explanation below it; "" without content."""
    if not content:
        return ""
    explained = f'<p class="note">{escape(note)}</p>' if note else ""
    return f"<section>\n<h2>{escape(title)}</h2>\n{content}\n{explained}</section>\n"


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in ("", *table.columns))
    rows = []
    for row in table.rows:
        kind = "peer" if row.subject.peer else "ours"
        if row.missing:
            cells = (
                f'<th scope="row" class="missing" colspan="{1 + len(table.columns)}">'
                f"{name(row.subject)}<p>{escape(row.missing)}</p></th>"
            )
        else:
            cells = f'<th scope="row">{name(row.subject)}</th>'
            cells += "".join(f"<td>{escape(cell)}</td>" for cell in row.cells)
        rows.append(f'<tr class="{kind}">{cells}</tr>')
    return (
        f'<div class="scroll"><table class="figures"><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _gates(gates: Sequence[Gate]) -> str:
    rows = "".join(
        f'<li class="{gate.verdict}"><span title="{gate.verdict}">{MARKS[gate.verdict]}</span>'
        f"<div><strong>{escape(gate.subject)}</strong> <small>{escape(gate.name)}</small>"
        f"<p>{escape(gate.message)}</p></div></li>"
        for gate in gates
    )
    return f'<ul class="gates">{rows}</ul>' if rows else ""


def _environment(results: Sequence[Result]) -> str:
    if not results:
        return ""
    first = results[0]
    facts = dict(first.environment)
    if first.dataset:
        facts["test images"] = f"{first.dataset['name']}, SHA-256 {first.dataset['sha256']}"
    for subject in dict.fromkeys(one.subject for one in results):
        if subject.sha256:
            facts[subject.model] = f"SHA-256 {subject.sha256}"
    facts["time"] = first.time
    rows = "".join(
        f"<dt>{escape(fact)}</dt><dd>{escape(value)}</dd>" for fact, value in facts.items() if value
    )
    return f"<dl>{rows}</dl>"
