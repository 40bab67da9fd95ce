"""Random small networks, built with Keras and converted: the bytes of our engines and of LiteRT."""

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

import runtimes
from edge_runtime.reader import read
from edgekit import frameworks

ACTIVATIONS = ["linear", "relu", "relu6", "tanh", "sigmoid", "leaky_relu", "hard_tanh"]
ENDS = ["linear", "softmax", "sigmoid", "tanh"]
JOINTS = ["Add", "Subtract", "Multiply", "Concatenate"]

units = st.integers(1, 40)
layers = st.tuples(units, st.sampled_from(ACTIVATIONS))
branches = st.tuples(st.sampled_from(JOINTS), units, st.sampled_from(ACTIVATIONS))


@st.composite
def networks(draw: Any) -> Any:
    """Input shape, blocks (a Dense layer, or two that are joined) and the last layer."""
    shape = draw(st.sampled_from([(7, 5, 1), (6,), (97,)]))
    blocks = draw(st.lists(st.one_of(layers, branches), max_size=3))
    end = (draw(st.integers(1, 12)), draw(st.sampled_from(ENDS)))
    return shape, blocks, end, draw(st.integers(0, 2**31 - 1))


def keras_model(shape: tuple[int, ...], blocks: Any, end: Any) -> Any:
    keras = frameworks.keras()

    def dense(x: Any, count: int, activation: Any) -> Any:
        bias = keras.initializers.RandomNormal(0, 0.3)
        return keras.layers.Dense(count, activation=activation, bias_initializer=bias)(x)

    source = x = keras.Input(shape)
    if len(shape) > 1:
        x = keras.layers.Flatten()(x)
    for block in blocks:
        if len(block) == 2:
            x = dense(x, *block)
        else:
            joint, count, activation = block
            one, other = dense(x, count, activation), dense(x, count, "linear")
            x = getattr(keras.layers, joint)()([one, other])
    return keras.Model(source, dense(x, *end))


def converted(network: Any, scheme: Any) -> Any:
    """The network as a .tflite file, calibrated on noise, and its input's shape."""
    shape, blocks, end, seed = network
    tf, keras = frameworks.tensorflow(), frameworks.keras()
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    converter = tf.lite.TFLiteConverter.from_keras_model(keras_model(shape, blocks, end))
    sets = tf.lite.OpsSet
    if scheme != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        samples = rng.normal(size=(50, 1, *shape)).astype(np.float32)
        converter.representative_dataset = lambda: ([sample] for sample in samples)
    if scheme.startswith("int8"):
        converter.target_spec.supported_ops = [sets.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
        per_tensor = scheme == "int8 per-tensor"
        converter._experimental_disable_per_channel_quantization_for_dense_layers = per_tensor
    elif scheme == "int16":
        ops = [sets.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8]
        converter.target_spec.supported_ops = ops
        converter.inference_input_type = converter.inference_output_type = tf.int16
    with frameworks.native_stderr_silenced(unless=False), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # from the converter, about its own statistics
        return converter.convert(), (1, *shape), rng


def described(data: bytes) -> Any:
    return [op.name for op in read(data).ops]


REFUSALS = ("scale_diff / output_scale", "failed to create XNNPACK runtime")


def opened(data: bytes, peer: Any = runtimes.builtin_ref) -> Any:
    """LiteRT on a model, but for the odd file of the converter that it refuses itself."""
    try:
        return peer(data)
    except RuntimeError as error:
        assume(not any(refusal in str(error) for refusal in REFUSALS))
        raise


def slow(test: Any) -> Any:
    """A conversion takes a second or two: few examples, and no shrinking."""
    return settings(
        max_examples=25,
        deadline=None,
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )(test)


@pytest.mark.parametrize("scheme", ["int8 per-channel", "int8 per-tensor", "int16"])
@slow
@given(network=networks())
def test_networks_of_integers_give_the_bytes_of_litert(scheme: Any, network: Any) -> None:
    data, shape, rng = converted(network, scheme)
    litert, engines = opened(data), runtimes.engines(data)
    dtype = "int16" if scheme == "int16" else "int8"
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    for _ in range(10):
        x = rng.integers(low, high + 1, shape).astype(dtype)
        expected = litert(x)
        for name, engine in engines.items():
            np.testing.assert_array_equal(
                engine.run(x), expected, err_msg=f"{name} {described(data)}"
            )


@slow
@given(network=networks(), per_tensor=st.booleans())
def test_networks_with_single_rounding_give_the_bytes_of_xnnpack(
    network: Any, per_tensor: Any
) -> None:
    data, shape, rng = converted(network, f"int8 per-{'tensor' if per_tensor else 'channel'}")
    xnnpack, engines = opened(data, runtimes.xnnpack), runtimes.engines(data, rounding="xnnpack")
    for _ in range(10):
        x = rng.integers(-128, 128, shape).astype(np.int8)
        expected = xnnpack(x)
        for name, engine in engines.items():
            np.testing.assert_array_equal(
                engine.run(x), expected, err_msg=f"{name} {described(data)}"
            )


@slow
@given(network=networks())
def test_networks_of_floats_are_the_same_everywhere_and_close_to_litert(network: Any) -> None:
    data, shape, rng = converted(network, "float32")
    litert, engines = runtimes.builtin_ref(data), runtimes.engines(data)
    reference = engines.pop("reference")
    for _ in range(5):
        x = rng.normal(size=shape).astype(np.float32)
        expected = reference.run(x)
        for name, engine in engines.items():
            assert engine.run(x).tobytes() == expected.tobytes(), f"{name} {described(data)}"
        np.testing.assert_allclose(expected, litert(x), rtol=1e-4, atol=1e-5)


@slow
@given(network=networks(), count=st.sampled_from([2, 16, 35]))
def test_several_tensors_at_once_give_what_they_give_alone(network: Any, count: int) -> None:
    data, shape, rng = converted(network, "int8 per-channel")
    x = rng.integers(-128, 128, (count, *shape[1:])).astype(np.int8)
    for name, engine in runtimes.engines(data).items():
        alone = np.concatenate([engine.run(row[None]) for row in x])
        np.testing.assert_array_equal(engine.run(x), alone, err_msg=f"{name} {described(data)}")
