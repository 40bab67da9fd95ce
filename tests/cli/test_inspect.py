import json
import subprocess
import sys

import pytest
from ai_edge_litert import schema_py_generated as schema
from click.testing import CliRunner

import build
import chain
import control
import documents
import edge_runtime
import listener
import models
import several
from edge_runtime.errors import ModelError
from edge_runtime.metadata import Metadata
from edge_runtime.reader import read
from edgekit.commands.inspect import command
from edgekit.convert.metadata import attach

METADATA = Metadata(
    labels=("zero", "one"),
    mean=(0.0,),
    std=(255.0,),
    framing="digit",
    provenance={"dataset": {"name": "mnist", "sha256": "ab" * 32}, "recipe": "word " * 60},
)


@pytest.fixture(params=["model.tflite", "model_int8.tflite"])
def described(artifacts, request, tmp_path):
    """A model with metadata."""
    path = tmp_path / request.param
    path.write_bytes(attach((artifacts / request.param).read_bytes(), METADATA))
    return path


def inspect(*arguments):
    result = CliRunner().invoke(command, list(map(str, arguments)), catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def words(text):
    """Every line as its words, so that a test does not depend on the padding."""
    return [line.split() for line in text.splitlines()]


def test_the_report(described):
    lines = words(inspect(described))
    quantized = "int8" in described.name
    assert ["size", f"{described.stat().st_size:,}", "bytes"] in lines
    assert ["MACs", "11,004", "for", "one", "inference"] in lines
    (hidden,) = (line for line in lines if line[-1:] == ["10,976"])
    dense = read(described.read_bytes()).ops[-3]
    assert hidden[:5] == [str(dense.index), "FULLY_CONNECTED", "1×784", "->", "1×14"]
    assert hidden[5] == ("int8" if quantized else "float32")
    assert hidden[-3:-1] == ["11,032" if quantized else "43,960", "B"]
    given = next(line for line in lines if line[:1] == ["input"])
    assert given[1:3] == ["int8" if quantized else "float32", "1×28×28×1"]
    assert ("scale" in given) == quantized
    assert ["labels", "2:", "zero,", "one"] in lines
    assert ["normalisation", "(pixel", "-", "0)", "/", "255,", "pixels", "0", "to", "255"] in lines
    assert ["dataset.name", "mnist"] in lines
    assert ["FULLY_CONNECTED", "output", "elements", "×", "input", "depth"] in lines
    assert any(line[:1] == ["min_runtime_version"] for line in lines)


def test_every_line_fits_the_page(described):
    lines = inspect(described).splitlines()[1:]  # after the path, which is as long as it is
    assert max(map(len, lines)) <= 100
    assert all(line == line.rstrip() for line in lines)


def test_json_is_one_document(described):
    document = documents.read(inspect(described, "--json"))
    assert document["file"] == str(described)
    assert document["size"] == described.stat().st_size
    assert document["macs"] == 11004
    assert [op["name"] for op in document["ops"]][-3:] == [
        "FULLY_CONNECTED",
        "FULLY_CONNECTED",
        "LOGISTIC",
    ]
    assert document["inputs"][0]["shape"] == [1, 28, 28, 1]
    assert document["metadata"]["labels"] == ["zero", "one"]
    assert document["metadata"]["provenance"] == METADATA.provenance
    assert document["metadata_error"] is None
    assert {"TFLITE_METADATA", "EDGEKIT_METADATA"} <= {e["name"] for e in document["entries"]}


def test_how_a_model_hears(tmp_path):
    path = tmp_path / "listener.tflite"
    path.write_bytes(listener.model())
    text = " ".join(inspect(path).split())
    assert "sound 720 samples at 16000 Hz, 12 windows of 64, 4 mel bands of 20 to 7600 Hz" in text
    document = documents.read(inspect(path, "--json"))
    assert document["metadata"]["audio"] == listener.EARS.to_json()


def test_damaged_metadata_is_reported_and_the_rest_is_shown(described):
    # Without its end the zip with the labels is gone.
    described.write_bytes(described.read_bytes()[:-4])
    text = inspect(described)
    assert "damaged  the label file 'labels.txt' cannot be read" in text
    assert "11,004" in text
    document = documents.read(inspect(described, "--json"))
    assert document["metadata"] is None
    assert "labels.txt" in document["metadata_error"]


def test_control_characters_do_not_reach_the_terminal(described):
    hostile = Metadata(labels=("\x1b[2J", "b\x07"), provenance={"a\x1b]0;b": "\x9b31m"})
    described.write_bytes(attach(described.read_bytes(), hostile))
    text = inspect(described)
    assert text.replace("\n", "").isprintable()


@pytest.mark.parametrize("number", [b"NaN", b"-Infinity", b"1e999", b"[NaN,NaN]"])
def test_a_number_in_the_file_that_is_none_is_null(number, described):
    """Python reads and writes numbers that JSON does not have."""
    content = attach(described.read_bytes(), Metadata(provenance={"loss": "0123456789"}))
    place = b'"0123456789"'
    assert content.count(place) == 1
    described.write_bytes(content.replace(place, number.ljust(len(place))))
    document = json.loads(inspect(described, "--json"), parse_constant=pytest.fail)
    lost = document["metadata"]["provenance"]["loss"]
    assert lost == ([None, None] if number.startswith(b"[") else None)
    metadata = edge_runtime.load(described).metadata
    assert metadata.provenance["loss"] == lost
    assert attach(described.read_bytes(), metadata)


def test_long_names_and_many_labels_fit(described):
    names = {"k" * 200: "v" * 300, "deep": {"deeper": {"deepest": list(range(60))}}}
    described.write_bytes(attach(described.read_bytes(), Metadata(provenance=names)))
    lines = inspect(described).splitlines()[1:]
    assert max(map(len, lines)) <= 100
    assert any("deep.deeper.deepest" in line for line in lines)


def test_memory_has_a_row_for_each_tensor_and_a_column_for_each_step(int8_model):
    text = inspect("--memory", int8_model)
    lines = words(text)
    assert lines[1][:3] == ["arena", "16", "bytes,"]
    assert ["0", "1", "FULLY_CONNECTED", "fully_connected_int8_once", "14", "B", "10,976", "B"] in [
        line[:8] for line in lines
    ]
    pictures = [line[-1] for line in lines if line and set(line[-1]) <= set("WR-·")]
    assert pictures == ["R··", "WR·", "·WR", "··W"]


def test_memory_says_what_the_passes_did(tmp_path):
    path = tmp_path / "shapes.tflite"
    path.write_bytes(models.seeds()["shapes"])
    lines = words(inspect("--memory", path))
    assert "0 SHAPE folded tensor 1 is a constant of 16 bytes".split() in lines
    assert "3 RESHAPE alias tensor 8 shares the bytes of tensor 0".split() in lines
    document = documents.read(inspect("--memory", "--json", path))
    assert document["simplified"][0] == {
        "op": 0,
        "name": "SHAPE",
        "kind": "folded",
        "tensor": "tensor 1",
        "source": "",
        "size": 16,
    }
    assert {step["level"] for step in document["steps"]} == {"portable"}


def test_a_loop_is_counted_and_merged(tmp_path):
    path = tmp_path / "loop.tflite"
    path.write_bytes(control.doubling(3))
    lines = words(inspect("--memory", path))
    assert "0 WHILE merged other steps do what makes tensor 2".split() in lines
    document = documents.read(inspect("--memory", "--json", path))
    assert [one["kind"] for one in document["simplified"]] == ["merged"]
    runners = json.loads(inspect(path, "--json"))["runners"]
    assert [one["runs"] for one in runners if one["name"] == "native"] == ["yes"]


def test_memory_of_dead_ops_and_copies(tmp_path):
    path = tmp_path / "model.tflite"
    tensors = [build.tensor((1, 4)) for _ in range(3)]
    ops = [("LOGISTIC", [0], 1, {}), ("TANH", [0], 2, {})]
    path.write_bytes(build.model(tensors, ops, inputs=[0], outputs=[1, 1]))
    lines = words(inspect("--memory", path))
    assert "1 TANH dead no output needs tensor 2".split() in lines
    assert "- COPY copied output tensor 1 is copied from tensor 1".split() in lines
    document = documents.read(inspect("--memory", "--json", path))
    assert [step["op"] for step in document["steps"]] == [0, None]


def test_memory_of_a_state(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(several.stateful())
    lines = words(inspect("--memory", path))
    assert "states 4 bytes of the arena, kept from one inference to the next".split() in lines
    assert "tensor 1 4 B state +0 R".split() in lines


def test_several_inputs_and_outputs_by_name(tmp_path):
    path = tmp_path / "two.tflite"
    path.write_bytes(several.two(signature=several.NAMED))
    lines = words(inspect(path))
    assert "input int8 2×5 scale 0.05, zero point 3 right (tensor 1)".split() in lines
    names = [line[-3] for line in lines if line[:1] in (["input"], ["output"])]
    assert sorted(names) == ["difference", "left", "probability", "right"]
    document = documents.read(inspect(path, "--json"))
    assert {one["key"]: one["name"] for one in document["outputs"]} == {
        "difference": "tensor 3",
        "probability": "tensor 4",
    }
    lines = words(inspect("--memory", path))
    assert "input right 10 bytes, in the caller's buffer".split() in lines
    assert "output probability 10 bytes, in the caller's buffer".split() in lines
    document = documents.read(inspect("--memory", "--json", path))
    keys = [(tensor["role"], tensor["key"]) for tensor in document["tensors"] if tensor["key"]]
    assert keys == [
        ("input", "left"),
        ("input", "right"),
        ("output", "difference"),
        ("output", "probability"),
    ]


def test_without_a_signature_the_name_is_that_of_the_tensor(tmp_path):
    path = tmp_path / "two.tflite"
    path.write_bytes(several.two())
    assert "input int8 2×5 scale 0.05, zero point 3 tensor 1".split() in words(inspect(path))
    assert [one["key"] for one in documents.read(inspect(path, "--json"))["inputs"]] == [
        "tensor 0",
        "tensor 1",
    ]


def test_memory_of_many_steps_fits_the_page(tmp_path):
    path = tmp_path / "long.tflite"
    path.write_bytes(chain.dense([3 + i % 5 for i in range(101)]))
    lines = inspect("--memory", path).splitlines()[1:]
    assert max(map(len, lines)) <= 100
    # Steps 0 to 99 in pictures below each other, each step once.
    heads = [line.split()[-1] for line in lines if line.split()[:2] == ["tensor", "size"]]
    assert len(heads) > 1
    assert "".join(heads) == "0123456789" * 10
    marks = [line.split()[-1] for line in lines if "layer 50" in line]
    assert "".join(marks).count("W") == "".join(marks).count("R") == 1


def test_memory_as_json(int8_model):
    document = documents.read(inspect("--memory", "--json", int8_model))
    assert document["file"] == str(int8_model)
    assert document["arena"] == 16
    assert [step["alive"] for step in document["steps"]] == [[0, 1], [1, 2], [2, 3]]
    assert [tensor["place"] for tensor in document["tensors"]] == [
        "input",
        "arena",
        "output",
        "output",
    ]


def test_memory_of_what_the_engine_cannot_run_is_one_line(tmp_path, capsys):
    from edgekit.cli import run

    path = tmp_path / "odd.tflite"
    tensors = [build.tensor((1, 4), name="x"), build.tensor((1, 4), name="y")]
    path.write_bytes(build.model(tensors, [("BROADCAST_ARGS", [0], 1, {})]))
    assert run(["inspect", str(path)]) == 0
    assert run(["inspect", "--memory", str(path)]) == 2
    complaint = capsys.readouterr().err
    assert len(complaint.splitlines()) == 1
    assert f"{path}: op 0, BROADCAST_ARGS 'y', is not supported" in complaint


def test_who_runs_it_and_what_is_missing(tmp_path):
    path = tmp_path / "odd.tflite"
    tensors = [build.tensor((1, 4), name=name) for name in "abcd"]
    ops = [
        ("BROADCAST_ARGS", [0], 1, {}),
        ("DYNAMIC_UPDATE_SLICE", [1], 2, {}),
        ("BROADCAST_ARGS", [2], 3, {}),
    ]
    path.write_bytes(build.model(tensors, ops))
    text = inspect(path)
    lines = words(text)
    engine = "edgekit's engine, and C does not run: 3 of its 3 ops are not there, see below"
    assert engine.split() in lines
    assert ["LiteRT", "runs"] in lines
    assert "2 BROADCAST_ARGS the engine has no such op".split() in lines
    assert "1 DYNAMIC_UPDATE_SLICE the engine has no such op".split() in lines
    assert text.count("docs/SUPPORTED_OPS.md") == 1
    document = documents.read(inspect(path, "--json"))
    assert [one["runs"] for one in document["runners"]] == ["no", "yes", "yes", "no", "no"]
    assert document["missing"][0] == {
        "op": "BROADCAST_ARGS",
        "count": 2,
        "why": "the engine has no such op",
        "instead": "build the model of the ops in docs/SUPPORTED_OPS.md",
    }


def test_what_is_counted_in_part_says_at_least(tmp_path):
    path = tmp_path / "odd.tflite"
    plain = build.unary("CUSTOM", ("float32", 0, 0), ("float32", 0, 0), 4)
    tree = schema.ModelT.InitFromPackedBuf(plain)
    tree.operatorCodes[0].customCode = b"odd"
    path.write_bytes(build.pack(tree))
    assert ["MACs", "at", "least", "0", "for", "one", "inference"] in words(inspect(path))
    assert json.loads(inspect(path, "--json"))["macs_at_least"] is True


def test_a_foreign_file_is_named(tmp_path):
    path = tmp_path / "picture.tflite"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    with pytest.raises(ModelError, match=r"picture.tflite: not a .tflite file: it is a PNG image"):
        inspect(path)


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04" + bytes(64), b"\x1c\0\0\0TFL3"])
def test_a_wrong_file_gives_one_line_and_exit_2(content, tmp_path, capsys):
    from edgekit.cli import run

    path = tmp_path / "model.tflite"
    if content is not None:
        path.write_bytes(content)
    assert run(["inspect", str(path)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1
    assert str(path) in captured.err


@pytest.mark.parametrize("options", [[], ["--memory"]])
def test_neither_numpy_nor_tensorflow_is_loaded(described, options):
    code = (
        "import sys\n"
        "from edgekit.commands.inspect import command\n"
        "command.main(sys.argv[1:], standalone_mode=False)\n"
        "heavy = {'numpy', 'tensorflow', 'keras', 'ai_edge_litert', 'flatbuffers', 'PIL'}\n"
        "print('loaded:', sorted(heavy & set(sys.modules)))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, *options, described],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.splitlines()[-1] == "loaded: []"
