"""Files that hold a model, and files that do not: what each is refused with."""

import json
import re
import shutil
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit import frameworks
from edgekit.convert.conversion import Conversion
from edgekit.convert.source import load
from edgekit.convert.tflite import to_tflite
from edgekit.errors import ModelFileError

SOME = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dense model of Keras 3 and one of Keras 2, each in its own formats."""
    folder = tmp_path_factory.mktemp("files")
    keras, old = frameworks.keras(), frameworks.tf_keras()
    keras.utils.set_random_seed(1)
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).save(folder / "three.keras")
    model = old.Sequential([old.Input((4,)), old.layers.Dense(3, "relu"), old.layers.Dense(2)])
    model.save(folder / "two.keras")
    with frameworks.native_stderr_silenced(unless=False), pytest.warns(UserWarning, match="HDF5"):
        model.save(folder / "two.h5")
    return folder


def refusal(path: Path) -> str:
    with pytest.raises(ModelFileError) as raised:
        load(path)
    assert "\n" not in str(raised.value)
    assert str(raised.value).startswith(f"{path}: ")
    return str(raised.value).removeprefix(f"{path}: ")


def keras_layers() -> Any:
    return frameworks.keras().layers


def sequential(*layers: Any, shape: tuple[int | None, ...] = (4,)) -> Any:
    keras = frameworks.keras()
    return keras.Sequential([keras.Input(shape), *layers])


def absent(_: Path) -> None:
    pass


def open_shape(path: Path) -> None:
    layers = keras_layers()
    sequential(layers.GlobalAveragePooling2D(), layers.Dense(2), shape=(None, None, 1)).save(path)


def unbuilt(path: Path) -> None:
    keras = frameworks.keras()
    with pytest.warns(UserWarning, match="not yet been built"):
        keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(2)]).save(path)


def integers(path: Path) -> None:
    keras, layers = frameworks.keras(), keras_layers()
    words = keras.Input((4,), dtype="uint8", name="words")
    keras.Model(words, layers.Dense(2)(layers.Flatten()(layers.Embedding(9, 3)(words)))).save(path)


def index(path: Path) -> None:
    keras = frameworks.keras()
    taken = keras.Input((4,))
    keras.Model(taken, keras.ops.argmax(taken, axis=-1, keepdims=True)).save(path)


def lookup(path: Path) -> None:
    keras = frameworks.keras()
    words = keras.Input((1,), dtype="string")
    table = keras.layers.StringLookup(vocabulary=["a", "b"], output_mode="one_hot", name="table")
    keras.Model(words, keras.layers.Dense(2)(table(words))).save(path)


def lambda_layer(path: Path) -> None:
    layers = keras_layers()
    double = layers.Lambda(lambda x: x * 2, output_shape=(4,), name="double")
    sequential(double, layers.Dense(2)).save(path)


def custom_layer(path: Path) -> None:
    layers = keras_layers()

    class Twice(layers.Layer):  # type: ignore[name-defined, misc]
        def call(self, x: Any) -> Any:
            return x * 2

    sequential(Twice(), layers.Dense(2)).save(path)


def custom_model(path: Path) -> None:
    keras = frameworks.keras()

    class Net(keras.Model):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.dense = keras.layers.Dense(2)

        def call(self, x: Any) -> Any:
            return self.dense(x)

    net = Net()
    net(SOME)
    net.save(path)


def custom_function(path: Path) -> None:
    sequential(keras_layers().Dense(2, activation=unlike_any)).save(path)


def lambda_activation(path: Path) -> None:
    layer = keras_layers().Dense(2, activation=lambda x: x * x, name="head")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras says that a lambda cannot be loaded
        sequential(layer).save(path)


def unlike_any(x: Any) -> Any:
    return x * x


def weights_only(path: Path) -> None:
    sequential(keras_layers().Dense(2)).save_weights(path)


def zip_of_weights(path: Path) -> None:
    weights_only(path.with_name("model.weights.h5"))
    with zipfile.ZipFile(path, "w") as file:
        file.write(path.with_name("model.weights.h5"), "model.weights.h5")


def with_version(version: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        sequential(keras_layers().Dense(2)).save(path)
        with zipfile.ZipFile(path) as file:
            held = {name: file.read(name) for name in file.namelist()}
        config = json.loads(held["config.json"])
        config["config"]["layers"][1]["config"]["units"] = "of a later time"
        held["metadata.json"] = json.dumps({"keras_version": version}).encode()
        held["config.json"] = json.dumps(config).encode()
        with zipfile.ZipFile(path, "w") as file:
            for name, content in held.items():
                file.writestr(name, content)

    return write


def content(start: bytes) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(start) and None


def folder_with(name: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.mkdir()
        (path / name).touch()

    return write


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"

REFUSED: list[tuple[Callable[[Path], Any], str, str]] = [
    (absent, "a.keras", "no such model"),
    (content(b""), "a.keras", "is empty"),
    (content(b"not a model"), "a.keras", "not a Keras model file"),
    (content(b"not a model"), "a.h5", "not a Keras model file"),
    (content(b"PK\x03\x04 and no more"), "a.keras", "not a Keras model file .*zip"),
    (content(b"\x89HDF\r\n\x1a\n and no more"), "a.h5", "not a Keras model file .*open file"),
    (content(LFS), "a.keras", "a Git LFS pointer .*git lfs pull"),
    (content(b"\n<!DOCTYPE html><html>"), "a.h5", "a web page"),
    (content(b"\x1c\0\0\0TFL3"), "a.bin", "the file refers too often"),
    (content(b"what?"), "a.tflite", r"not a \.tflite file"),
    (content(b"PK\x03\x04"), "a.pt", "a PyTorch model: litert-torch makes a float"),
    (content(b"\x0a\x12"), "a.pb", "a frozen graph of TensorFlow 1"),
    (content(b"PK\x03\x04"), "a.zip", "unpack it"),
    (content(b"what?"), "a.bin", r"expected a \.keras, \.h5, float \.tflite or \.onnx file"),
    (folder_with("a.txt"), "a", "not a SavedModel"),
    (folder_with("model.keras"), "a", r"did you mean .*a/model\.keras"),
    (folder_with("checkpoint"), "a", "a checkpoint, weights without a model"),
    (folder_with("tfhub_module.pb"), "a", "a TensorFlow 1 Hub module"),
    (folder_with("saved_model.pb"), "a", "cannot be loaded"),
    (weights_only, "a.weights.h5", "weights and no architecture.*load_weights"),
    (zip_of_weights, "a.keras", "weights and no architecture"),
    (unbuilt, "a.keras", r"never built.*keras\.Input"),
    (open_shape, "a.keras", r"\[\?, \?, \?, 1\].* must be known; build .* fixed size"),
    (integers, "a.keras", r"input words \[\?, 4\] is uint8; only float32"),
    (index, "a.keras", r"output argmax.* is int32; .*an argmax"),
    (lookup, "a.keras", "layer 'table' is a StringLookup"),
    (lambda_layer, "a.keras", "layer 'double' is a Lambda"),
    (custom_layer, "a.keras", r"the class Twice,.*model\.export"),
    (custom_model, "a.keras", r"the class Net,.*model\.export"),
    (custom_function, "a.keras", r"the function unlike_any,"),
    (lambda_activation, "a.keras", "the activation of layer 'head' is a lambda"),
    (with_version("1.2.2"), "a.keras", r"written by Keras 1\.2\.2"),
    (with_version("3.99.0"), "a.keras", r"cannot be loaded .*Keras 3\.99\.0 wrote it, and this"),
]


@pytest.mark.parametrize(
    ("write", "name", "message"), REFUSED, ids=[f"{m[:30]}-{n}" for _, n, m in REFUSED]
)
def test_what_cannot_be_converted_says_why(
    tmp_path: Path, write: Callable[[Path], Any], name: str, message: str
) -> None:
    path = tmp_path / name
    write(path)
    assert re.search(message, refusal(path))


def test_a_lambda_in_a_keras_2_file_is_not_run(tmp_path: Path) -> None:
    old, mark = frameworks.tf_keras(), tmp_path / "mark"

    run = eval(f"lambda x: (__import__('pathlib').Path({str(mark)!r}).touch(), x)[1]")
    layer = old.layers.Lambda(run, output_shape=(4,), name="run")
    model = old.Sequential([old.Input((4,)), layer, old.layers.Dense(2)])
    with frameworks.native_stderr_silenced(unless=False), pytest.warns(UserWarning, match="HDF5"):
        model.save(tmp_path / "a.h5")
    mark.unlink()
    assert "layer 'run' is a Lambda" in refusal(tmp_path / "a.h5")
    assert not mark.exists()


def with_backslashes(path: Path, copy: Path) -> None:
    """Write what Keras 2.13 to 2.15 wrote on Windows."""
    import h5py

    with zipfile.ZipFile(path) as file:
        held = {name: file.read(name) for name in file.namelist()}
    weights = copy.with_suffix(".weights.h5")
    weights.write_bytes(held["model.weights.h5"])
    with h5py.File(weights, "a") as file:
        names: list[str] = []
        file.visit(lambda name: names.append(name) if "/" in name else None)
        groups = [name for name in names if not re.search("(^|/)vars(/|$)", name)]
        for name in sorted(groups, key=len, reverse=True):
            file.move(name, name.replace("/", "\\"))
        assert not any("/dense" in name for name in file["layers"])
    held["model.weights.h5"] = weights.read_bytes()
    with zipfile.ZipFile(copy, "w") as file:
        for name, data in held.items():
            file.writestr(name, data)
        file.writestr("assets\\words.txt", "")


def test_a_keras_file_written_on_windows_loads(files: Path, tmp_path: Path) -> None:
    with_backslashes(files / "two.keras", tmp_path / "windows.keras")
    expected, model = load(files / "two.keras"), load(tmp_path / "windows.keras")
    np.testing.assert_array_equal(model.predict(SOME), expected.predict(SOME))
    assert model.path == tmp_path / "windows.keras"
    assert model.size == model.path.stat().st_size
    assert model.sha256 != expected.sha256


def test_the_content_and_not_the_suffix_decides(files: Path, tmp_path: Path) -> None:
    expected = load(files / "two.h5").predict(SOME)
    for name, other in (("two.h5", "a.keras"), ("two.keras", "a.h5")):
        shutil.copyfile(files / name, tmp_path / other)
        np.testing.assert_array_equal(load(tmp_path / other).predict(SOME), expected)


STRUCTURES: dict[str, Callable[[Any, Any], tuple[Any, Any]]] = {
    "dict": lambda taken, output: ({"in": taken}, {"p": output}),
    "list": lambda taken, output: ([taken], [output]),
    "nested": lambda taken, output: ({"a": {"b": [taken]}}, [{"p": output}]),
}


@pytest.mark.parametrize(
    ("library", "structure"),
    # Keras 2 has no nested inputs.
    [*(("keras", name) for name in STRUCTURES), ("tf_keras", "dict"), ("tf_keras", "list")],
)
def test_inputs_and_outputs_in_a_structure(tmp_path: Path, library: str, structure: str) -> None:
    keras = getattr(frameworks, library)()
    taken = keras.Input((4,), name="in")
    output = keras.layers.Dense(2, name="p")(taken)
    plain = keras.Model(taken, output)
    keras.Model(*STRUCTURES[structure](taken, output)).save(tmp_path / "a.keras")
    model = load(tmp_path / "a.keras")
    np.testing.assert_allclose(model.predict(SOME), np.asarray(plain(SOME)), rtol=1e-6)
    assert model.forward.last_op in ("BiasAdd", "AddV2")


def test_a_structure_is_converted(tmp_path: Path) -> None:
    keras = frameworks.keras()
    taken = keras.Input((4,), name="in")
    keras.Model({"in": taken}, {"p": keras.layers.Dense(2)(taken)}).save(tmp_path / "a.keras")
    assert to_tflite(load(tmp_path / "a.keras"), Conversion())[4:8] == b"TFL3"


def saved_model(folder: Path, *signatures: str) -> Path:
    tf = frameworks.tensorflow()
    module = tf.Module()
    module.weight = tf.Variable(np.eye(4, dtype=np.float32), name="layer/kernel")

    @tf.function(input_signature=[tf.TensorSpec((None, 4), tf.float32, name="x")])
    def call(x: Any) -> Any:
        return {"p": x @ module.weight}

    module.call = call
    named = {name: call.get_concrete_function() for name in signatures}
    tf.saved_model.save(module, str(folder), signatures=named)
    return folder


def test_the_only_signature_is_the_model(tmp_path: Path) -> None:
    model = load(saved_model(tmp_path / "one", "predict"))
    assert "'predict'" in model.note
    np.testing.assert_array_equal(model.predict(SOME), SOME)
    assert load(saved_model(tmp_path / "default", "serving_default", "other")).note == ""


def test_signatures_are_named_where_it_is_open_which(tmp_path: Path) -> None:
    message = refusal(saved_model(tmp_path / "two", "encode", "decode"))
    assert "'encode'" in message
    assert "'decode'" in message


def test_a_saved_model_without_a_signature(tmp_path: Path) -> None:
    tf = frameworks.tensorflow()
    tf.saved_model.save(tf.Module(), str(tmp_path / "a"))
    assert "has no signature, so its input and output" in refusal(tmp_path / "a")


def spoilt(path: Path, values: dict[str, float]) -> Path:
    """Write a model with a number of each weight replaced."""
    layers = keras_layers()
    model = sequential(layers.BatchNormalization(name="norm"), layers.Dense(2, name="head"))
    for weight in model.weights:
        name = "/".join(weight.path.split("/")[-2:])
        if name in values:
            changed = np.array(weight.numpy())
            changed.flat[1] = values[name]
            weight.assign(changed)
    model.save(path)
    return path


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"head/kernel": np.nan}, r"layer 'head' \(kernel\): 1 of 8 numbers is NaN: its training"),
        ({"head/bias": np.inf}, r"layer 'head' \(bias\): 1 of 2 numbers is infinite"),
        ({"norm/moving_variance": np.nan}, r"layer 'norm' \(moving_variance\): 1 of 4 numbers"),
        ({"head/kernel": np.nan, "head/bias": -np.inf}, r"NaN, and so in 1 more: its"),
    ],
)
def test_weights_that_are_no_numbers(
    tmp_path: Path, values: dict[str, float], message: str
) -> None:
    assert re.search(message, refusal(spoilt(tmp_path / "a.keras", values)))


def test_a_saved_model_whose_weights_are_no_numbers(tmp_path: Path) -> None:
    tf = frameworks.tensorflow()
    module = tf.Module()
    module.weight = tf.Variable([[np.nan, 1.0]] * 4, name="head/kernel")
    module.call = tf.function(
        lambda x: x @ module.weight,
        input_signature=[tf.TensorSpec((None, 4), tf.float32)],
        autograph=False,
    )
    signature = module.call.get_concrete_function()
    tf.saved_model.save(module, str(tmp_path / "a"), signatures=signature)
    assert "layer 'head' (kernel): 4 of 8 numbers are NaN" in refusal(tmp_path / "a")


def test_a_constant_that_is_no_number(tmp_path: Path) -> None:
    layers = keras_layers()
    constants = {"mean": [0.0, np.nan, 0.0, 0.0], "variance": [1.0] * 4}
    sequential(layers.Normalization(**constants), layers.Dense(2)).save(tmp_path / "a.keras")
    model = load(tmp_path / "a.keras")
    with pytest.raises(ModelFileError, match=r"constant '.*: 1 of 4 numbers is NaN"):
        to_tflite(model, Conversion())


def test_weights_beyond_float16(tmp_path: Path) -> None:
    model = load(spoilt(tmp_path / "a.keras", {"head/kernel": 70_000.0}))
    with pytest.raises(ModelFileError, match=r"layer 'head' \(kernel\): 1 of 8 .* 65504"):
        to_tflite(model, Conversion("float16"))
    assert to_tflite(model, Conversion())


def test_weights_beyond_float16_once_a_normalisation_is_folded_in(tmp_path: Path) -> None:
    layers = keras_layers()
    convolution, norm = layers.Conv2D(2, 3, use_bias=False), layers.BatchNormalization()
    head = [layers.Flatten(), layers.Dense(2)]
    model = sequential(convolution, norm, *head, shape=(4, 4, 1))
    convolution.kernel.assign(convolution.kernel * 0 + 1000.0)
    norm.gamma.assign([1.0, 1000.0])
    model.save(tmp_path / "a.keras")
    with pytest.raises(ModelFileError, match=r"tensor '.*: 9 of 18 numbers are not below 65504"):
        to_tflite(load(tmp_path / "a.keras"), Conversion("float16"))
