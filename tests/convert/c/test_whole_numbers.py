"""Exported models whose inputs and outputs are whole numbers: without a scale, and scalars."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import build
import exported
import runtimes
from edgekit.convert.c.library import library

REDUCTION = {"int32": "SUM", "int64": "SUM", "bool": "REDUCE_ANY"}
"""Element type -> the op that makes one number of all."""


def model(dtype: str) -> bytes:
    """Return a model of numbers and a scalar: what they give together, and one number of these."""
    together = ("LOGICAL_OR" if dtype == "bool" else "ADD", [0, 1], 2, {})
    tensors = [
        build.tensor((1, 5), dtype),
        build.tensor((), dtype),
        build.tensor((1, 5), dtype),
        build.constant([0, 1], "int32"),
        build.tensor((), dtype),
    ]
    ops = [together, (REDUCTION[dtype], [2, 3], 4, {"keepDims": False})]
    return build.model(tensors, ops, inputs=[0, 1], outputs=[2, 4])


def inputs(dtype: str, seed: int) -> list[npt.NDArray[Any]]:
    """Return random inputs, of which those of int64 need it."""
    rng = np.random.default_rng(seed)
    most = {"bool": 2, "int32": 1000, "int64": 2**40}[dtype]
    return [np.asarray(rng.integers(0, most, shape)).astype(dtype) for shape in ((1, 5), ())]


@pytest.mark.parametrize("dtype", REDUCTION)
def test_the_outputs_are_those_of_litert(dtype: str, tmp_path: Path) -> None:
    made = library(model(dtype), "model.tflite", "m")
    c = exported.Exported(made, tmp_path)
    assert c.selftest() == 0
    assert [port.shape for port in made.ports] == [(5,), (), (5,), ()]
    for seed in range(10):
        tensors = inputs(dtype, seed)
        expected = runtimes.run_builtin_ref(model(dtype), tensors)
        outputs = [output.tobytes() for output in c.run_all(tensors)]
        assert outputs == [output.tobytes() for output in expected]


@pytest.mark.parametrize("dtype", REDUCTION)
@pytest.mark.parametrize("language", [exported.C99, exported.CXX17], ids=["C99", "C++17"])
def test_no_float_is_brought_into_them_and_the_example_prints_them(
    language: Sequence[str], dtype: str, tmp_path: Path
) -> None:
    made = library(model(dtype), "model.tflite", "m")
    for word in "quantize", "SCALE", "ZERO_POINT":
        assert word not in made.header
    files = exported.write(made, tmp_path)
    subprocess.run(["cc", *language, "-O2", *files, "-o", tmp_path / "program"], check=True)
    done = subprocess.run([tmp_path / "program"], check=True, capture_output=True, text=True)
    assert len(done.stdout.splitlines()) == 1 + 5 + 1
    # A wave of which one number in five is 64 of 256, and one that is 0.
    assert done.stdout.endswith(f" 0 is {0 if dtype == 'bool' else 1}\n")


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32"])
def test_integers_of_the_file_without_a_scale_are_the_numbers_themselves(dtype: str) -> None:
    tensors = [build.tensor((1, 5), dtype), build.tensor((1, 5))]
    made = library(build.model(tensors, [("CAST", [0], 1, {})]), "model.tflite", "m")
    assert f"{dtype} [5], the numbers themselves" in made.header
    assert made.inputs[0].scale is None
