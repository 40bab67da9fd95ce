"""Every kind of file that a command reads, damaged: one line and exit code 2, or it still works.

A failed gate (1) is an answer; an internal error (70), a traceback, or a second line is none.
EDGEKIT_BAD_INPUTS says how many damaged files of each kind are tried.
"""

import gzip
import json
import os
import random
import struct
import sys
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import soundfile
from ai_edge_litert import schema_py_generated as schema
from PIL import Image

import build
import spoil
from edge_runtime.metadata import Metadata
from edgekit import digests, files
from edgekit.benchmarks.report import document
from edgekit.benchmarks.result import Result, Subject
from edgekit.cli import run
from edgekit.commands import bench_output, bench_run, tuning
from edgekit.convert import calibration, job, metrics_file, qat
from edgekit.convert.conversion import Conversion
from edgekit.convert.job_data import Choices
from edgekit.convert.metadata import attach
from edgekit.errors import DataError, EdgekitError
from edgekit.index import write_index
from edgekit.sweep import latency, point, workers
from edgekit.sweep.measurement import Measurement
from edgekit.train import arrays, data, mnist, recordings
from edgekit.train.recipe import Recipe

TRIES = int(os.environ.get("EDGEKIT_BAD_INPUTS", "40"))
Capture = pytest.CaptureFixture[str]
Spoil = Callable[[random.Random], bytes]


def attempts(path: Path, spoilt: Spoil, seed: int = 0) -> Iterator[bytes]:
    """Write the file damaged in another way for each turn."""
    for number in range(TRIES):
        content = spoilt(random.Random(f"{path.name} {seed} {number}"))
        if path.is_dir():
            path.rmdir()
        if number == 0:
            # A folder stands where the file should be.
            path.unlink(missing_ok=True)
            path.mkdir()
            yield b""
            continue
        path.write_bytes(content)
        yield content


def require_one_line(code: int, captured: Any, content: bytes) -> None:
    lines = [line for line in captured.err.splitlines() if not line.startswith(("note: ", "warn"))]
    about = f"{content[:600]!r}\n{captured.err}"
    assert code in (0, 1, 2), about
    assert "Traceback" not in captured.err, about
    if code == 2:
        assert len(lines) == 1, about
        assert lines[0].startswith("edgekit"), about
        assert "error: " in lines[0], about
    else:
        assert not any("error" in line for line in lines), about


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small classifier of pictures that carries labels, and data for it."""
    rng = np.random.default_rng(0)
    weights = rng.normal(0, 0.05, (2, 64)).astype(np.float32)
    tensors = [
        build.tensor((1, 64)),
        build.constant(weights, "float32"),
        build.tensor((1, 2)),
        build.tensor((1, 2)),
    ]
    nodes: list[build.Op] = [
        ("FULLY_CONNECTED", [0, 1, -1], 2, {}),
        ("SOFTMAX", [2], 3, {"beta": 1.0}),
    ]
    plain = build.model(tensors, nodes)
    (tmp_path / "model.tflite").write_bytes(
        attach(plain, Metadata(("a", "b"), mean=(0.0,), std=(255.0,)))
    )
    x = rng.integers(0, 256, (12, 64), np.uint8)
    np.savez(tmp_path / "data.npz", x=x, y=np.arange(12) % 2)
    np.save(tmp_path / "x.npy", x)
    return tmp_path


def test_arrays(folder: Path, capsys: Capture) -> None:
    for name, spoilt in (("data.npz", spoil.misarchived), ("x.npy", spoil.spoilt)):
        whole = (folder / name).read_bytes()
        path = folder / f"bad{Path(name).suffix}"
        for content in attempts(path, lambda rng, w=whole, s=spoilt: s(w, rng)):  # type: ignore[misc]
            code = run(["predict", str(folder / "model.tflite"), "--data", str(path)])
            require_one_line(code, capsys.readouterr(), content)


def test_tables(folder: Path, capsys: Capture) -> None:
    with np.load(folder / "data.npz") as whole:
        columns = {f"v{i}": column for i, column in enumerate(whole["x"].T)} | {"y": whole["y"]}
    table = pa.table(columns)
    pyarrow.csv.write_csv(table, folder / "data.csv")
    pq.write_table(table, folder / "data.parquet")
    for name in ("data.csv", "data.parquet"):
        content = (folder / name).read_bytes()
        path = folder / f"bad{Path(name).suffix}"
        for damaged in attempts(path, lambda rng, c=content: spoil.spoilt(c, rng)):  # type: ignore[misc]
            for more in ([], ["--skip-bad"]):
                words = ["predict", str(folder / "model.tflite"), "--data", str(path), *more]
                require_one_line(run(words), capsys.readouterr(), damaged)


def test_recordings(folder: Path) -> None:
    path = folder / "a.wav"
    sound = np.random.default_rng(0).normal(0, 0.1, (900, 2))
    for subtype in ("PCM_16", "PCM_24", "FLOAT", "MS_ADPCM"):
        soundfile.write(path, sound, 8000, subtype)
        whole = path.read_bytes()
        for content in attempts(path, lambda rng, w=whole: spoil.spoilt(w, rng)):  # type: ignore[misc]
            problem = ""
            try:
                assert recordings.pcm(path, 8000, 800, recordings.Changes()).shape == (800,)
            except DataError as error:
                problem = str(error)
            assert not problem or problem.startswith(f"{path}: "), content
            assert "\n" not in problem, content


def test_images(folder: Path, capsys: Capture) -> None:
    for name in ("PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP", "PPM"):
        path = folder / f"image.{name.lower()}"
        Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(path, name)
        whole = path.read_bytes()
        for content in attempts(path, lambda rng, w=whole: spoil.spoilt(w, rng)):  # type: ignore[misc]
            code = run(["predict", str(folder / "model.tflite"), str(path)])
            require_one_line(code, capsys.readouterr(), content)


def test_models(folder: Path, capsys: Capture) -> None:
    """The zip behind a model, and all of the file."""
    whole = (folder / "model.tflite").read_bytes()
    (folder / "x.png").write_bytes(b"")
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(folder / "x.png")
    path = folder / "bad.tflite"
    start = whole.find(b"PK\3\4")
    for spoilt in (
        lambda rng: whole[:start] + spoil.misarchived(whole[start:], rng),
        lambda rng: spoil.spoilt(whole, rng),
    ):
        for content in attempts(path, spoilt):
            for arguments in (
                ["inspect", str(path)],
                ["inspect", "--json", str(path)],
                ["predict", str(path), str(folder / "x.png")],
                ["label", str(path), "--labels", "c,d", "-o", str(folder / "out.tflite")],
            ):
                code = run(arguments)
                require_one_line(code, capsys.readouterr(), content)


def test_arrays_of_other_kinds(folder: Path, capsys: Capture) -> None:
    """Arrays that NumPy reads and that are no inputs, or no classes."""

    def array(rng: random.Random) -> np.ndarray[Any, Any]:
        shape = rng.choice(
            ((), (0,), (12,), (12, 1), (12, 2), (12, 64), (12, 8, 8), (11, 64), (0, 64))
        )
        kind = rng.choice(
            ("?", "i1", "u1", ">u2", "i8", "u8", "f2", "f8", "c8", "M8[s]", "S3", "U2")
        )
        values = np.random.default_rng(rng.randrange(100)).integers(0, 3, shape)
        made = np.asarray(values).astype(kind) if kind[0] != "M" else np.zeros(shape, kind)
        if kind[0] == "f" and made.size and rng.random() < 0.5:
            made.ravel()[0] = rng.choice((np.nan, np.inf, -1e300 if kind == "f8" else -6e4))
        if rng.random() < 0.1:
            made = np.zeros(12, [("a", "i4"), ("b", "U3")])
        return made

    def archive(rng: random.Random) -> bytes:
        names = rng.choice((("x", "y"), ("x",), ("y",), ("x_train", "y_train", "x_test", "y_test")))
        path = folder / "kinds.npz"
        np.savez(path, **{name: array(rng) for name in names})  # type: ignore[arg-type]
        return path.read_bytes()

    path = str(folder / "bad.npz")
    for content in attempts(folder / "bad.npz", archive):
        code = run(["predict", str(folder / "model.tflite"), "--data", path])
        require_one_line(code, capsys.readouterr(), content)
        for shape, numbers in (((8, 8), None), ((64,), True), ((2,), False)):
            with suppress(DataError):
                data.load(path, shape=shape, numbers=numbers)


def test_lists_of_labels(folder: Path, capsys: Capture) -> None:
    model, out = str(folder / "model.tflite"), str(folder / "out.tflite")
    for content in attempts(folder / "bad.txt", lambda rng: spoil.spoilt("ä\nß\n".encode(), rng)):
        code = run(["label", model, "--labels", str(folder / "bad.txt"), "-o", out])
        require_one_line(code, capsys.readouterr(), content)


def test_mnist(folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """IDX files, packed and not, and an mnist.npz."""
    own = folder / "idx"
    own.mkdir()
    images = struct.pack(">IIII", 0x803, 2, 28, 28) + bytes(2 * 784)
    for name in mnist.IDX_FILES.values():
        (own / name).write_bytes(images)
    path = own / f"{mnist.IDX_FILES['x_train']}.gz"
    (own / mnist.IDX_FILES["x_train"]).unlink()
    arguments = ["bench", str(folder / "model.tflite"), "--data", "mnist"]
    train = ["sweep", "--artifacts", str(folder / "made")]
    monkeypatch.setenv("EDGEKIT_MNIST", str(own))
    for content in attempts(path, lambda rng: spoil.spoilt(gzip.compress(images), rng)):
        for one in (arguments, train):
            code = run(one)
            assert code == 2
            require_one_line(code, capsys.readouterr(), content)
    path = path.rename(path.with_suffix(""))
    for content in attempts(path, lambda rng: spoil.spoilt(images, rng)):
        code = run(train)
        assert code == 2
        require_one_line(code, capsys.readouterr(), content)


def test_what_verify_reads(folder: Path, capsys: Capture) -> None:
    model = folder / "model.tflite"
    documents = {
        "SHA256SUMS": lambda rng: spoil.spoilt(listed, rng),
        "metrics.json": lambda rng: spoil.misstated({"model_sha256": "ab"}, rng),
        "model.tflite.report.json": lambda rng: spoil.misstated({"tflite_sha256": "ab"}, rng),
        "bench.json": lambda rng: spoil.misstated(bench, rng),
        "model.tflite": lambda rng: spoil.spoilt(whole, rng),
    }
    digests.record(folder, model, folder / "x.npy")
    listed, whole = (folder / "SHA256SUMS").read_bytes(), model.read_bytes()
    bench = {"results": [{"subject": {"model": "model.tflite", "sha256": "ab"}}]}
    for name, spoilt in documents.items():
        for content in attempts(folder / name, spoilt):
            for arguments in (["verify", str(folder)], ["verify", "--json", str(model)]):
                code = run(arguments)
                require_one_line(code, capsys.readouterr(), content)
        if (folder / name).is_dir():
            (folder / name).rmdir()
        (folder / name).unlink(missing_ok=True)
        if name == "SHA256SUMS":
            digests.record(folder, model, folder / "x.npy")


def test_the_index_is_written_over_whatever_lies_there(folder: Path) -> None:
    bench: Any = {"format": "edgekit bench", "passed": True, "gates": [{"verdict": "passed"}]}
    bench["results"] = [{"subject": {"model": "m", "sha256": "ab", "peer": False}}]
    data = {"name": "x", "classes": ["a", "b"], "train": 1, "test": 1, "sha256": "ab"}
    metrics = {"data": data, "accuracy": 0.5, "correct": 1, "total": 2, "accuracy_95": [0.1, 0.9]}
    sweep = {"data": data, "varied": ["hidden"], "points": [{}]}
    (folder / "sweep").mkdir()
    for name, whole in (
        ("bench.json", bench),
        ("metrics.json", metrics),
        ("sweep/sweep.json", sweep),
        ("model.tflite.report.json", {"recipe": {"scheme": "int8"}, "bytes": {"tflite": 3}}),
        ("index.html", ["text"]),
    ):
        for _ in attempts(folder / name, lambda rng, w=whole: spoil.misstated(w, rng)):  # type: ignore[misc]
            write_index(folder)


def test_baselines(folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """An earlier run's document: what it says is refused, or compared with."""
    subject, keras = (
        Subject("model.tflite", "12" * 32, "native"),
        Subject("m", "", "keras", peer=True),
    )
    results = [
        Result(subject, "accuracy", "class", summary={"accuracy": 0.5, "correct": 6, "total": 12}),
        Result(subject, "latency", "s", (1.0, 2.0), {"p50": 1.0, "p90": 2.0, "calls": 2}),
        Result(subject, "file_size", "bytes", (9.0,), {"median": 9.0}),
        Result(keras, "latency", "s", (1.0,), {"p50": 1.0, "p90": 2.0, "calls": 2}),
    ]
    about = {"name": "x", "sha256": "ab", "labels": ["a", "b"], "images": 12}
    results = [replace(one, dataset=about, environment={"CPU": "x", "OS": "y"}) for one in results]
    whole = json.loads(document.dumps(results, [], samples=True))
    monkeypatch.setattr(bench_run, "_measure", lambda *_: results)
    monkeypatch.setattr(bench_output, "write", lambda *_: None)
    arguments = ["bench", str(folder / "model.tflite"), "--data", str(folder / "data.npz")]
    arguments += ["--artifacts", str(folder), "--max-drop", "1"]
    path = folder / "baseline.json"
    for content in attempts(path, lambda rng: spoil.misstated(whole, rng)):
        code = run([*arguments, "--baseline", str(path)])
        captured = capsys.readouterr()
        if code == 1:
            assert captured.err.startswith("edgekit bench: "), captured.err
        else:
            require_one_line(code, captured, content)


def test_reports_beside_a_model(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = folder / "model.tflite"
    whole = {"tflite_sha256": files.sha256(model), "data": {"source": str(folder / "data.npz")}}
    monkeypatch.setattr(bench_run, "_measure", lambda *_: [])
    monkeypatch.setattr(bench_output, "write", lambda *_: None)
    path = folder / "model.tflite.report.json"
    for content in attempts(path, lambda rng: spoil.misstated(whole, rng)):
        code = run(["bench", str(model), "--artifacts", str(folder)])
        captured = capsys.readouterr()
        if code != 1:
            require_one_line(code, captured, content)


def test_metrics_beside_a_model(folder: Path) -> None:
    """What convert and tune take from metrics.json, without TensorFlow."""
    model: Any = SimpleNamespace(
        path=folder / "model.keras",
        sha256="ab",
        shape=(3,),
        loss="",
        forward=SimpleNamespace(last_op="Softmax"),
        output_shape=(2,),
        outputs=2,
        learned=None,
        rebuilds_input=False,
        several="",
        input_specs=(None,),
        output_specs=(None,),
        file=None,
        origin="Keras 3",
    )
    np.savez(folder / "rows.npz", x=np.zeros((12, 3)), y=np.arange(12) % 2)
    data = {"source": str(folder / "rows.npz"), "name": "x", "classes": ["0", "1"], "sha256": "cd"}
    recipe = {"hidden": 3, "optimizer": "adam", "qat": False, "learning_rate": 0.1}
    whole = {
        "model_sha256": "ab",
        "data": {**data, "framing": "resize"},
        "recipe": recipe,
        "tuning": {"recipe": {"qat": True}},
        "input_range": [0, 1],
    }
    for content in attempts(folder / "metrics.json", lambda rng: spoil.misstated(whole, rng)):
        try:
            metrics = metrics_file.read(model)
            job.prepare(model, Choices(), Conversion())
            tuning._recipe(metrics)
            json.dumps(metrics_file.hyper_parameters(metrics))
        except (EdgekitError, OSError):
            continue
        except Exception as error:
            pytest.fail(f"{error!r}: {content[:500]!r}")


def test_journals(folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sweep that is started again on a damaged journal."""
    x = np.random.default_rng(0).integers(0, 256, (20, 28, 28), np.uint8)
    np.savez(folder / "digits.npz", x=x, y=np.arange(20) % 2)
    dataset = data.load(str(folder / "digits.npz"))
    basis = point.basis(dataset)
    score = {"correct": 3, "total": 4, "accuracy": 0.75, "interval": [0.3, 0.95]}
    score |= {"confusion": [[2, 0], [1, 1]]}
    rows = {
        one.key: one
        for hidden in (2, 3)
        for one in (
            Measurement(
                recipe=Recipe(hidden=hidden),
                basis=basis,
                accuracy=dict.fromkeys(("float32", "int8"), score),
                sizes=dict.fromkeys(("keras", "float32", "int8", "int8_deflated"), 1000),
                latency=1e-6,
                firmware=dict.fromkeys(("flash", "ram", "stack", "instructions"), 100),
                worker={"CPU": "x", "host": "y", "process": "1"},
                time="2026-01-01T00:00:00+00:00",
            ),
        )
    }
    monkeypatch.setattr(workers, "completed", lambda _, tasks, *__: ((k, rows[k]) for k in tasks))
    monkeypatch.setattr(latency, "measure", lambda _: (1e-6, ""))
    (folder / "sweep").mkdir()
    path = folder / "sweep" / "rows.jsonl"
    lines = [one.to_dict() for one in rows.values()]
    arguments = ["sweep", "--grid", "hidden=2,3", "--data", str(folder / "digits.npz")]

    def spoilt(rng: random.Random) -> bytes:
        if rng.random() < 0.2:
            return spoil.spoilt(b"".join(json.dumps(one).encode() + b"\n" for one in lines), rng)
        first = spoil.misstated(lines[0], rng)
        return first + b"\n" + json.dumps(lines[1]).encode() + b"\n"

    for content in attempts(path, spoilt):
        code = run([*arguments, "--artifacts", str(folder)])
        captured = capsys.readouterr()
        captured = captured._replace(
            err="\n".join(
                line for line in captured.err.splitlines() if not line.startswith("edgekit sweep: ")
            )
        )
        require_one_line(code, captured, content)


def test_what_the_archive_holds_beside_arrays_is_passed_over(folder: Path) -> None:
    with zipfile.ZipFile(folder / "data.npz", "a") as archive:
        archive.writestr("README.txt", "of the data")
        archive.writestr("notes.npy", "no array")

    assert set(arrays.read_npz(folder / "data.npz")) == {"x", "y"}


def test_a_damaged_header_of_an_array(folder: Path) -> None:
    whole = (folder / "x.npy").read_bytes()
    (folder / "x.npy").write_bytes(whole.replace(b"), }", b"),  "))
    with pytest.raises(DataError, match=r"x.npy: not a readable .npz"):
        arrays.read_npz(folder / "x.npy")
    with pytest.raises(DataError, match=r"x.npy: not a readable .npy"):
        calibration.read_array(str(folder / "x.npy"))


@pytest.mark.tensorflow
def test_learned_ranges_in_a_damaged_archive(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(files.QUANTIZED_FORWARD, bytes(1000))
    whole = path.read_bytes()
    for content in attempts(path, lambda rng: spoil.misarchived(whole, rng)):
        if content and zipfile.is_zipfile(path):
            with suppress(EdgekitError):
                qat.load(path, trust=False)


def test_numbers_beyond_float32(folder: Path) -> None:
    np.savez(folder / "rows.npz", x=np.full((12, 3), 1e300), y=np.arange(12) % 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DataError, match="NaN or infinity in 12 rows"):
            data.load(str(folder / "rows.npz"), shape=(3,))


def test_what_pillow_warns_of_is_not_told(folder: Path, capsys: Capture) -> None:
    header = b"IHDR" + struct.pack(">IIBBBBB", 10_000, 10_000, 8, 0, 0, 0, 0)
    content = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    content += struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    (folder / "huge.png").write_bytes(b"\x89PNG\r\n\x1a\n" + content)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run(["predict", str(folder / "model.tflite"), str(folder / "huge.png")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "it has 10000×10000 pixels: 67,108,864 pixels are the limit of a file" in line


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e300])
def test_classes_that_are_no_whole_numbers(folder: Path, value: float) -> None:
    y = np.where(np.arange(12) == 5, value, 1.0)
    np.savez(folder / "rows.npz", x=np.zeros((12, 3)), y=y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DataError, match="classes are integers, strings or one-hot rows"):
            data.load(str(folder / "rows.npz"), shape=(3,), numbers=False)


def test_a_model_that_is_damaged_where_only_label_looks(
    folder: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unpack(_: bytes) -> None:
        raise struct.error("unpack_from requires a buffer of at least 572537658 bytes")

    monkeypatch.setattr(schema.ModelT, "InitFromPackedBuf", unpack)
    path = folder / "model.tflite"
    assert run(["label", str(path), "--labels", "c,d"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(
        f"edgekit: error: {path}: damaged in a part that running it does not read: "
    )


@pytest.mark.skipif(sys.platform == "win32", reason="devices of Unix")
@pytest.mark.parametrize(
    "command",
    ["inspect", "export", "label --labels 0,1", "bench --data none", "predict --backend native"],
)
def test_a_device_is_no_model(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    # As good as /dev/zero, which would fill the memory.
    images = ["seven.png"] if command.startswith("predict") else []
    assert run([*command.split(), os.devnull, *images]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{os.devnull}" in line
    assert "is a device, and not a file" in line
