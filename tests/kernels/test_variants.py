"""Kernels for instruction sets: those of this machine, and Arm's, cross-compiled and emulated.

Each is compared with the portable kernel on thousands of random calls, which the tests of its op
draw, and on the steps of the small models. The variants for Cortex-M have an emulator of their own.
"""

import functools
import itertools
import re
import shutil
import signal
import subprocess
import sysconfig
from pathlib import Path

import numpy as np
import pytest

import runtimes
import sources
import trials
from trials import Trial, between

COMPILER, EMULATOR = "aarch64-linux-gnu-gcc", "qemu-aarch64"
WARNINGS = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
OPTIMISED = ["-O2", "-ftree-vectorize", "-ffp-contract=off"]
RANDOM, PLANNED = 500, 20
"""Random calls of a kernel, and calls of each step of a small model."""


def finite_trial(rng):
    """A trial of the kernel that no op is lowered to: the session looks at its inputs with it."""
    count = between(rng, 1, 200)
    numbers = trials.float32s(rng, count, rng.integers(4))
    if rng.integers(2):  # infinity, or one of many NaN, of either sign
        pattern = rng.integers(2**32, dtype=np.uint32) | np.uint32(0x7F800000)
        numbers[rng.integers(count)] = pattern.view(np.float32)
    return Trial([count], [numbers], [], [4])


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Return a function of a kernel, which returns a file of trials and their number."""
    folder = tmp_path_factory.mktemp("trials")

    @functools.cache
    def write(kernel):
        draw = finite_trial if kernel == "finite" else trials.random(kernel)
        rng = np.random.default_rng(1)
        path, count = folder / kernel, 0
        with path.open("wb") as file:
            for trial in itertools.chain(
                (draw(rng) for _ in range(RANDOM)), trials.planned(kernel, PLANNED)
            ):
                file.write(trial.encoded())
                count += 1
        return path, count

    yield write
    shutil.rmtree(folder)


def build(compiler, folder):
    """Compile kernel_variants.c with all kernels, as setup.py compiles them."""
    path = folder / "kernel_variants"
    files = [*sources.HOST, Path(__file__).with_name("kernel_variants.c")]
    command = [*compiler, *WARNINGS, sources.INCLUDE, *OPTIMISED, "-o", path]
    subprocess.run([*command, *files], check=True)
    return path


def require_the_same_bytes(command, written, kernel, level):
    """Run a variant on all trials of its kernel; in the program's folder, where it may dump core.

    A packer may refuse some, not most; that of AMX also the layers that fill no tile.
    """
    trial_file, count = written(kernel)
    with trial_file.open("rb") as file:
        ran = subprocess.run(
            [*command, kernel, level],
            stdin=file,
            capture_output=True,
            text=True,
            cwd=Path(command[-1]).parent,
        )
    found = re.fullmatch(r"(\d+) the same bytes, (\d+) refused\n", ran.stdout)
    assert found, (kernel, level, ran.returncode, ran.stdout, ran.stderr)
    alike, refused = map(int, found.groups())
    assert alike + refused == count
    assert alike > count * (0.2 if level == "amx" else 0.5)


ROWS = sources.variants()
CORES = {"neon": ("max", "cortex-a53"), "dotprod": ("cortex-a76",), "i8mm": ("max",)}
"""By level: a Cortex-A53 is that of a Raspberry Pi 3, a Cortex-A76 that of a Raspberry Pi 5."""
OF_ARM64 = [(core, *row[1:]) for row in ROWS if row[0] == "arm64" for core in CORES[row[2]]]
"""Core, kernel, level."""


@pytest.fixture(scope="module")
def compiler():
    if shutil.which(COMPILER) is None:
        pytest.skip(f"needs {COMPILER} (Debian: gcc-aarch64-linux-gnu and libc6-dev-arm64-cross)")
    return [COMPILER]


@pytest.fixture(scope="module")
def program(compiler, tmp_path_factory):
    if shutil.which(EMULATOR) is None:
        pytest.skip(f"needs {EMULATOR} (Debian: qemu-user)")
    return build([*compiler, "-static"], tmp_path_factory.mktemp("arm"))


@pytest.mark.parametrize(("core", "kernel", "level"), OF_ARM64)
def test_variants_give_the_bytes_of_the_portable_kernels(program, written, core, kernel, level):
    require_the_same_bytes([EMULATOR, "-cpu", core, program], written, kernel, level)


@pytest.fixture(scope="module")
def host_programs(tmp_path_factory):
    """Return a function of compiler options, which returns the program for this machine."""
    if shutil.which("cc") is None:
        pytest.skip("needs cc")
    return functools.cache(
        lambda *options: build(["cc", *options], tmp_path_factory.mktemp("host"))
    )


@pytest.mark.parametrize(("kernel", "level"), [row[1:] for row in ROWS if row[0] == "x86"])
def test_variants_for_x86_give_the_bytes_of_the_portable_kernels(
    host_programs, written, kernel, level
):
    enough = {level} if level == "amx" else {level, "avx512"}
    if not enough & set(runtimes.INSTRUCTIONS):
        pytest.skip(f"needs {' or '.join(sorted(enough))}")
    # Compiled with AVX-512's form of its instruction, where the machine has only that.
    options = [] if level in runtimes.INSTRUCTIONS else ["-DEK_VNNI_OF_AVX512"]
    require_the_same_bytes([host_programs(*options)], written, kernel, level)


@pytest.mark.parametrize(
    ("kernel", "level"),
    [row[1:] for row in ROWS if row[0] == "all" and row[2] != "computed"],  # it leaves out a table
)
def test_portable_variants_give_the_bytes_of_the_portable_kernels(
    host_programs, written, kernel, level
):
    require_the_same_bytes([host_programs()], written, kernel, level)


@pytest.mark.parametrize(("core", "level"), [("cortex-a53", "dotprod"), ("cortex-a76", "i8mm")])
def test_the_emulator_knows_cores_without_a_level(program, written, core, level):
    """Or the tests above would not show that the level below does without."""
    kernel = next(kernel for _, kernel, its_level in OF_ARM64 if its_level == level)
    with written(kernel)[0].open("rb") as file:
        command = [EMULATOR, "-cpu", core, program, kernel, level]
        ran = subprocess.run(command, stdin=file, capture_output=True, cwd=program.parent)
    assert ran.returncode == -signal.SIGILL


def test_extension_compiles(compiler):
    include = sysconfig.get_path("include")
    for source in sources.EXTENSION, *sources.HOST:
        command = [*compiler, *WARNINGS, sources.INCLUDE, "-fsyntax-only"]
        command += ["-DPy_LIMITED_API=0x030B0000", "-isystem", include]
        subprocess.run([*command, source], check=True)
