"""Float .tflite files of anybody, quantised without TensorFlow."""

import contextlib
import json
import random
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.schema_py_generated import SignatureDefT, TensorMapT

import build
import documents
import edge_runtime
import float_files
import golden
import mutate
import runtimes
from edge_runtime.front_end import standard
from edge_runtime.metadata import Metadata, read_metadata
from edge_runtime.quantize import quantize
from edge_runtime.reader import read
from edgekit import cli
from edgekit.convert import layers, metrics_file, quantizing, source
from edgekit.convert.api import convert as convert_api
from edgekit.convert.conversion import Conversion
from edgekit.convert.integer_ops import as_integers
from edgekit.convert.metadata import attach
from edgekit.convert.object_tree import pack, unpack
from edgekit.convert.opened import FloatFile
from edgekit.convert.targets import TARGETS, float_operators
from edgekit.errors import DataError, EdgekitError, MissingExtraError, ModelFileError

pytestmark = pytest.mark.unsanitized


@pytest.fixture(scope="module")
def float_file(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A float convolutional network, and inputs to calibrate it with."""
    return float_files.written(tmp_path_factory.mktemp("float"))


def quantized(float_file: tuple[Path, Path], scheme: str = "int8", **options: Any) -> bytes:
    model, data = float_file
    calibration = {"calibration": str(data)} if scheme in ("int8", "int16x8") else {}
    conversion = Conversion(scheme, **options)
    return convert_api(model, conversion=conversion, **calibration).content


def refusal(*arguments: object, capsys: pytest.CaptureFixture[str]) -> str:
    assert cli.run(["convert", *map(str, arguments)]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    return message


def test_a_file_with_metadata_is_quantised_on_the_data_that_it_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    original, path = golden.FOLDER / "digits_float32.tflite", tmp_path / "a.tflite"
    assert cli.run(["convert", str(original), "--quantize", "-o", str(path)]) == 0
    shown = capsys.readouterr()
    assert "synthetic (" in shown.out
    assert "quantiser    LiteRT's" in shown.out
    report = documents.read(path.with_name("a.tflite.report.json").read_text())
    assert report["model"]["origin"] == "TFLite"
    assert report["recipe"]["quantizer"] == "litert"
    assert report["accuracy"]["agreement"]["share"] > 0.99
    assert [error["op"] for error in report["tensor_errors"]][1:] == [
        "1 FULLY_CONNECTED",
        "2 FULLY_CONNECTED",
        "3 LOGISTIC",
    ]
    assert min(error["snr_db"] for error in report["tensor_errors"]) > 25
    before, after = (
        read_metadata(read(data), data) for data in (original.read_bytes(), path.read_bytes())
    )
    assert before is not None
    assert after is not None
    assert (after.labels, after.mean, after.std) == (before.labels, before.mean, before.std)
    assert (after.framing, after.meaning) == (before.framing, before.meaning)
    versions = after.provenance["versions"]
    assert versions.keys() == {"edgekit", "litert-quantizer", "ai-edge-litert"}
    assert "tensorflow" not in sys.modules or "keras" not in versions


@pytest.mark.parametrize("scheme", ["int8", "int16x8"])
@pytest.mark.parametrize("target", ["litert", "mcu"])
def test_the_file_gives_litert_s_bytes_in_every_engine(
    float_file: tuple[Path, Path], scheme: str, target: str
) -> None:
    data = quantized(float_file, scheme, target=target)
    graph = read(data)
    dtype = "int8" if scheme == "int8" else "int16"
    assert {graph.tensors[index].dtype for index in (*graph.inputs, *graph.outputs)} == {dtype}
    if scheme == "int8":
        assert float_operators(graph) == []
    raw = quantize(float_files.inputs(20, seed=5), graph.tensors[graph.inputs[0]])
    expected = runtimes.builtin_ref(data)
    answers = np.concatenate([expected(one[None]) for one in raw])
    assert len(np.unique(answers)) > 10
    for name, model in runtimes.engines(data).items():
        assert np.array_equal(model.run(raw), answers), name


def test_ops_that_the_quantiser_does_not_know_become_integers(
    float_file: tuple[Path, Path],
) -> None:
    graph = read(quantized(float_file))
    assert [op.name for op in graph.ops] == [
        *("CONV_2D", "LEAKY_RELU", "EXPAND_DIMS", "SQUEEZE", "MAX_POOL_2D", "REDUCE_MAX"),
        *("QUANTIZE", "FULLY_CONNECTED", "SOFTMAX"),
    ], "the largest numbers have a range of their own"
    assert [op.version for op in graph.ops if op.name in ("LEAKY_RELU", "REDUCE_MAX")] == [2, 2]


@pytest.mark.parametrize(
    ("scheme", "least"), [("int8", 20), ("int16x8", 30), ("dynamic", 20), ("float16", 50)]
)
def test_each_scheme_keeps_close_to_the_float_file(
    float_file: tuple[Path, Path], tmp_path: Path, scheme: str, least: float
) -> None:
    path = tmp_path / "a.tflite"
    path.write_bytes(quantized(float_file, scheme))
    x = float_files.inputs(50, seed=9)
    expected, answers = (edge_runtime.load(one).predict(x) for one in (float_file[0], path))
    snr = 10 * np.log10(np.sum(expected**2) / np.sum((expected - answers) ** 2))
    assert snr > least
    assert path.stat().st_size < 12_000


def test_a_dense_layer_has_one_scale_where_the_target_needs_it(
    float_file: tuple[Path, Path],
) -> None:
    for target, scales in ("litert", float_files.CLASSES), ("mcu", 1):
        graph = read(quantized(float_file, target=target))
        dense = next(op for op in graph.ops if op.name == "FULLY_CONNECTED")
        quantization = graph.tensors[dense.inputs[1]].quantization
        assert quantization is not None
        assert len(quantization.scales) == scales
        assert (scales > 1) == TARGETS[target].per_channel_dense


def test_ranges_are_the_least_and_the_largest_number_of_all_samples(
    float_file: tuple[Path, Path],
) -> None:
    graph = read(quantized(float_file))
    scale = graph.tensors[graph.inputs[0]].scale
    x = float_files.inputs()
    assert scale == pytest.approx((x.max() - x.min()) / 255, rel=1e-4)


def test_the_same_arguments_give_the_same_bytes(float_file: tuple[Path, Path]) -> None:
    assert quantized(float_file) == quantized(float_file)


def test_a_file_of_an_older_converter_has_its_op_codes_elsewhere(
    float_file: tuple[Path, Path], tmp_path: Path
) -> None:
    tree = unpack(float_files.convolutional())
    for code in tree.operatorCodes:
        code.builtinCode = 0
    old = tmp_path / "old.tflite"
    old.write_bytes(pack(tree))
    new, again = (read(quantized((path, float_file[1]))) for path in (float_file[0], old))
    assert [(one.name, one.dtype, one.quantization) for one in again.tensors] == [
        (one.name, one.dtype, one.quantization) for one in new.tensors
    ]


@pytest.mark.parametrize("layer", ["1", "LEAKY_RELU", "1 LEAKY_RELU", "leaky", "LeakyRelu"])
def test_keep_float_keeps_a_layer(float_file: tuple[Path, Path], layer: str) -> None:
    graph = read(quantized(float_file, keep_float=(layer,)))
    assert [op.name for op in graph.ops[:4]] == ["CONV_2D", "DEQUANTIZE", "LEAKY_RELU", "QUANTIZE"]
    kept = graph.ops[2]
    assert graph.tensors[kept.outputs[0]].dtype == "float32"
    assert [graph.tensors[index].dtype for index in graph.inputs] == ["int8"]


def test_keep_float_names_what_there_is(float_file: tuple[Path, Path]) -> None:
    with pytest.raises(ModelFileError, match=r"no such layer\. Did you mean 'dense'.*3 SQUEEZE"):
        quantized(float_file, keep_float=("dens",))
    graph = read(float_file[0].read_bytes())
    assert layers.named(float_file[0], graph, ["dense", "0", "SOFTMAX"]) == (0, 6, 7)


def test_several_inputs_by_name(tmp_path: Path) -> None:
    shapes = {"left": (1, 5), "right": (1, 5)}
    tensors = [build.tensor(shape, name=name) for name, shape in shapes.items()]
    tensors += [build.tensor((1, 5), name=name) for name in ("sum", "product")]
    names = {"inputs": {"left": 0, "right": 1}, "outputs": {"plus": 2, "times": 3}}
    ops: list[build.Op] = [("ADD", [0, 1], 2, {}), ("MUL", [2, 1], 3, {})]
    content = build.model(tensors, ops, inputs=[0, 1], outputs=[2, 3], signature=names)
    path, data = tmp_path / "two.tflite", tmp_path / "data.npz"
    path.write_bytes(content)
    rng = np.random.default_rng(0)
    left, right = (rng.uniform(-1, high, (200, 5)).astype(np.float32) for high in (1, 3))
    np.savez(data, left=left, right=right)
    converted = convert_api(path, quantize=True, data=str(data))
    graph = read(converted.content)
    assert graph.input_names == ("left", "right")
    assert graph.output_names == ("plus", "times")
    scales = [graph.tensors[index].scale for index in graph.inputs]
    assert scales == pytest.approx([2 / 255, 4 / 255], rel=0.02)
    assert [one["name"] for one in converted.report["outputs"]] == ["plus", "times"]
    assert all(
        one["difference"]["rms"] < 0.02 * one["difference"]["spread"]
        for one in converted.report["outputs"]
    )


def test_an_open_batch_becomes_fixed(float_file: tuple[Path, Path], tmp_path: Path) -> None:
    tree = unpack(float_files.convolutional())
    for tensor in tree.subgraphs[0].tensors:
        if tensor.buffer == 0:
            tensor.shapeSignature = [-1, *tensor.shape[1:]]
    path = tmp_path / "open.tflite"
    path.write_bytes(pack(tree))
    graph = read(quantized((path, float_file[1]), target="mcu"))
    assert all(-1 not in tensor.signature for tensor in graph.tensors)


def test_what_cannot_be_quantised_is_refused_in_one_line(
    float_file: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, data = float_file
    calibrated = (model, "--calibration", data, "-o", tmp_path / "out.tflite")
    int8 = golden.FOLDER / "digits_int8.tflite"
    cases = [
        ((int8, "--quantize"), r"is quantised already ('"),
        ((model,), "is a .tflite already, in float32: --quantize or --scheme quantises it"),
        ((*calibrated, "--quantizer", "tensorflow", "--quantize"), "is no Keras model"),
        ((*calibrated, "--quantizer", "both", "--quantize"), "is no Keras model"),
        ((*calibrated, "--quantize", "--batch", "4"), "has a batch of 1, which cannot be changed"),
        ((model, "--quantize"), "int8 needs inputs to calibrate with"),
        ((model, "--keep-float", "0"), "is a .tflite already"),
    ]
    for arguments, message in cases:
        assert message in refusal(*arguments, capsys=capsys)
    assert not (tmp_path / "out.tflite").exists()


def test_an_op_without_integer_kernels_is_named(tmp_path: Path) -> None:
    tensors = [build.tensor((1, 4), name=name) for name in ("a", "b", "c")]
    path, data = tmp_path / "a.tflite", tmp_path / "a.npy"
    path.write_bytes(build.model(tensors, [("COS", [0], 1, {}), ("ADD", [1, 0], 2, {})]))
    np.save(data, np.random.default_rng(0).normal(size=(100, 4)).astype(np.float32))
    with pytest.raises(ModelFileError, match="left after int8: op 1 COS; try --keep-float COS, "):
        quantized((path, data))
    assert float_operators(read(quantized((path, data), keep_float=("COS",))))


def test_without_the_package_the_extra_is_named(
    float_file: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "litert_quantizer", None)
    with pytest.raises(MissingExtraError, match=r"^litert-quantizer is not installed.*quantizer\]"):
        quantized(float_file)


def test_what_the_quantiser_raises_is_one_line(
    float_file: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from litert_quantizer.quantizer import Quantizer

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("\n  it is out of scales.\nand more")

    monkeypatch.setattr(Quantizer, "quantize", fail)
    with pytest.raises(ModelFileError, match=r"cannot make int8 of it \(it is out of scales\)$"):
        quantized(float_file)


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    tree = unpack(float_files.convolutional())
    index = tree.subgraphs[0].tensors[2].buffer
    tree.buffers[index].data = np.frombuffer(
        np.array([1, np.nan, 0, 0], np.float32).tobytes(), np.uint8
    )
    path = tmp_path / "a.tflite"
    path.write_bytes(pack(tree))
    with pytest.raises(ModelFileError, match="'net/conv/bias': 1 of 4 numbers is NaN"):
        source.load(path)


def test_a_file_without_such_ops_keeps_its_bytes() -> None:
    data = (golden.FOLDER / "digits_int8.tflite").read_bytes()
    assert as_integers(data) == data


def test_the_float_model_answers_as_the_engine_does(float_file: tuple[Path, Path]) -> None:
    trained = source.load(float_file[0])
    x = float_files.inputs(7)
    assert np.array_equal(trained.predict(x), edge_runtime.load(float_file[0]).run(x))
    assert trained.forward.last_op == "Softmax"
    assert (trained.shape, trained.outputs, trained.batch) == (float_files.SIZE, 3, None)
    assert trained.parameters == 4 * 3 * 3 * 2 + 4 + 3 * 4 + 3


def test_its_own_rescaling_says_what_pixels_become(tmp_path: Path) -> None:
    tensors = [
        build.tensor((1, 8, 8, 1), name="x"),
        build.constant(1 / 255, "float32", name="scale"),
        build.tensor((1, 8, 8, 1), name="y"),
        build.constant([1, 64], "int32", name="shape"),
        build.tensor((1, 64), name="flat"),
        build.constant(np.ones((2, 64)), "float32", name="kernel"),
        build.tensor((1, 2), name="out"),
    ]
    ops: list[build.Op] = [
        ("MUL", [0, 1], 2, {}),
        ("RESHAPE", [2, 3], 4, {}),
        ("FULLY_CONNECTED", [4, 5, -1], 6, {}),
    ]
    path, data = tmp_path / "a.tflite", tmp_path / "a.npz"
    path.write_bytes(build.model(tensors, ops))
    rng = np.random.default_rng(0)
    np.savez(data, x=rng.integers(0, 256, (120, 8, 8)).astype(np.uint8), y=np.arange(120) % 2)
    report = convert_api(path, quantize=True, data=str(data)).report
    assert report["input_range"]["pixels"] == [0, 255]
    assert report["input_range"]["reason"].startswith("the model rescales its input itself")


def test_what_the_metadata_say_is_kept(float_file: tuple[Path, Path], tmp_path: Path) -> None:
    audio = standard(16000, 16000, bands=40)
    said = Metadata(labels=("a", "b", "c"), meaning="logits", task="multilabel")
    path = tmp_path / "a.tflite"
    path.write_bytes(attach(float_files.convolutional(), said))
    data = quantized((path, float_file[1]))
    kept = read_metadata(read(data), data)
    assert kept is not None
    assert (kept.labels, kept.meaning, kept.task) == (said.labels, said.meaning, said.task)
    file = FloatFile(b"", read(data), replace(said, audio=audio))
    assert metrics_file.audio(metrics_file.read(SimpleNamespace(file=file))) == audio


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    content = float_files.convolutional()
    path = tmp_path / "a.tflite"
    for damaged in content[:100], content[: len(content) // 2], content[:4] + b"TFL9" + content[8:]:
        path.write_bytes(damaged)
        with pytest.raises(EdgekitError, match="^" + str(path)):
            source.load(path)


def test_mutants_are_quantised_or_refused(tmp_path: Path) -> None:
    original, (path, data) = float_files.convolutional(), float_files.written(tmp_path)
    converted = 0
    for seed in range(40):
        rng = random.Random(seed)
        path.write_bytes(mutate.mutant(original, rng))
        with contextlib.suppress(EdgekitError):
            converted += bool(quantized((path, data), rng.choice(["int8", "dynamic", "float16"])))
    assert converted > 3


def test_options_of_quantisers_need_a_quantised_scheme() -> None:
    with pytest.raises(DataError, match="add --quantize"):
        quantizing.check(
            SimpleNamespace(file=None, origin="Keras 3"), Conversion(quantizer="litert")
        )
    assert json.dumps(Conversion().recorded) == json.dumps(
        {
            "scheme": "float32",
            "target": "litert",
            "batch": 1,
            "calibration_size": 500,
            "calibration_seed": 0,
        }
    )


@pytest.mark.parametrize("name", [b"", b"x"])
def test_tensors_without_names_of_their_own_get_them(
    float_file: tuple[Path, Path], tmp_path: Path, name: bytes
) -> None:
    model, data = float_file
    tree = unpack(model.read_bytes())
    for tensor in tree.subgraphs[0].tensors:
        tensor.name = name
    stripped = tmp_path / "stripped.tflite"
    stripped.write_bytes(pack(tree))
    plain, made = read(quantized(float_file)), read(quantized((stripped, data)))
    assert [op.name for op in made.ops] == [op.name for op in plain.ops]
    scales = [[t.quantization and t.quantization.scales for t in g.tensors] for g in (plain, made)]
    assert sorted(map(str, scales[0])) == sorted(map(str, scales[1]))


def of_two_signatures(float_file: tuple[Path, Path], path: Path) -> Path:
    """Write the float file with a second signature, of a subgraph of its own."""
    tree = unpack(float_file[0].read_bytes())
    tree.subgraphs.append(unpack(float_file[0].read_bytes()).subgraphs[0])
    tree.signatureDefs = [
        SignatureDefT(
            inputs=[TensorMapT(name=b"input", tensorIndex=tree.subgraphs[0].inputs[0])],
            outputs=[TensorMapT(name=output, tensorIndex=tree.subgraphs[0].outputs[0])],
            signatureKey=key,
            subgraphIndex=index,
        )
        for index, (key, output) in enumerate([(b"first", b"scores"), (b"second", b"more")])
    ]
    path.write_bytes(pack(tree))
    return path


def test_a_signature_that_is_left_out_is_named(
    float_file: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = of_two_signatures(float_file, tmp_path / "two.tflite")
    command = [path, "-o", tmp_path / "out.tflite"]
    assert cli.run(["convert", *map(str, command), "--scheme", "dynamic"]) == 0
    said = "converts the signature with the output scores, and leaves out the one with more"
    assert said in capsys.readouterr().err
    command += ["--quantize", "--calibration", float_file[1]]
    assert cli.run(["convert", *map(str, command)]) == 2
    message = capsys.readouterr().err
    assert "has 2 signatures" in message
    assert "write a file of one" in message


def test_an_input_without_a_batch_is_told_apart_from_an_open_size(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "flat.tflite"
    tensors = [build.tensor((8,), name=name) for name in ("a", "b")]
    path.write_bytes(build.model(tensors, [("RELU", [0], 1, {})]))
    message = refusal(path, "--quantize", "-o", tmp_path / "o.tflite", capsys=capsys)
    assert "input a [8]: has no batch dimension; save the model with [1, 8]" in message
