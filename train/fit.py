"""Train the documented model, or the user's own, with Keras."""

import importlib.util
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.meaning import ANOMALY
from edgekit import clock, frameworks
from edgekit.errors import DataError, MissingExtraError, TrainingError
from edgekit.train import augment, checkpoint, own_model
from edgekit.train.anomalies import normal_classes, normal_inputs
from edgekit.train.dataset import Array, Dataset
from edgekit.train.held_out import rows_held_out
from edgekit.train.model import build, loss_name
from edgekit.train.normalization import of_training
from edgekit.train.recipe import Recipe
from edgekit.train.steps import shuffled_orders, whole_epoch

FloatArray = npt.NDArray[np.float32]
HELD_OUT_BATCH = 256
"""Held-out inputs per step of a user's model, which may need much memory for each."""


@dataclass(frozen=True)
class Epoch:
    """Figures of one epoch.

    Attributes:
        number: 1 for the first.
        loss: mean over the training images.
        accuracy: share of the training inputs, 0 to 1; None for a model that predicts numbers.
        held_out_loss: the same of the validation split, or of the test set if there is none.
        held_out_accuracy: likewise.
        seconds: wall time.
        stage: "train", or one of ``finetune.recipe.STAGES``.
    """

    number: int
    loss: float
    accuracy: float | None
    held_out_loss: float
    held_out_accuracy: float | None
    seconds: float
    stage: str = "train"


@dataclass(frozen=True)
class Training:
    """A trained model and its history.

    Attributes:
        model: the trained ``keras.Model``.
        history: one entry per epoch.
        held_out: "validation" or "test", the set of the ``held_out`` figures.
        seconds: wall time of all epochs.
    """

    model: Any
    history: tuple[Epoch, ...]
    held_out: str
    seconds: float

    @property
    def loss(self) -> str:
        """Name of the loss, as "categorical cross-entropy"."""
        return loss_name(self.model).replace("_", " ").replace("crossentropy", "cross-entropy")


@dataclass(frozen=True)
class Data:
    """The data of training or fine-tuning, as the model needs it.

    Attributes:
        x: training inputs float32 [N, *shape].
        y: training targets float32 [N, outputs]: one-hot, 0 and 1 for a single sigmoid node, or
            numbers; int64 [N] for a loss of indices.
        x_held_out: inputs for the held-out figures of each epoch.
        y_held_out: their targets.
        weights: weight of each training input, float32 [N]; None where they all weigh the same.
    """

    x: FloatArray
    y: Array
    x_held_out: FloatArray
    y_held_out: Array
    weights: FloatArray | None = None


@dataclass(frozen=True)
class Progress:
    """What is done after each epoch.

    Attributes:
        on_epoch: called after each epoch.
        checkpoint: file that is written after each epoch; None for none.
        resume: whether to go on from that file.
        tensorboard: folder for TensorBoard's logs; None for none.
    """

    on_epoch: Callable[[Epoch], None] = lambda _: None
    checkpoint: Path | None = None
    resume: bool = False
    tensorboard: Path | None = None


QUIETLY = Progress()


def fit(
    recipe: Recipe,
    dataset: Dataset,
    progress: Progress = QUIETLY,
    own: own_model.ModelFunction | None = None,
) -> Training:
    """Train ``recipe``'s model on ``dataset``.

    The same recipe, dataset and machine give byte-identical weights, also when the run was killed
    and resumed: initialisers and shuffling are seeded, and TensorFlow's op determinism is switched
    on for the process.

    Args:
        recipe: the hyper-parameters.
        dataset: the data.
        progress: what is done after each epoch.
        own: the user's model; None for the documented one.

    Raises:
        TrainingError: the loss is NaN or infinite.
        ModelFileError: the user's model cannot be built, or does not fit the data.
        DataError: there is no checkpoint of this run to resume.
        EdgekitError: the clock is far off, so that the model could not be saved.
    """
    clock.require_for_zips()
    tf, keras = frameworks.tensorflow(), frameworks.keras()
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(recipe.seed)
    if own:
        model = own_model.build(own, recipe, dataset)
        dataset = learned(dataset, own_model.task_of(model, dataset, recipe))
    else:
        # Wherever Keras shows the name, it says what the model was trained on.
        name = "synthetic_digits" if dataset.name == "synthetic" else "digits"
        model = build(recipe, len(dataset.labels), name)
    data = split(recipe, dataset, model)
    layers = augment.layers(recipe.augment, data.x.shape[1:])
    model.train_function = whole_epoch(
        model, data.x, data.y, recipe.batch_size, data.weights, layers
    )
    model.optimizer.build(model.trainable_variables)
    variables = [*model.variables, *model.optimizer.variables]
    variables += layers.variables if layers else ()
    run = {"recipe": recipe.document | {"epochs": None}, "data": dataset.sha256}
    history = _resumed(progress, run, variables)
    past = tuple(history)
    started = time.perf_counter() - sum(epoch.seconds for epoch in past)

    def record(index: int, logs: dict[str, float]) -> None:
        epoch = Epoch(
            number=index + 1,
            loss=float(logs["loss"]),
            accuracy=_accuracy(logs, "accuracy"),
            held_out_loss=float(logs["val_loss"]),
            held_out_accuracy=_accuracy(logs, "val_accuracy"),
            seconds=time.perf_counter() - started - sum(epoch.seconds for epoch in history),
        )
        history.append(epoch)
        if progress.checkpoint and isfinite(epoch.loss + epoch.held_out_loss):
            checkpoint.write(progress.checkpoint, run, history, variables)
        progress.on_epoch(epoch)

    held_out = tf.data.Dataset.from_tensor_slices((data.x_held_out, data.y_held_out))
    if not _finished(recipe, past):
        model.fit(
            shuffled_orders(len(data.x), recipe.seed, len(past)),
            steps_per_epoch=1,
            initial_epoch=len(past),
            epochs=recipe.epochs,
            shuffle=False,
            validation_data=held_out.batch(HELD_OUT_BATCH if own else len(data.x_held_out)),
            verbose=0,
            callbacks=_callbacks(recipe, record, past, progress.tensorboard),
        )
    if not isfinite(history[-1].loss + history[-1].held_out_loss):
        raise TrainingError(
            f"training diverged in epoch {len(history)}: the loss is {history[-1].loss}; "
            f"lower the learning rate of {recipe.learning_rate:g}"
        )
    return Training(
        model=model,
        history=tuple(history),
        held_out="validation" if recipe.validation_split else "test",
        seconds=sum(epoch.seconds for epoch in history),
    )


def learned(dataset: Dataset, task: str) -> Dataset:
    """Return the data that a model for a task learns: of an anomaly detector normal inputs."""
    if task != ANOMALY or not dataset.labels:
        return dataset
    normal = normal_classes(dataset, stated=True)
    return normal_inputs(dataset, normal) if normal else dataset


def _accuracy(logs: Mapping[str, float], name: str) -> float | None:
    return float(logs[name]) if name in logs else None


def _resumed(progress: Progress, run: Mapping[str, Any], variables: Sequence[Any]) -> list[Epoch]:
    """Restore the variables from a checkpoint, if asked to; return the epochs before it."""
    if not progress.resume or progress.checkpoint is None:
        return []
    saved = checkpoint.read(progress.checkpoint, run)
    if [v.shape for v in saved.variables] != [tuple(v.shape) for v in variables]:
        raise DataError(
            f"--resume: {progress.checkpoint} is of a model with other weights; train without "
            "--resume"
        )
    for variable, value in zip(variables, saved.variables, strict=True):
        variable.assign(value)
    return [Epoch(**epoch) for epoch in saved.history]


def _finished(recipe: Recipe, history: Sequence[Epoch]) -> bool:
    """Return whether a run that goes on from these epochs has no further one."""
    if len(history) >= recipe.epochs:
        return True
    losses = [_monitored(recipe, epoch) for epoch in history]
    # As Keras' EarlyStopping counts.
    return len(losses) > 1 and len(losses) - 1 - losses.index(min(losses)) >= max(
        1, recipe.patience
    )


def _monitored(recipe: Recipe, epoch: Epoch) -> float:
    return epoch.held_out_loss if recipe.monitor == "val_loss" else epoch.loss


def _callbacks(
    recipe: Recipe,
    record: Callable[[int, dict[str, float]], None],
    past: Sequence[Epoch],
    tensorboard: Path | None,
) -> list[Any]:
    """Return Keras' callbacks: early stopping that knows the epochs of before, records, logs."""
    callbacks = frameworks.keras().callbacks

    class Stopping(callbacks.EarlyStopping):  # type: ignore[misc, name-defined]
        def on_train_begin(self, logs: Any = None) -> None:
            super().on_train_begin(logs)
            for epoch in past:
                self.on_epoch_end(epoch.number - 1, {recipe.monitor: _monitored(recipe, epoch)})

    made = [
        Stopping(monitor=recipe.monitor, patience=recipe.patience),
        callbacks.LambdaCallback(on_epoch_end=record),
    ]
    if tensorboard:
        if importlib.util.find_spec("tensorboard") is None:
            raise MissingExtraError("tensorboard", "tensorboard", "--tensorboard")
        made.append(callbacks.TensorBoard(str(tensorboard), write_graph=False))
    return made


def weights(recipe: Recipe, dataset: Dataset) -> FloatArray | None:
    """Return the weight of each training input that is not held out, if they differ.

    Raises:
        DataError: classes are to be balanced, and the data have none.
    """
    if recipe.class_weight == "none":
        return None
    if not dataset.labels:
        raise DataError("--class-weight balanced: the data have no classes")
    labels = dataset.y_train[~rows_held_out(dataset, recipe.validation_split)]
    counts = np.bincount(labels, minlength=len(dataset.labels))
    balanced: FloatArray = (
        len(labels) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    ).astype(np.float32)
    return balanced[labels]


def split(recipe: Recipe, dataset: Dataset, model: Any = None) -> Data:
    """Return the data for training, and for the held-out figures.

    Args:
        recipe: has the share of the training inputs that is held out (``rows_held_out``).
        dataset: the data.
        model: the compiled Keras model; None for one node of each class and one-hot targets.
    """
    normalise = of_training(dataset)
    x = normalise(dataset.x_train)
    y = targets_for(model, dataset, x, test=False)
    weighted = weights(recipe, dataset)
    if recipe.validation_split:
        held = rows_held_out(dataset, recipe.validation_split)
        if not held.any():
            raise DataError(
                "--validation-split: each class has a single group of training inputs, which "
                "cannot be held out: leave it out, or train on more groups"
            )
        return Data(x[~held], y[~held], x[held], y[held], weighted)
    x_test = normalise(dataset.x_test)
    return Data(x, y, x_test, targets_for(model, dataset, x_test), weighted)


def targets_for(model: Any, dataset: Dataset, inputs: FloatArray, *, test: bool = True) -> Array:
    """Return a model's targets for inputs; those themselves where an autoencoder rebuilds them.

    Args:
        model: the compiled Keras model; None for one node of each class and one-hot targets.
        dataset: the data.
        inputs: the test or the training inputs on the model's scale.
        test: which of the two.
    """
    y = dataset.y_test if test else dataset.y_train
    if not dataset.labels:
        return y if y.shape[1] else inputs
    if model is None:
        return one_hot(y, len(dataset.labels))
    return y if "sparse" in loss_name(model) else targets_of(y, model.outputs[0].shape[-1])


def one_hot(labels: npt.NDArray[np.int64], classes: int) -> FloatArray:
    """Class indices int64 [N] -> float32 [N, classes]."""
    return np.eye(classes, dtype=np.float32)[labels]


def targets_of(labels: npt.NDArray[np.int64], outputs: int) -> FloatArray:
    """Class indices int64 [N] -> float32 [N, outputs]; a single output is 1 for class 1."""
    if outputs == 1:
        return labels.astype(np.float32)[:, None]
    return one_hot(labels, outputs)
