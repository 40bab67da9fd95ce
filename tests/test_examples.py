"""The demo without MNIST, for real, and the example pictures."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import edge_runtime

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
    results = json.loads((folder / "bench.json").read_text())["results"]
    assert {result["dataset"]["name"] for result in results} == {"synthetic"}
    assert all(result["dataset"]["synthetic"] for result in results)


@pytest.mark.parametrize("label", ["zero", "one"])
def test_the_example_pictures_are_read(int8_model: Path, label: str) -> None:
    prediction = edge_runtime.load(int8_model).classify(EXAMPLES / f"{label}.png")
    assert prediction.label == {"zero": "0", "one": "1"}[label]
    assert prediction.inverted
