"""Keras 3, Keras 2 and SavedModel to .tflite, for real."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from edge_runtime.graph import Graph
from edge_runtime.reader import read
from edgekit import frameworks
from edgekit.convert import compare
from edgekit.convert.calibration import FloatArray
from edgekit.convert.conversion import DYNAMIC_BATCH, SCHEMES, Conversion
from edgekit.convert.input_range import from_graph
from edgekit.convert.source import TrainedModel, load
from edgekit.convert.targets import float_operators
from edgekit.convert.tflite import to_tflite
from edgekit.errors import ModelFileError
from edgekit.train.dataset import Dataset, scaled

DENSE = ["FULLY_CONNECTED", "FULLY_CONNECTED", "LOGISTIC"]


@pytest.fixture(scope="module")
def inputs(dataset: Dataset) -> FloatArray:
    return scaled(dataset.x_train[:300])


@pytest.fixture(scope="module")
def classifier(keras_model: Path) -> TrainedModel:
    return load(keras_model)


@pytest.fixture(scope="module")
def keras2_files(classifier: TrainedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trained weights in a Keras 2 model, saved in every way Keras 2 has."""
    library = frameworks.tf_keras()
    folder = tmp_path_factory.mktemp("keras2")
    model = library.Sequential(
        [
            library.Input((28, 28, 1)),
            library.layers.Flatten(),
            library.layers.Dense(14, "relu"),
            library.layers.Dense(2, "sigmoid"),
        ]
    )
    model.set_weights(classifier.owner.get_weights())
    with frameworks.native_stderr_silenced(unless=False), pytest.warns(UserWarning, match="HDF5"):
        model.save(folder / "model.h5")
    model.save(folder / "model.keras")
    frameworks.tensorflow().saved_model.save(model, str(folder / "saved"))
    return folder


def names(graph: Graph) -> list[str]:
    return [op.name for op in graph.ops]


def litert(model: bytes, samples: FloatArray) -> FloatArray:
    interpreter = Interpreter(model_content=model)
    interpreter.allocate_tensors()
    given, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    answers = []
    for sample in samples:
        interpreter.set_tensor(given["index"], sample[None])
        interpreter.invoke()
        answers.append(interpreter.get_tensor(result["index"])[0])
    return np.array(answers)


def test_the_documented_model_in_float(classifier: TrainedModel, inputs: FloatArray) -> None:
    model = to_tflite(classifier, Conversion())
    graph = read(model)
    assert names(graph) in (DENSE, ["RESHAPE", *DENSE])
    assert graph.tensors[graph.inputs[0]].signature == (1, 28, 28, 1)
    assert graph.tensors[graph.outputs[0]].signature == (1, 2)
    expected = classifier.predict(inputs[:50])
    np.testing.assert_allclose(litert(model, inputs[:50]), expected, atol=1e-6)


def test_full_int8_has_no_float_left(classifier: TrainedModel, inputs: FloatArray) -> None:
    graph = read(to_tflite(classifier, Conversion("int8"), inputs))
    assert names(graph) in (DENSE, ["RESHAPE", *DENSE])
    assert graph.tensors[graph.inputs[0]].dtype == "int8"
    assert graph.tensors[graph.outputs[0]].dtype == "int8"
    assert float_operators(graph) == []
    assert not any(tensor.dtype.startswith("float") for tensor in graph.tensors)


@pytest.mark.parametrize("target", ["litert", "mcu", "edgetpu", "ethos-u"])
def test_dense_weights_are_per_channel_only_for_litert(
    classifier: TrainedModel, inputs: FloatArray, target: str
) -> None:
    graph = read(to_tflite(classifier, Conversion("int8", target), inputs))
    scales = []
    for op in graph.ops:
        if op.name == "FULLY_CONNECTED":
            quantization = graph.tensors[op.inputs[1]].quantization
            assert quantization is not None
            assert set(quantization.zero_points) == {0}
            scales.append(len(quantization.scales))
    assert scales == ([14, 2] if target == "litert" else [1, 1])


@pytest.mark.parametrize(
    ("scheme", "dtype"),
    [("int16x8", "int16"), ("float16", "float32"), ("dynamic", "float32")],
)
def test_other_schemes(
    classifier: TrainedModel, inputs: FloatArray, scheme: str, dtype: str
) -> None:
    graph = read(to_tflite(classifier, Conversion(scheme), inputs))
    assert graph.tensors[graph.inputs[0]].dtype == dtype
    stored = {tensor.dtype for tensor in graph.tensors if tensor.elements == 784 * 14}
    assert stored & {"int8", "float16"}


@pytest.mark.parametrize("scheme", ["float32", *SCHEMES])
def test_same_arguments_same_bytes(keras_model: Path, inputs: FloatArray, scheme: str) -> None:
    first, second = (to_tflite(load(keras_model), Conversion(scheme), inputs) for _ in range(2))
    assert first == second


def test_another_calibration_set_other_bytes(classifier: TrainedModel, inputs: FloatArray) -> None:
    whole = to_tflite(classifier, Conversion("int8"), inputs)
    assert whole != to_tflite(classifier, Conversion("int8"), inputs * np.float32(0.5))


def test_a_batch_is_fixed_unless_asked(classifier: TrainedModel, inputs: FloatArray) -> None:
    eight = read(to_tflite(classifier, Conversion("int8", batch=8), inputs))
    assert eight.tensors[eight.inputs[0]].signature == (8, 28, 28, 1)
    dynamic = read(to_tflite(classifier, Conversion(batch=DYNAMIC_BATCH)))
    assert dynamic.tensors[dynamic.inputs[0]].signature == (-1, 28, 28, 1)


@pytest.mark.parametrize("name", ["model.h5", "model.keras", "saved"])
@pytest.mark.parametrize("scheme", ["float32", "int8"])
def test_keras_2_and_saved_model_take_the_same_road(
    classifier: TrainedModel, keras2_files: Path, inputs: FloatArray, name: str, scheme: str
) -> None:
    old = load(keras2_files / name)
    assert old.origin == ("SavedModel" if name == "saved" else "Keras 2")
    assert (old.shape, old.outputs, old.parameters) == ((28, 28, 1), 2, 11_020)
    np.testing.assert_allclose(old.predict(inputs[:20]), classifier.predict(inputs[:20]), atol=1e-6)
    expected = read(to_tflite(classifier, Conversion(scheme), inputs))
    graph = read(to_tflite(old, Conversion(scheme), inputs))
    assert names(graph) == names(expected)
    weights = [bytes(t.data) for t in graph.tensors if t.elements == 784 * 14 and t.data]
    assert weights == [bytes(t.data) for t in expected.tensors if t.elements == 784 * 14 and t.data]


def test_a_convolutional_network_with_its_own_rescaling(tmp_path: Path) -> None:
    keras = frameworks.keras()
    layers = keras.layers
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            layers.Rescaling(1 / 255),
            layers.Conv2D(4, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Dropout(0.5),
            layers.GlobalAveragePooling2D(),
            layers.Dense(5, activation="softmax"),
        ]
    )
    model.save(tmp_path / "conv.keras")
    classifier = load(tmp_path / "conv.keras")
    assert from_graph(classifier.forward) == (0, 255)
    assert classifier.outputs == 5
    pixels = np.random.default_rng(0).integers(0, 256, (120, 16, 16, 3)).astype(np.float32)
    graph = read(to_tflite(classifier, Conversion("int8"), pixels))
    assert {"CONV_2D", "FULLY_CONNECTED", "SOFTMAX"} <= set(names(graph))
    assert float_operators(graph) == []
    plain = to_tflite(classifier, Conversion())
    np.testing.assert_allclose(litert(plain, pixels[:5]), classifier.predict(pixels[:5]), atol=1e-5)


def test_what_the_converter_cannot_express_is_one_line(
    classifier: TrainedModel, inputs: FloatArray
) -> None:
    from dataclasses import replace

    tf = frameworks.tensorflow()
    # tf.strings ops have no int8 kernel.
    odd = replace(classifier, call=lambda x: tf.strings.to_number(tf.strings.as_string(x[:, 0, 0])))
    message = r"cannot make int8 of it \(TFLite has no AsString, StringToNumber;"
    with pytest.raises(ModelFileError, match=message) as raised:
        to_tflite(odd, Conversion("int8"), inputs)
    assert "\n" not in str(raised.value)


def test_rescaling_inside_an_inner_model_is_seen(tmp_path: Path) -> None:
    keras = frameworks.keras()
    layers = keras.layers
    inner = keras.Sequential([keras.Input((8, 8, 1)), layers.Rescaling(1 / 255)])
    outer = [keras.Input((8, 8, 1)), inner, layers.Flatten(), layers.Dense(2)]
    keras.Sequential(outer).save(tmp_path / "a.keras")
    assert from_graph(load(tmp_path / "a.keras").forward) == (0, 255)


def test_activations_with_gradients_of_their_own(tmp_path: Path) -> None:
    keras = frameworks.keras()
    names = ("silu", "gelu", "mish", "relu6", "softplus", "elu", "selu", "hard_silu", "leaky_relu")
    taken = keras.Input((4,))
    branches = [keras.layers.Dense(2, activation=name)(taken) for name in names]
    keras.Model(taken, keras.layers.Concatenate()(branches)).save(tmp_path / "a.keras")
    trained = load(tmp_path / "a.keras")
    inputs = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    model = to_tflite(trained, Conversion())
    np.testing.assert_allclose(litert(model, inputs), trained.predict(inputs), atol=1e-5)


def mobile_block(shape: tuple[int, int, int]) -> Any:
    """The block that EfficientNets are made of, without biases and with swish."""
    keras = frameworks.keras()
    layers = keras.layers
    taken = keras.Input(shape)
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(taken)
    x = layers.Activation("swish")(layers.BatchNormalization()(x))
    y = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    y = layers.Activation("swish")(layers.BatchNormalization()(y))
    squeezed = layers.Reshape((1, 1, 8))(layers.GlobalAveragePooling2D()(y))
    squeezed = layers.Conv2D(2, 1, activation="swish")(squeezed)
    y = layers.Multiply()([y, layers.Conv2D(8, 1, activation="sigmoid")(squeezed)])
    y = layers.Dropout(0.2)(layers.Conv2D(8, 1, use_bias=False)(y))
    y = layers.GlobalAveragePooling2D()(layers.Add()([x, y]))
    return keras.Model(taken, layers.Dense(3, use_bias=False)(y))


def test_a_mobile_block_in_every_scheme(tmp_path: Path) -> None:
    frameworks.keras().utils.set_random_seed(1)
    mobile_block((12, 12, 3)).save(tmp_path / "a.keras")
    trained = load(tmp_path / "a.keras")
    inputs = np.random.default_rng(0).random((20, 12, 12, 3)).astype(np.float32)
    plain = to_tflite(trained, Conversion())
    expected = trained.predict(inputs)
    np.testing.assert_allclose(litert(plain, inputs), expected, atol=1e-5)
    for scheme in SCHEMES:
        converted = to_tflite(trained, Conversion(scheme), inputs)
        errors = compare.tensor_errors(plain, converted, inputs)
        assert errors[-1].snr_db > (60 if scheme == "float16" else 20)


def test_what_the_converter_writes_wrongly_is_refused(tmp_path: Path) -> None:
    keras = frameworks.keras()
    keras.utils.set_random_seed(1)
    layers = [keras.layers.GRU(2, unroll=True), keras.layers.Dense(2)]
    keras.Sequential([keras.Input((2, 3)), *layers]).save(tmp_path / "a.keras")
    trained, inputs = load(tmp_path / "a.keras"), np.ones((8, 2, 3), np.float32)
    with pytest.raises(ModelFileError, match=r"cannot make int16x8 of it .*its file is wrong"):
        to_tflite(trained, Conversion("int16x8"), inputs)


def test_mixed_precision_becomes_float32(tmp_path: Path) -> None:
    keras = frameworks.keras()
    policy = keras.dtype_policies.DTypePolicy("mixed_float16")
    head = [keras.layers.Conv2D(2, 3, dtype=policy), keras.layers.Flatten(dtype=policy)]
    layers = [keras.Input((8, 8, 1)), *head, keras.layers.Dense(2, dtype="float32")]
    keras.Sequential(layers).save(tmp_path / "mixed.keras")
    classifier = load(tmp_path / "mixed.keras")
    inputs = np.random.default_rng(0).random((4, 8, 8, 1)).astype(np.float32)
    model = to_tflite(classifier, Conversion())
    np.testing.assert_allclose(litert(model, inputs), classifier.predict(inputs), atol=1e-5)


def test_a_fixed_batch_answers_any_number(tmp_path: Path) -> None:
    keras = frameworks.keras()
    layers = [keras.Input(batch_shape=(32, 4)), keras.layers.Dense(3)]
    keras.Sequential(layers).save(tmp_path / "b32.keras")
    classifier = load(tmp_path / "b32.keras")
    inputs = np.random.default_rng(0).random((40, 4)).astype(np.float32)
    scores = classifier.predict(inputs)
    assert scores.shape == (40, 3)
    np.testing.assert_allclose(scores[35:], classifier.predict(inputs[35:]), rtol=1e-6)
