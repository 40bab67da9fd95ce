"""The index page of an artifacts folder: its links, its marks, and that it never fails."""

import json
import os
import re
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from edgekit import cli
from edgekit.convert.packages.folder import MARK
from edgekit.index import INDEX, render, write_index

STALE = "from another run"


@pytest.fixture(scope="session")
def full(artifacts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifacts folder with results of each command; those of bench and sweep are invented."""
    folder = tmp_path_factory.mktemp("full") / "artifacts"
    shutil.copytree(artifacts, folder)
    assert cli.run(["export", "--artifacts", str(folder), "--json"]) == 0
    report = json.loads((folder / "model.tflite.report.json").read_text())
    data = json.loads((folder / "metrics.json").read_text())["data"]
    subject = {"model": "model.tflite", "sha256": report["tflite_sha256"], "peer": False}
    gates = [{"verdict": verdict} for verdict in ("passed", "failed", "skipped")]
    for name in ("bench", "bench_cortex-m4"):
        document = {"format": "edgekit bench", "passed": False, "gates": gates}
        write(folder / f"{name}.json", document | {"results": [{"subject": subject}]})
    (folder / "report.html").write_text("bench")
    (folder / "sweep").mkdir()
    (folder / "sweep" / "report.html").write_text("sweep")
    about = {"name": data["name"], "sha256": data["sha256"]}
    write(folder / "sweep" / "sweep.json", {"data": about, "varied": ["hidden"], "points": [{}]})
    write_index(folder)
    return folder


@pytest.fixture
def folder(full: Path, tmp_path: Path) -> Path:
    """A copy of the full folder that a test may change."""
    return Path(shutil.copytree(full, tmp_path / "artifacts"))


def write(path: Path, document: Any) -> None:
    path.write_text(json.dumps(document))


def changed(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    document = json.loads(path.read_text())
    change(document)
    write(path, document)


def links(page: str) -> set[str]:
    return {unquote(link) for link in re.findall(r'(?:href|src)="([^"]+)"', page)}


def test_all_that_is_there_is_linked_and_nothing_is_marked(full: Path) -> None:
    page = (full / INDEX).read_text()
    assert links(page) == {
        "model.keras",
        "model_card.md",
        "metrics.json",
        "history.csv",
        "learning_curves.png",
        "confusion_matrix.png",
        "samples.png",
        "model.tflite",
        "model.tflite.report.html",
        "model_int8.tflite",
        "model_int8.tflite.report.html",
        "bench.json",
        "bench_cortex-m4.json",
        "report.html",
        "model_int8_c/README.md",
        "sweep/report.html",
    }
    assert all((full / link).is_file() for link in links(page))
    assert f">{STALE}" not in page
    metrics = json.loads((full / "metrics.json").read_text())
    assert f"{metrics['accuracy']:.5f}: {metrics['correct']:,} of {metrics['total']:,}" in page
    after = json.loads((full / "model_int8.tflite.report.json").read_text())["accuracy"]["after"]
    assert f"<td>{after['accuracy']:.4f}</td>" in page
    assert "✗ failed</span></td><td>1 of 2</td>" in page
    assert "http:" not in page
    assert "<script" not in page


def test_each_command_writes_it(artifacts: Path, full: Path) -> None:
    # By convert, whose fixture this is; by export, before the fixture added the rest.
    assert "model_int8.tflite.report.html" in links((artifacts / INDEX).read_text())
    assert "model_int8_c/README.md" in links((full / INDEX).read_text())


@pytest.mark.parametrize(
    ("change", "near"),
    [
        (
            lambda folder: (folder / "model.keras").write_bytes(b"another"),
            ["history.csv", "model.tflite", "model_int8.tflite"],
        ),
        (
            lambda folder: (folder / "model_int8.tflite").write_bytes(b"another"),
            ["model_int8.tflite", "model_int8_c/README.md"],
        ),
        (
            lambda folder: changed(folder / "metrics.json", lambda m: m.update(model_sha256="0")),
            ["history.csv"],
        ),
        (
            lambda folder: changed(
                folder / "bench.json", lambda d: d["results"][0]["subject"].update(sha256="0")
            ),
            ["report.html"],
        ),
        (
            lambda folder: changed(
                folder / "sweep" / "sweep.json", lambda d: d["data"].update(sha256="0")
            ),
            ["sweep/report.html"],
        ),
    ],
    ids=["model.keras", "int8", "metrics", "bench", "sweep"],
)
def test_a_file_of_another_run_is_marked(
    folder: Path, change: Callable[[Path], object], near: list[str]
) -> None:
    change(folder)
    marked = re.findall(rf'href="([^"]+)">[^<]*</a> <span class="stale">{STALE}', render(folder))
    assert marked == near


def test_only_what_exists_is_shown(full: Path, tmp_path: Path) -> None:
    shutil.copy(full / "model_int8.tflite", tmp_path)
    page = render(tmp_path)
    assert links(page) == {"model_int8.tflite"}
    assert re.findall("<h2>(.*?)</h2>", page) == ["Conversions"]
    # A column that says nothing of any file is left out.
    assert re.findall("<th>(.*?)</th>", page) == ["", "size"]


def test_a_model_that_was_converted_from_elsewhere_is_of_no_other_run(
    full: Path, tmp_path: Path
) -> None:
    for name in ("model.tflite", "model.tflite.report.json"):
        shutil.copy(full / name, tmp_path)
    assert links(page := render(tmp_path)) == {"model.tflite", "model.tflite.report.json"}
    assert f">{STALE}" not in page


BROKEN = (b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b'{"data": 3, "accuracy": "x"}')


@pytest.mark.parametrize("content", BROKEN, ids=lambda content: repr(content)[:12])
def test_what_cannot_be_read_is_left_out(folder: Path, content: bytes) -> None:
    for path in [*folder.glob("*.json"), folder / "sweep" / "sweep.json"]:
        path.write_bytes(content)
    (folder / "model_int8_c" / "README.md").write_bytes(content)
    write_index(folder)
    assert {"model.tflite", "model_int8.tflite"} <= links((folder / INDEX).read_text())


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of Unix")
@pytest.mark.parametrize("name", [INDEX, "model_c/SHA256SUMS", "model_c/README.md"])
def test_a_pipe_is_not_waited_for(folder: Path, name: str) -> None:
    pipe = folder / name
    pipe.parent.mkdir(exist_ok=True)
    (pipe.parent / "SHA256SUMS").write_text(MARK)
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe)
    writing = threading.Thread(target=write_index, args=[folder], daemon=True)
    writing.start()
    writing.join(30)
    assert not writing.is_alive()


def test_names_are_only_text(folder: Path) -> None:
    name = "<img src=x onerror=a> &\"'#?%.tflite"
    shutil.copy(folder / "model.tflite", folder / name)
    changed(folder / "metrics.json", lambda m: m["data"].update(name="<script>"))
    page = render(folder)
    assert "<img src=x" not in page
    assert "<script" not in page
    assert name in links(page)


def test_nothing_is_written_where_nothing_of_ours_lies(tmp_path: Path) -> None:
    write_index(tmp_path / "missing")
    assert not (tmp_path / "missing").exists()
    (tmp_path / "notes.txt").write_text("mine")
    write_index(tmp_path)
    assert not (tmp_path / INDEX).exists()


def test_a_page_of_somebody_elses_stays(folder: Path) -> None:
    (folder / INDEX).write_text("<h1>mine</h1>")
    write_index(folder)
    assert (folder / INDEX).read_text() == "<h1>mine</h1>"


def test_a_folder_that_takes_no_page_fails_no_command(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgekit import files

    before = (folder / INDEX).read_bytes()

    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "write_bytes", full_disk)
    write_index(folder)
    assert (folder / INDEX).read_bytes() == before
    monkeypatch.undo()
    (folder / INDEX).unlink()
    (folder / INDEX).mkdir()
    write_index(folder)
    assert not [path for path in folder.iterdir() if path.suffix == ".html" and path.name[0] == "."]
