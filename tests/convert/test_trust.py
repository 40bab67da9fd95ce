"""Model files that run code: refused without a trace, and run when they are trusted."""

import json
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit import cli, frameworks, keras_code
from edgekit.benchmarks import peers
from edgekit.benchmarks.contender import Contender, from_keras
from edgekit.benchmarks.footprint import first_answer
from edgekit.benchmarks.usage import Usage
from edgekit.convert import convert, graph_ops
from edgekit.convert.source import load
from edgekit.errors import ModelFileError
from edgekit.files import QUANTIZED_FORWARD

SOME = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)


def toucher(mark: Path) -> Any:
    """A function of tensors that leaves a mark when it runs, here or after it was loaded."""
    return eval(f"lambda x: (__import__('pathlib').Path({str(mark)!r}).touch(), x * 2)[1]")


def save(library: str, suffix: str) -> Callable[[Path, Path], Path]:
    def write(folder: Path, mark: Path) -> Path:
        keras, path = getattr(frameworks, library)(), folder / f"model{suffix}"
        layer = keras.layers.Lambda(toucher(mark), output_shape=(4,), name="double")
        model = keras.Sequential([keras.Input((4,)), layer, keras.layers.Dense(2)])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that HDF5 is of yesterday
            model.save(path)
        return path

    return write


def rewritten(path: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    """Change the config.json of a .keras file."""
    with zipfile.ZipFile(path) as file:
        held = {name: file.read(name) for name in file.namelist()}
    config = json.loads(held["config.json"])
    change(config)
    held["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as file:
        for name, content in held.items():
            file.writestr(name, content)
    return path


def import_of_a_module(folder: Path, mark: Path) -> Path:
    """A Keras 2 .keras of a class in a module that is imported for it."""
    (folder / "own_models.py").write_text(
        f"import pathlib, tf_keras\npathlib.Path({str(mark)!r}).touch()\n"
        "class Double(tf_keras.Sequential):\n    pass\n"
    )
    keras = frameworks.tf_keras()
    path = folder / "model.keras"
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).save(path)
    own = {"module": "own_models", "class_name": "Double", "registered_name": "Double"}
    return rewritten(path, lambda config: config.update(own))


def initialiser(folder: Path, mark: Path) -> Path:
    """A SavedModel that writes a file when it is loaded."""
    tf = frameworks.tensorflow()

    class Resource(tf.saved_model.experimental.TrackableResource):  # type: ignore[name-defined, misc]
        def _create_resource(self) -> Any:
            return tf.raw_ops.MutableHashTableV2(key_dtype=tf.string, value_dtype=tf.int64)

        def _initialize(self) -> None:
            tf.io.write_file(str(mark), "")

    module = tf.Module()
    module.resource = Resource()

    @tf.function(input_signature=[tf.TensorSpec((None, 4), tf.float32)], autograph=False)
    def call(x: Any) -> Any:
        _ = module.resource.resource_handle
        return x @ tf.ones((4, 2))

    tf.saved_model.save(module, str(folder / "model"), signatures=call)
    return folder / "model"


FORMATS = {
    "Keras 3 .keras": (save("keras", ".keras"), "runs the Lambda layer 'double'"),
    "Keras 3 .h5": (save("keras", ".h5"), "runs the Lambda layer 'double'"),
    "Keras 2 .keras": (save("tf_keras", ".keras"), "runs the Lambda layer 'double'"),
    "Keras 2 .h5": (save("tf_keras", ".h5"), "runs the Lambda layer 'double'"),
    "Keras 2 module": (
        import_of_a_module,
        "imports the class Double of the module own_models",
    ),
    "SavedModel": (initialiser, "runs the op WriteFile (node"),
}


@pytest.mark.parametrize("name", FORMATS)
def test_code_in_a_file_runs_only_when_it_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    write, does = FORMATS[name]
    path, mark = write(tmp_path, tmp_path / "mark"), tmp_path / "mark"
    monkeypatch.syspath_prepend(tmp_path)
    mark.unlink(missing_ok=True)
    with pytest.raises(ModelFileError) as refused:
        load(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert "--trust" in str(refused.value)
    assert not mark.exists()
    conversion = convert(path, trust=True)
    assert mark.exists()
    assert conversion.content[4:8] == b"TFL3"
    (line, *_) = conversion.warnings
    assert line.startswith(f"--trust: {does}")
    assert str(path) in line


def test_the_commands_refuse_and_say_what_they_trust(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, mark = save("keras", ".keras")(tmp_path, tmp_path / "mark"), tmp_path / "mark"
    mark.unlink(missing_ok=True)
    assert cli.run(["tune", str(path), "--prune", "0.5", "--artifacts", str(tmp_path)]) == 2
    assert cli.run(["convert", str(path), "-o", str(tmp_path / "a.tflite")]) == 2
    assert capsys.readouterr().err.count("layer 'double' is a Lambda") == 2
    assert not mark.exists()
    assert cli.run(["convert", str(path), "-o", str(tmp_path / "a.tflite"), "--trust"]) == 0
    assert f"--trust: runs the Lambda layer 'double' of {path}" in capsys.readouterr().err
    assert mark.exists()


def test_the_peers_of_bench_refuse_it_as_well(tmp_path: Path) -> None:
    path, mark = save("keras", ".keras")(tmp_path, tmp_path / "mark"), tmp_path / "mark"
    mark.unlink(missing_ok=True)
    usage = Usage((), (), "numbers", "as it is")
    for name in ("keras", "numpy"):
        (outcome,) = from_keras(path, tmp_path, (4,), usage, [name])
        assert not isinstance(outcome, Contender)
        assert "layer 'double' is a Lambda" in outcome.reason
    assert not mark.exists()
    assert first_answer(["trusted peer", "keras", str(path), "1", "4"], SOME[:1].tobytes())
    assert peers.PEERS["keras"].open(path, True)(SOME).shape == (3, 2)
    assert mark.exists()


def layer(kind: str, module: str | None = "keras.layers", **config: Any) -> dict[str, Any]:
    return {"module": module, "class_name": kind, "config": {"name": "it", **config}}


def function(module: str, name: str) -> dict[str, Any]:
    return {"module": module, "class_name": "function", "config": name, "registered_name": name}


LAMBDA = layer("Lambda", function=["4wEAAA==", None, None], function_type="lambda")
GADGETS: dict[str, tuple[dict[str, Any], str]] = {
    "in a wrapper": (layer("TimeDistributed", layer=LAMBDA), "'it' is a Lambda"),
    "in two directions": (layer("Bidirectional", layer=LAMBDA), "'it' is a Lambda"),
    "in a nested model": (
        layer("Functional", "keras", layers=[layer("Sequential", "keras", layers=[LAMBDA])]),
        "'it' is a Lambda",
    ),
    "in HDF5, without a module": (layer("Lambda", None), "'it' is a Lambda"),
    "a lambda for an argument": (
        layer("RNN", cell=layer("LSTMCell", activation={"class_name": "__lambda__"})),
        "the activation of layer 'it' is a lambda",
    ),
    "posix.system": (
        layer("Dense", activation=function("posix", "system")),
        "the function system",
    ),
    "eval": (layer("Dense", activation=function("builtins", "eval")), "the function eval"),
    "in a dict": (
        layer("Dense", kernel_initializer={"a": [{"b": function("os", "system")}]}),
        "the function system",
    ),
    "get_file": (
        layer("Dense", activation=function("keras.utils", "get_file")),
        "the activation of layer 'it' names keras.utils.get_file",
    ),
    "load_model": (
        layer("Dense", activation=function("keras.models", "load_model")),
        "names keras.models.load_model",
    ),
    "unsafe": (
        layer("Dense", activation=function("keras.config", "enable_unsafe_deserialization")),
        "names keras.config.enable_unsafe",
    ),
    "get": (layer("Dense", activation=function("keras.activations", "deserialize")), "deserialize"),
    "a class": (layer("Popen", "subprocess", args="touch mark"), "the class Popen"),
    "a class like Keras'": (layer("Dense", "kerasx.layers"), "the class Dense"),
    "a class in Keras": (layer("KerasFileEditor", "keras.saving"), "names keras.saving.KerasFile"),
    "a module in Keras": (layer("Dense", "keras.src.utils.file_utils"), "file_utils.Dense"),
    "another name": (
        layer("Dense", "keras.src.layers") | {"registered_name": "io_utils"},
        "keras.src.layers.Dense",
    ),
    "no operation": (layer("backend", "keras.src.ops.numpy"), "keras.src.ops.numpy.backend"),
    "another model": (layer("TFSMLayer", filepath="there"), "is a TFSMLayer"),
    "torch": (layer("TorchModuleWrapper", module={}), "is a TorchModuleWrapper"),
    "a function of TensorFlow": (layer("TFOpLambda", function="io.write_file"), "tf.io.write_file"),
    "a method": (layer("ClassMethod", cls_symbol="data.Dataset"), "names keras.layers.ClassMethod"),
    "Python in TensorFlow": (layer("SlicingOpLambda", function="compat.v1.py_func"), "py_func"),
    "an op": (layer("TensorFlowOpLayer", None, node_def="op: 'WriteFile'"), "TensorFlowOpLayer"),
    "control characters": (
        layer("Dense", activation=function("os", "\x1b[2Jsystem\n")),
        r"the function \x1b[2Jsystem ,",
    ),
    "no name": (layer("Dense") | {"class_name": ["Dense"]}, "['Dense']"),
    "a type": ({"class_name": "TypeSpec", "type_spec": "tf.Any"}, "the class TypeSpec"),
    "compiled inside": (
        layer("Sequential", "keras") | {"compile_config": {"loss": function("os", "system")}},
        "the function system",
    ),
}


@pytest.mark.parametrize("library", ["keras", "tf_keras"])
@pytest.mark.parametrize("name", GADGETS)
def test_what_names_code_is_found_wherever_it_is(library: str, name: str) -> None:
    entry, message = GADGETS[name]
    outer = layer("Functional", "keras", layers=[layer("Dense"), entry])
    found = keras_code.risks(outer, getattr(frameworks, library)())
    assert len(found) == 1
    assert message in found[0].why


def test_what_belongs_into_a_model_is_no_risk() -> None:
    keras, old = frameworks.keras(), frameworks.tf_keras()
    image = keras.Input((6, 6, 2))
    x = keras.layers.Conv2D(2, 3, activation=keras.ops.relu6, kernel_regularizer="l2")(image)
    x = keras.layers.BatchNormalization(dtype="mixed_float16")(keras.ops.pad(x, 1)[:, 1:] * 2)
    model = keras.Model(image, keras.layers.Flatten()(x))
    assert keras_code.risks(json.loads(model.to_json()), keras) == []
    before = old.Input((4, 4, 2))
    tf = frameworks.tensorflow()
    y = tf.nn.relu(before * 2.0 + tf.reduce_mean(before, axis=-1, keepdims=True))
    y = tf.reshape(tf.image.resize(tf.concat([y, before], -1)[:, 1:], (2, 2)), (-1, 4, 4))
    y = old.layers.Bidirectional(old.layers.LSTM(2, activation=old.activations.gelu))(y)
    assert keras_code.risks(json.loads(old.Model(before, y).to_json()), old) == []


def graph(op: str) -> Any:
    tf = frameworks.tensorflow()
    return tf.compat.v1.NodeDef(name="it", op=op)


REACHING = (
    *("ReadFile", "WriteFile", "MatchingFiles", "PyFunc", "EagerPyFunc", "PyFuncStateless"),
    *("SaveV2", "RestoreV2", "ShardedFilename", "PrintV2", "DebugIdentityV3", "ImmutableConst"),
    *("TextLineDataset", "TFRecordDataset", "InitializeTableFromTextFileV2", "DecodeProtoV2"),
    *("GenerateVocabRemapping", "XlaCallModule", "XlaCustomCall", "RpcCall", "RemoteCall", "Abort"),
    *("WholeFileReaderV2", "CreateSummaryFileWriter", "DumpTensor", "NoSuchOp"),
)


@pytest.mark.parametrize("op", REACHING)
def test_ops_that_reach_out_of_the_graph(op: str) -> None:
    tf = frameworks.tensorflow()
    nodes = [tf.compat.v1.NodeDef(name="sum", op="AddV2"), graph(op)]
    (found,) = graph_ops.in_graph(tf.compat.v1.GraphDef(node=nodes))
    assert str(found) == f"{op} (node 'it')"


def test_the_saver_saves_only_where_nothing_else_calls_it(tmp_path: Path) -> None:
    from tensorflow.core.protobuf import saved_model_pb2

    tf = frameworks.tensorflow()
    module = tf.Module()
    module.weight = tf.Variable(np.eye(4, dtype=np.float32))
    signature = tf.function(
        lambda x: x @ module.weight, input_signature=[tf.TensorSpec((None, 4), tf.float32)]
    )
    tf.saved_model.save(module, str(tmp_path), signatures=signature)
    proto = saved_model_pb2.SavedModel.FromString((tmp_path / "saved_model.pb").read_bytes())
    assert graph_ops.in_saved_model(proto) == []
    (meta,) = proto.meta_graphs
    saving = next(
        one for one in meta.graph_def.library.function if "traced_save" in one.signature.name
    )
    caller = meta.graph_def.library.function.add()
    caller.signature.name = "initialiser"
    caller.node_def.add(name="call", op="PartitionedCall").attr[
        "f"
    ].func.name = saving.signature.name
    assert {one.op for one in graph_ops.in_saved_model(proto)} >= {"SaveV2", "MergeV2Checkpoints"}


def test_the_ranges_in_a_keras_file_are_arithmetic(tmp_path: Path) -> None:
    tf, keras = frameworks.tensorflow(), frameworks.keras()
    path = tmp_path / "model.keras"
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).save(path)
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(
            QUANTIZED_FORWARD,
            tf.compat.v1.GraphDef(node=[graph("WriteFile")]).SerializeToString(),
        )
    with pytest.raises(ModelFileError, match=r"quantized_forward\.pb has the op WriteFile"):
        load(path)


def test_a_saved_model_in_a_folder_with_a_link_loop(tmp_path: Path) -> None:
    tf = frameworks.tensorflow()
    module = tf.Module()
    call = tf.function(lambda x: x * 2, input_signature=[tf.TensorSpec((None, 4), tf.float32)])
    tf.saved_model.save(module, str(tmp_path / "model"), signatures=call)
    expected = load(tmp_path / "model")
    (tmp_path / "model" / "up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "model" / "self").symlink_to("self")
    model = load(tmp_path / "model")
    assert (model.sha256, model.size) == (expected.sha256, expected.size)
