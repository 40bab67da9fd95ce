"""The report of a conversion as one self-contained HTML file, without scripts and other files."""

from collections.abc import Mapping, Sequence
from typing import Any

from edgekit import networks
from edgekit.benchmarks.report import inputs, layer_errors, memory_map, network
from edgekit.benchmarks.report.answers import matrices
from edgekit.benchmarks.report.drawings import described
from edgekit.benchmarks.report.layer_formats import grid_table
from edgekit.benchmarks.report.layers import Grid
from edgekit.benchmarks.report.page import facts, header, page, scrolling, section
from edgekit.benchmarks.shown import shown
from edgekit.convert import beside, explained, report
from edgekit.escape import html
from edgekit.limits import Verdict
from edgekit.train.dataset import Dataset

STYLE = f"""
{network.STYLE}{memory_map.STYLE}{layer_errors.STYLE}
pre {{ margin: 0; font-size: 0.8rem; overflow-wrap: normal; }}
"""

CHANGE_NOTE = (
    "Inputs that the converted model answers wrong, then those whose outputs change most, with the "
    "outputs before and after."
)
USE_NOTE = (
    "Range used: share of the type's range between the smallest and the largest value. Saturated: "
    "values at either end of it. Spread: largest over smallest scale of the weights' channels."
)


def render(document: dict[str, Any], content: bytes, dataset: Dataset | None, name: str) -> str:
    """Return the page.

    Args:
        document: the report, as ``edgekit convert`` stores it.
        content: the converted model.
        dataset: the data that it was measured on, if any.
        name: name of the file.
    """
    drawn = networks.in_c(content) or networks.on_host(content)
    body = [
        _header(document, name),
        section("Summary", facts(report.rows(document))),
        section("Confusion", _confusion(document)),
        section("Answers that are wrong or change", _changed(document, dataset), CHANGE_NOTE),
        section(
            "Error of each layer",
            layer_errors.layer_errors(document["tensor_errors"]),
            layer_errors.NOTE,
        ),
        *_explained(document),
        section("Quantisers", _beside(document)),
        section("Network", _network(drawn), memory_map.NOTE if drawn else ""),
        section("Files", _files(document, name)),
    ]
    return page(f"edgekit convert: {name}", body, STYLE)


def _header(document: Mapping[str, Any], name: str) -> str:
    gates, recipe = document["gates"], document["recipe"]
    failures = [(gate["name"], gate["message"]) for gate in gates if gate["verdict"] == "failed"]
    verdict: Verdict | None = ("failed" if failures else "passed") if gates else None
    return header(
        "edgekit convert",
        verdict.capitalize() if verdict else "Converted",
        f"{document['model']['path']} → {name}: {recipe['scheme']} for {recipe['target']}",
        verdict=verdict,
        banners=document["warnings"],
        failures=failures,
    )


def _confusion(document: Mapping[str, Any]) -> str:
    """Return the matrices before and after; one where they are the same."""
    of_classes, unusual = document["accuracy"], document["anomalies"]
    labels: Sequence[str] = ()
    measured: list[Mapping[str, Any] | None] = []
    if of_classes:
        labels = document["data"]["classes"]
        measured = [of_classes["before"], of_classes["after"]]
    elif unusual:
        labels = unusual["names"]
        measured = [unusual["before"]["judged"], unusual["after"]["judged"]]
    captioned: dict[tuple[tuple[int, ...], ...], str] = {}
    for one, caption in zip(measured, ("before", "after"), strict=False):
        if one:
            matrix = tuple(map(tuple, one["confusion"]))
            captioned[matrix] = "before and after" if matrix in captioned else caption
    return matrices(captioned, labels, positive=int(not of_classes)) if captioned else ""


def _changed(document: Mapping[str, Any], dataset: Dataset | None) -> str:
    if dataset is None:
        return ""
    figures = []
    for one in document["inputs"]:
        index, truth = one["index"], _truth(dataset, one["index"])
        outputs = "<br>".join(f"{when} {_numbers(one[when])}" for when in ("before", "after"))
        figures.append(
            f"<figure>{inputs.drawn(shown(dataset, index), f'test input {index}')}<figcaption>"
            + (f"<strong>truth {html(truth)}</strong> " if truth else "")
            + f'{outputs}<small class="index">input {index}</small></figcaption></figure>'
        )
    return f'<div class="pictures">{"".join(figures)}</div>' if figures else ""


def _truth(dataset: Dataset, index: int) -> str:
    """Return the class of a test input, or its targets; "" if they are not known."""
    if dataset.labels:
        return str(dataset.labels[dataset.y_test[index]])
    return ", ".join(f"{value:.4g}" for value in dataset.y_test[index].tolist())


def _numbers(outputs: Sequence[tuple[str, float]]) -> str:
    texts = [f"{html(name)}: {value:.3g}" for name, value in outputs]
    return f"<small>{' · '.join(texts)}</small>"


def _explained(document: dict[str, Any]) -> list[str]:
    """Return the sections of what --explain and --auto found."""
    if "explained" not in document:
        return []
    found, parts = document["explained"], []
    if found.get("layers"):
        layers = _table("Layers", explained.layer_table(document))
        parts.append(section("How layers use their range", layers, USE_NOTE))
    repairs, notes = explained.repair_table(document)
    listed = "".join(f"<li>{html(note)}</li>" for note in notes)
    table = _table("Repairs", repairs) + f'<ul class="skipped">{listed}</ul>'
    return [*parts, section("Repairs that were tried", table, f"Written: {found['written']}.")]


def _table(label: str, rows: explained.Table) -> str:
    """Return a table whose first row has the titles."""
    titles, *others = map(tuple, rows)
    return grid_table(Grid(label, titles, tuple(others), "", names=1))


def _beside(document: Mapping[str, Any]) -> str:
    figures = document["beside"]
    if not figures:
        return ""
    lines = beside.text(figures, report.ratio).splitlines()
    return scrolling("<pre>" + "\n".join(map(html, lines)) + "</pre>", "Quantisers")


def _network(drawn: network.Network | None) -> str:
    if drawn is None:
        return ""
    return described(drawn, network.by_macs(drawn), "MACs", "multiply-accumulates")


def _files(document: Mapping[str, Any], name: str) -> str:
    model = document["model"]
    digests = {model["path"]: model["sha256"], name: document["tflite_sha256"]}
    return facts((file, f"SHA-256 {digest}") for file, digest in digests.items())
