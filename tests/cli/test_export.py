"""`edgekit export` as somebody calls it."""

import hashlib
import json
import sys
from itertools import pairwise
from pathlib import Path

import pytest

import build
import documents
import image_chains
import models
import seeded
import several
from edgekit import cli
from edgekit.convert.packages import PACKAGES


def run(*arguments):
    return cli.run(["export", *map(str, arguments)])


def contents(folder):
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.parametrize("extra", [[], ["--skip-zeros"]], ids=["dense", "skip zeros"])
def test_two_exports_are_the_same_bytes_and_name_no_place(package, extra, int8_model, tmp_path):
    first, second = tmp_path / "here" / "one", tmp_path / "there"
    for folder in first, second:
        assert run(int8_model, "--package", package, "--name", "digits", *extra, "-o", folder) == 0
    assert contents(first) == contents(second)
    text = b"".join(contents(first).values())
    assert str(tmp_path).encode() not in text
    assert str(int8_model.parent).encode() not in text
    assert str(Path.home()).encode() not in text
    # All packages hold the same library.
    names = [name for name in contents(first) if name.endswith("digits.c")]
    assert len(names) == 1


def test_without_arguments_it_is_the_int8_model_of_the_artifacts(artifacts, tmp_path, capsys):
    (tmp_path / "model_int8.tflite").write_bytes((artifacts / "model_int8.tflite").read_bytes())
    assert run("--artifacts", tmp_path) == 0
    assert (tmp_path / "model_int8_c" / "model_int8.h").exists()
    said = capsys.readouterr().out
    assert "model_int8_run()" in said
    assert "11,068 weights and biases" in said
    assert "800 bytes: an arena with input 784, output 2; stack on top" in said
    assert run("--artifacts", tmp_path, "--keep-input") == 0
    said = capsys.readouterr().out
    assert "848 bytes: input 784, arena 64 with output 2; stack on top" in said


@pytest.mark.parametrize("extra", [[], ["--skip-zeros"]], ids=["dense", "skip zeros"])
def test_without_the_extension_it_says_what_to_do(extra, monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(sys.modules, "edge_runtime._native", None)
    (tmp_path / "model.tflite").write_bytes(seeded.network())
    assert run(tmp_path / "model.tflite", *extra, "-o", tmp_path / "made") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "C extension, which packs the weights of exported C, is not there" in line
    assert "install edgekit's wheel for this platform, or a C compiler" in line
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("zeros", "said"),
    [
        (0.6, " left out where there is no RVV or HELIUM or DSP extension;"),
        (0.8, " left out where there is no RVV or HELIUM extension;"),
    ],
)
def test_zeros_that_are_left_out_are_told(zeros, said, tmp_path, capsys):
    (tmp_path / "pruned.tflite").write_bytes(seeded.network(zeros=zeros))
    assert run(tmp_path / "pruned.tflite", "-o", tmp_path / "made") == 0
    assert f"the zeros among 11,068 weights and biases{said}" in " ".join(
        capsys.readouterr().out.split()
    )
    assert said.strip(" ;") in (tmp_path / "made" / "README.md").read_text()


def test_json_has_all_that_is_known(int8_model, tmp_path, capsys):
    assert run(int8_model, "--name", "digits", "-o", tmp_path / "made", "--json") == 0
    document = documents.read(capsys.readouterr().out)
    assert document["files"] == sorted(set(contents(tmp_path / "made")) - {"SHA256SUMS"})
    assert document["sha256"] == hashlib.sha256(int8_model.read_bytes()).hexdigest()
    assert document["input"]["zero_point"] == -128
    assert (document["arena"], document["input"]["offset"]) == (800, 0)
    assert document["labels"] == ["0", "1"]
    assert document["macs"] == 11004
    assert document["ops"] == ["FULLY_CONNECTED", "FULLY_CONNECTED", "LOGISTIC"]
    assert document["op_macs"] == [784 * 14, 14 * 2, None]
    assert document["multipliers"] == (14 + 2) * 8


def test_several_inputs_and_outputs_are_told(tmp_path, capsys):
    path = tmp_path / "two.tflite"
    path.write_bytes(several.renamed())
    assert run(path, "-o", tmp_path / "made") == 0
    said = capsys.readouterr().out
    assert "32 bytes: an arena with inputs 10, outputs 10; stack on top" in said
    assert run(path, "-o", tmp_path / "made", "--json") == 0
    document = documents.read(capsys.readouterr().out)
    assert [port["name"] for port in document["inputs"]] == ["left", "input_int"]
    assert [port["name"] for port in document["outputs"]] == ["logistic_2", "rest"]
    assert document["outputs"][0]["zero_point"] == -128
    assert not {"input", "output", "state"} & document.keys()


def test_a_state_is_told_in_json(tmp_path, capsys):
    path = tmp_path / "state.tflite"
    path.write_bytes(several.stateful("int8", 5))
    assert run(path, "-o", tmp_path / "made", "--json") == 0
    document = documents.read(capsys.readouterr().out)
    assert document["state"] == 5
    assert "name" not in document["input"]


def refused(arguments, capsys):
    """The one line that a user gets."""
    assert run(*arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    return line


def test_an_op_that_is_not_there_is_named_and_nothing_is_written(tmp_path, capsys):
    path = tmp_path / "model.tflite"
    path.write_bytes(build.unary("BITCAST", ("int8", 0.1, 0), ("int8", 0.1, 0), 4))
    line = refused([path, "-o", tmp_path / "made"], capsys)
    assert line.startswith(f"edgekit: error: {path}: op 0, BITCAST 'y', is not supported")
    assert list(tmp_path.iterdir()) == [path]


def test_several_images_at_once_are_refused_with_what_to_do(tmp_path, capsys):
    path = tmp_path / "batch.tflite"
    path.write_bytes(models.seeds()["dense int8"])
    line = refused([path, "-o", tmp_path / "made"], capsys)
    assert line == (
        f"edgekit: error: {path}: it takes 2 images at once, and C runs one: convert it again with "
        "`edgekit convert --batch 1`"
    )
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_no_model_is_refused(tmp_path, capsys):
    path = tmp_path / "model.tflite"
    path.write_bytes(b"not a model")
    assert str(path) in refused([path, "-o", tmp_path / "made"], capsys)
    assert "run edgekit convert" in refused(["--artifacts", tmp_path / "none"], capsys)


@pytest.mark.parametrize("name", ["3d", "my model", "int", "class", "Digits", "a-b", "_x", ""])
def test_a_name_that_c_does_not_take_is_refused_with_one_that_it_takes(
    name, int8_model, tmp_path, capsys
):
    line = refused([int8_model, "--name", name, "-o", tmp_path / "made"], capsys)
    assert line.startswith("edgekit: error: --name")
    assert not (tmp_path / "made").exists()
    assert run(int8_model, "--name", line.split("'")[-2], "-o", tmp_path / "made") == 0


def test_somebody_elses_folder_is_not_touched(int8_model, tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("mine")
    assert "notes.txt" in refused([int8_model, "-o", tmp_path], capsys)
    assert contents(tmp_path) == {"notes.txt": b"mine"}


def test_zeros_can_only_be_skipped_where_there_is_a_dense_int8_layer(float_model, tmp_path, capsys):
    line = refused([float_model, "--skip-zeros", "-o", tmp_path / "made"], capsys)
    assert "--quantize" in line


@pytest.fixture
def image_model(tmp_path: Path) -> Path:
    path = tmp_path / "image.tflite"
    path.write_bytes(image_chains.model(15, "int8"))
    return path


def planned(path, capsys, *options):
    """What the options say that the plans need, the fastest first."""
    assert run("--plan", "--json", path, *options) == 0
    return json.loads(capsys.readouterr().out)["plans"]


def test_the_plan_says_what_max_ram_and_min_ram_take(image_model, tmp_path, capsys):
    plans = planned(image_model, capsys)
    assert len(plans) > 1
    for fast, small in pairwise(plans):
        assert fast["ram"] > small["ram"]
        assert fast["instructions"] <= small["instructions"]
    assert not list(tmp_path.glob("*_c"))
    wanted = {f"--max-ram={one['ram']}": one for one in plans} | {"--min-ram": plans[-1]}
    for option, plan in wanted.items():
        assert run("--json", image_model, option, "-o", tmp_path / "made") == 0
        document = json.loads(capsys.readouterr().out)
        assert document["arena"] == plan["arena"]
        assert document.get("fed_rows", 0) == plan["fed_rows"]
    assert run("--plan", image_model) == 0
    text = capsys.readouterr().out
    assert all(f"{one['ram']:,} B" in text for one in plans)


def test_the_plan_is_of_the_export_that_keeps_the_input(image_model, tmp_path, capsys):
    plans = planned(image_model, capsys, "--keep-input")
    assert plans != planned(image_model, capsys)
    smallest = plans[-1]
    words = ["--keep-input", f"--max-ram={smallest['ram']}", "-o", tmp_path / "made"]
    assert run("--json", image_model, *words) == 0
    assert json.loads(capsys.readouterr().out)["arena"] == smallest["arena"]


def test_less_ram_than_the_smallest_plan_needs_is_refused(image_model, tmp_path, capsys):
    least = planned(image_model, capsys)[-1]["ram"]
    line = refused([image_model, f"--max-ram={least - 1}", "-o", tmp_path / "made"], capsys)
    assert f"needs {least:,} bytes" in line
    assert "--min-ram" in refused([image_model, "--max-ram=0", "-o", tmp_path / "made"], capsys)
    both = [image_model, "--min-ram", "--max-ram=1M", "-o", tmp_path / "made"]
    assert "name one of them" in refused(both, capsys)


def test_a_full_disk_leaves_the_earlier_export(int8_model, tmp_path, capsys, monkeypatch):
    folder = tmp_path / "made"
    assert run(int8_model, "-o", folder) == 0
    before = contents(folder)
    capsys.readouterr()
    write = Path.write_bytes

    def full(self, data):
        if self.name == "main.c":
            raise OSError(28, "No space left on device", str(self))
        return write(self, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    assert "No space left" in refused([int8_model, "--skip-zeros", "-o", folder], capsys)
    assert contents(folder) == before
    assert list(tmp_path.iterdir()) == [folder]
