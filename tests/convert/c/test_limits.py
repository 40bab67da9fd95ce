"""Hostile and odd models as C: refused in one line, or exported in bounded time."""

import re
import subprocess
from dataclasses import replace

import numpy as np
import pytest

import build
import exported
import hostile
import models
import seeded
from edge_runtime.errors import ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read
from edgekit.benchmarks.mcu import emulator, firmware
from edgekit.benchmarks.mcu.cores import CORES
from edgekit.convert.c import checksum, selftest
from edgekit.convert.c import library as c_library
from edgekit.convert.c import text as c_text
from edgekit.convert.c.conditions import Core, cores
from edgekit.convert.c.forms import ConstantArray
from edgekit.convert.c.library import library
from edgekit.exported import built as firmware_library

MUTANTS = 200


def dense(weights, dtype="float32", scale=0.0):
    outputs, depth = np.shape(weights)
    tensors = [
        build.tensor((1, depth), dtype, scale),
        build.constant(weights, dtype, scale),
        build.tensor((1, outputs), dtype, scale),
    ]
    return build.model(tensors, [("FULLY_CONNECTED", [0, 1, -1], 2, {})])


def compiled(folder, *, language=exported.C99):
    sources = sorted(path for path in folder.glob("*.c") if path.name != "main.c")
    return subprocess.run(
        ["cc", *language, "-fsyntax-only", *sources], capture_output=True, text=True
    )


def test_mutants_are_refused_or_give_c_that_compiles(tmp_path):
    """Warnings are errors here, those of NumPy, too."""
    originals, written = hostile.originals(), 0
    for index in range(MUTANTS):
        try:
            made = exported.of_rows(hostile.mutant(index, originals), "m.tflite", f"m{index}")
        except ModelError:
            continue
        if index % 5 == 0:
            written += 1
            exported.write(made, tmp_path)
    assert written >= 5
    assert compiled(tmp_path).stderr == ""


@pytest.mark.parametrize("language", [exported.C99, exported.CXX17], ids=["C99", "C++17"])
def test_infinity_in_weights_and_outputs_compiles_and_is_recorded(language, tmp_path):
    made = library(models.infinite(), "model.tflite", "model")
    assert "#include <math.h>" in made.source
    assert "-INFINITY" in made.source
    run = exported.Exported(made, tmp_path)
    assert run.selftest() == 0
    assert compiled(tmp_path, language=language).stderr == ""


def test_nan_in_a_constant_is_refused():
    with pytest.raises(ModelError, match=r"step 0, FULLY_CONNECTED: 2 of 8 numbers .* are NaN"):
        library(dense([[1, np.nan, 3, 4], [np.nan, 1, 1, 1]]), "model.tflite", "model")


def test_outputs_that_are_nan_are_not_recorded(tmp_path):
    """Its bits are the machine's: x86 makes a negative NaN, Arm a positive one."""
    inf = float("inf")
    # 0 * infinity is NaN: inputs without a 0 are drawn, and no others.
    made = library(dense([[inf, inf]]), "model.tflite", "model")
    assert exported.Exported(made, tmp_path).selftest() == 0
    assert "(sample & 0)" in made.selftest
    with pytest.raises(ModelError, match="its output is NaN for each of 32 inputs"):
        library(dense([[inf, -inf, inf, -inf]]), "model.tflite", "model")


def test_fewer_inputs_are_drawn_of_a_model_that_takes_long():
    planned = plan(read(dense([[1, 2, 3, 4], [5, 6, 7, 8]])))
    facts = library(dense([[1, 2, 3, 4], [5, 6, 7, 8]]), "model.tflite", "model")

    def samples(work):
        return len(selftest.record(planned, facts, work).sums)

    assert samples(10**3) == selftest.MOST
    assert samples(selftest.ON_DEVICE // 100) == 99
    assert samples(10**12) == selftest.FEWEST


@pytest.mark.parametrize(
    ("module", "limit", "message"),
    [
        (c_library, "MOST_CONSTANTS", "its constants take 24 bytes, and at most 1 are exported"),
        (selftest, "MOST_ELEMENTS", "input and output have 6 elements, and at most 1 are"),
        (selftest, "MOST_WORK", "8 multiply-accumulates and 1 steps takes too long"),
    ],
)
def test_what_would_take_long_is_refused(module, limit, message, monkeypatch):
    content = dense([[1, 2, 3, 4], [5, 6, 7, 8]])
    library(content, "model.tflite", "model")
    monkeypatch.setattr(module, limit, 1)
    with pytest.raises(ModelError, match=re.sub("24", r"\\d+", message)) as caught:
        library(content, "model.tflite", "model")
    assert "run the .tflite itself with edge_runtime" in str(caught.value)


def test_the_work_of_an_inference_counts_steps_numbers_and_products():
    made = plan(read(dense([[1, 2, 3, 4], [5, 6, 7, 8]])))
    numbers = 4 + 2  # those of the constants are in the products
    expected = 8 * selftest.MAC + selftest.STEP + numbers * selftest.NUMBER
    assert selftest.work(made, 8) == expected


def test_names_are_found_in_long_texts_as_in_short_ones():
    text = 'a + a2 "a" 0x1a /* a */ a_ = ab'
    assert c_text.renamed(text, {"a": "x", "ab": "y"}) == 'x + a2 "a" 0x1a /* x */ a_ = y'


FLIPPED = [
    "dense int8 per channel",
    "dense int16",
    "SOFTMAX int16",
    "LOGISTIC int16",
    "ADD float32",
]


@pytest.mark.parametrize("model", FLIPPED)
def test_the_self_test_notices_each_constant_that_has_changed(model, tmp_path):
    made = exported.of_rows(models.seeds()[model], "model.tflite", "model")
    sources = exported.write(made, tmp_path)[:2]
    definition = re.compile(r"^static const \w.* \w+_of_model\[\d+\] = \{\n", re.MULTILINE)
    arrays = [
        one
        for one in definition.finditer(made.source)
        if not re.search("_(dsp|helium)_of_", one[0])
    ]
    assert arrays
    for index, array in enumerate(arrays):
        number = re.compile(r"-?\d[^,\s]*").search(made.source, array.end())
        other = "2.5f" if "float " in array[0] else "77"
        changed = made.source[: number.start()] + other + made.source[number.end() :]
        assert changed != made.source
        sources[0].write_text(changed)
        folder = tmp_path / str(index)
        folder.mkdir()
        assert exported.compiled(folder, sources, "-O0").model_selftest() == -1, array[0]


def test_the_self_test_notices_every_flipped_bit_of_the_weights(int8_model, tmp_path):
    made = library(int8_model.read_bytes(), int8_model.name, "digits")
    sources = exported.write(made, tmp_path)[:2]
    (tmp_path / "main.c").write_text(
        '#include "digits.h"\nint main(void) { return digits_selftest(); }\n'
    )
    program = tmp_path / "program"
    command = ["cc", *exported.C99, "-O2", "-o", program, tmp_path / "main.c", *sources]
    subprocess.run(command, check=True)
    weights = max(
        (slot.data for slot in plan(read(int8_model.read_bytes())).slots if slot.data), key=len
    )
    content = program.read_bytes()
    at = content.index(bytes(weights))
    random = np.random.default_rng(1)
    for place in random.integers(len(weights), size=60):
        flipped = bytearray(content)
        flipped[at + place] ^= 1 << random.integers(8)
        program.write_bytes(flipped)
        assert subprocess.run([program]).returncode == 255
    program.write_bytes(content)
    assert subprocess.run([program]).returncode == 0


def checked(source, core, made):
    """Let firmware check the constants in place of an inference; return its result."""
    source = source.replace("int model_run(", "int model_run_it(")
    source += (
        "int model_run(const model_input_t *input, model_output_t *output)\n"
        "{\n    output[0] = (int8_t)(input[0] * 0 + model_check_constants());\n    return 0;\n}\n"
    )
    files = {"model.h": made.header, "model.c": source}
    own = replace(firmware_library(made), files=files)
    built = firmware.build(CORES[core], own, "-Os", labels=False)
    profile = emulator.profile(built, seeded.strokes(1).view(np.uint8), 1 << 40)
    return int(profile.outputs.view(np.int8)[0, 0])


@pytest.mark.parametrize("core", ["cortex-m4", "rv32imc"])
def test_constants_are_checked_in_the_form_of_the_core(core):
    made = library(seeded.network(), "model.tflite", "model")
    assert checked(made.source, core, made) == 0
    form = "weights_0_dsp_of_model" if core == "cortex-m4" else "weights_0_of_model"
    at = made.source.index("\n", made.source.index(f" {form}[")) + 5
    number = re.compile(r"-?\d+").match(made.source, at)
    other = str(int(number[0]) ^ 1)
    changed = made.source[:at] + other + made.source[number.end() :]
    assert checked(changed, core, made) == -1


CHECK = """
#include <stddef.h>
#include <stdint.h>
struct ek_numbers {{
    const void *at;
    uint32_t what;
}};
{arrays}
uint32_t ek_crc32(uint32_t sum, const struct ek_numbers *each, int count);
int m_check_constants(void);
{check}
"""


@pytest.mark.parametrize("flags", [(), ("-DEK_DSP",)], ids=["portable", "DSP"])
def test_the_form_for_dsp_has_a_sum_of_its_own(flags, tmp_path):
    groups = {
        frozenset(cores(["EK_DSP"])): [
            ConstantArray("both", np.array([-1, 2**31 - 1], np.int32), flash=False),
            ConstantArray("real", np.array([1.5, -0.0, np.inf], np.float32), flash=False),
        ],
        frozenset({Core(["EK_DSP"])}): [
            ConstantArray("words", np.array([2**32 - 1, 5], np.uint32), flash=False)
        ],
        frozenset({Core()}): [
            ConstantArray("wide", np.array([-(2**63), 7], np.int64), flash=False),
        ],
    }
    arrays = [
        "".join(c_text.array(one.name, one.values) for one in part) for part in groups.values()
    ]
    parts = [
        "#include <math.h>",
        arrays[0],
        "#ifdef EK_DSP",
        arrays[1],
        "#else",
        arrays[2],
        "#endif",
    ]
    constants = {one.name: one for part in groups.values() for one in part}
    names = {where: [one.name for one in part] for where, part in groups.items()}
    check = checksum.render("m", constants, names, {"EK_DSP": "EK_DSP"})
    text = CHECK.format(arrays="\n".join(parts), check=check)
    (tmp_path / "check.c").write_text(text)
    assert exported.compiled(tmp_path, [tmp_path / "check.c"], *flags).m_check_constants() == 0
    (tmp_path / "check.c").write_text(text.replace("2147483647", "2147483646"))
    again = tmp_path / "again"
    again.mkdir()
    assert exported.compiled(again, [tmp_path / "check.c"], *flags).m_check_constants() == -1
