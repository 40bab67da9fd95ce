"""The exported C for every machine that a compiler here builds for, and on an emulated AVR."""

import shutil
import subprocess

import pytest

import exported
import models
import seeded
from machines import BUILDS, LANGUAGES, MACHINES, NARROW, WARNINGS, ZIG, compiled

SKIPPED = "int8, zeros skipped"
SPARSE = "int8, most weights zero"

OF_IMAGES = [
    *("conv int8", "conv int8 groups", "depthwise int8", "AVERAGE_POOL_2D int8"),
    *("MAX_POOL_2D int8", "ADD int8", "PAD int8", "MEAN int8", "ARG_MAX int8", "TOPK_V2 int64"),
]
"""Small models of the ops of convolutional networks, and of whole numbers."""


@pytest.fixture(scope="module")
def libraries(int8_model, float_model):
    """A model of each element type; the documented one in int8 and in float32."""
    seeds = models.seeds()
    files = {
        "int8": int8_model.read_bytes(),
        SKIPPED: int8_model.read_bytes(),
        SPARSE: seeded.network(zeros=0.8),
        "int16": seeds["dense int16"],
        "softmax": seeds["SOFTMAX int8"],
        "infinite": models.infinite(),
        **{op: seeds[op] for op in OF_IMAGES},
        "float32": float_model.read_bytes(),
    }
    return {
        name: exported.of_rows(
            content, "model.tflite", f"model_{index}", skip_zeros=name == SKIPPED
        )
        for index, (name, content) in enumerate(files.items())
    }


@pytest.mark.parametrize(("language", "machine"), BUILDS)
def test_no_compiler_has_anything_to_say(language, machine, libraries, tmp_path):
    compiler, flags = MACHINES[machine]
    # A double of 32 bits is refused; see tests/kernels/test_compile.py.
    narrow = set(NARROW) <= set(flags)
    flags = [flag for flag in flags if flag not in NARROW]
    sources = [
        path
        for name, made in libraries.items()
        if not (narrow and name == "float32")
        for path in exported.write(made, tmp_path / made.name)[:2]
    ]
    assert len(sources) >= 10
    ran = compiled(compiler, [*LANGUAGES[language], *flags], sources, tmp_path)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert len(list(tmp_path.glob("*.o"))) == (1 if compiler == ZIG else len(sources))


AVR = """
#include <avr/io.h>
#include <avr/interrupt.h>
#include <avr/sleep.h>
#include "{name}.h"

static void say(char letter)
{{
    while (!(UCSR0A & (1 << UDRE0)))
        ;
    UDR0 = (uint8_t)letter;
}}

int main(void)
{{
    UCSR0B = 1 << TXEN0;
    say((char)('A' + {name}_selftest()));
    say('\\n');
    for (volatile long wait = 0; wait < 2000; wait++)
        ;
    cli();
    sleep_mode();
    return 0;
}}
"""


@pytest.mark.parametrize(
    "form", ["int8", SKIPPED, SPARSE, "int16", "softmax", "infinite", *OF_IMAGES]
)
def test_the_self_test_passes_on_an_emulated_atmega328p(form, libraries, tmp_path):
    for needed in "avr-gcc", "simavr":
        if shutil.which(needed) is None:
            pytest.skip(f"needs {needed} (Debian: gcc-avr, avr-libc, simavr)")
    made = libraries[form]
    sources = exported.write(made, tmp_path)[:2]
    (tmp_path / "avr.c").write_text(AVR.format(name=made.name))
    program = tmp_path / "avr.elf"
    flags = ["-mmcu=atmega328p", "-std=c99", *WARNINGS, "-Os", "-o", program]
    subprocess.run(["avr-gcc", *flags, tmp_path / "avr.c", *sources], check=True)
    command = ["simavr", "-m", "atmega328p", "-f", "16000000", program]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert "A.\n" in ran.stdout + ran.stderr
