"""Keras 3, Keras 2 and SavedModel to .tflite, for real."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from edge_runtime.graph import Graph
from edge_runtime.reader import read
from edgekit import frameworks
from edgekit.convert.calibration import FloatArray
from edgekit.convert.recipe import DYNAMIC_BATCH, SCHEMES, Recipe
from edgekit.convert.source import TrainedModel, load
from edgekit.convert.targets import float_operators
from edgekit.convert.tflite import to_tflite
from edgekit.errors import ModelFileError
from edgekit.train.data import Dataset, scaled

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
    model = to_tflite(classifier, Recipe())
    graph = read(model)
    assert names(graph) in (DENSE, ["RESHAPE", *DENSE])
    assert graph.tensors[graph.inputs[0]].signature == (1, 28, 28, 1)
    assert graph.tensors[graph.outputs[0]].signature == (1, 2)
    expected = classifier.predict(inputs[:50])
    np.testing.assert_allclose(litert(model, inputs[:50]), expected, atol=1e-6)


def test_full_int8_has_no_float_left(classifier: TrainedModel, inputs: FloatArray) -> None:
    graph = read(to_tflite(classifier, Recipe("int8"), inputs))
    assert names(graph) in (DENSE, ["RESHAPE", *DENSE])
    assert graph.tensors[graph.inputs[0]].dtype == "int8"
    assert graph.tensors[graph.outputs[0]].dtype == "int8"
    assert float_operators(graph) == []
    assert not any(tensor.dtype.startswith("float") for tensor in graph.tensors)


@pytest.mark.parametrize("target", ["litert", "mcu", "edgetpu", "ethos-u"])
def test_dense_weights_are_per_channel_only_for_litert(
    classifier: TrainedModel, inputs: FloatArray, target: str
) -> None:
    graph = read(to_tflite(classifier, Recipe("int8", target), inputs))
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
    graph = read(to_tflite(classifier, Recipe(scheme), inputs))
    assert graph.tensors[graph.inputs[0]].dtype == dtype
    stored = {tensor.dtype for tensor in graph.tensors if tensor.elements == 784 * 14}
    assert stored & {"int8", "float16"}


@pytest.mark.parametrize("scheme", ["float32", *SCHEMES])
def test_same_arguments_same_bytes(keras_model: Path, inputs: FloatArray, scheme: str) -> None:
    first, second = (to_tflite(load(keras_model), Recipe(scheme), inputs) for _ in range(2))
    assert first == second


def test_another_calibration_set_other_bytes(classifier: TrainedModel, inputs: FloatArray) -> None:
    whole = to_tflite(classifier, Recipe("int8"), inputs)
    assert whole != to_tflite(classifier, Recipe("int8"), inputs * np.float32(0.5))


def test_a_batch_is_fixed_unless_asked(classifier: TrainedModel, inputs: FloatArray) -> None:
    eight = read(to_tflite(classifier, Recipe("int8", batch=8), inputs))
    assert eight.tensors[eight.inputs[0]].signature == (8, 28, 28, 1)
    dynamic = read(to_tflite(classifier, Recipe(batch=DYNAMIC_BATCH)))
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
    expected = read(to_tflite(classifier, Recipe(scheme), inputs))
    graph = read(to_tflite(old, Recipe(scheme), inputs))
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
    assert classifier.raw_pixels
    assert classifier.classes == 5
    pixels = np.random.default_rng(0).integers(0, 256, (120, 16, 16, 3)).astype(np.float32)
    graph = read(to_tflite(classifier, Recipe("int8"), pixels))
    assert {"CONV_2D", "FULLY_CONNECTED", "SOFTMAX"} <= set(names(graph))
    assert float_operators(graph) == []
    plain = to_tflite(classifier, Recipe())
    np.testing.assert_allclose(litert(plain, pixels[:5]), classifier.predict(pixels[:5]), atol=1e-5)


def write_bytes(path: Path) -> Path:
    path.write_bytes(b"not a model")
    return path


def two_inputs(path: Path) -> Path:
    keras = frameworks.keras()
    one, other = keras.Input((4,)), keras.Input((4,))
    keras.Model([one, other], keras.layers.Add()([one, other])).save(path)
    return path


def no_classifier(path: Path) -> Path:
    keras = frameworks.keras()
    keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(2, 3)]).save(path)
    return path


def open_shape(path: Path) -> Path:
    keras = frameworks.keras()
    layers = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)]
    keras.Sequential([keras.Input((None, None, 1)), *layers]).save(path)
    return path


def unbuilt(path: Path) -> Path:
    keras = frameworks.keras()
    with pytest.warns(UserWarning, match="not yet been built"):
        keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(2)]).save(path)
    return path


def absent(path: Path) -> Path:
    return path


def empty_folder(path: Path) -> Path:
    path.mkdir()
    return path


@pytest.mark.parametrize(
    ("make", "name", "message"),
    [
        (absent, "a.keras", "no such model"),
        (write_bytes, "a.keras", "not a Keras model file"),
        (write_bytes, "a.h5", "not a Keras model file"),
        (write_bytes, "a.onnx", "expected a .keras or .h5"),
        (empty_folder, "a", "not a SavedModel"),
        (two_inputs, "a.keras", "one input and one output"),
        (unbuilt, "a.keras", "one input and one output"),
        (no_classifier, "a.keras", "not a classifier's"),
        (open_shape, "a.keras", "must be known"),
    ],
)
def test_what_is_no_classifier_is_refused(
    tmp_path: Path, make: Any, name: str, message: str
) -> None:
    with pytest.raises(ModelFileError, match=message) as raised:
        load(make(tmp_path / name))
    assert "\n" not in str(raised.value)


def test_what_the_converter_cannot_express_is_one_line(
    classifier: TrainedModel, inputs: FloatArray
) -> None:
    from dataclasses import replace

    tf = frameworks.tensorflow()
    # tf.strings ops have no int8 kernel.
    odd = replace(classifier, call=lambda x: tf.strings.to_number(tf.strings.as_string(x[:, 0, 0])))
    with pytest.raises(ModelFileError, match="cannot make int8 of it") as raised:
        to_tflite(odd, Recipe("int8"), inputs)
    assert "\n" not in str(raised.value)


def test_rescaling_inside_an_inner_model_is_seen(tmp_path: Path) -> None:
    keras = frameworks.keras()
    layers = keras.layers
    inner = keras.Sequential([keras.Input((8, 8, 1)), layers.Rescaling(1 / 255)])
    outer = [keras.Input((8, 8, 1)), inner, layers.Flatten(), layers.Dense(2)]
    keras.Sequential(outer).save(tmp_path / "a.keras")
    assert load(tmp_path / "a.keras").raw_pixels


def test_mixed_precision_becomes_float32(tmp_path: Path) -> None:
    keras = frameworks.keras()
    policy = keras.dtype_policies.DTypePolicy("mixed_float16")
    head = [keras.layers.Conv2D(2, 3, dtype=policy), keras.layers.Flatten(dtype=policy)]
    layers = [keras.Input((8, 8, 1)), *head, keras.layers.Dense(2, dtype="float32")]
    keras.Sequential(layers).save(tmp_path / "mixed.keras")
    classifier = load(tmp_path / "mixed.keras")
    inputs = np.random.default_rng(0).random((4, 8, 8, 1)).astype(np.float32)
    model = to_tflite(classifier, Recipe())
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
