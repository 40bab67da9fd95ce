"""Labels and names of a file made to deceive, through every command that tells of a model file."""

import io
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import edge_runtime
import foreign
from edge_runtime.metadata import Metadata
from edgekit import cli, index
from edgekit.columns import LINE, width
from edgekit.convert.metadata import attach
from hostile_text import WORKING

LABELS = ("\x1b[2J\x1b]0;t\x07zero", "\x1b[32m✓ a|b\u202e\r\x85*/", "日本語" * 20 + "\0")
NAME = "m; touch marked #\x1b[31m\n✓ passed.tflite"


def with_labels(content: bytes) -> bytes:
    """Return a model whose label file has what edgekit would not write."""
    by = {"by": "\x9b31m\n\u2066"}
    whole = attach(content, Metadata(("a", "b", "c"), mean=(127.5,), std=(127.5,), provenance=by))
    (entry,) = zipfile.ZipFile(io.BytesIO(whole)).infolist()
    file = io.BytesIO(whole[: entry.header_offset])
    file.seek(0, io.SEEK_END)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(entry.filename, "".join(f"{label}\n" for label in LABELS))
    return file.getvalue()


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path(NAME).write_bytes(with_labels(foreign.int8_model(-1.0, 1.0)))
    assert edge_runtime.load(NAME).labels == LABELS
    return NAME


@pytest.mark.skipif(sys.platform == "win32", reason="such names are a Unix thing")
def test_no_command_lets_a_file_work_the_terminal(
    model: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    images, true = foreign.pixels(6, 3)
    np.savez("x\x1b[7m.npz", x=images, y=np.array(LABELS)[true])
    np.savez("plain.npz", x=images, y=np.array(["left", "right", "none"])[true])
    commands = [
        (["predict", model, "x\x1b[7m.npz"], 0),
        (["predict", model, "--data", "plain.npz"], 0),
        (["predict", model, "missing\x1b[2J\n.png"], 2),
        (["inspect", model], 0),
        (["inspect", model, "--memory"], 0),
        (["label", model, "--framing", "letterbox", "-o", f"copy of {model}"], 2),  # \r
        (["export", model, "-o", "c\x1b[5m", "--name", "m"], 0),
        (["verify", "."], 1),  # its labels were changed
        (["verify", "c\x1b[5m"], 0),
        (["bench", model, "--data", "missing\x9b"], 2),
        (["convert", "missing\x1b[2J.keras"], 2),
        (["no\x1b[2J"], 2),
    ]
    for command, code in commands:
        assert cli.run(command) == code, command
        said = capsys.readouterr()
        # Our own colours: green, red, yellow, cyan, and what ends them.
        text = re.sub("\x1b\\[(3[1236]|1|0)m", "", said.out + said.err)
        assert not WORKING.search(text.replace("\n", "")), command
        assert not re.search("^✓ (a|passed)", text, re.MULTILINE), command
    assert not Path("marked").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="such names are a Unix thing")
def test_what_export_says_to_run_is_one_word(
    model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["export", model, "-o", "c", "--name", "m"]) == 0
    (line,) = (one for one in capsys.readouterr().out.splitlines() if "edgekit bench" in one)
    command = line.partition("cortex-m4 ")[2]
    done = subprocess.run(["sh", "-c", f"printf '%s' {command}"], capture_output=True, check=True)
    assert done.stdout.decode() == model


def test_predictions_fit_their_columns(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    images, true = foreign.pixels(6, 3)
    np.savez("x.npz", x=images, y=np.array(["left", "right", "none"])[true])
    assert cli.run(["predict", model, "x.npz", "--no-invert"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()[:-1]
    at = head.index("score")
    for line in lines:
        score = re.search(r"  (0\.\d{4}|1\.0000)(?=  |$)", line)
        assert score is not None
        assert width(line[: score.start(1)]) == at <= LINE


def test_json_is_ascii_and_whole(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["inspect", model, "--json"]) == 0
    out = capsys.readouterr().out
    assert out.isascii()
    assert json.loads(out)["metadata"]["labels"] == list(LABELS)


@pytest.mark.skipif(sys.platform != "linux", reason="a name that is no UTF-8")
def test_a_name_that_is_no_utf8_is_linked(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff<b>.tflite")
    (tmp_path / name).write_bytes(foreign.int8_model(-1.0, 1.0))
    index.write_index(tmp_path)
    page = (tmp_path / index.INDEX).read_text(encoding="utf-8")
    assert '<a href="%FF%3Cb%3E.tflite">\\udcff&lt;b&gt;.tflite</a>' in page
