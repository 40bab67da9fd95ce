"""What a training run leaves behind: the model, its figures, its pictures, its card."""

import csv
import hashlib
import platform
from dataclasses import asdict
from importlib.metadata import version
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from edgekit.files import KERAS_MODEL, METRICS, replacing, sha256, write_json, write_text
from edgekit.scoring import Score, score
from edgekit.train import card, plots
from edgekit.train.data import Dataset, scaled
from edgekit.train.fit import FloatArray, Training, one_hot
from edgekit.train.recipe import Recipe

HISTORY = "history.csv"
CARD = "model_card.md"


def write(folder: Path, recipe: Recipe, dataset: Dataset, training: Training) -> dict[str, Any]:
    """Write all artifacts of a run into ``folder`` and return the content of metrics.json.

    model.keras, history.csv, metrics.json, learning_curves.png, confusion_matrix.png,
    samples.png, model_card.md; each whole or not at all, metrics.json last.
    """
    x_test = scaled(dataset.x_test)
    scores: FloatArray = np.asarray(training.model(x_test))
    result = score(scores.argmax(axis=1), dataset.y_test, len(dataset.labels))
    targets = one_hot(dataset.y_test, len(dataset.labels))
    loss, _ = training.model.evaluate(x_test, targets, batch_size=len(x_test), verbose=0)
    with replacing(folder / KERAS_MODEL) as temporary:
        training.model.save(temporary)
    write_text(folder / HISTORY, _history_csv(training, dataset.name))
    plots.learning_curves(folder / plots.LEARNING_CURVES, training, dataset.name)
    plots.confusion_matrix(
        folder / plots.CONFUSION_MATRIX, result.confusion, dataset.labels, dataset.name
    )
    plots.samples(folder / plots.SAMPLES, dataset, scores)
    metrics = _metrics(folder / KERAS_MODEL, recipe, dataset, training, result, loss)
    write_text(folder / CARD, card.model_card(metrics))
    write_json(folder / METRICS, metrics)
    return metrics


def _metrics(
    model_path: Path,
    recipe: Recipe,
    dataset: Dataset,
    training: Training,
    result: Score,
    loss: float,
) -> dict[str, Any]:
    return {
        "loss": loss,
        "accuracy": result.accuracy,
        "accuracy_95": list(result.interval),
        "correct": result.correct,
        "total": result.total,
        "confusion_matrix": {
            "rows": "predicted",
            "columns": "true",
            "labels": list(dataset.labels),
            "positive_class": dataset.labels[0] if len(dataset.labels) == 2 else None,
            "matrix": [list(row) for row in result.confusion],
        },
        "wrong": list(result.wrong),
        "parameters": training.model.count_params(),
        "epochs_run": len(training.history),
        "seconds": round(training.seconds, 3),
        "seconds_per_epoch": round(float(np.median([e.seconds for e in training.history])), 4),
        "seed": recipe.seed,
        "recipe": asdict(recipe),
        "data": {
            "source": dataset.source,
            "name": dataset.name,
            "classes": list(dataset.labels),
            "sha256": dataset.sha256,
            "train": len(dataset.x_train),
            "test": len(dataset.x_test),
            "framing": dataset.framing,
        },
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("edgekit", "tensorflow", "keras", "numpy")},
        },
        "model_sha256": sha256(model_path),
        "weights_sha256": weights_sha256(training.model),
    }


def weights_sha256(model: Any) -> str:
    """Return the hex SHA-256 over the bytes of all weights, in Keras' order.

    The .keras file itself is a zip with the time in it; its weights are what can be equal.
    """
    return hashlib.sha256(b"".join(w.tobytes() for w in model.get_weights())).hexdigest()


def _history_csv(training: Training, data_name: str) -> str:
    text = StringIO()
    held_out = training.held_out
    rows = csv.writer(text, lineterminator="\n")
    held_out_columns = (f"{held_out}_loss", f"{held_out}_accuracy")
    rows.writerow(("epoch", "loss", "accuracy", *held_out_columns, "seconds", "data"))
    for epoch in training.history:
        losses = (epoch.loss, epoch.accuracy, epoch.held_out_loss, epoch.held_out_accuracy)
        figures = (f"{figure:.9g}" for figure in losses)
        rows.writerow((epoch.number, *figures, f"{epoch.seconds:.4f}", data_name))
    return text.getvalue()
