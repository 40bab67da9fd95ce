"""`edgekit label`: what another tool's file does not say, written into it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import documents
import edge_runtime
import foreign
from edge_runtime.metadata import Metadata
from edgekit import cli
from edgekit.convert.metadata import attach


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "foreign.tflite"
    path.write_bytes(foreign.int8_model(-1.0, 1.0))
    return path


def label(*arguments: object) -> int:
    return cli.run(["label", *map(str, arguments)])


def test_a_labelled_file_is_classified_and_measured(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scale = ("--mean", "127.5", "--std", "127.5")
    assert label(model, "--labels", "left,right,none", *scale, "--framing", "letterbox") == 0
    assert "left, right, none" in capsys.readouterr().out
    opened = edge_runtime.load(model)
    said = opened.metadata
    assert said is not None
    assert (said.labels, said.framing) == (("left", "right", "none"), "letterbox")
    assert (said.mean, said.std, said.meaning) == ((127.5,), (127.5,), "probabilities")
    images, true = foreign.pixels(30, 3)
    assert (opened.predict(images).argmax(axis=1) == true).all()
    assert opened.classify(images[1, ..., 0]).label == "right"
    data = tmp_path / "data.npz"
    names = np.array(said.labels)
    np.savez(data, x_train=images, y_train=names[true], x_test=images, y_test=names[true])
    options = ("--data", data, "--backend", "native", "--quick", "--artifacts", tmp_path)
    assert cli.run(["bench", *map(str, (model, *options))]) == 0
    assert cli.run(["export", str(model), "-o", str(tmp_path / "c")]) == 0
    assert '"right"' in (tmp_path / "c" / "foreign.c").read_text()


def test_what_is_not_named_stays_and_the_rest_is_another_file(
    model: Path, tmp_path: Path, capsys: Any
) -> None:
    before = model.read_bytes()
    earlier = Metadata(("a", "b", "c"), framing="centre-crop", provenance={"by": "hand"})
    model.write_bytes(attach(before, earlier))
    before = model.read_bytes()
    other = tmp_path / "other.tflite"
    assert label(model, "--input-range", "-1,1", "-o", other, "--json") == 0
    assert model.read_bytes() == before
    document = documents.read(capsys.readouterr().out)
    assert (document["format"], document["version"]) == ("edgekit label", 1)
    assert document["mean"] == document["std"] == [127.5]
    said = edge_runtime.load(other).metadata
    assert said is not None
    assert (said.labels, said.framing) == (("a", "b", "c"), "centre-crop")
    assert said.provenance == {"by": "hand"}


@pytest.mark.skipif(sys.platform == "win32", reason="/dev/stdout is Unix'")
def test_a_stream_gets_the_model_alone(model: Path) -> None:
    options = [model, "--labels", "left,right,none", "-o", "/dev/stdout"]
    command = [sys.executable, "-m", "edgekit", "label", *map(str, options)]
    done = subprocess.run(command, capture_output=True, check=True)
    assert b"left, right, none" in done.stderr
    assert label(model, "--labels", "left,right,none") == 0
    assert model.read_bytes() == done.stdout


def test_labels_from_a_file(model: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("left\nright\nnothing at all\n")
    assert label(model, "--labels", tmp_path / "labels.txt") == 0
    assert edge_runtime.load(model).labels == ("left", "right", "nothing at all")


def test_numbers(tmp_path: Path) -> None:
    path = tmp_path / "table.tflite"
    path.write_bytes(foreign.regression(np.ones(4, np.float32)))
    assert label(path, "--task", "regression") == 0
    assert edge_runtime.load(path).meaning == "numbers"


def test_a_task_and_its_threshold(tmp_path: Path) -> None:
    path = tmp_path / "table.tflite"
    path.write_bytes(foreign.regression(np.ones(1, np.float32)))
    assert label(path, "--task", "anomaly", "--threshold", "0.25") == 0
    said = edge_runtime.load(path).metadata
    assert said is not None
    assert (said.task, said.threshold, said.meaning) == ("anomaly", 0.25, "numbers")
    assert label(path, "--framing", "resize") == 0
    assert edge_runtime.load(path).metadata == said
    assert label(path, "--task", "regress") == 0
    assert edge_runtime.load(path).metadata.threshold is None


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "nothing to write"),
        (("--mean", "0"), "--mean and --std need each other"),
        (("--mean", "0", "--std", "1", "--input-range", "0,1"), "give one of them"),
        (("--mean", "0,x", "--std", "1"), "is not a number"),
        (("--mean", "0", "--std", "0"), "no usable number"),
        (("--mean", "nan", "--std", "1"), "no usable number"),
        (("--mean", "1,2", "--std", "1,2"), "have 2 channels"),
        (("--mean", "0", "--std", "1"), "would become 0 to 255, but its input's int8"),
        (("--labels", "a,b"), "has 2 labels, output 0 has 3"),
        (("--labels", "a,b,c", "--task", "regression"), "which have no labels"),
        (("--threshold", "0.5"), "it is for --task binary and anomaly"),
        (("--threshold", "0.5", "--task", "regress"), "it is for --task binary and anomaly"),
        (("--threshold", "nan", "--task", "binary"), "not a finite number"),
        (("--task", "anomaly"), "does not rebuild its input"),
        (("--task", "rank"), "'rank' is not one of"),
        (("--labels", "a,a,b"), "name at least two different ones"),
        (("--labels", "missing.txt"), "missing.txt"),
        (("--labels", "a,b\x1b[31m,c"), "characters that do not print"),
        (("--labels", "a,b\udcff,c"), "characters that do not print"),
    ],
)
def test_contradictions_are_refused_and_change_nothing(
    arguments: tuple[str, ...], says: str, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = model.read_bytes()
    assert label(model, *arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line
    assert model.read_bytes() == before
    assert len(list(model.parent.iterdir())) == 1


def test_what_is_no_model_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text.tflite").write_text("no model")
    assert label(tmp_path / "text.tflite", "--labels", "a,b") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "text.tflite" in line
