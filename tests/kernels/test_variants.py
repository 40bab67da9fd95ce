"""Kernels for instruction sets: those of this machine, and Arm's, cross-compiled and emulated."""

import shutil
import signal
import subprocess
import sysconfig
from pathlib import Path

import pytest

import runtimes
import sources

COMPILER, EMULATOR = "aarch64-linux-gnu-gcc", "qemu-aarch64"
WARNINGS = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]


@pytest.fixture(scope="module")
def compiler():
    if shutil.which(COMPILER) is None:
        pytest.skip(f"needs {COMPILER} (Debian: gcc-aarch64-linux-gnu and libc6-dev-arm64-cross)")
    return [COMPILER, *WARNINGS, sources.INCLUDE]


@pytest.fixture(scope="module")
def program(compiler, tmp_path_factory):
    if shutil.which(EMULATOR) is None:
        pytest.skip(f"needs {EMULATOR} (Debian: qemu-user)")
    return build([*compiler, "-static"], tmp_path_factory.mktemp("arm"))


def build(compiler, folder):
    """Compile kernel_variants.c with all kernels, as setup.py compiles them."""
    path = folder / "kernel_variants"
    files = [*sources.HOST, Path(__file__).with_name("kernel_variants.c")]
    command = [*compiler, "-O3", "-ffp-contract=off", "-o", path, *files]
    subprocess.run(command, check=True)
    return path


def equal(level, kernels):
    return [f"{kernel} {level}: 10000 shapes, the same bytes" for kernel in kernels]


def run(program, core, *levels):
    """Return what the program says; in its folder, where a crash may leave its core."""
    command = [EMULATOR, "-cpu", core, program, *levels]
    return subprocess.run(command, capture_output=True, text=True, cwd=program.parent)


@pytest.mark.parametrize(
    ("core", "level", "kernels"),
    [
        ("max", "dotprod", ["fully_connected_int8_once"]),
        ("max", "neon", ["fully_connected_int8_once", "fully_connected_float32"]),
        # As in a Raspberry Pi 3: it has no dot product.
        ("cortex-a53", "neon", ["fully_connected_int8_once", "fully_connected_float32"]),
    ],
)
def test_variants_give_the_bytes_of_the_portable_kernels(program, core, level, kernels):
    ran = run(program, core, level)
    assert ran.stdout.splitlines() == equal(level, kernels), (ran.returncode, ran.stderr)
    assert ran.returncode == 0


@pytest.mark.parametrize(
    ("level", "kernels"),
    [
        ("avx512", ["fully_connected_int8_once", "fully_connected_float32"]),
        (
            "avx2",
            [
                *("finite", "fully_connected_int8_once", "fully_connected_float32"),
                *("add_int8_twice", "add_int16_twice", "mul_int8_twice", "mul_int16_twice"),
            ],
        ),
        # Compiled with AVX-512's form of its instruction, where the machine has only that.
        ("avxvnni", ["fully_connected_int8_once"]),
    ],
)
def test_variants_for_x86_give_the_bytes_of_the_portable_kernels(level, kernels, tmp_path):
    if not {level, "avx512"} & set(runtimes.INSTRUCTIONS) or shutil.which("cc") is None:
        pytest.skip(f"needs {level} or avx512, and a C compiler")
    own = [] if level in runtimes.INSTRUCTIONS else ["-DEK_VNNI_OF_AVX512"]
    program = build(["cc", *WARNINGS, sources.INCLUDE, *own], tmp_path)
    ran = subprocess.run([program, level], capture_output=True, text=True, cwd=tmp_path)
    assert ran.stdout.splitlines() == equal(level, kernels), (ran.returncode, ran.stderr)


def test_the_emulator_knows_cores_without_dot_product(program):
    """Or the test above would not show that neon does without."""
    assert run(program, "cortex-a53", "dotprod").returncode == -signal.SIGILL


def test_extension_compiles(compiler):
    include = sysconfig.get_path("include")
    for source in sources.EXTENSION, *sources.HOST:
        command = [*compiler, "-fsyntax-only", "-DPy_LIMITED_API=0x030B0000", "-isystem", include]
        subprocess.run([*command, source], check=True)
