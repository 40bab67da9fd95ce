"""``index.html`` of the artifacts folder: one page with links to what the commands wrote there."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from edgekit import files
from edgekit.artifact_set import replacing_set
from edgekit.benchmarks.report.page import GENERATOR, facts, header, page, scrolling, section
from edgekit.benchmarks.report.units import quantity, share
from edgekit.columns import clip
from edgekit.convert.packages.folder import MARK
from edgekit.digests import SUMS
from edgekit.escape import html, line
from edgekit.limits import MARKS

INDEX = "index.html"

PICTURES = {
    "learning_curves.png": "Learning curves",
    "confusion_matrix.png": "Confusion matrix",
    "samples.png": "Sample predictions",
}
DOCUMENTS = ("model_card.md", "metrics.json", "history.csv")
NOTE = "Dropped: loss of accuracy in the conversion, on the same test inputs."
MOST_NAMED = 12
"""Most classes that the title names."""
LONGEST_TITLE = 120
"""Largest width of the title, in columns."""


@dataclass(frozen=True)
class Folder:
    """The artifacts folder, and the digests that say which files belong together.

    Attributes:
        path: the folder.
        metrics: content of metrics.json; empty without one.
        digests: file name -> hex SHA-256, for model.keras and each .tflite.
    """

    path: Path
    metrics: Mapping[str, Any]
    digests: Mapping[str, str]


def write_index(artifacts: Path) -> None:
    """Write the page about the content of ``artifacts``, or update it, whole or not at all.

    It never raises. What it cannot read is left out, and it writes nothing where there is nothing
    of edgekit's, or an index.html that edgekit did not write.
    """
    path = artifacts / INDEX
    with suppress(OSError, ValueError):
        if path.exists() and not (path.is_file() and GENERATOR in path.read_text("utf-8")):
            return
        if text := render(artifacts):
            with replacing_set(artifacts) as staged:
                files.write_text(staged / INDEX, text)


def render(artifacts: Path) -> str:
    """Return the page; "" when there is nothing to show."""
    metrics = files.read_object(artifacts / files.METRICS)
    models = [artifacts / files.KERAS_MODEL, *sorted(artifacts.glob("[!.]*.tflite"))]
    digests = {path.name: digest for path in models if (digest := _digest(path))}
    folder = Folder(artifacts, metrics, digests)
    body = [
        _section("Model", _model, folder),
        _section("Conversions", _conversions, folder, NOTE),
        _section("Benchmarks", _benchmarks, folder),
        _section("Exports", _exports, folder),
        _section("Sweep", _sweep, folder),
    ]
    if not any(body):
        return ""
    title = _guarded(_title, folder) or "Artifacts"
    about = (
        "The results of the commands in this folder. Results that belong to other files than the "
        "present ones are marked as from another run."
    )
    return page(f"edgekit: {title}", [header("edgekit", title, about), *body])


def _section(title: str, content: Callable[[Folder], str], folder: Folder, note: str = "") -> str:
    return section(title, _guarded(content, folder), note)


def _guarded(content: Callable[[Folder], str], folder: Folder) -> str:
    """Return the content; "" when a file of the folder is not as expected."""
    try:
        return content(folder)
    # Whatever is wrong with one file, the others are shown, and the command goes on.
    except Exception:
        return ""


def _title(folder: Folder) -> str:
    data = folder.metrics["data"]
    name, classes = data["name"], data["classes"]
    named = "/".join(classes) if len(classes) <= MOST_NAMED else f"{len(classes)} classes"
    return clip(line(f"{name} {named}"), LONGEST_TITLE)


def _model(folder: Folder) -> str:
    """Return the key figures of the model card, the files and the plots of the training."""
    keras = _link(folder, files.KERAS_MODEL)
    if not folder.metrics:
        return keras and f"<p>{keras}</p>"
    metrics, data = folder.metrics, _object(folder.metrics.get("data"))
    known = {
        "accuracy": _with_interval(metrics) if "accuracy" in metrics else "",
        "data": f"{data['name']}, {data['train']:,} training and {data['test']:,} test inputs"
        if {"name", "train", "test"} <= set(data)
        else "",
        "parameters": f"{metrics['parameters']:,}" if "parameters" in metrics else "",
        "epochs": str(metrics.get("epochs_run", "")),
    }
    links = [keras, *(_link(folder, name) for name in DOCUMENTS)]
    mark = _mark(metrics.get("model_sha256"), folder, files.KERAS_MODEL)
    pictures = "".join(
        f'<figure><a href="{name}"><img src="{name}" alt="{title}"></a></figure>'
        for name, title in PICTURES.items()
        if (folder.path / name).is_file()
    )
    return (
        f"{facts(known.items())}<p>{' · '.join(filter(None, links))}{mark}</p>"
        f'<div class="gallery">{pictures}</div>'
    )


def _conversions(folder: Folder) -> str:
    titles = ("scheme", "target", "size", "accuracy", "dropped", "")
    rows = []
    for name in folder.digests:
        if name == files.KERAS_MODEL:
            continue
        report = files.read_object(folder.path / f"{name}{files.REPORT}")
        recipe, sizes = _object(report.get("recipe")), _object(report.get("bytes"))
        accuracy = _object(report.get("accuracy"))
        before, after = (
            _object(accuracy.get(when)).get("accuracy") for when in ("before", "after")
        )
        size = (folder.path / name).stat().st_size
        deflated = sizes.get("tflite_deflated")
        mark = _mark(report.get("tflite_sha256"), folder, name)
        # A model that was converted from elsewhere has no Keras file here.
        if not mark and files.KERAS_MODEL in folder.digests:
            mark = _mark(_object(report.get("model")).get("sha256"), folder, files.KERAS_MODEL)
        cells = (
            html(str(recipe.get("scheme", ""))),
            html(str(recipe.get("target", ""))),
            quantity(size, "bytes")
            + (f"<small>{quantity(deflated, 'bytes')} deflated</small>" if deflated else ""),
            share(after) if after is not None else "",
            "" if before is None or after is None else f"{before - after:.4f}",
            _link(folder, f"{name}{files.PAGE}", "report")
            or _link(folder, f"{name}{files.REPORT}", "report"),
        )
        rows.append((_link(folder, name) + mark, cells))
    return _table("Conversions", titles, rows)


def _benchmarks(folder: Folder) -> str:
    rows = []
    for path in sorted(folder.path.glob("bench*.json")):
        document = files.read_object(path)
        if document.get("format") != "edgekit bench":
            continue
        verdict = "passed" if document["passed"] else "failed"
        gates = [gate for gate in document["gates"] if gate["verdict"] != "skipped"]
        passed = sum(gate["verdict"] == "passed" for gate in gates)
        subjects = [_object(result.get("subject")) for result in document["results"]]
        measured = {s["sha256"] for s in subjects if s["sha256"] and not s["peer"]}
        page_name = f"report{path.stem.removeprefix('bench')}.html"
        name = _link(folder, page_name) or html(path.stem)
        cells = (
            f'<span class="{verdict}">{MARKS[verdict]} {verdict}</span>',
            f"{passed} of {len(gates)}",
            _link(folder, path.name),
        )
        mark = "" if measured <= set(folder.digests.values()) else _marked("other model files")
        rows.append((name + mark, cells))
    return _table("Benchmarks", ("", "gates passed", ""), rows)


def _exports(folder: Folder) -> str:
    rows = []
    for sums in sorted(folder.path.glob(f"*/{SUMS}")):
        readme = sums.parent / "README.md"
        # A pipe has no end.
        if not (sums.is_file() and readme.is_file()):
            continue
        if not sums.read_text(encoding="utf-8").startswith(MARK):
            continue
        text = readme.read_text(encoding="utf-8")
        match = re.search(r"SHA-256 of the model: `([0-9a-f]{64})`", text)
        digest = match.group(1) if match else ""
        model = next((name for name, sha256 in folder.digests.items() if sha256 == digest), "")
        mark = "" if model else _marked("a model that is not here")
        link = _link(folder, f"{sums.parent.name}/{readme.name}", f"{sums.parent.name}/")
        rows.append((link + mark, (html(model),)))
    return _table("Exports", ("model",), rows)


def _sweep(folder: Folder) -> str:
    report = _link(folder, "sweep/report.html")
    document = files.read_object(folder.path / "sweep" / "sweep.json")
    if not report or not document:
        return report and f"<p>{report}</p>"
    data = document["data"]
    trained_on = _object(folder.metrics.get("data")).get("sha256")
    varied = " × ".join(name.replace("_", "-") for name in document["varied"])
    about = f"{len(document['points'])} points: {varied}, on {data['name']}"
    mark = _marked("other data") if trained_on and trained_on != data["sha256"] else ""
    table = _link(folder, "sweep/sweep.csv")
    return f"<p>{report}{mark}<br>{html(about)}</p><p>{table}</p>"


def _table(label: str, titles: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]) -> str:
    """Return a table of HTML cells without the columns that are empty in all rows."""
    filled = [i for i in range(len(titles)) if any(cells[i] for _, cells in rows)]
    head = "".join(f"<th>{titles[i]}</th>" for i in filled)
    body = "".join(
        f'<tr><th scope="row">{name}</th>{"".join(f"<td>{cells[i]}</td>" for i in filled)}</tr>'
        for name, cells in rows
    )
    table = f"<thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody>"
    return scrolling(f'<table class="figures">{table}</table>', label) if rows else ""


def _link(folder: Folder, name: str, text: str = "") -> str:
    """Return a link to a file of the folder; "" when it is not there."""
    if not (folder.path / name).is_file():
        return ""
    return f'<a href="{quote(os.fsencode(name))}">{html(text or name)}</a>'


def _mark(digest: str | None, folder: Folder, name: str) -> str:
    """Return a mark when ``digest`` is known and not that of the file ``name``."""
    if not digest or folder.digests.get(name) == digest:
        return ""
    return _marked(f"another {name}" if name in folder.digests else f"a {name} that is not here")


def _marked(origin: str) -> str:
    return f' <span class="stale">from another run: of {html(origin)}</span>'


def _with_interval(metrics: Mapping[str, Any]) -> str:
    text = f"{metrics['accuracy']:.5f}"
    if {"correct", "total"} <= set(metrics):
        text += f": {metrics['correct']:,} of {metrics['total']:,} right"
    if "accuracy_95" in metrics:
        low, high = metrics["accuracy_95"]
        text += f", 95 % interval {low:.5f} to {high:.5f}"
    return text


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _digest(path: Path) -> str:
    # A pipe, or a link to a device, has no end.
    if not path.is_file():
        return ""
    try:
        return files.sha256(path)
    except OSError:
        return ""
