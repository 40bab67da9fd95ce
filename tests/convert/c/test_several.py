"""Exported models of several inputs and outputs: the bytes of the engine and of LiteRT."""

import ctypes
import re
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edge_runtime
import exported
import runtimes
import several
from edgekit.convert.c.identifier import LONGEST, port_identifiers
from edgekit.convert.c.library import library

MODELS = {
    "two and two": several.shared_sum("int8"),
    "float32": several.shared_sum("float32"),
    "an output that an op reads": several.shared_sum("int8", (2, 4, 3)),
    "an output twice": several.shared_sum("int8", (3, 4, 3)),
    "a constant output": several.constant(),
    "a float32 constant output": several.constant("float32"),
    "one output": several.shared_sum("int8", (4,)),
}


@pytest.mark.parametrize("model", MODELS)
def test_all_outputs_are_those_of_the_engine_and_of_litert(model: str, tmp_path: Path) -> None:
    data = MODELS[model]
    (tmp_path / "model.tflite").write_bytes(data)
    native = edge_runtime.load(tmp_path / "model.tflite")
    c = exported.Exported(library(data, "model.tflite", "m"), tmp_path)
    assert c.selftest() == 0
    for seed in range(20):
        inputs = several.drawn(native.inputs["tensor 0"].dtype, seed=seed)
        outputs = [output.tobytes() for output in c.run_all(inputs)]
        expected: Any = native.run(tuple(inputs))
        expected = expected if isinstance(expected, tuple) else (expected,)
        assert outputs == [output.tobytes() for output in expected]
        assert outputs == [output.tobytes() for output in runtimes.run_builtin_ref(data, inputs)]


def test_names_are_those_of_the_signature_and_the_order_the_files(tmp_path: Path) -> None:
    data = several.renamed()
    made = library(data, "model.tflite", "m")
    assert [port.name for port in made.inputs] == ["left", "input_int"]
    assert [port.name for port in made.outputs] == ["logistic_2", "rest"]
    assert (
        "int m_run(const m_left_t left[M_LEFT_SIZE],\n"
        "          const m_input_int_t input_int[M_INPUT_INT_SIZE],\n"
        "          m_logistic_2_t logistic_2[M_LOGISTIC_2_SIZE],\n"
        "          m_rest_t rest[M_REST_SIZE]);\n"
    ) in made.header
    inputs = several.drawn("int8")
    logistic, rest = runtimes.run_builtin_ref(data, inputs)
    outputs = exported.Exported(made, tmp_path).run_all(inputs)
    assert [one.tobytes() for one in outputs] == [logistic.tobytes(), rest.tobytes()]


@pytest.mark.parametrize("dtype", ["int8", "float32"])
@pytest.mark.parametrize("language", [exported.C99, exported.CXX17], ids=["C99", "C++17"])
def test_all_files_compile_and_the_example_prints_every_output(
    language: Sequence[str], dtype: str, tmp_path: Path
) -> None:
    data = several.renamed(dtype)
    made = library(data, "model.tflite", "m")
    files = exported.write(made, tmp_path)
    subprocess.run(["cc", *language, "-O2", *files, "-o", tmp_path / "program"], check=True)
    done = subprocess.run([tmp_path / "program"], check=True, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert lines[0] == "m: self-test passed"
    assert [line.split(" is ")[0] for line in lines[1:]] == [
        f"m: output {name} {index}" for name in ("logistic_2", "rest") for index in range(5)
    ]
    # A sensor of 8 bits sees a wave, which rises by 16.
    wave = np.arange(0, 80, 16)[None]
    seen = (wave - 128).astype("i1") if dtype == "int8" else wave.astype("f4") / np.float32(255)
    outputs = runtimes.run_builtin_ref(data, [seen, seen])
    expected = [
        int(np.float32(number - (port.zero_point or 0)) * np.float32(port.scale or 1) * 1000)
        for port, output in zip(made.outputs, outputs, strict=True)
        for number in output.ravel().tolist()
    ]
    values = [int(line.split(" is ")[1].removesuffix("/1000")) for line in lines[1:]]
    assert values == expected


HELPERS = """
#include "m.h"
float value(const m_rest_t *output, int index);
float value(const m_rest_t *output, int index) { return m_value_rest(output, index); }
void quantize(const float *values, m_left_t *input);
void quantize(const float *values, m_left_t *input) { m_quantize_float_left(values, input); }
"""


def test_each_input_and_output_has_helpers_with_its_own_scale(tmp_path: Path) -> None:
    made = library(several.renamed(), "model.tflite", "m")
    for word in "m_score", "m_best", "m_labels", "M_CLASSES", "quantize_u8":
        assert word not in made.header
    assert made.labels == made.mean == ()
    exported.write(made, tmp_path)
    (tmp_path / "helpers.c").write_text(HELPERS)
    helpers = exported.compiled(tmp_path, [tmp_path / "helpers.c"])
    helpers.value.restype = ctypes.c_float
    assert helpers.value(bytes([0, 43, 0, 0, 0]), 1) == pytest.approx((43 - 3) * 0.05)
    quantised = ctypes.create_string_buffer(5)
    helpers.quantize((ctypes.c_float * 5)(0, 1, -1, 100, -100), quantised)
    assert list(quantised.raw) == [3, 23, 256 - 17, 127, 128]


def test_each_pointer_is_checked(tmp_path: Path) -> None:
    functions = exported.Exported(library(several.renamed(), "x.tflite", "m"), tmp_path).functions
    buffers = [bytes(5), bytes(5), bytes(5), bytes(5)]
    assert functions.m_run(*buffers) == 0
    for index in range(4):
        assert functions.m_run(*buffers[:index], None, *buffers[index + 1 :]) == -1


@pytest.mark.parametrize("buffer", ["output_rest", "output_logistic_2"])
def test_the_self_test_notices_each_output(buffer: str, tmp_path: Path) -> None:
    made = library(several.renamed(), "model.tflite", "m")
    changed = f"        {buffer}[4] ^= sample == 3;\n        sum ="
    text = made.selftest.replace("        sum =", changed)
    assert text != made.selftest
    assert exported.Exported(replace(made, selftest=text), tmp_path).selftest() == 1


HOSTILE = [
    *("arena", "memory", "params", "tensors", "int", "linux", "stdout", "typeof", "class"),
    *("m_run", "m_ek_add_int8_twice", "ek_add_int8_twice", "add_int8_twice", "a_0", "a_0_of_m"),
    *("int8_t", "x_t", "quantize_float_x", "sample", "copy", "differ", "run", "i", "printf"),
    *("", "é", "3d", "a b", "a-b", "A B", "output", "input", "input_1_of_m", "left" * 30),
    *("left" * 31, "1_of_m", "m", "main", "unix", "size_t", "loops_0_of_m", "string"),
]


@pytest.mark.parametrize("language", [exported.C99, exported.CXX17], ids=["C99", "C++17"])
@pytest.mark.parametrize("dialect", [[], ["-std=gnu99"]], ids=["strict", "GNU"])
def test_names_that_clash_compile_and_give_the_right_bytes(
    language: Sequence[str], dialect: list[str], tmp_path: Path
) -> None:
    if dialect and language is exported.CXX17:
        dialect = ["-std=gnu++17"]
    made = library(several.sum_of(HOSTILE), "model.tflite", "m")
    assert len({port.name for port in made.ports}) == len(HOSTILE) + 1
    files = exported.write(made, tmp_path)
    command = ["cc", *language, *dialect, "-Wshadow", *files, "-o", tmp_path / "program"]
    subprocess.run(command, check=True)
    done = subprocess.run([tmp_path / "program"], check=True, capture_output=True, text=True)
    assert done.stdout.startswith("m: self-test passed\n")


@pytest.mark.parametrize(
    ("inputs", "outputs", "expected"),
    [
        (["Image:0"], ["Scores"], (["input"], ["output"])),
        (["a", "b"], ["int"], (["a", "b"], ["output"])),
        (["a", "A"], ["a", "int"], (["a", "a_2"], ["a_3", "output_int"])),
        (["x"], ["input", "output"], (["input"], ["input_2", "output"])),
        (["arena", "3d"], ["", ""], (["input_arena", "input_3d"], ["output", "output_2"])),
        (["x_t", "m_x"], ["y"], (["input_x_t_2", "input_m_x"], ["output"])),
    ],
)
def test_names_of_the_file_become_identifiers(
    inputs: list[str], outputs: list[str], expected: Any
) -> None:
    assert port_identifiers("m", inputs, outputs) == expected


@pytest.mark.parametrize("model", ["m", "input", "input_3", "output", "i", "x" * LONGEST])
def test_identifiers_are_free_whatever_the_model_is_called(model: str) -> None:
    names = [*HOSTILE, f"{model}_run", f"a_of_{model}", "3_run", "3_ek"] * 2
    inputs, outputs = port_identifiers(model, names, names)
    assert len({*inputs, *outputs}) == 2 * len(names)
    for name in (*inputs, *outputs):
        assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name)
        assert not name.startswith((f"{model}_", "ek_"))
        assert not name.endswith(("_t", f"_of_{model}"))
    if model != "x" * LONGEST:
        assert max(len(f"{model}_quantize_float_{name}") for name in inputs) <= 63
