"""Exported models with states, which the arena keeps between calls, and steps with scratch."""

import ctypes
import struct
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import exported
import runtimes
import seeded
import several
from edge_runtime import _native, record
from edge_runtime.graph import Graph
from edge_runtime.ops.call import Kernel
from edge_runtime.planner import plan
from edge_runtime.planner.plan import Plan, Step
from edge_runtime.reader import read
from edgekit.convert.c import forms
from edgekit.convert.c import library as c_library
from edgekit.convert.c.forms import ENGINE, ConstantArray
from edgekit.convert.c.levels import LEVELS
from edgekit.convert.c.library import library


@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_a_state_begins_as_litert_begins_it(dtype: str, tmp_path: Path) -> None:
    data = several.stateful(dtype, 5)
    made = library(data, "model.tflite", "m")
    c = exported.Exported(made, tmp_path)
    # Nothing is called before the first run: the static arena starts with the state.
    for seed in range(3):
        inputs = several.drawn(dtype, 1, seed=seed)
        assert c.run(inputs[0]).tobytes() == runtimes.run_builtin_ref(data, inputs)[0].tobytes()
    assert c.selftest() == 0


def summing(graph: Graph, **_: Any) -> Plan:
    """Return a plan that adds the input to the state and returns that: no op does so yet."""
    planned = plan(graph)
    (step,), (state,) = planned.steps, planned.states
    size = planned.slots[state.slot].size
    copy = Kernel("copy", {"size": size}, (0,), rows="size")
    steps = (
        record.replace(step, writes=(state.slot,)),
        Step(step.op, copy, (state.slot,), planned.outputs),
    )
    return record.replace(planned, steps=steps)


@pytest.fixture
def summed(monkeypatch: pytest.MonkeyPatch) -> c_library.CLibrary:
    monkeypatch.setattr(c_library, "plan", summing)
    return library(several.stateful("float32", 5), "model.tflite", "m")


def test_a_state_is_kept_between_runs_and_reset(summed: c_library.CLibrary, tmp_path: Path) -> None:
    c = exported.Exported(summed, tmp_path)
    tensor = np.array([[1, 2, 3, 4, 5]], np.float32)
    for run in 1, 2, 3:
        np.testing.assert_array_equal(c.run(tensor), run * tensor[0])
    c.functions.m_reset()
    np.testing.assert_array_equal(c.run(tensor), tensor[0])
    assert c.selftest() == 0
    np.testing.assert_array_equal(c.run(tensor), tensor[0])


def test_an_arena_of_the_callers_keeps_a_state_of_its_own(
    summed: c_library.CLibrary, tmp_path: Path
) -> None:
    functions = exported.Exported(summed, tmp_path).functions
    tensor, output = np.array([1, 2, 3, 4, 5], np.float32), np.zeros(5, np.float32)
    pointers = [ctypes.c_void_p(one.ctypes.data) for one in (tensor, output)]
    arenas = [np.full(summed.arena // 8, -1, np.int64) for _ in range(2)]
    first, second = (ctypes.c_void_p(arena.ctypes.data) for arena in arenas)
    functions.m_reset_in(first)
    functions.m_reset_in(second)
    functions.m_reset_in(None)
    for arena, times in (first, 1), (first, 2), (second, 1), (first, 3):
        assert functions.m_run_in(arena, *pointers) == 0
        np.testing.assert_array_equal(output, times * tensor)


def test_the_self_test_runs_a_sequence_from_a_reset(
    summed: c_library.CLibrary, tmp_path: Path
) -> None:
    tensor = np.ones((1, 5), np.float32)
    text = summed.selftest.replace("    m_reset();\n    for", "    for")
    assert text != summed.selftest
    forgetful = exported.Exported(replace(summed, selftest=text), tmp_path / "forgetful")
    assert forgetful.selftest() == 0
    forgetful.run(tensor)
    assert forgetful.selftest() == 1
    text = summed.source.replace("    {\n        /* size */", "    if (0) {\n        /* size */")
    assert text != summed.source
    assert exported.Exported(replace(summed, source=text), tmp_path / "broken").selftest() != 0
    # Nothing but the order of the samples explains the outputs.
    text = summed.selftest.replace("    for (int sample", "    m_reset();\n    for (int sample")
    assert exported.Exported(replace(summed, selftest=text), tmp_path / "reset").selftest() == 0
    text = summed.selftest.replace("        sum ^=", "        m_reset();\n        sum ^=")
    assert text != summed.selftest
    assert exported.Exported(replace(summed, selftest=text), tmp_path / "each").selftest() == 1


def test_the_header_says_what_is_kept(summed: c_library.CLibrary) -> None:
    assert summed.state == 20
    assert "20 bytes of its arena keep their values" in summed.header
    assert "m_reset_in before the first run" in summed.header
    assert "Nothing\n * is kept" not in summed.header


def test_without_a_state_nothing_is_said_of_it() -> None:
    made = library(seeded.network(), "model.tflite", "m")
    assert made.state == 0
    for text in made.header, made.source, made.selftest, made.example:
        assert "reset" not in text


@pytest.mark.parametrize("extra", [["-Wshadow"], ["-fsanitize=address,undefined"]])
@pytest.mark.parametrize("language", [exported.C99, exported.CXX17], ids=["C99", "C++17"])
def test_a_model_with_a_state_compiles(
    language: Any, extra: list[str], summed: c_library.CLibrary, tmp_path: Path
) -> None:
    files = exported.write(summed, tmp_path)
    subprocess.run(["cc", *language, *extra, *files, "-o", tmp_path / "program"], check=True)
    done = subprocess.run([tmp_path / "program"], check=True, capture_output=True, text=True)
    assert done.stdout.startswith("m: self-test passed\n")


def invented(kernel: Kernel, level: str, _: Any) -> int:
    return {"dsp": 40, "sparse": 8}.get(level, 0) if "fully" in kernel.name else 0


@pytest.mark.parametrize("zeros", [0, 0.8])
def test_scratch_is_an_operand_and_the_arena_has_room_for_it(
    zeros: float, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    data = seeded.network(zeros=zeros)
    before = library(data, "model.tflite", "m")
    monkeypatch.setattr(forms, "scratch", invented)
    made = library(data, "model.tflite", "m")
    assert made.arena == before.arena + 48
    planned = plan(read(data), engine=ENGINE)
    for step, choice in zip(planned.steps, forms.choices(planned, skip_zeros=False), strict=True):
        for _, form in choice.forms:
            operand = form.tensors[-1]
            assert not isinstance(operand, ConstantArray)
            if step.scratch:
                assert (operand.place, operand.size) == ("arena", 40)
            else:
                assert operand.place == "output"
    dense = [step for step in planned.steps if step.scratch]
    assert len(dense) == 2
    for step in dense:
        offset = planned.slots[step.scratch[0]].offset
        assert made.source.count(f"memory + {offset}\n        }};") >= 1
    assert exported.Exported(made, tmp_path).selftest() == 0


def scratch(planned: Plan, step: Step, level: str) -> int:
    contents = tuple(planned.slots[slot].data for slot in step.reads)
    return forms.scratch(step.kernel, level, contents)


def test_the_table_of_variants_says_what_scratch_there_is() -> None:
    """The arena has room for the form of a dense layer that pads its input; others need none."""
    graph = read(seeded.network())
    planned = plan(graph, engine=ENGINE)
    most = [scratch(planned, step, "helium") for step in planned.steps]
    assert max(most) > 0
    assert plan(graph).arena < planned.arena <= plan(graph).arena + max(most)
    params = struct.pack("=3i", 1, 2, 3)
    assert _native.scratch("relu_float32", "portable", params, ()) == 0
    with pytest.raises(ValueError, match="no kernel relu_float32 for dsp"):
        _native.scratch("relu_float32", "dsp", params, ())
    with pytest.raises(TypeError):
        _native.scratch("relu_float32", "portable", params, [])
    for step in planned.steps:
        for level in LEVELS.keys() - {"helium"}:
            assert scratch(planned, step, level) == 0
