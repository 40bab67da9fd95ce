"""Keras 3 to tf_keras and back: equal outputs, or an error that names the layer."""

import json
from typing import Any

import numpy as np
import pytest

from edgekit import frameworks
from edgekit.errors import ModelFileError
from edgekit.train.finetune import carry
from edgekit.train.model import build
from edgekit.train.recipe import INITIALIZERS, Recipe


def layers() -> Any:
    return frameworks.keras().layers


def documented() -> Any:
    return build(Recipe(initializer=INITIALIZERS[1]), 2)


def one_sigmoid() -> Any:
    keras, k = frameworks.keras(), layers()
    return keras.Sequential(
        [
            keras.Input((12, 8)),
            k.Rescaling(0.3),
            k.Reshape((12, 8, 1)),
            k.Conv2D(3, (3, 5), padding="same", activation="tanh"),
            k.GlobalMaxPooling2D(),
            k.Dense(1, activation="sigmoid", use_bias=False),
        ]
    )


def every_layer() -> Any:
    keras, k = frameworks.keras(), layers()
    image = keras.Input((28, 28, 1))
    x = k.Rescaling(3.0, offset=-0.7)(image)
    x = k.ZeroPadding2D(1)(x)
    x = k.Conv2D(8, 3, strides=2, use_bias=False, name="first")(x)
    x = k.BatchNormalization(epsilon=0.01)(x)
    x = k.ReLU(max_value=6.0, negative_slope=0.1)(x)
    y = k.DepthwiseConv2D(3, padding="same", dilation_rate=2, depth_multiplier=2)(x)
    y = k.Conv2D(8, 1, groups=2, activation="relu6")(y)
    x = k.Add()([x, y])
    x = k.Concatenate()([x, y])
    x = k.MaxPooling2D(3, strides=2, padding="same")(x)
    x = k.AveragePooling2D(2)(x)
    x = k.LeakyReLU(negative_slope=0.4)(x)
    x = k.Activation("elu")(x)
    y = k.GlobalAveragePooling2D()(x)
    x = k.Flatten()(x)
    x = k.Dropout(0.3)(x)
    x = k.Dense(16, activation="softplus")(x)
    x = k.Concatenate()([y, x])
    return keras.Model(image, k.Softmax()(k.Dense(10)(x)))


def one_axis() -> Any:
    keras, k = frameworks.keras(), layers()
    series = keras.Input((40, 3))
    x = k.ZeroPadding1D(2)(series)
    x = k.Conv1D(6, 5, strides=2, padding="same", use_bias=False)(x)
    x = k.BatchNormalization()(x)
    x = k.SpatialDropout1D(0.2)(x)
    y = k.Conv1D(6, 3, padding="causal", dilation_rate=2, activation="relu")(x)
    y = k.DepthwiseConv1D(3, padding="same", depth_multiplier=1)(y)
    x = k.Add()([x, y])
    x = k.SeparableConv1D(8, 3, strides=2, depth_multiplier=2, activation="relu")(x)
    x = k.MaxPooling1D(3, strides=2, padding="same")(x)
    x = k.AveragePooling1D(2)(x)
    both = [k.GlobalAveragePooling1D()(x), k.GlobalMaxPooling1D()(x)]
    return keras.Model(series, k.Dense(2)(k.Concatenate()(both)))


def up_again() -> Any:
    keras, k = frameworks.keras(), layers()
    image = keras.Input((12, 12, 2))
    x = k.SeparableConv2D(6, 3, padding="same", activation="relu")(image)
    x = k.SpatialDropout2D(0.2)(x)
    gate = k.GlobalAveragePooling2D(keepdims=True)(x)
    x = k.Multiply()([x, k.Conv2D(6, 1, activation="sigmoid")(gate)])
    x = k.MaxPooling2D(2)(x)
    y = k.UpSampling2D(2)(x)
    x = k.Conv2DTranspose(6, 3, strides=2, padding="same", activation="relu")(x)
    x = k.Permute((2, 1, 3))(k.Add()([x, y]))
    return keras.Model(image, k.Cropping2D(((1, 2), (0, 3)))(x))


def filled(model: Any) -> Any:
    """Random weights, batch norms' statistics too, so that no wrong pairing stays unseen."""
    rng = np.random.default_rng(7)
    for layer in model.layers:
        for weight in layer.weights:
            values = rng.normal(0, 0.5, weight.shape).astype(np.float32)
            weight.assign(np.abs(values) + 0.1 if "variance" in weight.name else values)
    return model


@pytest.mark.parametrize("make", [documented, one_sigmoid, every_layer, one_axis, up_again])
def test_there_and_back_with_equal_outputs(make: Any) -> None:
    model = filled(make())
    inputs = np.random.default_rng(3).random((64, *model.inputs[0].shape[1:]), np.float32)
    expected = np.asarray(model(inputs, training=False))
    assert expected.std() > 1e-3

    described = json.loads(json.dumps(carry.description(model, "it")))
    there = carry.build(described, carry.weights_of(model.layers), frameworks.tf_keras())
    # The same sums, which float32 may round in another order: 24 bits, and a few of them lost.
    actual = np.asarray(there(inputs, training=False))
    atol = 2.0**-23 * np.abs(expected).max()
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=atol)

    back = frameworks.keras().models.clone_model(model)
    assert not np.array_equal(np.asarray(back(inputs, training=False)), expected)
    carried = carry.carried_back(described, there.layers, carry.weights_of(model.layers))
    carry.set_weights(back, carried)
    assert np.array_equal(np.asarray(back(inputs, training=False)), expected)


def test_only_what_computes_is_known_by_name_and_all_of_it_was_tried() -> None:
    made = [make() for make in (one_sigmoid, every_layer, one_axis, up_again)]
    tried = {type(layer).__name__ for model in made for layer in model.layers}
    assert set(carry.LAYERS) <= tried


def test_a_frozen_layer_stays_frozen() -> None:
    model = documented()
    model.layers[1].trainable = False
    described = carry.description(model, "it")
    there = carry.build(described, carry.weights_of(model.layers), frameworks.tf_keras())
    assert [layer.trainable for layer in there.layers if layer.weights] == [False, True]


def refusals() -> dict[str, Any]:
    keras, k = frameworks.keras(), layers()

    @keras.saving.register_keras_serializable("mine")
    class Dense(k.Dense):  # type: ignore[misc, name-defined]
        """Not Keras' own."""

    inner = keras.Sequential([keras.Input((4,)), k.Dense(4)], name="inner")
    image, shared = keras.Input((4,)), k.Dense(4, name="twice")
    return {
        "'lstm' (LSTM)": keras.Sequential([keras.Input((4, 4)), k.LSTM(2, name="lstm")]),
        "'own' (Dense)": keras.Sequential([keras.Input((4,)), Dense(2, name="own")]),
        "'inner' (Sequential)": keras.Sequential([keras.Input((4,)), inner, k.Dense(2)]),
        "'gelu' (Dense) has the activation gelu": keras.Sequential(
            [keras.Input((4,)), k.Dense(2, activation="gelu", name="gelu")]
        ),
        "'twice' (Dense) is called 2 times": keras.Model(image, shared(shared(image))),
        "'arrays' (Rescaling) has an object, __numpy__, for scale": keras.Sequential(
            [keras.Input((4,)), k.Rescaling(np.ones(4), name="arrays"), k.Dense(2)]
        ),
        "'add_": keras.Model(image, keras.ops.add(image, image)),
    }


@pytest.mark.parametrize("what", range(7))
def test_a_layer_that_cannot_be_carried_is_refused_by_name_and_type(what: int) -> None:
    expected, model = list(refusals().items())[what]
    with pytest.raises(ModelFileError) as caught:
        carry.description(model, "it.keras")
    assert f"it.keras: layer {expected}" in str(caught.value)


def test_a_model_of_its_own_class_is_refused() -> None:
    class Mine(frameworks.keras().Model):  # type: ignore[misc]
        """Subclassed."""

    with pytest.raises(ModelFileError, match=r"it: is a Mine; only Sequential and Functional"):
        carry.description(Mine(), "it")
