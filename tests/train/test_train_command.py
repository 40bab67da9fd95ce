"""`edgekit train` as a user runs it."""

import csv
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

import documents
from edgekit import cli, frameworks
from edgekit.train.dataset import Dataset, scaled
from edgekit.train.recipe import Recipe


@pytest.fixture(scope="module")
def run(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    folder = tmp_path_factory.mktemp("train")
    code = cli.run(["train", "--data", dataset.source, "--epochs", "3", "--artifacts", str(folder)])
    return folder, code


def metrics_of(folder: Path) -> dict[str, Any]:
    return documents.read((folder / "metrics.json").read_text())


def test_writes_all_it_promises_and_nothing_else(run: tuple[Path, int]) -> None:
    folder, code = run
    assert code == 0
    assert sorted(path.name for path in folder.iterdir()) == [
        "SHA256SUMS",
        "confusion_matrix.png",
        "history.csv",
        "index.html",
        "learning_curves.png",
        "metrics.json",
        "model.keras",
        "model_card.md",
        "samples.png",
    ]
    for name in ("confusion_matrix.png", "learning_curves.png", "samples.png"):
        with Image.open(folder / name) as image:
            assert min(image.size) > 300


def test_metrics_are_those_of_the_saved_model(run: tuple[Path, int], dataset: Dataset) -> None:
    folder, _ = run
    metrics = metrics_of(folder)
    model = frameworks.keras().models.load_model(folder / "model.keras")
    predicted = np.asarray(model(scaled(dataset.x_test))).argmax(axis=1)
    assert metrics["correct"] == int(np.sum(predicted == dataset.y_test))
    assert metrics["wrong"] == np.flatnonzero(predicted != dataset.y_test).tolist()
    assert metrics["total"] == 2115
    assert metrics["accuracy"] == metrics["correct"] / 2115
    low, high = metrics["accuracy_95"]
    assert low < metrics["accuracy"] <= high
    assert metrics["parameters"] == 11_020
    assert metrics["epochs_run"] == 3
    assert metrics["seed"] == metrics["recipe"]["seed"] == 42
    assert metrics["data"]["sha256"] == dataset.sha256
    assert metrics["data"]["name"] == dataset.name
    assert set(metrics["versions"]) == {"python", "edgekit", "tensorflow", "keras", "numpy"}
    # First row TP, FP and second row FN, TN: rows predicted, columns true, 0 is positive.
    confusion = metrics["confusion_matrix"]
    assert (confusion["rows"], confusion["columns"]) == ("predicted", "true")
    assert confusion["positive_class"] == "0"
    zero, one = dataset.y_test == 0, dataset.y_test == 1
    assert confusion["matrix"] == [
        [int(np.sum(zero & (predicted == 0))), int(np.sum(one & (predicted == 0)))],
        [int(np.sum(zero & (predicted == 1))), int(np.sum(one & (predicted == 1)))],
    ]


def test_history_has_both_sets(run: tuple[Path, int]) -> None:
    folder, _ = run
    with (folder / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert set(rows[0]) == {
        "epoch",
        "loss",
        "accuracy",
        "test_loss",
        "test_accuracy",
        "seconds",
        "data",
    }
    assert float(rows[-1]["test_loss"]) == pytest.approx(metrics_of(folder)["loss"], rel=1e-4)


def test_the_card_says_what_it_is(run: tuple[Path, int], dataset: Dataset) -> None:
    folder, _ = run
    card = (folder / "model_card.md").read_text()
    assert f"{metrics_of(folder)['correct']} of 2115 right" in card
    assert dataset.sha256 in card
    assert "Positive class: 0" in card
    assert ("synthetic" in card) == (dataset.name == "synthetic")


def test_synthetic_data_is_said_in_every_artifact(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", "--data", "synthetic", "--epochs", "1", "--artifacts", str(tmp_path)]
    assert cli.run([*command, "--json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out) == metrics_of(tmp_path)
    assert "data: synthetic" in shown.err
    assert metrics_of(tmp_path)["data"]["name"] == "synthetic"
    assert "Trained and tested on synthetic digits" in (tmp_path / "model_card.md").read_text()
    assert (tmp_path / "history.csv").read_text().splitlines()[1].endswith(",synthetic")
    model = frameworks.keras().models.load_model(tmp_path / "model.keras")
    assert model.name == "synthetic_digits"
    for name in ("learning_curves.png", "confusion_matrix.png", "samples.png"):
        with Image.open(tmp_path / name) as image:
            assert image.text["Description"] == "data: synthetic"  # type: ignore[attr-defined]


def test_the_matrix_is_shown_predicted_by_true(monkeypatch: pytest.MonkeyPatch) -> None:
    from edgekit.commands.epochs import summary
    from edgekit.train import card, plots

    metrics = {
        **dict.fromkeys(("accuracy", "loss", "seconds", "seconds_per_epoch"), 0.5),
        **dict.fromkeys(("correct", "total", "epochs_run", "parameters"), 10),
        "accuracy_95": [0, 1],
        "confusion_matrix": {
            "labels": ["no", "yes"],
            "positive_class": "no",
            "matrix": [[11, 22], [33, 44]],
        },
        "data": {
            "name": "mnist",
            "classes": ["no", "yes"],
            "train": 1,
            "test": 1,
            "sha256": "",
            "framing": "digit",
        },
        "recipe": Recipe().document,
        "loss_name": "categorical cross-entropy",
        "optimizer": {"name": "adam", "learning_rate": 0.01},
        "versions": {},
        "input_range": [0.0, 1.0],
        "model_sha256": "",
        "weights_sha256": "",
    }
    lines = [line.split() for line in summary(metrics, Path("out")).splitlines()]
    assert ["no", "11", "22"] in lines
    assert ["yes", "33", "44"] in lines
    text = card.model_card(metrics)
    assert "| predicted ↓, true → | no | yes |" in text
    assert "| **no** | 11 | 22 |" in text
    assert "| **yes** | 33 | 44 |" in text
    figures: list[Any] = []
    monkeypatch.setattr(plots, "_save", lambda figure, *_: figures.append(figure))
    plots.confusion_matrix(Path(), ((11, 22), (33, 44)), ("no", "yes"), "mnist", "images")
    (axes,) = figures[0].axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("true class", "predicted class")
    assert "positive class: no" in axes.get_title()
    shown = {text.get_text(): text.get_position() for text in axes.texts}
    # Position is (column, row): columns true, rows predicted.
    assert shown == {"TP\n11": (0, 0), "FP\n22": (1, 0), "FN\n33": (0, 1), "TN\n44": (1, 1)}


@pytest.mark.parametrize("count", [2, 3, 12, 100])
def test_the_matrix_of_long_names_fits_a_terminal(count: int) -> None:
    from edgekit.columns import LINE, width
    from edgekit.commands import epochs

    labels = [
        f"{n} {'日本語' if n % 2 else 'of fifty characters'} " + "x" * 50 for n in range(count)
    ]
    matrix = [[n * (n == m) for m in range(count)] for n in range(count)]
    lines = epochs._matrix(labels, matrix)
    assert max(map(width, lines)) <= LINE
    if count < 100:
        assert [line.split()[-1] for line in lines[1:-1]] == ["0"] * (count - 1)
        assert lines[-1].split()[-1] == str(count - 1)
    else:
        assert lines == ["100 classes: their confusion matrix is in confusion_matrix.png"]


def test_a_model_card_shows_names_as_they_are() -> None:
    from markdown_it import MarkdownIt

    from edgekit.escape import line
    from edgekit.train import card
    from hostile_text import LABELS, WORKING

    matrix = {"labels": LABELS, "positive_class": None, "matrix": [[1] * len(LABELS)] * len(LABELS)}
    source = card._matrix(matrix)
    assert not WORKING.search(source.replace("\n", ""))
    page = MarkdownIt("commonmark").enable("table").render(source)
    assert "<script" not in page
    tree = ElementTree.fromstring(page.replace("&quot;", '"'))
    head, *rows = (["".join(cell.itertext()) for cell in row] for row in tree.iter("tr"))
    shown = [" ".join(line(label).split()) for label in LABELS]
    assert head[1:] == shown
    assert [row[0] for row in rows] == [label or "****" for label in shown]


def test_dollars_in_class_names_are_no_formula(tmp_path: Path) -> None:
    x = np.zeros((40, 28, 28), np.uint8)
    x[::2, 4:24, 4:8] = x[1::2, 4:8, 4:24] = 255
    names = np.array(["$\\price$", "$\\input{x}$ 日本語"] * 20)
    np.savez(tmp_path / "$\\dollar$.npz", x=x, y=names)
    command = ["--data", str(tmp_path / "$\\dollar$.npz"), "--epochs", "1"]
    assert cli.run(["train", *command, "--artifacts", str(tmp_path / "a")]) == 0
    assert {"confusion_matrix.png", "samples.png", "metrics.json"} <= {
        path.name for path in (tmp_path / "a").iterdir()
    }


def test_a_loss_that_is_no_number_is_an_error_and_writes_nothing(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", "--data", str(images), "--epochs", "2", "--learning-rate", "1e38"]
    assert cli.run([*command, "--artifacts", str(tmp_path / "out")]) == 2
    assert "training diverged" in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "out").exists()


@pytest.mark.mnist
def test_ten_classes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["train", "--classes", "0-9", "--epochs", "1", "--hidden", "20", "--json"]
    assert cli.run([*command, "--artifacts", str(tmp_path)]) == 0
    shown = capsys.readouterr()
    assert "--output-activation softmax" in shown.err
    metrics = json.loads(shown.out)
    assert metrics["parameters"] == 784 * 20 + 20 + 20 * 10 + 10
    assert metrics["total"] == 10_000
    assert metrics["accuracy"] > 0.85
    assert metrics["confusion_matrix"]["positive_class"] is None
    assert np.sum(metrics["confusion_matrix"]["matrix"]) == 10_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--monitor", "val_loss"], "needs --validation-split"),
        (["--validation-split", "0.99999"], "leaves none"),
        (["--data", "nowhere"], "neither mnist, synthetic, a folder"),
        (["--classes", "0"], "at least two different"),
        (["--data", "synthetic", "--classes", "3,4"], "no class '3'"),
        (["--hidden", "0"], "0 is not in the range"),
        (["--learning-rate", "-1"], "is not in the range"),
        (["--learning-rate", "inf"], "not a finite number"),
        (["--validation-split", "nan"], "not a finite number"),
        (["--artifacts", "/dev/null/x"], "/dev/null"),
        (["--initializer", "magic"], "random-normal"),
        (["--epochz", "3"], "--epochz"),
        (["surplus"], "surplus"),
    ],
)
def test_bad_input_gets_one_line_and_writes_nothing(
    arguments: list[str],
    message: str,
    images: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = [] if "--data" in arguments else ["--data", str(images)]
    folder = tmp_path / "artifacts"
    into = [] if "--artifacts" in arguments else ["--artifacts", str(folder)]
    assert cli.run(["train", *arguments, *data, *into]) == 2
    shown = capsys.readouterr()
    last = shown.err.splitlines()[-1]
    assert message in last
    assert "error:" in last
    assert "Traceback" not in shown.err
    assert not folder.exists()


def test_a_run_that_dies_leaves_the_last_good_files(
    run: tuple[Path, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dataset: Dataset
) -> None:
    from edgekit.train import plots

    good, _ = run
    folder = tmp_path / "artifacts"
    folder.mkdir()
    for file in good.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device", "learning_curves.png")

    monkeypatch.setattr(plots, "learning_curves", fail)
    command = ["train", "--data", dataset.source, "--epochs", "1", "--artifacts", str(folder)]
    assert cli.run(command) == 2
    assert (folder / "metrics.json").read_bytes() == (good / "metrics.json").read_bytes()
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]
