"""ONNX files, through a program that stands in for onnx2tf."""

import sys
from pathlib import Path

import pytest

import documents
import float_files
from edgekit import cli
from edgekit.convert import source
from edgekit.errors import ModelFileError

pytestmark = pytest.mark.unsanitized

PROGRAM = """#!{python}
import os, sys
from pathlib import Path
assert "PYTHONPATH" not in os.environ
options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
content = Path(options["-i"]).read_bytes()
print("it has an op that nobody knows" if content == b"wrong" else "converting")
if content == b"wrong":
    sys.exit(1)
for kind in "float32", "float16":
    Path(options["-o"], f"net_{{kind}}.tflite").write_bytes(content[2:])
"""
START = b"\x08\x07"
"""First bytes of an ONNX file."""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that the program "converts" by copying all but its first bytes, net.onnx."""
    program = tmp_path / "bin" / "onnx2tf"
    program.parent.mkdir()
    program.write_text(PROGRAM.format(python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    model = tmp_path / "net.onnx"
    model.write_bytes(START + float_files.convolutional())
    return model


def test_an_onnx_file_is_converted_and_quantised(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, data = float_files.written(tmp_path)
    output = tmp_path / "out.tflite"
    arguments = ["--quantize", "--calibration", str(data), "-o", str(output)]
    assert cli.run(["convert", str(path), *arguments]) == 0
    shown = capsys.readouterr()
    assert "note: " in shown.err
    assert "with channels last: input [?, 6, 6, 2]" in shown.err
    report = documents.read(output.with_name("out.tflite.report.json").read_text())
    assert report["model"]["origin"] == "ONNX"
    assert report["recipe"]["quantizer"] == "litert"
    assert "LEAKY_RELU" in report["ops"]
    assert cli.run(["convert", str(path), "-o", str(output)]) == 0, "in float32 as well"
    assert "the ONNX file" in capsys.readouterr().out


def test_what_the_program_cannot_convert_is_one_line(path: Path) -> None:
    path.write_bytes(b"wrong")
    with pytest.raises(ModelFileError, match=r"onnx2tf cannot convert it \(it has an op that"):
        source.load(path)


def test_without_the_program_the_road_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ModelFileError, match=r"onnx2tf 2 in an environment of its own"):
        source.load(path)
