"""Compilers for this machine and for microcontrollers, and their options for each target."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FREESTANDING = Path(__file__).with_name("freestanding")

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
LANGUAGES = {"C99": ["-std=c99"], "C++17": ["-x", "c++", "-std=c++17"]}

NARROW = [
    *("-DEK_DOUBLE_BITS_H", "-Dek_double_has_64_bits=int"),
    "-Dek_double(bits)=(double)(bits)",
    "-Dek_double_bits(x)=(uint64_t)(x)",
]
"""In place of double_bits.h, which refuses a double of 32 bits; integer kernels need none."""

ZIG = "zig"
ZIG_AVR = ["-target", "avr-freestanding", "-mcpu=atmega328p", "-Wno-avr-rtlib-linking-quirks"]
MACHINES = {
    "gcc": ("gcc", []),
    "clang": ("clang", []),
    **{
        f"arm-none-eabi-gcc {core}": ("arm-none-eabi-gcc", ["-mthumb", f"-mcpu={core}"])
        for core in ("cortex-m0", "cortex-m4")
    },
    "arm-none-eabi-gcc cortex-m4 with FPU": (
        "arm-none-eabi-gcc",
        ["-mthumb", "-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"],
    ),
    "arm-none-eabi-gcc cortex-m55": (
        "arm-none-eabi-gcc",
        ["-mthumb", "-mcpu=cortex-m55", "-mfloat-abi=hard"],
    ),
    "avr-gcc": ("avr-gcc", ["-mmcu=atmega328p", *NARROW]),
    **{
        f"zig {core}": (ZIG, ["-target", "thumb-freestanding-eabi", f"-mcpu={core}"])
        for core in ("cortex_m0", "cortex_m4", "cortex_m33")
    },
    "zig cortex_m7 with FPU": (
        ZIG,
        ["-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m7+fp_armv8d16"],
    ),
    "zig cortex_m55": (
        ZIG,
        ["-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m55+mve_fp"],
    ),
    "zig rv32imc": (ZIG, ["-target", "riscv32-freestanding", "-mcpu=generic_rv32+m+c"]),
    "zig rv32imcv": (
        ZIG,
        ["-target", "riscv32-freestanding", "-mcpu=generic_rv32+m+c+zve32x+zvl128b"],
    ),
    "zig atmega328p": (ZIG, [*ZIG_AVR, *NARROW]),
    "zig wasm32": (ZIG, ["-target", "wasm32-freestanding"]),
}
"""Compiler, and what picks the machine."""

BUILDS = [
    *(("C99", machine) for machine in MACHINES),
    # What C++ refuses depends on the compiler, and hardly on the machine.
    *(("C++17", machine) for machine in ("gcc", "clang", "avr-gcc", "zig cortex_m4")),
    *(("C++17", f"arm-none-eabi-gcc {core}") for core in ("cortex-m0", "cortex-m55")),
]
"""Languages and machines that are compiled for."""


def compiled(compiler, flags, sources, folder):
    """Compile to objects in the folder with the flags of the language and the machine."""
    if compiler == ZIG:
        # Of several sources zig makes one object.
        command = [sys.executable, "-m", "ziglang", "cc", "-o", "all.o"]
    elif shutil.which(compiler) is None:
        pytest.skip(f"needs {compiler}")
    else:
        command = [compiler]
    # Clang, which zig is, too, warns before it optimises; gcc also of what it finds meanwhile.
    # LLVM for AVR cannot do without optimising.
    at_once = compiler in (ZIG, "clang") and "avr-freestanding" not in flags
    optimisation = "-O0" if at_once else "-Os"
    command += [*flags, *WARNINGS, optimisation, "-c", "-idirafter", str(FREESTANDING)]
    return subprocess.run([*command, *sources], cwd=folder, capture_output=True, text=True)
