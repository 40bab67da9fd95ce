"""The kernels on a Harvard machine: what they read through flash.h is what Kernel.flash tells.

Compiled for this machine with a flash whose bits are all inverted, kernels give the right bytes
only when each tensor that lies in flash is read there, and no other is.
"""

import ctypes
import shutil
import struct
import subprocess
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import edge_runtime
import hostile
import runtimes
import sources
from edge_runtime import ModelError, ops
from edge_runtime.planner import plan

ROOT = Path(__file__).parents[2]
INVERTED = ROOT / "tests/support/inverted_flash.h"

IN_FLASH = set(
    "add_float32 add_int16_twice add_int8_twice add_int8_once concatenation "
    "fully_connected_float32 fully_connected_int16_once fully_connected_int16_narrow_once "
    "fully_connected_int16_narrow_twice fully_connected_int16_reduced_once "
    "fully_connected_int8_once fully_connected_int8_twice fully_connected_int8_float "
    "logistic_int16 lookup_int16 lookup_int8 mul_float32 mul_int16_twice mul_int8_twice "
    "mul_int8_float softmax_int16_twice softmax_int8_twice softmax_int8_int16_twice "
    "softmax_int8_int16_float softmax_int8_float tanh_int16".split()
)
"""Kernels of which some tensors lie in flash; ADD and MUL of other types are of the same macro."""


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    if shutil.which("cc") is None:
        pytest.skip("needs cc")
    made = tmp_path_factory.mktemp("inverted") / "kernels.so"
    command = ["cc", "-std=c99", "-ffp-contract=off", "-shared", "-fPIC", "-include", INVERTED]
    subprocess.run([*command, sources.INCLUDE, *sources.PORTABLE, "-o", made], check=True)
    return ctypes.CDLL(str(made))


def execute(library, made, tensor):
    """Run a plan's kernels, each constant as it lies where the kernel reads it."""
    memory = {
        index: ctypes.create_string_buffer(slot.size)
        for index, slot in enumerate(made.slots)
        if slot.data is None
    }
    memory[made.input].raw = tensor.tobytes()
    for step in made.steps:
        own = []
        for position, index in enumerate(step.slots):
            data, inverted = made.slots[index].data, position in step.kernel.flash
            assert data is not None or not inverted
            if data is None:
                own.append(memory[index])
                continue
            content = np.frombuffer(data.tobytes(), np.uint8)
            content = ~content if inverted else content
            own.append(ctypes.create_string_buffer(content.tobytes(), len(content)))
        fields = step.kernel.params.values()
        pointers = (ctypes.c_void_p * len(own))(*map(ctypes.addressof, own))
        params = ctypes.create_string_buffer(struct.pack(f"={len(fields)}i", *fields))
        getattr(library, f"ek_{step.kernel.name}")(params, pointers)
    return memory[made.output].raw


def originals():
    """Return models that together have each kernel with tensors in flash."""
    return {
        **hostile.originals(),
        "QUANTIZE int8 int16": runtimes.unary(
            "QUANTIZE", ("int8", 0.1, 3), ("int16", 0.001, 0), 70
        ),
        "SOFTMAX int8 int16": runtimes.unary(
            "SOFTMAX", ("int8", 0.1, 3), ("int16", 2.0**-16, -(2**15)), 10, beta=1.0
        ),
    }


def test_kernels_read_from_flash_what_lies_there(library, tmp_path):
    kernels, path = set(), tmp_path / "model.tflite"
    rng = np.random.default_rng(4)
    for (name, data), rounding in product(originals().items(), ops.ROUNDINGS):
        path.write_bytes(data)
        try:
            model = edge_runtime.load(path, backend="reference", rounding=rounding)
        except ModelError:
            assert rounding == "tflite-micro", name  # TFLite Micro refuses some
            continue
        made = plan(model.graph, rounding)
        tensor = rng.integers(-100, 100, model.input.shape).astype(model.input.dtype)
        expected = model.run(tensor)
        output = np.frombuffer(execute(library, made, tensor), expected.dtype)
        assert hostile.same(output.reshape(expected.shape), expected), (name, rounding)
        kernels |= {step.kernel.name for step in made.steps if step.kernel.flash}
    assert kernels == IN_FLASH
