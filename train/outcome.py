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

from edge_runtime.meaning import PROBABILITIES, class_scores
from edge_runtime.quantize import normalise
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
from edgekit.pixel_range import InputRange
from edgekit.scoring import Score, score
from edgekit.train import card, plots
from edgekit.train.dataset import Dataset, Inputs
from edgekit.train.finetune.run import Tuned, record
from edgekit.train.fit import FloatArray, Training, targets_of
from edgekit.train.recipe import Recipe
from edgekit.version import __version__

FORMAT = "edgekit {}"
"""Format of metrics.json, with the name of the command that wrote it."""
VERSION = 1
HISTORY = "history.csv"
CARD = "model_card.md"


@dataclass(frozen=True)
class Use:
    """How a model is used.

    Attributes:
        pixels: values of pixels 0 and 255 on the model's scale; None for inputs that are numbers.
        meaning: meaning of its output, one of ``edge_runtime.meaning.MEANINGS``.
    """

    pixels: tuple[float, float] | None
    meaning: str

    def inputs(self, x: Inputs) -> FloatArray:
        """Scale a dataset's inputs for the model."""
        if self.pixels is None:
            return x
        return normalise(x, *InputRange(*self.pixels, "").normalization)


UNIT_PROBABILITIES = Use((0.0, 1.0), PROBABILITIES)
"""Use of the models that ``edgekit train`` trains."""


def write(
    folder: Path,
    recipe: Recipe | None,
    dataset: Dataset,
    training: Training,
    tuned: Tuned | None = None,
    use: Use = UNIT_PROBABILITIES,
    command: str = "train",
) -> dict[str, Any]:
    """Write all artifacts of a run into ``folder`` and return the content of metrics.json.

    model.keras, history.csv, metrics.json, learning_curves.png, confusion_matrix.png, samples.png
    and model_card.md are written as one set, all or nothing, SHA256SUMS last. The ranges of
    quantisation-aware training go into model.keras.

    Args:
        folder: where to write.
        recipe: how the model was trained; None if unknown.
        dataset: the training data, and the test data for the figures.
        training: the compiled model and its history.
        tuned: how it was fine-tuned, if it was.
        use: how the model is used.
        command: the command that writes it, "train" or "tune".
    """
    model = training.model
    x_test = use.inputs(dataset.x_test).reshape(-1, *model.inputs[0].shape[1:])
    scores: FloatArray = class_scores(np.asarray(model(x_test)), use.meaning)
    result = score(scores.argmax(axis=1), dataset.y_test, len(dataset.labels))
    targets = targets_of(dataset.y_test, model.outputs[0].shape[-1])
    loss, _ = model.evaluate(x_test, targets, batch_size=len(x_test), verbose=0)
    # Samples of an earlier run, which would be another model's, are removed.
    with replacing_set(folder, without=(plots.SAMPLES,)) as staged:
        save(staged / KERAS_MODEL, model, tuned)
        write_text(staged / HISTORY, _history_csv(training, dataset.name))
        plots.learning_curves(staged / plots.LEARNING_CURVES, training, dataset.name, recipe)
        plots.confusion_matrix(
            staged / plots.CONFUSION_MATRIX, result.confusion, dataset.labels, dataset.name
        )
        if dataset.pixels:
            plots.samples(staged / plots.SAMPLES, dataset, scores)
        metrics = {"format": FORMAT.format(command), "version": VERSION}
        metrics |= _metrics(staged / KERAS_MODEL, recipe, dataset, training, result, loss)
        metrics |= {"input_range": use.pixels and list(use.pixels), "meaning": use.meaning}
        if tuned:
            metrics["tuning"] = record(tuned)
        write_text(staged / CARD, card.model_card(metrics))
        write_json(staged / METRICS, metrics)
    return metrics


def save(path: Path, model: Any, tuned: Tuned | None) -> None:
    """Write the .keras file, with the ranges of quantisation-aware training if there are any."""
    model.save(path)
    if tuned and tuned.forward:
        with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as file:
            file.writestr(QUANTIZED_FORWARD, tuned.forward)


def _metrics(
    model_path: Path,
    recipe: Recipe | None,
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
        "layers": [type(layer).__name__ for layer in training.model.layers],
        "seed": recipe.seed if recipe else None,
        "recipe": asdict(recipe) if recipe else None,
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
        figures = (f"{figure:.9g}" for figure in losses)
        rows.writerow((epoch.number, *figures, f"{epoch.seconds:.4f}", name))
    return text.getvalue()
