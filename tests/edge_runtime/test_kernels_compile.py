"""The portable kernels as C99 and C++17, for every machine that a compiler here builds for."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ENGINE = ROOT / "edge_runtime"
FREESTANDING = ROOT / "tests/support/freestanding"

VARIANTS = ("avx", "neon", "dotprod")
KERNELS = [
    path
    for path in sorted(ENGINE.glob("ops/*.c"))
    if not any(variant in path.stem for variant in VARIANTS)
]
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
LANGUAGES = {"C99": ["-std=c99"], "C++17": ["-x", "c++", "-std=c++17"]}

NARROW = ["-DEK_EXPONENTIAL_H", "-Dek_exp(x)=(x)"]
"""In place of exponential.h, which refuses a double of 32 bits; integer kernels need none."""

ZIG = "zig"
ZIG_AVR = ["-target", "avr-freestanding", "-mcpu=atmega328p", "-Wno-avr-rtlib-linking-quirks"]
MACHINES = {
    "gcc": ("gcc", []),
    "clang": ("clang", []),
    **{
        f"arm-none-eabi-gcc {core}": ("arm-none-eabi-gcc", ["-mthumb", f"-mcpu={core}"])
        for core in ("cortex-m0", "cortex-m4", "cortex-m7", "cortex-m33")
    },
    "avr-gcc": ("avr-gcc", ["-mmcu=atmega328p", *NARROW]),
    **{
        f"zig {core}": (ZIG, ["-target", "thumb-freestanding-eabi", f"-mcpu={core}"])
        for core in ("cortex_m0", "cortex_m4", "cortex_m7", "cortex_m33")
    },
    "zig rv32imc": (ZIG, ["-target", "riscv32-freestanding", "-mcpu=generic_rv32+m+c"]),
    "zig atmega328p": (ZIG, [*ZIG_AVR, *NARROW]),
    "zig wasm32": (ZIG, ["-target", "wasm32-freestanding"]),
}
"""Compiler, and what picks the machine."""


def compiled(compiler, flags, sources, folder):
    """Compile to objects in the folder, the language's and the machine's flags given."""
    if compiler == ZIG:
        # Of several sources zig makes one object.
        command = [sys.executable, "-m", "ziglang", "cc", "-o", "all.o"]
    elif shutil.which(compiler) is None:
        pytest.skip(f"needs {compiler}")
    else:
        command = [compiler]
    command += [*flags, *WARNINGS, "-Os", "-c", f"-I{ENGINE}", "-idirafter", str(FREESTANDING)]
    return subprocess.run([*command, *sources], cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_compiler_has_anything_to_say(language, machine, tmp_path):
    compiler, flags = MACHINES[machine]
    ran = compiled(compiler, [*LANGUAGES[language], *flags], KERNELS, tmp_path)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert len(list(tmp_path.glob("*.o"))) == (1 if compiler == ZIG else len(KERNELS))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kernel", ["logistic", "softmax", "tanh"])
def test_a_double_of_32_bits_is_refused_by_name(language, kernel, tmp_path):
    flags = [*LANGUAGES[language], *ZIG_AVR]
    ran = compiled(ZIG, flags, [ENGINE / f"ops/{kernel}.c"], tmp_path)
    assert ran.returncode != 0
    errors = [line for line in ran.stderr.splitlines() if " error: " in line]
    assert len(errors) == 1
    assert "exponential.h" in errors[0]
    assert "ek_double_has_64_bits" in ran.stderr
