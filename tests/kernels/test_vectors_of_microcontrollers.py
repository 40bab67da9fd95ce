"""Kernels for vectors of microcontrollers, emulated by QEMU, beside the portable kernels."""

import ctypes
import importlib
import itertools
import shutil
import struct
import subprocess

import numpy as np
import pytest

import cortex_m
import kernel_firmware
import sources
import trials
from edgekit.benchmarks.mcu.cores import CORES
from edgekit.benchmarks.mcu.programs import PROGRAMS
from kernel_firmware import Call

RANDOM, PLANNED = 700, 3
LEVELS = {"helium": "cortex-m55", "rvv": "rv32imcv"}
FILES = {
    "conv_2d_int8_twice": "conv_2d_int8",
    "depthwise_conv_2d_int8_twice": "depthwise_conv_2d_int8",
    "fully_connected_int8_once": "fully_connected_int8",
    "add_int8_twice": "add_int8",
}
"""Kernel -> its file, without the level."""
PORTABLE = "conv_2d", "depthwise_conv_2d", "fully_connected_int8", "add"
ROWS = [row[1:] for row in sources.variants() if row[2] in LEVELS]
native = importlib.import_module("edge_runtime._native")


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """The host's kernels."""
    path = tmp_path_factory.mktemp("host") / "kernels.so"
    command = ["cc", *cortex_m.STRICT, "-O2", "-shared", "-fPIC", sources.INCLUDE]
    files = [sources.KERNELS / f"{name}.c" for name in PORTABLE]
    subprocess.run([*command, *map(str, files), "-o", str(path)], check=True)
    return ctypes.CDLL(str(path))


def expected(library, kernel, trial):
    """Return the outputs of the portable kernel."""
    params = (ctypes.c_int32 * len(trial.params))(*trial.params)
    outputs = [ctypes.create_string_buffer(size) for size in trial.outputs]
    tensors = [one.tobytes() for one in trial.tensors]
    pointers = (ctypes.c_void_p * (len(tensors) + len(outputs)))(
        *(ctypes.cast(one, ctypes.c_void_p) for one in (*tensors, *outputs))
    )
    getattr(library, f"ek_{kernel}")(params, pointers)
    return [one.raw for one in outputs]


def call_of(kernel, level, trial):
    """Return the trial as a call of a variant; None if its packer refuses."""
    tensors = [one.tobytes() for one in trial.tensors]
    constants = [
        one if position in trial.constant else None for position, one in enumerate(tensors)
    ]
    params = struct.pack(f"={len(trial.params)}i", *trial.params)
    packed = native.pack(kernel, level, params, tuple(constants))
    if packed is None:
        return None
    params, contents = packed
    for position, content in enumerate(contents):
        tensors[position] = tensors[position] if content is None else content
    scratch = native.scratch(
        kernel, level, struct.pack(f"={len(trial.params)}i", *trial.params), tuple(constants)
    )
    values = struct.unpack(f"={len(params) // 4}i", params)
    return Call(values, tensors, [*trial.outputs, *([scratch] if scratch else [])])


@pytest.mark.parametrize("optimisation", ["-Os", "-O2"])
@pytest.mark.parametrize(("kernel", "level"), ROWS)
def test_the_bytes_are_those_of_the_portable_kernel(library, kernel, level, optimisation):
    core = LEVELS[level]
    program = PROGRAMS[CORES[core].emulated]
    if shutil.which(program) is None:
        pytest.skip(f"needs {program}")
    draw, rng = trials.random(kernel), np.random.default_rng(len(kernel))
    drawn = itertools.chain((draw(rng) for _ in range(RANDOM)), trials.planned(kernel, PLANNED))
    pairs = [(trial, call_of(kernel, level, trial)) for trial in drawn]
    calls = [(trial, call) for trial, call in pairs if call and call.fits]
    # Packers refuse what converters do not write, and tensors that are broadcast.
    assert len(calls) > len(pairs) / 10
    built = kernel_firmware.build(
        core, f"{kernel}_{level}", f"{FILES[kernel]}_{level}.c", optimisation
    )
    for (trial, _), outputs in zip(
        calls, kernel_firmware.run(built, [c for _, c in calls]), strict=True
    ):
        assert outputs[: len(trial.outputs)] == expected(library, kernel, trial), trial.params
