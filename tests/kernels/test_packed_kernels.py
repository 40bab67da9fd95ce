"""The kernels that read packed weights, beside the definition of the kernel that they stand for."""

import ctypes
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cortex_m
import sources
from dense_layers import layers

FORMS = ("dsp", "skip_dsp", "skip", "sparse", "sparse_dsp")
HERE = ("portable", "skip", "sparse")


def source_of(form):
    found = [*sources.PORTABLE, *sources.CORTEX_M]
    (path,) = (one for one in found if one.stem == f"fully_connected_int8_{form}")
    return path


def check_on_core(core: cortex_m.Core, form: str, seed: int, count: int) -> None:
    """Compare all outputs, with tensors that end or begin at a page that cannot be touched."""
    refused = 0
    for number, layer in enumerate(layers(seed, count)):
        packed = layer.packed(form)
        if packed is None:
            assert layer.params.depth < 4
            refused += 1
            continue
        at_end = number % 4 != 0
        expected = layer.expected()
        values = [layer.tensor, *packed.constants]
        contents = [*(value.tobytes() for value in values), b"\x5a" * len(expected)]
        addresses = [core.place(slot, content, at_end) for slot, content in enumerate(contents)]
        core.call(packed.name, packed.params.values(), addresses)
        made = bytes(core.engine.mem_read(addresses[-1], len(expected)))
        assert made == expected, (packed.params, number)
    assert refused < count / 4


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("cpu", "optimisation", "count"),
    [
        ("cortex_m4", "-Os", 1000),
        ("cortex_m4", "-O3", 1000),
        ("cortex_m7", "-Os", 100),
        ("cortex_m33+dsp", "-O3", 100),
    ],
)
def test_kernels_on_cores(
    built: Callable[[str, str], Path], cpu: str, optimisation: str, count: int, form: str
) -> None:
    core = cortex_m.Core(cpu, built(cpu, optimisation))
    check_on_core(core, form, seed=count + len(form), count=count)
    if form.endswith("dsp"):
        assert core.stack() < 320


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The host's kernels."""
    path = tmp_path_factory.mktemp("host") / "kernels.so"
    command = ["cc", *cortex_m.STRICT, "-O2", "-shared", "-fPIC", sources.INCLUDE]
    subprocess.run([*command, *map(str, sources.HOST), "-o", str(path)], check=True)
    return ctypes.CDLL(str(path))


def aligned(values: Any) -> Any:
    """Return a copy at a multiple of 64 bytes, as the extension has it."""
    content = values.tobytes()
    room = np.zeros(len(content) + 64, np.uint8)
    start = -room.ctypes.data % 64
    room[start : start + len(content)] = np.frombuffer(content, np.uint8)
    return room[start : start + len(content)]


@pytest.mark.parametrize("level", HERE)
def test_kernels_on_the_host(library: ctypes.CDLL, level: str) -> None:
    for number, layer in enumerate(layers(seed=1, count=1000)):
        packed = layer.packed(level)
        assert packed is not None
        params = np.array(list(packed.params.values()), np.int32)
        expected = layer.expected()
        tensors = [*map(aligned, packed.constants), np.zeros(len(expected), np.int8)]
        pointers = (ctypes.c_void_p * 6)(
            layer.tensor.ctypes.data, *(one.ctypes.data for one in tensors)
        )
        getattr(library, f"ek_{packed.name}")(ctypes.c_void_p(params.ctypes.data), pointers)
        assert tensors[-1].tobytes() == expected, (packed.params, number)


@pytest.mark.parametrize("form", FORMS)
def test_kernels_are_cpp_as_well(tmp_path: Path, form: str) -> None:
    source = tmp_path / "kernel.cpp"
    source.write_text(f'#include "{source_of(form)}"\n')
    warnings = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-std=c++17"]
    target = ["-target", "thumb-freestanding-eabi", "-mcpu=cortex_m4", "-Os"]
    command = [sys.executable, "-m", "ziglang", "c++", *target, *warnings, sources.INCLUDE]
    subprocess.run([*command, "-c", str(source), "-o", str(tmp_path / "kernel.o")], check=True)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    folder = tmp_path_factory.mktemp("cortex_m")
    files = [source_of(form) for form in FORMS]
    made: dict[tuple[str, str], Path] = {}

    def get(cpu: str, optimisation: str) -> Path:
        if (cpu, optimisation) not in made:
            made[cpu, optimisation] = cortex_m.build(folder, cpu, optimisation, files)
        return made[cpu, optimisation]

    return get
