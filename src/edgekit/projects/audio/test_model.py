"""The model is what a small device can run."""

import model

MOST_PARAMETERS = 20_000


def test_the_model_fits_the_data_and_the_device() -> None:
    """Build the model for inputs of the data's shape."""
    built = model.build((49, 40, 1), 4)
    assert built.output_shape == (None, 4)
    assert built.count_params() <= MOST_PARAMETERS
