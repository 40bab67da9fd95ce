"""Keras' own training step, run for a whole epoch inside one tf.function.

``model.fit`` crosses from Python into TensorFlow and back for every batch; on a network this small
the crossing costs several times the arithmetic. Keras uses ``model.train_function`` if it is set,
so ``fit`` sets one that runs ``model.train_step`` for all batches of an epoch. Batches, shuffling,
optimiser, metrics, callbacks and history are still Keras' own.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np
import numpy.typing as npt

from edgekit import clock, frameworks
from edgekit.errors import TrainingError
from edgekit.train.dataset import Dataset, scaled
from edgekit.train.model import build
from edgekit.train.recipe import Recipe

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Epoch:
    """Figures of one epoch.

    Attributes:
        number: 1 for the first.
        loss: mean over the training images.
        accuracy: share of the training images, 0 to 1.
        held_out_loss: the same of the validation split, or of the test set if there is none.
        held_out_accuracy: likewise.
        seconds: wall time.
        stage: "train", or one of ``finetune.recipe.STAGES``.
    """

    number: int
    loss: float
    accuracy: float
    held_out_loss: float
    held_out_accuracy: float
    seconds: float
    stage: str = "train"


@dataclass(frozen=True)
class Training:
    """A trained model and its history.

    Attributes:
        model: the trained ``keras.Sequential``.
        history: one entry per epoch.
        held_out: "validation" or "test", the set of the ``held_out`` figures.
        seconds: wall time of all epochs.
    """

    model: Any
    history: tuple[Epoch, ...]
    held_out: str
    seconds: float


def fit(
    recipe: Recipe, dataset: Dataset, on_epoch: Callable[[Epoch], None] = lambda _: None
) -> Training:
    """Train ``recipe``'s model on ``dataset``; ``on_epoch`` is called after each epoch.

    The same recipe, dataset and machine give byte-identical weights: initialisers and shuffling
    are seeded, and TensorFlow's op determinism is switched on for the process.

    Raises:
        TrainingError: the loss is NaN or infinite.
        EdgekitError: the clock is far off, so that the model could not be saved.
    """
    clock.require_for_zips()
    tf, keras = frameworks.tensorflow(), frameworks.keras()
    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(recipe.seed)
    x, y, x_held_out, y_held_out = split(recipe, dataset)
    # Wherever Keras shows the name, it says what the model was trained on.
    name = "synthetic_digits" if dataset.name == "synthetic" else "digits"
    model = build(recipe, len(dataset.labels), name)
    model.train_function = whole_epoch(model, x, y, recipe.batch_size)
    history: list[Epoch] = []
    started = time.perf_counter()

    def record(index: int, logs: dict[str, float]) -> None:
        elapsed = time.perf_counter() - started - sum(epoch.seconds for epoch in history)
        epoch = Epoch(
            number=index + 1,
            loss=float(logs["loss"]),
            accuracy=float(logs["accuracy"]),
            held_out_loss=float(logs["val_loss"]),
            held_out_accuracy=float(logs["val_accuracy"]),
            seconds=elapsed,
        )
        history.append(epoch)
        on_epoch(epoch)

    model.fit(
        shuffled_orders(len(x), recipe.seed),
        steps_per_epoch=1,
        epochs=recipe.epochs,
        shuffle=False,
        validation_data=tf.data.Dataset.from_tensors((x_held_out, y_held_out)),
        verbose=0,
        callbacks=[
            keras.callbacks.EarlyStopping(monitor=recipe.monitor, patience=recipe.patience),
            keras.callbacks.LambdaCallback(on_epoch_end=record),
        ],
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


def split(
    recipe: Recipe, dataset: Dataset
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return inputs and one-hot targets for training, then the held-out ones."""
    x, y = scaled(dataset.x_train), one_hot(dataset.y_train, len(dataset.labels))
    if recipe.validation_split:
        kept = int(len(x) * (1 - recipe.validation_split))
        return x[:kept], y[:kept], x[kept:], y[kept:]
    return x, y, scaled(dataset.x_test), one_hot(dataset.y_test, y.shape[1])


def one_hot(labels: npt.NDArray[np.int64], classes: int) -> FloatArray:
    """Class indices int64 [N] -> float32 [N, classes]."""
    return np.eye(classes, dtype=np.float32)[labels]


def targets_of(labels: npt.NDArray[np.int64], outputs: int) -> FloatArray:
    """Class indices int64 [N] -> float32 [N, outputs]; a single output is 1 for class 1."""
    if outputs == 1:
        return labels.astype(np.float32)[:, None]
    return one_hot(labels, outputs)


def shuffled_orders(count: int, seed: int) -> Any:
    """Return an endless tf.data.Dataset of permutations int32 [count], one per epoch."""
    tf = frameworks.tensorflow()

    def order(epoch: Any) -> Any:
        return tf.random.experimental.stateless_shuffle(tf.range(count), seed=(seed, epoch))

    return tf.data.Dataset.counter().map(order)


def whole_epoch(
    model: Any, x: FloatArray, y: FloatArray, batch_size: int
) -> Callable[[Iterator[Any]], Any]:
    """Return a Keras train function that reads an epoch's order from its iterator and runs it.

    Args:
        model: compiled Keras model.
        x: inputs [N, ...].
        y: one-hot targets [N, classes].
        batch_size: images per step; the last step of an epoch has the rest, as in Keras.
    """
    tf = frameworks.tensorflow()
    steps, left = divmod(len(x), batch_size)
    inputs, targets = tf.constant(x), tf.constant(y)

    def step(inputs: Any, targets: Any, order: Any, start: Any, size: int) -> None:
        # A static shape saves the shape arithmetic of each step.
        batch = tf.ensure_shape(order[start : start + size], (size,))
        model.train_step((tf.gather(inputs, batch), tf.gather(targets, batch)))

    def run(inputs: Any, targets: Any, order: Any) -> Any:
        def body(start: Any) -> Any:
            step(inputs, targets, order, start, batch_size)
            return start + batch_size

        tf.while_loop(lambda start: start < steps * batch_size, body, [tf.constant(0)])
        if left:
            step(inputs, targets, order, steps * batch_size, left)
        return model.get_metrics_result()

    # The images are arguments: TensorFlow never frees the graph of a loop, nor what it closes over.
    # The loop is explicit because AutoGraph does not work on Python 3.13.
    compiled = tf.function(run, autograph=False)
    return lambda orders: compiled(inputs, targets, next(orders))
