"""`edgekit sweep` as a user runs it, and as it is killed."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import documents
from edge_runtime.install import install_line
from edgekit import cli
from edgekit.sweep.measurement import DEFLATED
from edgekit.verify import verify

NODES = (2, 3, 4, 5, 6)
OUTPUTS = ["report.html", "rows.jsonl", "sweep.csv", "sweep.json"]
GRID = ["--grid", "hidden=2,3,4,5,6", "--grid", "epochs=1"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--grid", "hiden=2"], "'hiden' is not an option of edgekit train: hidden, "),
        (["--grid", "artifacts=x"], "'artifacts' is not an option"),
        (["--grid", "hidden"], "'hidden' is not KEY=V1,V2,…"),
        (["--grid", "hidden="], "hidden: '' is not a valid integer"),
        (["--grid", "hidden=2,x"], "hidden: 'x' is not a valid integer"),
        (["--grid", "hidden=2,0"], "hidden: 0 is not in the range"),
        (["--grid", "hidden=2,02"], "hidden: 2 is repeated"),
        (["--grid", "optimizer=adam,sdg"], "optimizer: 'sdg' is not one of"),
        (["--grid", "learning-rate=nan"], "learning-rate: 'nan' is not a finite number"),
        (["--grid", "hidden=2", "--grid", "hidden=3"], "--grid names hidden twice"),
        (["--grid", "monitor=loss,val_loss"], "needs --grid validation-split"),
        (["--grid", "validation-split=0.1,0.9999"], "leaves none of the 320"),
        (["--grid", "qat=false,maybe"], "qat: 'maybe' is not a valid boolean"),
        (["--grid", "prune=0,1"], "prune: 1.0 is not in the range 0<=x<1"),
        (["--grid", "cluster=1"], "--cluster 1: needs at least 2 values"),
        (["--grid", "cluster=0,2", "--grid", "prune=0.5"], "needs at least 3 values"),
        (["--grid", "seed=1,2", "--seeds", "2"], "say the same"),
        (["--seeds", "0"], "--seeds"),
        (["--workers", "2", "--scheduler", "tcp://127.0.0.1:1"], "leave it out with --scheduler"),
        (["--scheduler", "tcp://10.0.0.7:1", "--tls-key", __file__], "need --scheduler tls://"),
        (["--tls-ca-file", __file__], "need --scheduler tls://"),
        (["--data", "/nowhere"], "/nowhere"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_refused_before_anything_trains(
    images: Path,
    tmp_path: Path,
    options: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from edgekit.sweep import workers

    monkeypatch.setattr(workers, "completed", lambda *_: pytest.fail("something is trained"))
    folder = tmp_path / "made"
    command = ["sweep", "--data", str(images), "--artifacts", str(folder)]
    assert cli.run([*command, *options]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert not folder.exists()


def lines_of(folder: Path) -> list[dict[str, Any]]:
    path = folder / "sweep" / "rows.jsonl"
    # What is being written may be torn.
    whole = path.read_text().rpartition("\n")[0] if path.exists() else ""
    return [json.loads(line) for line in whole.splitlines()]


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """The last line of each point: the one that has its latency."""
    return list({json.dumps(row["recipe"]): row for row in lines_of(folder)}.values())


def nodes_of(folder: Path) -> list[int]:
    return [row["recipe"]["hidden"] for row in rows_of(folder)]


def lasting(row: dict[str, Any]) -> dict[str, Any]:
    changing = ("seconds", "latency", "missing", "worker", "time")
    sizes = {**row["sizes"], DEFLATED: 0}
    return {key: value for key, value in row.items() if key not in changing} | {"sizes": sizes}


def command(images: Path, folder: Path, *options: str) -> list[str]:
    data = ["--data", str(images), "--artifacts", str(folder)]
    return [sys.executable, "-m", "edgekit", "sweep", *data, *options]


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture(scope="module")
def killed_and_resumed(
    images: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, bytes, str]:
    """A folder whose sweep was killed midway and run again; the journal between; what it said."""
    folder = tmp_path_factory.mktemp("killed")
    with subprocess.Popen(
        command(images, folder, *GRID, "--workers", "2"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        wait_for(lambda: len(rows_of(folder)) >= 2, process)
        os.killpg(process.pid, signal.SIGKILL)
    journal = folder / "sweep" / "rows.jsonl"
    # As if the power had gone while the next line was written.
    left = journal.read_bytes().rpartition(b"\n")[0] + b"\n"
    journal.write_bytes(left + left[: len(left) // 3])
    done = subprocess.run(
        command(images, folder, *GRID, "--workers", "1"),
        check=True,
        capture_output=True,
        text=True,
    )
    (folder / "stdout").write_text(done.stdout)
    return folder, left, done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a Unix thing")
def test_a_killed_sweep_resumes_no_row_lost_none_twice(
    killed_and_resumed: tuple[Path, bytes, str],
) -> None:
    folder, left, said = killed_and_resumed
    before = len(left.splitlines())
    assert 2 <= before < len(NODES)
    # What was measured stays, byte by byte; the torn line is gone.
    assert (folder / "sweep" / "rows.jsonl").read_bytes().startswith(left)
    assert sorted(nodes_of(folder)) == list(NODES)
    assert said.startswith(f"edgekit sweep: {before} of 5 are already in ")
    # What is there, a line for each other point, and that the latency is measured.
    assert len(said.splitlines()) == 2 + len(NODES) - before
    assert "latency of 5 points" in said.splitlines()[-1]


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a Unix thing")
def test_the_latency_comes_after_all_training(
    killed_and_resumed: tuple[Path, bytes, str],
) -> None:
    folder, _, _ = killed_and_resumed
    lines = lines_of(folder)
    assert [line["latency"] is None for line in lines] == [True] * 5 + [False] * 5
    assert [line["missing"] for line in rows_of(folder)] == [{}] * 5


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a Unix thing")
def test_the_outputs_have_all_points_in_the_grids_order(
    killed_and_resumed: tuple[Path, bytes, str],
) -> None:
    folder, _, _ = killed_and_resumed
    names = [path.name for path in (folder / "sweep").iterdir()]
    assert sorted(names) == ["SHA256SUMS", *OUTPUTS]
    assert all(finding.status == "ok" for finding in verify(folder / "sweep"))
    with (folder / "sweep" / "sweep.csv").open() as file:
        assert [int(row["hidden"]) for row in csv.DictReader(file)] == list(NODES)
    document = documents.read((folder / "sweep" / "sweep.json").read_text())
    assert [row["recipe"]["hidden"] for row in document["rows"]] == list(NODES)
    lines = (folder / "stdout").read_text().splitlines()
    assert [line.split()[0] for line in lines[1:6]] == list(map(str, NODES))
    assert lines[-1].endswith("sweep/report.html")
    assert 'href="sweep/report.html"' in (folder / "index.html").read_text()
    processes = {row["worker"]["process"] for row in rows_of(folder)}
    assert len(processes) > 1


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a Unix thing")
def test_another_grid_takes_what_is_there_and_is_kept_apart(
    killed_and_resumed: tuple[Path, bytes, str],
    images: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from edgekit.sweep import workers

    folder, _, _ = killed_and_resumed
    asked: list[Any] = []
    monkeypatch.setattr(
        workers, "completed", lambda _function, tasks, *_: asked.extend(tasks.values()) or iter(())
    )
    own = tmp_path / "copy"
    (own / "sweep").mkdir(parents=True)
    journal = (folder / "sweep" / "rows.jsonl").read_bytes()
    (own / "sweep" / "rows.jsonl").write_bytes(journal)
    start = ["sweep", "--data", str(images), "--artifacts", str(own), "--grid", "epochs=1"]
    assert cli.run([*start, "--grid", "hidden=3,2", "--json"]) == 0
    shown = documents.read(capsys.readouterr().out)
    assert [row["recipe"]["hidden"] for row in shown["rows"]] == [3, 2]
    assert asked == []
    # Other seeds and other data are other points.
    assert cli.run([*start, "--grid", "hidden=3", "--seeds", "2"]) == 70
    assert [(task.recipe.hidden, task.recipe.seed) for task in asked] == [(3, 43)]
    asked.clear()
    assert cli.run([*start, "--grid", "hidden=3", "--classes", "1,0"]) == 70
    assert len(asked) == 1
    assert (own / "sweep" / "rows.jsonl").read_bytes() == journal


def test_a_sweep_killed_before_the_latency_measures_only_that(
    images: Path,
    int8_model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from edgekit.sweep import journal, latency, point, workers
    from edgekit.sweep.measurement import Measurement
    from edgekit.train.data import load
    from edgekit.train.recipe import Recipe

    folder, basis = tmp_path / "sweep", point.basis(load(str(images)))
    score = {"accuracy": 1.0, "interval": [0.9, 1.0], "correct": 200, "total": 200}
    score["confusion"] = [[100, 0], [0, 100]]
    sizes = dict.fromkeys(("keras", "float32", "int8", DEFLATED), 1)
    worker = {"CPU": "x", "host": "y", "process": "1"}
    accuracy = {"float32": score, "int8": score}
    trained = [
        Measurement(Recipe(hidden=hidden), basis, accuracy=accuracy, sizes=sizes)
        for hidden in (2, 3)
    ]
    with journal.opened(folder / "rows.jsonl") as file:
        for row in trained:
            journal.append(file, replace(row, worker=worker))
    files = [folder / ".int8" / f"{row.key}.tflite" for row in trained]
    files[0].parent.mkdir()
    for path in files:
        path.write_bytes(int8_model.read_bytes())
    calls: list[Any] = []

    def completed(function: Any, tasks: Any, pool: Any, _say: Any) -> Iterator[Any]:
        calls.append((function, len(tasks), pool.number))
        yield from ((name, function(task)) for name, task in tasks.items())

    monkeypatch.setattr(workers, "completed", completed)
    start = ["sweep", "--data", str(images), "--artifacts", str(tmp_path), "--workers", "2"]
    assert cli.run([*start, "--grid", "hidden=2,3", "--json"]) == 0
    assert calls == [(point.measure, 0, 2), (latency.measure, 2, 1)]
    shown = documents.read(capsys.readouterr().out)
    assert all(0 < row["latency"] < 0.01 for row in shown["rows"])
    assert sorted(path.name for path in folder.iterdir()) == ["SHA256SUMS", *OUTPUTS]
    # A point whose int8 file is gone is trained again, and only that.
    with journal.opened(folder / "rows.jsonl") as file:
        journal.append(file, replace(trained[0], worker=worker))
    monkeypatch.setattr(point, "measure", lambda task: pytest.fail(f"hidden {task.recipe.hidden}"))
    with pytest.raises(pytest.fail.Exception, match="hidden 2"):
        cli.run([*start, "--grid", "hidden=2,3"])


@contextmanager
def dask(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-m", "dask", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is a Unix thing")
def test_a_dask_cluster_gives_the_same_rows_though_a_worker_is_killed(
    images: Path, killed_and_resumed: tuple[Path, bytes, str], tmp_path: Path
) -> None:
    pytest.importorskip("distributed")
    contact = tmp_path / "scheduler.json"
    at = ["--scheduler-file", str(contact), "--no-dashboard"]
    alone = ["--nthreads", "1", "--no-nanny", "--host", "127.0.0.1"]
    with (
        dask("scheduler", *at, "--host", "127.0.0.1", "--port", "0") as scheduler,
        dask("worker", *at, *alone) as first,
        dask("worker", *at, *alone) as second,
    ):
        wait_for(contact.exists, scheduler)
        wait_for(lambda: bool(contact.read_text()), scheduler)
        address = json.loads(contact.read_text())["address"]
        with subprocess.Popen(
            command(images, tmp_path, *GRID, "--scheduler", address),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:

            def both_worked() -> bool:
                return len({row["worker"]["process"] for row in rows_of(tmp_path)}) == 2

            wait_for(both_worked, process)
            first.send_signal(signal.SIGKILL)
            _, said = process.communicate(timeout=120)
            assert process.returncode == 0, said
        assert first.wait() == -signal.SIGKILL
        assert second.poll() is None
    rows = rows_of(tmp_path)
    assert all(row["latency"] is None for row in rows)
    assert all("left out with --scheduler" in row["missing"]["latency"] for row in rows)
    assert {row["worker"]["process"] for row in rows} == {str(first.pid), str(second.pid)}
    assert sorted(row["recipe"]["hidden"] for row in rows) == list(NODES)
    folder, _, _ = killed_and_resumed
    by_nodes = {row["recipe"]["hidden"]: lasting(row) for row in rows_of(folder)}
    assert {row["recipe"]["hidden"]: lasting(row) for row in rows} == by_nodes


def test_a_scheduler_that_does_not_answer_is_one_line(
    images: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("distributed")
    from edgekit.sweep import workers

    monkeypatch.setattr(workers, "CONNECT_SECONDS", 0.5)
    start = ["sweep", "--data", str(images), "--artifacts", str(tmp_path), *GRID]
    assert cli.run([*start, "--scheduler", "tcp://127.0.0.1:1"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "--scheduler tcp://127.0.0.1:1: no Dask scheduler answers" in line
    assert rows_of(tmp_path) == []


def test_without_dask_the_extra_is_named(
    images: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("distributed", "distributed.scheduler"):
        monkeypatch.setitem(sys.modules, name, None)
    start = ["sweep", "--data", str(images), "--artifacts", str(tmp_path), *GRID]
    assert cli.run([*start, "--scheduler", "tcp://127.0.0.1:1"]) == 2
    assert install_line("distributed") in capsys.readouterr().err
