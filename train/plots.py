"""The pictures of a training run, as PNG."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from edgekit.files import replacing
from edgekit.train.data import Dataset
from edgekit.train.fit import FloatArray, Training

LEARNING_CURVES = "learning_curves.png"
CONFUSION_MATRIX = "confusion_matrix.png"
SAMPLES = "samples.png"

BLUE, ORANGE, INK, RED = "#2457a6", "#d9722b", "#22262e", "#b3261e"
DPI = 144
GRID = (5, 12)
"""Rows and columns of the page of sample predictions."""


def learning_curves(path: Path, training: Training, data_name: str) -> None:
    """Draw loss and accuracy over the epochs, of the training set and of the held-out one."""
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    loss, accuracy = figure.subplots(1, 2)
    epochs = [epoch.number for epoch in training.history]
    _curve(loss, epochs, [e.loss for e in training.history], "training", BLUE)
    _curve(loss, epochs, [e.held_out_loss for e in training.history], training.held_out, ORANGE)
    _curve(accuracy, epochs, [e.accuracy for e in training.history], "training", BLUE)
    _curve(
        accuracy, epochs, [e.held_out_accuracy for e in training.history], training.held_out, ORANGE
    )
    loss.set(yscale="log", ylabel="categorical cross-entropy (log scale)")
    accuracy.set(ylabel="accuracy")
    for axes in (loss, accuracy):
        axes.set(xlabel="epoch")
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
    figure.suptitle(f"Learning curves, data: {data_name}", color=INK)
    _save(figure, path, data_name)


def confusion_matrix(
    path: Path, matrix: Sequence[Sequence[int]], labels: Sequence[str], data_name: str
) -> None:
    """Draw the confusion matrix: rows predicted, columns true, TP FP / FN TN for two classes."""
    counts = np.array(matrix)
    side = 2.6 + 0.55 * len(labels)
    figure = Figure(figsize=(side + 0.6, side), layout="constrained")
    axes = figure.subplots()
    share = counts / np.maximum(1, counts.sum(axis=0))
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    names = (("TP", "FP"), ("FN", "TN")) if len(labels) == 2 else None
    for row, column in np.ndindex(counts.shape):
        text = f"{counts[row, column]}"
        axes.text(
            column,
            row,
            f"{names[row][column]}\n{text}" if names else text,
            ha="center",
            va="center",
            fontsize=13 if names else 8,
            color="white" if share[row, column] > 0.5 else INK,
        )
    axes.set_xticks(range(len(labels)), labels)
    axes.set_yticks(range(len(labels)), labels)
    axes.set(xlabel="true class", ylabel="predicted class")
    positive = f"\npositive class: {labels[0]}" if names else ""
    axes.set_title(f"Confusion matrix, test images of {data_name}{positive}", fontsize=10)
    _save(figure, path, data_name)


def samples(path: Path, dataset: Dataset, scores: FloatArray) -> None:
    """Draw a page of test images with their predictions: the wrong ones, the least sure, others.

    Args:
        path: file to write.
        dataset: its test images are shown.
        scores: the model's scores [N, classes] on them.
    """
    rows, columns = GRID
    chosen = _interesting(dataset, scores, rows * columns)
    figure = Figure(figsize=(columns * 0.9, rows * 1.12 + 0.5), layout="constrained")
    for axes, index in zip(figure.subplots(rows, columns).flat, chosen, strict=False):
        predicted, true = int(scores[index].argmax()), int(dataset.y_test[index])
        axes.imshow(dataset.x_test[index, :, :, 0], cmap="gray_r", vmin=0, vmax=255)
        axes.set_title(
            f"{dataset.labels[predicted]}  {scores[index].max():.2f}",
            fontsize=7.5,
            color=INK if predicted == true else RED,
        )
        if predicted != true:
            axes.set_xlabel(f"true: {dataset.labels[true]}", fontsize=7.5, color=RED)
    for axes in figure.axes:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    figure.suptitle(
        f"Predicted class and score, data: {dataset.name} "
        "(wrong ones first, then the least certain)",
        fontsize=10,
        color=INK,
    )
    _save(figure, path, dataset.name)


def _interesting(dataset: Dataset, scores: FloatArray, count: int) -> list[int]:
    """Indices of wrong answers, then one half of the least certain, then evenly spread others."""
    top_two = np.sort(scores, axis=1)[:, -2:]
    wrong = np.flatnonzero(scores.argmax(axis=1) != dataset.y_test)
    uncertain = np.argsort(top_two[:, 1] - top_two[:, 0], kind="stable")[: count // 2]
    spread = np.linspace(0, len(scores) - 1, min(count, len(scores))).astype(int)
    order = dict.fromkeys(int(i) for i in (*wrong, *uncertain, *spread))
    return list(order)[:count]


def _curve(
    axes: Axes, epochs: Sequence[int], values: Sequence[float], name: str, color: str
) -> None:
    axes.plot(epochs, values, label=name, color=color, marker="." if len(epochs) < 30 else "")


def _save(figure: Figure, path: Path, data_name: str) -> None:
    with replacing(path) as temporary:
        # Without the version stamp the same figures give the same bytes.
        metadata = {"Software": None, "Description": f"data: {data_name}"}
        figure.savefig(temporary, dpi=DPI, metadata=metadata)
