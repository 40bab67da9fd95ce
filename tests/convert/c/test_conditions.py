"""Steps whose forms depend on macros: each core has what it needs, and nothing else."""

import random
import re
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

import exported
import seeded
from edgekit.benchmarks.tensors import random_tensors
from edgekit.convert.c import blocks, source
from edgekit.convert.c import library as c_library
from edgekit.convert.c.conditions import Core, conditional, cores, grouped
from edgekit.convert.c.forms import ConstantArray, Form, StepForms
from edgekit.convert.c.library import CLibrary
from edgekit.convert.c.parse import Block

THREE = {"A": "m_A", "B": "m_B", "C": "m_C"}


def preprocessed(text: str, core: Core) -> list[str]:
    flags = [f"-D{THREE[macro]}" for macro in core]
    command = ["cc", "-E", "-P", *flags, "-x", "c", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True).stdout.split()


def test_each_core_compiles_what_is_for_it() -> None:
    everything = cores(THREE)
    rng = random.Random(1)
    for _ in range(20):
        sets = [frozenset(rng.sample(everything, rng.randint(1, 8))) for _ in range(6)]
        text = conditional([(one, f"item{i}\n") for i, one in enumerate(sets)], THREE)
        for core in everything:
            expected = [f"item{i}" for i, one in enumerate(sets) if core in one]
            assert preprocessed(text, core) == expected, text


def test_a_chain_of_forms_reads_as_one_would_write_it() -> None:
    a, b = frozenset("A"), frozenset("B")
    parts = [
        (frozenset({a, a | b}), "a\n"),
        (frozenset({b}), "b\n"),
        (frozenset({Core()}), "neither\n"),
        (frozenset({b, Core()}), "not a\n"),
        (frozenset({a, b, a | b}), "one\n"),
        (frozenset(cores("AB")), "all\n"),
    ]
    assert conditional(parts, {"A": "A", "B": "B"}).splitlines() == [
        *("#ifdef A", "a", "#elif defined(B)", "b", "#else", "neither", "#endif"),
        *("#ifndef A", "not a", "#endif", "#if defined(A) || defined(B)", "one", "#endif", "all"),
    ]


def test_what_is_used_stands_before_its_users() -> None:
    """Helium's kernel and that for DSP use a function that the portable one does without."""
    helium, dsp, both = frozenset({"H"}), frozenset({"D"}), frozenset({"H", "D"})
    needs = {
        both: ["clamp", "shared", "helium"],
        helium: ["clamp", "shared", "helium"],
        dsp: ["clamp", "shared", "dsp"],
        Core(): ["clamp", "portable"],
    }
    assert list(grouped(needs).items()) == [
        (frozenset(needs), ["clamp"]),
        (frozenset({both, helium, dsp}), ["shared"]),
        (frozenset({both, helium}), ["helium"]),
        (frozenset({dsp}), ["dsp"]),
        (frozenset({Core()}), ["portable"]),
    ]


def macro(name: str) -> Block:
    text = f"#define {name} 1\n"
    return Block("kernel.h", frozenset({name}), text, frozenset({name}), f"#ifdef USE_{name}")


def biased(form: Form, kernel: str, suffix: str, by: int) -> Form:
    """Return the form with another kernel and another bias, which no other form has."""
    tensor, weights, bias, *others = form.tensors
    assert isinstance(bias, ConstantArray)
    other = ConstantArray(f"{bias.name}_{suffix}", bias.values + np.int32(by), bias.flash)
    return replace(form, kernel=kernel, tensors=(tensor, weights, other, *others))


def invented(choices: Sequence[StepForms]) -> list[StepForms]:
    """Return two dense layers and a table: the first layer has three forms, the second has two."""
    first, second, *others = (one.portable for one in choices)
    dense, double = "fully_connected_int8_once", "fully_connected_int8_twice"
    fast, wide = biased(first, double, "fast", 20_000), biased(first, dense, "wide", -30_000)
    wider = biased(second, double, "wide", 300)
    return [
        StepForms("FULLY_CONNECTED", (("EK_FAST", fast), ("EK_WIDE", wide), ("", first))),
        StepForms("FULLY_CONNECTED", (("EK_WIDE", wider), ("", second))),
        *(StepForms("OTHER", (("", form),)) for form in others),
    ]


CORES = cores(("EK_FAST", "EK_WIDE"))


def flags(core: Core) -> list[str]:
    return [f"-DUSE_{one}" for one in core]


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> tuple[CLibrary, dict[Core, CLibrary]]:
    """A model with invented forms, and for each core one whose only forms are those it runs."""
    macros = {name: macro(name) for name in ("EK_FAST", "EK_WIDE")}
    monkeypatch.setattr(source, "switches", lambda: {**blocks.switches(), **macros})
    original = c_library.choices
    found = []
    for core in (None, *CORES):

        def choices(*args: object, core: Core | None = core, **options: bool) -> list[StepForms]:
            steps = invented(original(*args, **options))  # type: ignore[arg-type]
            if core is None:
                return steps
            return [StepForms(step.op, (("", step.form(core)),)) for step in steps]

        monkeypatch.setattr(c_library, "choices", choices)
        found.append(c_library.library(seeded.network(), "model.tflite", "m"))
    return found[0], dict(zip(CORES, found[1:], strict=True))


def test_a_core_runs_its_own_form(
    library: tuple[CLibrary, dict[Core, CLibrary]], tmp_path: Path
) -> None:
    whole, alone = library
    tensors = [*random_tensors(50, (1, 784), "int8"), *seeded.strokes(20)]
    answers = {}
    for index, core in enumerate(CORES):
        ran = exported.Exported(whole, tmp_path / f"{index}", *flags(core))
        expected = exported.Exported(alone[core], tmp_path / f"{index} alone")
        assert ran.functions.m_check_constants() == 0
        answers[core] = [ran.run(tensor).tobytes() for tensor in tensors]
        assert answers[core] == [expected.run(tensor).tobytes() for tensor in tensors]
    for one, other in combinations(CORES, 2):
        assert answers[one] != answers[other]


def test_each_core_checks_the_constants_that_it_has(
    library: tuple[CLibrary, dict[Core, CLibrary]], tmp_path: Path
) -> None:
    whole, alone = library
    array = re.compile(r"^static const \w.* (\w+)_of_m\[\d+\] = \{\n\s*(-?\d+)", re.MULTILINE)
    arrays = list(array.finditer(whole.source))
    assert {one[1] for one in arrays} >= {"bias_0", "bias_0_fast", "bias_0_wide", "bias_1_wide"}
    for one in arrays:
        number = int(one[2]) ^ 1
        changed = f"{whole.source[: one.start(2)]}{number}{whole.source[one.end(2) :]}"
        for core in CORES:
            folder = tmp_path / f"{one[1]} {'-'.join(sorted(core))}"
            sources = exported.write(replace(whole, source=changed), folder)[:2]
            checked = exported.compiled(folder, sources, "-O0", *flags(core)).m_check_constants()
            has = f" {one[1]}_of_m[" in alone[core].source
            assert checked == (-1 if has else 0), (one[1], core)


@pytest.mark.parametrize(
    ("zeros", "where"),
    [
        (0.8, "no WIDE or RVV or HELIUM extension"),
        (0.6, "no WIDE or RVV or HELIUM or DSP extension"),
    ],
)
def test_a_form_with_zeros_is_said_to_have_them(
    zeros: float, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    macros = {**blocks.switches(), "EK_WIDE": macro("EK_WIDE")}
    monkeypatch.setattr(source, "switches", lambda: macros)
    original = c_library.choices

    def choices(*args: object, **options: bool) -> list[StepForms]:
        first, *others = original(*args, **options)  # type: ignore[arg-type]
        wide = replace(first.portable, kernel="fully_connected_int8_once")
        return [replace(first, forms=(("EK_WIDE", wide), *first.forms)), *others]

    monkeypatch.setattr(c_library, "choices", choices)
    made = c_library.library(seeded.network(zeros=zeros), "model.tflite", "m")
    assert made.sparse_where == f" where there is {where}"
