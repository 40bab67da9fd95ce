"""The run as one self-contained HTML file, without scripts, fonts and other files."""

from collections.abc import Mapping, Sequence

from edgekit.benchmarks.gate import Gate, passed
from edgekit.benchmarks.latency import P99_CALLS
from edgekit.benchmarks.report import charts, memory_map, network
from edgekit.benchmarks.report.answers import agreement, confusions, furthest, wrong_answers
from edgekit.benchmarks.report.charts import name
from edgekit.benchmarks.report.drawings import networks
from edgekit.benchmarks.report.matrix import NOTE, matrix, sentences
from edgekit.benchmarks.report.network import Network
from edgekit.benchmarks.report.page import facts, header, page, scrolling, section
from edgekit.benchmarks.report.table import ReportTable, banner, worth_telling
from edgekit.benchmarks.report.tables import tables
from edgekit.benchmarks.result import Result
from edgekit.escape import html
from edgekit.limits import MARKS, Verdict

ACCURACY_NOTE = (
    "Dot: share of right answers on the test inputs. Line: its 95 % interval (Wilson). Dashed: the "
    "gate. Filled dots: edgekit's models; hollow dots: the Keras model run by others."
)
LATENCY_NOTE = (
    "One input per call, raw tensor in, raw tensor out, one thread, all in turns, timed in the "
    "process that runs the model, each turn after a warm-up. Dot: median. Thick line: to the 90 % "
    f"percentile. Thin line: to the 99 % percentile, which needs {P99_CALLS} calls. Each grid line "
    "is ten times the one before."
)


def render(
    results: Sequence[Result], gates: Sequence[Gate], drawn: Mapping[str, Network] | None = None
) -> str:
    """Return the report of a run.

    Args:
        results: the results.
        gates: the gates.
        drawn: the networks to draw, by their models' names.
    """
    speed, outputs, footprint, *others = tables(results)
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
        section("Gates", _gates(worth_telling(gates, speed), results), NOTE),
        section("Accuracy", charts.accuracy(results, limit), ACCURACY_NOTE),
        section("Confusion", confusions(results)),
        section("Wrong answers", wrong_answers(results)),
        section("Furthest from the truth", furthest(results)),
        section("Agreement", agreement(results)),
        section("Latency of one input", charts.latency(results), _latency_note(results)),
        section(outputs.title, _table(outputs) if outputs.rows else "", outputs.note),
        section("Networks", networks(results, drawn or {}), memory_map.NOTE),
        section(
            footprint.title,
            (f'<div class="multiples">{bars}</div>' if bars else "")
            + (_table(footprint) if footprint.rows else ""),
            footprint.note,
        ),
        *(section(one.title, _table(one) if one.rows else "", one.note) for one in others),
        section("Measured on", environment(results)),
    ]
    verdict = "passed" if passed(gates) else "failed"
    return page(f"edgekit bench: {verdict}", body, network.STYLE + memory_map.STYLE)


def _header(results: Sequence[Result], gates: Sequence[Gate]) -> str:
    dataset = results[0].dataset if results else {}
    data = ""
    if dataset:
        labels = f" ({', '.join(dataset['labels'])})" if dataset["labels"] else ""
        data = f" on {dataset['images']} test inputs of {dataset['name']}{labels}"
    held = sum(gate.verdict == "passed" for gate in gates)
    checked = sum(gate.verdict != "skipped" for gate in gates)
    verdict: Verdict = "passed" if passed(gates) else "failed"
    warning = banner(results)
    return header(
        "edgekit bench",
        verdict.capitalize(),
        f"{held} of {checked} gates held{data}.",
        verdict=verdict,
        banners=[warning] if warning else [],
        failures=[
            (about, message)
            for each, about, message in sentences(gates, results)
            if each == "failed"
        ],
    )


def _latency_note(results: Sequence[Result]) -> str:
    calls = [
        result.summary["calls"]
        for result in results
        if result.metric == "latency" and result.status == "measured"
    ]
    return f"{LATENCY_NOTE} At least {min(calls)} calls each." if calls else ""


def _table(table: ReportTable) -> str:
    head = "".join(f"<th>{html(column)}</th>" for column in ("", *table.columns))
    rows = []
    for row in table.rows:
        kind = "peer" if row.subject.peer else "ours"
        if row.missing:
            cells = (
                f'<th scope="row" class="missing" colspan="{1 + len(table.columns)}">'
                f"{name(row.subject)}<p>{html(row.missing)}</p></th>"
            )
        else:
            cells = f'<th scope="row">{name(row.subject)}</th>'
            cells += "".join(f"<td>{html(cell)}</td>" for cell in row.cells)
        rows.append(f'<tr class="{kind}">{cells}</tr>')
    titles = f"<thead><tr>{head}</tr></thead>"
    figures = f'<table class="figures">{titles}<tbody>{"".join(rows)}</tbody></table>'
    return scrolling(figures, table.title)


def _gates(gates: Sequence[Gate], results: Sequence[Result]) -> str:
    """Return the matrix, the reasons of skipped gates, and every gate's sentence, folded."""
    if not gates:
        return ""
    grid = matrix(gates, results)
    head = "".join(f"<th>{html(column)}</th>" for column in ("", *grid.columns))
    rows = "".join(
        f'<tr><th scope="row">{html(model)}</th>'
        + "".join(f'<td class="{cell.verdict}">{cell.text}</td>' for cell in cells)
        + "</tr>"
        for model, cells in grid.rows
    )
    table = (
        f'<table class="figures verdicts"><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table>"
    )
    skipped = "".join(
        f"<li>{html(about)}: {html(message)}</li>"
        for verdict, about, message in sentences(gates, results)
        if verdict == "skipped"
    )
    return (
        scrolling(table, "Gates")
        + (f'<h3>Skipped</h3><ul class="skipped">{skipped}</ul>' if skipped else "")
        + "<details><summary>Each gate in a sentence</summary>"
        + "".join(_sentence(gate) for gate in gates)
        + "</details>"
    )


def _sentence(gate: Gate) -> str:
    mark = f'<span class="{gate.verdict}">{MARKS[gate.verdict]}</span>'
    return f"<p>{mark} {html(str(gate))}</p>"


def environment(results: Sequence[Result]) -> str:
    """Return what the results were measured on, and the digests of the models."""
    if not results:
        return ""
    first = results[0]
    known = dict(first.environment)
    if first.dataset:
        known["test inputs"] = f"{first.dataset['name']}, SHA-256 {first.dataset['sha256']}"
    for subject in dict.fromkeys(result.subject for result in results):
        if subject.sha256:
            known[subject.model] = f"SHA-256 {subject.sha256}"
    known["time"] = first.time
    return facts(known.items())
