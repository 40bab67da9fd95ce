"""The demo without MNIST, for real, and the example pictures."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import edge_runtime
import made_once
from edge_runtime.metadata import Metadata
from edgekit.convert.metadata import attach

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder that a demo without MNIST leaves behind, and what it said."""
    folder = tmp_path_factory.mktemp("demo")
    done = subprocess.run(
        [sys.executable, EXAMPLES / "demo.py"],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "EDGEKIT_MNIST": str(folder / "none.npz"), "EDGEKIT_ARTIFACTS": "made"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "made", done.stdout


def test_synthetic_digits_are_said_in_a_line_nobody_can_miss(demo: tuple[Path, str]) -> None:
    _, said = demo
    assert "SYNTHETIC DIGITS" in said
    assert said.index("SYNTHETIC DIGITS") < said.index("$ edgekit train --data synthetic")
    assert "none.npz" in said
    assert said.rstrip().splitlines()[-1].startswith("report: file://")


def test_every_artifact_says_synthetic(demo: tuple[Path, str]) -> None:
    folder, _ = demo
    assert json.loads((folder / "metrics.json").read_text())["data"]["name"] == "synthetic"
    assert "synthetic" in (folder / "model_card.md").read_text()
    for name in ("model.tflite", "model_int8.tflite"):
        metadata = edge_runtime.load(folder / name).metadata
        assert metadata is not None
        assert metadata.provenance["data"]["name"] == "synthetic"
        report = json.loads((folder / f"{name}.report.json").read_text())
        assert report["data"]["name"] == "synthetic"
        assert report["accuracy"]["after"]["accuracy"] > 0.99
    assert "synthetic" in (folder / "report.html").read_text().lower()
    dataset = json.loads((folder / "bench.json").read_text())["dataset"]
    assert (dataset["name"], dataset["synthetic"]) == ("synthetic", True)


@pytest.mark.parametrize("label", ["zero", "one"])
def test_the_example_pictures_are_read(int8_model: Path, label: str) -> None:
    prediction = edge_runtime.load(int8_model).classify(EXAMPLES / f"{label}.png")
    assert prediction.label == {"zero": "0", "one": "1"}[label]
    assert prediction.inverted


def example(name: str, *arguments: str | Path, cwd: Path) -> str:
    """Run an example as a user does, and return what it printed."""
    command = [sys.executable, EXAMPLES / name, *arguments]
    done = subprocess.run(command, cwd=cwd, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_camera_loop_over_a_folder(int8_model: Path, tmp_path: Path) -> None:
    frames = tmp_path / "frames"
    frames.mkdir()
    Image.new("L", (80, 80), 255).save(frames / "0.png")  # blank
    for number, name in enumerate(("zero", "zero", "one"), 1):
        (frames / f"{number}.png").write_bytes((EXAMPLES / f"{name}.png").read_bytes())
    printed = example("camera.py", int8_model, "--source", frames, "--sure", "0.5", cwd=tmp_path)
    model, *answers = printed.splitlines()
    assert model.startswith("<Model ")
    assert [line.split()[0] for line in answers] == ["0", "1"]


@pytest.mark.tensorflow
def test_a_table_of_sensor_values_to_c(tmp_path: Path) -> None:
    printed = example("tabular.py", cwd=tmp_path)
    assert "output: logits because its loss is sparse_categorical_crossentropy" in printed
    assert {"machine_int8.tflite", "machine.c", "machine.h"} <= {
        path.name for path in (tmp_path / "tabular").iterdir()
    }
    assert "MACHINE_CLASSES 3" in (tmp_path / "tabular" / "machine.h").read_text()


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the example of all ten digits leaves behind."""

    def make(folder: Path) -> None:
        # Fewer epochs than a user's, which are right on 20 more.
        printed = example("digits.py", "--epochs", "4", cwd=folder)
        (folder / "printed.txt").write_text(printed)

    return made_once.folder(tmp_path_factory, "ten digits", make)


@pytest.mark.tensorflow
@pytest.mark.mnist
def test_all_ten_digits_in_int8(digits: Path) -> None:
    document = json.loads((digits / "digits" / "bench.json").read_text())
    results = {(one["subject"]["backend"], one["metric"]): one for one in document["results"]}
    for backend in ("native", "litert"):
        summary = results[backend, "accuracy"]["summary"]
        assert summary["total"] == 10_000
        assert summary["correct"] >= 9_900
    difference = results["native", "difference_to_builtin_ref"]["summary"]
    assert difference["images"]["tensors"] == 10_000
    assert difference["images"]["differ"] == difference["random"]["differ"] == 0
    assert (digits / "digits" / "model_int8.tflite").stat().st_size < 30_000
    printed = (digits / "printed.txt").read_text()
    commands = [line for line in printed.splitlines() if line.startswith("$ edgekit ")]
    assert [line.split()[2] for line in commands] == ["convert", "bench", "export", "bench"]


@pytest.mark.tensorflow
@pytest.mark.compiler
@pytest.mark.mnist
def test_all_ten_digits_on_a_cortex_m4(digits: Path) -> None:
    document = json.loads((digits / "digits" / "bench_cortex-m4.json").read_text())
    compared = [one for one in document["results"] if one["metric"] == "difference_to_native"]
    assert len(compared) == 2
    for one in compared:
        summary = one["summary"]
        assert summary["images"]["tensors"] == 50
        assert summary["images"]["differ"] == summary["random"]["differ"] == 0
    assert (digits / "digits" / "digits_c" / "digits.c").exists()


@pytest.mark.tensorflow
def test_keyword_spotting(tmp_path: Path) -> None:
    printed = example("keyword_spotting.py", cwd=tmp_path)
    right = re.search(r"^right: (\d+) before, (\d+) after$", printed, re.MULTILINE)
    assert right
    assert min(map(int, right.groups())) >= 950
    assert f"edgekit's engine: {int(right[2]) / 1000:.1%} of 1000 right" in printed
    assert "SPOTTER_CLASSES 12" in (tmp_path / "keywords" / "spotter.h").read_text()
    assert (tmp_path / "keywords" / "spotter.c").exists()


def test_a_foreign_file_to_c(int8_model: Path, tmp_path: Path) -> None:
    content = int8_model.read_bytes()
    # What another tool leaves: no labels, no scale.
    bare = attach(content, Metadata())
    (tmp_path / "theirs.tflite").write_bytes(bare)
    arguments = ("theirs.tflite", "--labels", "no,yes", "--input-range", "0,1")
    printed = example("foreign_to_c.py", *arguments, cwd=tmp_path)
    assert "$ edgekit bench" in printed
    header = next((tmp_path / "foreign" / "c").rglob("theirs.h")).read_text()
    assert "THEIRS_CLASSES 2" in header
    assert edge_runtime.load(tmp_path / "foreign" / "theirs.tflite").labels == ("no", "yes")
