"""The documented model, trained for real."""

import gc
from dataclasses import replace

import numpy as np
import pytest

from edgekit import frameworks
from edgekit.train.dataset import Dataset, scaled
from edgekit.train.fit import Epoch, Progress, Training, fit, one_hot
from edgekit.train.held_out import rows_held_out
from edgekit.train.model import build
from edgekit.train.recipe import INITIALIZERS, OPTIMIZERS, Recipe
from edgekit.train.steps import shuffled_orders, whole_epoch

PUBLISHED = {
    "glorot-uniform": 2114,
    "random-normal": 2113,
    "truncated-normal": 2114,
    "random-uniform": 2114,
}
"""Right answers of 2115 that the documented study reports; within one image is the same result:
one image is 0.05 % and the 95 % interval of 2114 reaches from 2109 to 2115."""


@pytest.mark.mnist
@pytest.mark.parametrize("initializer", INITIALIZERS)
def test_reaches_the_published_accuracy(mnist: Dataset, initializer: str) -> None:
    training = fit(Recipe(initializer=initializer), mnist)
    predicted = np.asarray(training.model(scaled(mnist.x_test))).argmax(axis=1)
    correct = int(np.sum(predicted == mnist.y_test))
    assert correct >= PUBLISHED[initializer] - 1
    assert correct / 2115 > 0.99


@pytest.mark.mnist
def test_documented_record_counts(mnist: Dataset) -> None:
    assert np.bincount(mnist.y_train).tolist() == [5923, 6742]
    assert np.bincount(mnist.y_test).tolist() == [980, 1135]


def test_the_documented_model() -> None:
    model = build(Recipe(), 2)
    config = model.get_config()["layers"]
    assert type(model).__name__ == "Sequential"
    assert [layer["class_name"] for layer in config] == [
        "InputLayer",
        "Flatten",
        "Dense",
        "Dense",
    ]
    assert [layer["config"].get("activation") for layer in config[2:]] == ["relu", "sigmoid"]
    assert model.count_params() == 11_020
    assert float(model.optimizer.learning_rate) == pytest.approx(0.01)
    assert type(model.optimizer).__name__ == "Adam"
    assert model.loss == "categorical_crossentropy"
    assert Recipe() == Recipe(epochs=100, batch_size=32, patience=9, monitor="loss")


@pytest.mark.parametrize(
    ("initializer", "expected"),
    [
        ("random-normal", {"mean": 0.0, "stddev": 1.0}),
        ("truncated-normal", {"mean": 0.0, "stddev": 0.05}),
        ("random-uniform", {"minval": -0.05, "maxval": 0.05}),
        ("glorot-uniform", {}),
    ],
)
def test_documented_initialisers(initializer: str, expected: dict[str, float]) -> None:
    model = build(Recipe(initializer=initializer, seed=5), 2)
    for layer in model.layers[1:]:
        assert layer.kernel_initializer.get_config().items() >= {**expected, "seed": 5}.items()


def test_each_optimizer_is_keras_own_with_the_learning_rate() -> None:
    for name in OPTIMIZERS:
        optimizer = build(Recipe(optimizer=name, learning_rate=0.25), 2).optimizer
        assert type(optimizer).__name__.lower() == name
        assert float(optimizer.learning_rate) == 0.25


def test_softmax_and_more_classes() -> None:
    model = build(Recipe(output_activation="softmax", hidden=3), 10)
    assert model.output_shape == (None, 10)
    assert model.layers[-1].get_config()["activation"] == "softmax"


def small(dataset: Dataset) -> Dataset:
    """The first 500 training images: 15 steps of 32 and one of 20."""
    return Dataset(
        x_train=dataset.x_train[:500],
        y_train=dataset.y_train[:500],
        x_test=dataset.x_test[:200],
        y_test=dataset.y_test[:200],
        labels=dataset.labels,
        name=dataset.name,
        sha256="",
        source=dataset.source,
        framing=dataset.framing,
    )


def weights(training: Training) -> list[bytes]:
    return [array.tobytes() for array in training.model.get_weights()]


def test_same_seed_same_bytes_other_seed_other_bytes(dataset: Dataset) -> None:
    part = small(dataset)
    first, second = (fit(Recipe(epochs=3), part) for _ in range(2))
    assert weights(first) == weights(second)
    assert weights(first) != weights(fit(Recipe(epochs=3, seed=124), part))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_whole_epoch_function_does_what_fit_does(dataset: Dataset, optimizer: str) -> None:
    part = small(dataset)
    x, y = scaled(part.x_train), one_hot(part.y_train, 2)
    keras, tf = frameworks.keras(), frameworks.tensorflow()
    recipe = Recipe(epochs=2, optimizer=optimizer)
    keras.utils.set_random_seed(0)
    plain = build(recipe, 2)
    expected = plain.fit(x, y, batch_size=32, epochs=2, shuffle=False, verbose=0)
    ours = build(recipe, 2)
    ours.train_function = whole_epoch(ours, x, y, batch_size=32)
    in_order = tf.data.Dataset.from_tensors(tf.range(len(x))).repeat()
    got = ours.fit(in_order, steps_per_epoch=1, epochs=2, shuffle=False, verbose=0)
    np.testing.assert_allclose(got.history["loss"], expected.history["loss"], rtol=1e-5)
    np.testing.assert_allclose(got.history["accuracy"], expected.history["accuracy"], rtol=1e-6)
    for weight, other in zip(ours.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_allclose(weight, other, atol=1e-5)


def test_every_epoch_sees_every_image_once_in_another_order() -> None:
    orders = [order.numpy() for order in shuffled_orders(100, 7).take(3)]
    assert all(np.array_equal(np.sort(order), np.arange(100)) for order in orders)
    assert not np.array_equal(orders[0], orders[1])
    assert not np.array_equal(orders[1], orders[2])


def test_early_stopping_waits_for_its_patience(dataset: Dataset) -> None:
    # A learning rate this large makes the loss worse, so the first epoch stays the best.
    training = fit(Recipe(epochs=50, patience=2, learning_rate=5.0), small(dataset))
    losses = [epoch.loss for epoch in training.history]
    assert len(losses) < 50
    assert losses.index(min(losses)) == len(losses) - 1 - 2


def test_validation_split_holds_the_last_images_back(dataset: Dataset) -> None:
    part = small(dataset)
    training = fit(Recipe(epochs=2, validation_split=0.2, monitor="val_loss"), part)
    assert training.held_out == "validation"
    x, y = scaled(part.x_train[400:]), one_hot(part.y_train[400:], 2)
    loss, accuracy = training.model.evaluate(x, y, batch_size=100, verbose=0)
    assert training.history[-1].held_out_loss == pytest.approx(loss, rel=1e-4)
    assert training.history[-1].held_out_accuracy == pytest.approx(accuracy)


def test_groups_are_held_out_as_a_whole() -> None:
    groups = np.repeat([3, 1, 7, 5], [10, 20, 5, 5])
    random = np.random.default_rng(0).permutation(40)
    x, y = np.zeros((40, 2), np.float32), np.arange(40) % 2
    arrays = (x, y, x, y)
    data = Dataset(*arrays, ("a", "b"), "d", "", "d", "resize", groups=groups[random])
    for share in (0.1, 0.3, 0.9):
        held = rows_held_out(data, share)
        assert not set(groups[random][held]) & set(groups[random][~held])
        assert 0 < held.sum() < 40
        assert held.sum() >= share * 40 or len(set(groups[random][~held])) == 1
    assert rows_held_out(replace(data, groups=None), 0.25).tolist() == [False] * 30 + [True] * 10


def test_reports_each_epoch_as_it_ends(dataset: Dataset) -> None:
    seen: list[Epoch] = []
    training = fit(Recipe(epochs=3), small(dataset), Progress(seen.append))
    assert tuple(seen) == training.history
    assert [epoch.number for epoch in seen] == [1, 2, 3]
    assert training.seconds == pytest.approx(sum(epoch.seconds for epoch in seen))


def test_a_fit_leaves_no_images_behind(dataset: Dataset) -> None:
    part = small(dataset)
    fit(Recipe(epochs=1), part)
    frameworks.keras().utils.clear_session()
    gc.collect()
    kind = type(frameworks.tensorflow().constant(0))
    tensors = [tensor for tensor in gc.get_objects() if isinstance(tensor, kind)]
    assert not [tensor.shape for tensor in tensors if tensor.shape == part.x_train.shape]
