"""Keras' own training step, run for a whole epoch inside one tf.function.

``model.fit`` crosses from Python into TensorFlow and back for every batch; on a small network the
crossing costs several times the arithmetic. Keras uses ``model.train_function`` if it is set, so
``fit`` sets one that runs ``model.train_step`` for all batches of an epoch. Batches, shuffling,
optimiser, metrics, callbacks and history are still Keras' own.
"""

from collections.abc import Callable, Iterator
from typing import Any

from edgekit import frameworks
from edgekit.train.dataset import Array, Floats


def shuffled_orders(count: int, seed: int, first: int = 0) -> Any:
    """Return an endless tf.data.Dataset of permutations int32 [count], one per epoch.

    Args:
        count: number of training inputs.
        seed: of all permutations.
        first: index of the first epoch.
    """
    tf = frameworks.tensorflow()

    def order(epoch: Any) -> Any:
        return tf.random.experimental.stateless_shuffle(tf.range(count), seed=(seed, epoch))

    return tf.data.Dataset.counter(start=first).map(order)


def whole_epoch(
    model: Any,
    x: Floats,
    y: Array,
    batch_size: int,
    weights: Floats | None = None,
    augment: Any = None,
) -> Callable[[Iterator[Any]], Any]:
    """Return a Keras train function that reads an epoch's order from its iterator and runs it.

    Args:
        model: compiled Keras model.
        x: inputs [N, ...].
        y: targets [N, ...].
        batch_size: inputs per step; the last step of an epoch has the rest, as in Keras.
        weights: how much each input counts in the loss [N]; None for all the same.
        augment: Keras model that changes a batch at random before the step; None for none.
    """
    tf = frameworks.tensorflow()
    steps, left = divmod(len(x), batch_size)
    arrays = [tf.constant(array) for array in (x, y, weights) if array is not None]

    def step(arrays: Any, order: Any, start: Any, size: int) -> None:
        # A static shape saves the shape arithmetic of each step.
        batch = tf.ensure_shape(order[start : start + size], (size,))
        inputs, *others = (tf.gather(array, batch) for array in arrays)
        if augment is not None:
            inputs = augment(inputs, training=True)
        model.train_step((inputs, *others))

    def run(arrays: Any, order: Any) -> Any:
        def body(start: Any) -> Any:
            step(arrays, order, start, batch_size)
            return start + batch_size

        tf.while_loop(lambda start: start < steps * batch_size, body, [tf.constant(0)])
        if left:
            step(arrays, order, steps * batch_size, left)
        return model.get_metrics_result()

    # The images are arguments: TensorFlow never frees the graph of a loop, nor what it closes over.
    # The loop is explicit because AutoGraph does not work on Python 3.13.
    compiled = tf.function(run, autograph=False)
    return lambda orders: compiled(arrays, next(orders))
