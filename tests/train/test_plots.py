"""What the pictures of a training run show, read off matplotlib's own objects."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edgekit.train import outcome, plots
from edgekit.train.dataset import Dataset
from edgekit.train.fit import Epoch, FloatArray, Training
from edgekit.train.recipe import Recipe


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The figures that would be saved."""
    figures: list[Any] = []
    monkeypatch.setattr(plots, "_save", lambda figure, *_: figures.append(figure))
    return figures


def training(losses: list[float], *stages: str, held_out: list[float] | None = None) -> Training:
    names = ["train"] * (len(losses) - len(stages)) + list(stages)
    history = tuple(
        Epoch(number, loss, 0.9, other, 0.8, 1.0, stage)
        for number, (loss, other, stage) in enumerate(
            zip(losses, held_out or losses, names, strict=True), 1
        )
    )
    return Training(
        model=SimpleNamespace(loss="categorical_crossentropy"),
        history=history,
        held_out="test",
        seconds=1.0,
    )


def marks_of(figure: Any) -> dict[str, float]:
    """The label and the epoch of each vertical line of the first axes."""
    return {
        line.get_label(): line.get_xdata()[0]
        for line in figure.axes[0].lines
        if "epoch" in line.get_label()
    }


def test_the_curve_says_where_training_stopped_and_was_best(figures: list[Any]) -> None:
    run = training([0.5, 0.2, 0.3, 0.4])
    plots.learning_curves(Path(), run, "mnist", Recipe(epochs=10))
    assert marks_of(figures[0]) == {
        "lowest training loss: epoch 2": 2,
        "training stopped early, of 10: epoch 4": 4,
    }
    (legend,) = figures[0].legends
    assert "lowest training loss: epoch 2" in [text.get_text() for text in legend.texts]
    assert len(figures[0].axes[1].lines) == len(figures[0].axes[0].lines)


def test_what_is_best_follows_the_monitor(figures: list[Any]) -> None:
    run = replace(training([0.5, 0.2], held_out=[0.3, 0.4]), held_out="validation")
    plots.learning_curves(Path(), run, "mnist", Recipe(epochs=2, monitor="val_loss"))
    assert marks_of(figures[0]) == {
        "lowest validation loss: epoch 1": 1,
        "training stopped: epoch 2": 2,
    }


def test_each_stage_of_fine_tuning_is_marked_at_its_first_epoch(figures: list[Any]) -> None:
    run = training([0.5, 0.2, 0.1, 0.1, 0.1, 0.1], "prune", "prune", "qat", "qat")
    plots.learning_curves(Path(), run, "mnist", Recipe(epochs=2))
    assert marks_of(figures[0]) == {
        "lowest training loss: epoch 2": 2,
        "training stopped: epoch 2": 2,
        "prune from epoch 3": 3,
        "qat from epoch 5": 5,
    }
    # `edgekit tune` knows nothing of the epochs before.
    plots.learning_curves(Path(), training([0.1, 0.1], "cluster", "cluster"), "mnist")
    assert marks_of(figures[1]) == {"cluster from epoch 1": 1}


def photos(labels: tuple[str, ...], channels: int = 1, framing: str = "resize") -> Dataset:
    count = max(20, len(labels))
    images = np.full((count, 8, 8, channels), 7, np.uint8)
    true = np.arange(count) % len(labels)
    return Dataset(images, true, images, true, labels, "photos", "ab" * 32, "x", framing)


def scores_of(dataset: Dataset, wrong: list[int]) -> FloatArray:
    scores = np.eye(len(dataset.labels), dtype=np.float32)[dataset.y_test] * 0.75
    scores[wrong] = np.roll(scores[wrong], 1, axis=1)
    return scores


def test_each_sample_has_its_prediction_and_its_truth(figures: list[Any]) -> None:
    dataset = photos(("cat", "dog"))
    plots.samples(Path(), dataset, scores_of(dataset, wrong=[4]))
    shown = [axes for axes in figures[0].axes if axes.images]
    assert len(shown) == 20
    first, second = shown[:2]
    assert (first.get_title(), first.get_xlabel()) == ("dog 0.75", "true: cat")
    assert first.title.get_color() == plots.RED
    assert (second.get_title(), second.get_xlabel()) == ("cat 0.75", "true: cat")
    assert second.title.get_color() == plots.INK


@pytest.mark.parametrize(
    ("channels", "framing", "colours"),
    [(1, "digit", "gray_r"), (1, "resize", "gray"), (3, "resize", None)],
)
def test_colour_pictures_stay_in_colour(
    figures: list[Any], channels: int, framing: str, colours: str | None
) -> None:
    dataset = photos(("cat", "dog"), channels, framing)
    plots.samples(Path(), dataset, scores_of(dataset, []))
    (image,) = figures[0].axes[0].images
    if colours is None:
        assert image.get_array().shape == (8, 8, 3)
    else:
        assert image.get_array().shape == (8, 8)
        assert image.get_cmap().name == colours


def test_a_table_has_no_pictures(figures: list[Any]) -> None:
    table = photos(("cat", "dog"))
    table = replace(table, x_test=table.x_test.reshape(20, -1))
    plots.samples(Path(), table, scores_of(table, []))
    assert figures == []


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_run_without_pictures_keeps_none_of_an_earlier_one(tmp_path: Path, dtype: type) -> None:
    rows = np.arange(80).reshape(20, 4).astype(dtype)
    true = np.arange(20) % 2
    table = Dataset(rows, true, rows, true, ("cat", "dog"), "table", "ab" * 32, "x", "resize")
    import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, activation="softmax")])
    model.compile(loss="categorical_crossentropy", metrics=["accuracy"])
    (tmp_path / "samples.png").write_bytes(b"of an earlier run")
    how = outcome.Use(None, "probabilities")
    outcome.write(tmp_path, None, table, replace(training([0.5]), model=model), how)
    assert (tmp_path / "model.keras").exists()
    assert not (tmp_path / "samples.png").exists()


LABELS = {
    "two": ("0", "1"),
    "hundred": tuple(f"class {number}" for number in range(100)),
    "long": ("cat", "golden retriever", "a name that nobody would ever want to read in a picture"),
    "wide": ("日本語のとても長いラベルの名前です", "W" * 50, "e" + "\u0301" * 60),
    "dollars": ("$\\price$ of $x$", "$$", "$"),
}


@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
def test_names_of_any_length_and_number_are_drawn_whole(
    labels: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    figures: list[Any] = []
    monkeypatch.setattr(plots, "_save", lambda figure, *_: figures.append(figure))
    dataset = photos(labels)
    plots.samples(Path(), dataset, scores_of(dataset, [0, 1]))
    matrix = np.eye(len(labels), dtype=int) * 12345
    plots.confusion_matrix(Path(), matrix.tolist(), labels, "photos", "images")
    plots.confusion_matrix(Path(), matrix.tolist(), labels, "x" * 90, "inputs")
    for figure in figures:
        figure.draw_without_rendering()
        box = figure.bbox
        texts = [
            text
            for axes in figure.axes
            for text in (
                axes.title,
                axes.xaxis.label,
                *axes.get_xticklabels(),
                *axes.get_yticklabels(),
            )
            if text.get_text()
        ]
        for text in texts:
            extent = text.get_window_extent()
            assert extent.x0 >= box.x0 - 1, text
            assert extent.x1 <= box.x1 + 1, text
            assert extent.y0 >= box.y0 - 1, text
            assert extent.y1 <= box.y1 + 1, text
        assert max(figure.get_size_inches()) < 30
    titles = [axes.title for axes in figures[0].axes if axes.images]
    boxes = sorted((text.get_window_extent() for text in titles), key=lambda box: (-box.y0, box.x0))
    for box, other in pairwise(boxes):
        assert box.x1 <= other.x0 or box.y0 != other.y0
