"""Every kind of file that a command reads, damaged: one line and exit code 2, or it still works.

A failed gate (1) is an answer; an internal error (70), a traceback, or a second line is none.
EDGEKIT_BAD_INPUTS says how many damaged files of each kind are tried.
"""

import gzip
import hashlib
import json
import os
import random
import shutil
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

import models
import spoil
from edge_runtime.metadata import Metadata
from edgekit import digests, files
from edgekit.benchmarks import document
from edgekit.cli import run
from edgekit.convert.metadata import attach
from edgekit.errors import EdgekitError

TRIES = int(os.environ.get("EDGEKIT_BAD_INPUTS", "40"))
Capture = pytest.CaptureFixture[str]
Spoil = Callable[[random.Random], bytes]


def attempts(path: Path, spoilt: Spoil, seed: int = 0) -> Iterator[bytes]:
    """Write the file damaged in another way for each turn."""
    for number in range(TRIES):
        content = spoilt(random.Random(f"{path.name} {seed} {number}"))
        if path.is_dir():
            path.rmdir()
        if number == 0:
            # A folder stands where the file should be.
            path.unlink(missing_ok=True)
            path.mkdir()
            yield b""
            continue
        path.write_bytes(content)
        yield content


def require_one_line(code: int, captured: Any, content: bytes) -> None:
    lines = [line for line in captured.err.splitlines() if not line.startswith(("note: ", "warn"))]
    about = f"{content[:600]!r}\n{captured.err}"
    assert code in (0, 1, 2), about
    assert "Traceback" not in captured.err, about
    if code == 2:
        assert len(lines) == 1, about
        assert lines[0].startswith("edgekit") and "error: " in lines[0], about
    else:
        assert not any("error" in line for line in lines), about


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small classifier of pictures that carries labels, and data for it."""
    rng = np.random.default_rng(0)
    weights = rng.normal(0, 0.05, (2, 64)).astype(np.float32)
    tensors = [
        models.tensor((1, 64)),
        models.constant(weights, "float32"),
        models.tensor((1, 2)),
        models.tensor((1, 2)),
    ]
    nodes: list[models.Node] = [
        ("FULLY_CONNECTED", [0, 1, -1], 2, {}),
        ("SOFTMAX", [2], 3, {"beta": 1.0}),
    ]
    plain = models.model(tensors, nodes)
    (tmp_path / "model.tflite").write_bytes(
        attach(plain, Metadata(("a", "b"), mean=(0.0,), std=(255.0,)))
    )
    x = rng.integers(0, 256, (12, 8, 8), np.uint8)
    np.savez(tmp_path / "data.npz", x=x, y=np.arange(12) % 2)
    np.save(tmp_path / "x.npy", x)
    return tmp_path


def test_arrays(folder: Path, capsys: Capture) -> None:
    for name, spoilt in (("data.npz", spoil.misarchived), ("x.npy", spoil.spoilt)):
        whole = (folder / name).read_bytes()
        path = folder / f"bad{Path(name).suffix}"
        for content in attempts(path, lambda rng, w=whole, s=spoilt: s(w, rng)):  # type: ignore[misc]
            code = run(["predict", str(folder / "model.tflite"), "--data", str(path)])
            require_one_line(code, capsys.readouterr(), content)


def test_images(folder: Path, capsys: Capture) -> None:
    for name in ("PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP", "PPM"):
        path = folder / f"image.{name.lower()}"
        Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(path, name)
        whole = path.read_bytes()
        for content in attempts(path, lambda rng, w=whole: spoil.spoilt(w, rng)):  # type: ignore[misc]
            code = run(["predict", str(folder / "model.tflite"), str(path)])
            require_one_line(code, capsys.readouterr(), content)


def test_models(folder: Path, capsys: Capture) -> None:
    """The zip behind a model, and all of the file."""
    whole = (folder / "model.tflite").read_bytes()
    (folder / "x.png").write_bytes(b"")
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(folder / "x.png")
    path = folder / "bad.tflite"
    start = whole.find(b"PK\3\4")
    for spoilt in (
        lambda rng: whole[:start] + spoil.misarchived(whole[start:], rng),
        lambda rng: spoil.spoilt(whole, rng),
    ):
        for content in attempts(path, spoilt):
            for arguments in (
                ["inspect", str(path)],
                ["inspect", "--json", str(path)],
                ["predict", str(path), str(folder / "x.png")],
                ["label", str(path), "--labels", "c,d", "-o", str(folder / "out.tflite")],
            ):
                code = run(arguments)
                require_one_line(code, capsys.readouterr(), content)
