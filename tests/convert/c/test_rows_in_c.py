"""Exported C by rows: the bytes of the plain export, from a whole input and from its rows."""

import ctypes
import subprocess
from pathlib import Path

import numpy as np
import pytest

import exported
import image_chains
import runtimes
from edgekit.convert.c.library import CLibrary, library

SANITIZED = ("-fsanitize=undefined", "-fno-sanitize-recover=all", "-fno-sanitize=object-size")
SMALLEST = 0
SEEDS = range(8)


def pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)


def in_poisoned_arena(one: CLibrary, functions: ctypes.CDLL, tensor) -> list[bytes]:
    """Return the outputs in an arena of random bytes, after which none is written to."""
    arena = np.random.default_rng(1).integers(0, 256, one.arena + 64, np.uint8)
    before = arena[one.arena :].copy()
    outputs = [np.zeros(port.elements, port.dtype) for port in one.outputs]
    run = getattr(functions, f"{one.name}_run_in")
    assert run(pointer(arena), pointer(tensor), *map(pointer, outputs)) == 0
    assert (arena[one.arena :] == before).all()
    return [output.tobytes() for output in outputs]


def fed(one: CLibrary, functions: ctypes.CDLL, tensor) -> list[bytes]:
    """Return the outputs for an input that is brought row by row."""
    outputs = [np.zeros(port.elements, port.dtype) for port in one.outputs]
    feed = getattr(functions, f"{one.name}_feed_row")
    for number, line in enumerate(np.split(tensor.ravel(), one.fed_rows)):
        if number > 1:  # rows come in their order
            assert feed(number - 1, pointer(line), *map(pointer, outputs)) == -1
        own = line.copy()
        left = feed(number, pointer(own), *map(pointer, outputs))
        assert left == one.fed_rows - 1 - number
        own[:] = 0
    assert feed(one.fed_rows, pointer(own), *map(pointer, outputs)) == -1
    return [output.tobytes() for output in outputs]


@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_c_by_rows_gives_the_bytes_of_the_plain_export(dtype: str, tmp_path: Path) -> None:
    rows = 0
    contents = [image_chains.model(seed, dtype) for seed in SEEDS]
    contents += [image_chains.averaged(seed) for seed in range(3)]
    for seed, content in enumerate(contents):
        plain = library(content, "m.tflite", "m")
        small = library(content, "m.tflite", "m", most_ram=SMALLEST)
        folder = tmp_path / str(seed)
        expected = exported.Exported(plain, folder / "plain")
        by_rows = exported.Exported(small, folder / "rows", *SANITIZED)
        assert by_rows.selftest() == 0
        [port] = plain.inputs
        for round_ in range(2):
            rng = np.random.default_rng(round_)
            tensor = runtimes.drawn(rng, port.dtype, (port.elements,))
            answers = [one.tobytes() for one in expected.run_all([tensor])]
            assert [one.tobytes() for one in by_rows.run_all([tensor])] == answers
            assert in_poisoned_arena(small, by_rows.functions, tensor) == answers
            if small.fed_rows:
                rows += 1
                assert fed(small, by_rows.functions, tensor) == answers
    assert rows > 3


def test_c_by_rows_compiles_as_cpp(tmp_path: Path) -> None:
    for seed in SEEDS[:4]:
        small = library(image_chains.model(seed, "int8"), "m.tflite", "m", most_ram=SMALLEST)
        sources = exported.write(small, tmp_path / str(seed))[:2]
        subprocess.run(["cc", *exported.CXX17, "-fsyntax-only", *sources], check=True)
