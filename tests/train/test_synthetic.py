import numpy as np
import pytest

from edgekit.train.dataset import Arrays, Dataset
from edgekit.train.synthetic import synthetic_digits


@pytest.fixture(scope="module")
def digits(synthetic: Dataset) -> Arrays:
    return synthetic.x_train, synthetic.y_train, synthetic.x_test, synthetic.y_test


def test_counts_shapes_and_dtypes_are_mnists(digits: Arrays) -> None:
    x_train, y_train, x_test, y_test = digits
    assert x_train.shape == (12665, 28, 28, 1)
    assert x_test.shape == (2115, 28, 28, 1)
    assert x_train.dtype == x_test.dtype == np.uint8
    assert y_train.dtype == y_test.dtype == np.int64
    assert np.bincount(y_train).tolist() == [5923, 6742]
    assert np.bincount(y_test).tolist() == [980, 1135]


def test_order_is_shuffled(digits: Arrays) -> None:
    first = digits[1][:1000].mean()
    assert 0.4 < first < 0.7


def test_same_seed_same_bytes_whatever_the_global_random_state(digits: Arrays) -> None:
    np.random.seed(99)
    assert [a.tobytes() for a in synthetic_digits()] == [a.tobytes() for a in digits]


def test_another_seed_draws_other_digits(digits: Arrays) -> None:
    seen = {image.tobytes() for image in digits[0]}
    assert not any(image.tobytes() in seen for image in synthetic_digits(1)[0])


def test_no_test_image_is_a_training_image(digits: Arrays) -> None:
    seen = {image.tobytes() for image in digits[0]}
    assert len(seen) == 12665
    assert not any(image.tobytes() in seen for image in digits[2])


def test_ink_fits_a_box_of_20_pixels(digits: Arrays) -> None:
    ink = digits[0][..., 0] > 0
    height = _extent(ink.any(axis=2))
    width = _extent(ink.any(axis=1))
    longer = np.maximum(height, width)
    assert longer.max() == 20
    assert longer.min() >= 19


def test_centre_of_mass_is_centred(digits: Arrays) -> None:
    image = digits[0][..., 0].astype(np.float64)
    pixel, mass = np.arange(28), image.sum(axis=(1, 2))
    rows, columns = image.sum(axis=2) @ pixel / mass, image.sum(axis=1) @ pixel / mass
    assert np.abs(rows - 14).max() < 0.501
    assert np.abs(columns - 14).max() < 0.501


def test_edges_are_anti_aliased_and_strokes_reach_white(digits: Arrays) -> None:
    ink = digits[0][digits[0] > 0]
    assert 0.3 < (ink < 255).mean() < 0.7
    assert (digits[0].max(axis=(1, 2, 3)) > 200).all()


def test_zeros_have_more_ink_than_ones(digits: Arrays) -> None:
    x_train, y_train, _, _ = digits
    ink = x_train.sum(axis=(1, 2, 3)) / 255
    assert ink[y_train == 0].mean() > 1.5 * ink[y_train == 1].mean()


@pytest.mark.mnist
@pytest.mark.parametrize("seed", [1, 2])
def test_a_model_trained_on_it_alone_reads_mnist(
    synthetic: Dataset, mnist: Dataset, seed: int
) -> None:
    from edgekit.train.dataset import scaled
    from edgekit.train.fit import fit
    from edgekit.train.recipe import Recipe

    model = fit(Recipe(epochs=10, seed=seed), synthetic).model
    scores = model.predict(scaled(mnist.x_test), batch_size=2115, verbose=0)
    assert (scores.argmax(axis=1) == mnist.y_test).mean() >= 0.99


def _extent(occupied: np.ndarray) -> np.ndarray:
    """Number of pixels from the first to the last occupied one, [N, 28] -> [N]."""
    return 28 - occupied.argmax(axis=1) - occupied[:, ::-1].argmax(axis=1)
