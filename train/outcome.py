"""The files of a training run: the model, its figures, its pictures, its card."""

import csv
import hashlib
import platform
import zipfile
from dataclasses import asdict, dataclass
from importlib.metadata import version
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime.meaning import ANOMALY, CLASSIFY, MULTILABEL, class_scores
from edgekit import escape
from edgekit.artifact_set import replacing_set
from edgekit.files import (
    KERAS_MODEL,
    METRICS,
    QUANTIZED_FORWARD,
    sha256,
    write_json,
    write_text,
)
from edgekit.labelwise import score_labels
from edgekit.ranking import auc
from edgekit.scoring import Score, errors, score
from edgekit.train import card, plots
from edgekit.train.anomalies import judged, normal_classes
from edgekit.train.dataset import Dataset
from edgekit.train.finetune.run import Tuned, record
from edgekit.train.fit import FloatArray, Training, targets_for
from edgekit.train.normalization import Normalization
from edgekit.train.own_model import ONE_CLASS
from edgekit.train.recipe import Recipe
from edgekit.version import __version__

FORMAT = "edgekit {}"
"""Format of metrics.json, with the name of the command that wrote it."""
VERSION = 1
HISTORY = "history.csv"
CARD = "model_card.md"

MOST_AT_ONCE = 4096
"""Test inputs that the model gets at once."""


@dataclass(frozen=True)
class Use:
    """How a model is used.

    Attributes:
        normalization: what brings inputs onto its scale; None if they are on it.
        meaning: meaning of its output, one of ``edge_runtime.meaning.MEANINGS``.
        task: what it is for, one of ``edge_runtime.meaning.TASKS``.
    """

    normalization: Normalization | None
    meaning: str
    task: str = CLASSIFY

    @property
    def document(self) -> dict[str, Any]:
        """What metrics.json says of it; the input range is that of bytes 0 and 255."""
        normalization = self.normalization
        single = normalization is not None and normalization.single
        document: dict[str, Any] = {
            "input_range": list(normalization.range_of_bytes) if normalization and single else None,
            "meaning": self.meaning,
            "task": self.task,
        }
        if normalization and not single:
            document["normalization"] = asdict(normalization)
        return document


def write(
    folder: Path,
    recipe: Recipe | None,
    dataset: Dataset,
    training: Training,
    use: Use,
    tuned: Tuned | None = None,
    command: str = "train",
) -> dict[str, Any]:
    """Write all artifacts of a run into ``folder`` and return the content of metrics.json.

    model.keras, history.csv, metrics.json, learning_curves.png, model_card.md and, of a
    classifier, confusion_matrix.png and samples.png are written as one set, all or nothing,
    SHA256SUMS last. The ranges of quantisation-aware training go into model.keras.

    Args:
        folder: where to write.
        recipe: how the model was trained; None if unknown.
        dataset: the training data, and the test data for the figures.
        training: the compiled model and its history.
        use: how the model is used.
        tuned: how it was fine-tuned, if it was.
        command: the command that writes it, "train" or "tune".
    """
    model = training.model
    x_test = use.normalization(dataset.x_test) if use.normalization else dataset.x_test
    x_test = x_test.reshape(-1, *model.inputs[0].shape[1:])
    # Pictures of an earlier run, which would be another model's, are removed.
    without = (plots.SAMPLES, plots.CONFUSION_MATRIX)
    with replacing_set(folder, without=without) as staged:
        save(staged / KERAS_MODEL, model, tuned)
        write_text(staged / HISTORY, _history_csv(training, dataset.name))
        plots.learning_curves(staged / plots.LEARNING_CURVES, training, dataset.name, recipe)
        outputs = in_batches(model, x_test)
        if use.task not in ONE_CLASS:
            figures = _of_others(use, outputs, dataset, x_test)
        else:
            scores: FloatArray = class_scores(outputs, use.meaning)
            result = score(scores.argmax(axis=1), dataset.y_test, len(dataset.labels))
            figures = _of_classes(result, dataset.labels)
            plots.confusion_matrix(
                staged / plots.CONFUSION_MATRIX,
                result.confusion,
                dataset.labels,
                dataset.name,
                dataset.noun,
            )
            if dataset.pixels:
                plots.samples(staged / plots.SAMPLES, dataset, scores)
        size = min(len(x_test), MOST_AT_ONCE)
        targets = x_test if use.task == ANOMALY else targets_for(model, dataset, x_test)
        loss = model.evaluate(x_test, targets, batch_size=size, verbose=0, return_dict=True)["loss"]
        metrics = {"format": FORMAT.format(command), "version": VERSION, "loss": loss, **figures}
        metrics |= _metrics(staged / KERAS_MODEL, recipe, dataset, training) | use.document
        if tuned:
            metrics["tuning"] = record(tuned)
        write_text(staged / CARD, card.model_card(metrics))
        write_json(staged / METRICS, metrics)
    return metrics


def in_batches(model: Any, inputs: FloatArray) -> FloatArray:
    """Return a Keras model's output [N, ...] for inputs [N, ...], MOST_AT_ONCE at a time."""
    starts = range(0, len(inputs), MOST_AT_ONCE)
    return np.concatenate([np.asarray(model(inputs[i : i + MOST_AT_ONCE])) for i in starts])


def save(path: Path, model: Any, tuned: Tuned | None) -> None:
    """Write the .keras file, with the ranges of quantisation-aware training if there are any."""
    model.save(path)
    if tuned and tuned.forward:
        with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as file:
            file.writestr(QUANTIZED_FORWARD, tuned.forward)


def _of_classes(result: Score, labels: tuple[str, ...]) -> dict[str, Any]:
    """Return what metrics.json says of a classifier's answers."""
    return {
        "metrics": result.metrics,
        "accuracy": result.accuracy,
        "accuracy_95": list(result.interval),
        "correct": result.correct,
        "total": result.total,
        "confusion_matrix": {
            "rows": "predicted",
            "columns": "true",
            "labels": list(labels),
            "positive_class": labels[0] if len(labels) == 2 else None,
            "matrix": [list(row) for row in result.confusion],
        },
        "wrong": list(result.wrong),
    }


def _of_others(
    use: Use, outputs: FloatArray, dataset: Dataset, inputs: FloatArray
) -> dict[str, Any]:
    """Return what metrics.json says of labels, numbers or rebuilt inputs, [N, ...]."""
    total = {"total": len(outputs)}
    if use.task == MULTILABEL:
        scores = class_scores(outputs, use.meaning, use.task)
        return total | {"metrics": score_labels(scores, dataset.y_test).metrics}
    rows = outputs.reshape(len(outputs), -1).astype(np.float64)
    if use.task != ANOMALY:
        return total | {"errors": errors(rows, dataset.y_test.reshape(rows.shape))}
    truth = inputs.reshape(rows.shape)
    found = total | {"errors": errors(rows, truth)}
    normal = normal_classes(dataset, stated=True) if dataset.labels else None
    if normal is None:
        return found
    is_anomaly = judged(dataset, normal).y_test
    area = auc(np.mean((rows - truth) ** 2, axis=1), is_anomaly)
    return found | {"metrics": {} if area is None else {"auc": area}}


def _metrics(
    model_path: Path, recipe: Recipe | None, dataset: Dataset, training: Training
) -> dict[str, Any]:
    return {
        "parameters": training.model.count_params(),
        "epochs_run": len(training.history),
        "seconds": round(training.seconds, 3),
        "seconds_per_epoch": round(float(np.median([e.seconds for e in training.history])), 4),
        "loss_name": training.loss,
        "optimizer": _optimizer(training.model),
        "layers": [type(layer).__name__ for layer in training.model.layers],
        "seed": recipe.seed if recipe else None,
        "recipe": recipe.document if recipe else None,
        "data": {
            "source": dataset.source,
            "name": dataset.name,
            "classes": list(dataset.labels),
            "sha256": dataset.sha256,
            "train": len(dataset.x_train),
            "test": len(dataset.x_test),
            "framing": dataset.framing,
            **({"reading": dataset.reading.document} if dataset.reading.document else {}),
            **({"audio": dataset.audio.to_json()} if dataset.audio else {}),
            **({"features": list(dataset.features)} if dataset.features else {}),
            **({"split": dict(dataset.split)} if dataset.split else {}),
        },
        "versions": {
            "python": platform.python_version(),
            "edgekit": __version__,
            **{name: version(name) for name in ("tensorflow", "keras", "numpy")},
        },
        "model_sha256": sha256(model_path),
        "weights_sha256": weights_sha256(training.model),
    }


def _optimizer(model: Any) -> dict[str, Any]:
    """Return the name of a compiled model's optimiser, and its last learning rate."""
    optimizer = model.optimizer
    return {
        "name": type(optimizer).__name__.lower(),
        "learning_rate": float(f"{float(optimizer.learning_rate):.6g}"),
    }


def weights_sha256(model: Any) -> str:
    """Return the hex SHA-256 over the bytes of all weights, in Keras' order.

    Two .keras files are never equal, since they are zips with the time in them.
    """
    return hashlib.sha256(b"".join(w.tobytes() for w in model.get_weights())).hexdigest()


def _history_csv(training: Training, data_name: str) -> str:
    text = StringIO()
    held_out, name = training.held_out, escape.csv(data_name)
    rows = csv.writer(text, lineterminator="\n")
    held_out_columns = (f"{held_out}_loss", f"{held_out}_accuracy")
    rows.writerow(("epoch", "loss", "accuracy", *held_out_columns, "seconds", "data"))
    for epoch in training.history:
        losses = (epoch.loss, epoch.accuracy, epoch.held_out_loss, epoch.held_out_accuracy)
        figures = ("" if figure is None else f"{figure:.9g}" for figure in losses)
        rows.writerow((epoch.number, *figures, f"{epoch.seconds:.4f}", name))
    return text.getvalue()
