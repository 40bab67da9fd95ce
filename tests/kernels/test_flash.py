"""The kernels on a Harvard machine: what they read through flash.h is what Kernel.flash says.

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
import sources
from edge_runtime import ModelError, ops
from edge_runtime.planner import plan
from edgekit.convert.c.forms import ENGINE

ROOT = Path(__file__).parents[2]
INVERTED = ROOT / "tests/support/inverted_flash.h"


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    if shutil.which("cc") is None:
        pytest.skip("needs cc")
    made = tmp_path_factory.mktemp("inverted") / "kernels.so"
    command = ["cc", "-std=c99", "-ffp-contract=off", "-shared", "-fPIC", "-include", INVERTED]
    subprocess.run([*command, sources.INCLUDE, *sources.PORTABLE, "-o", made], check=True)
    return ctypes.CDLL(str(made))


def execute(library, made, tensors):
    """Run a plan's kernels, each constant as it lies where the kernel reads it."""
    memory = {
        index: ctypes.create_string_buffer(slot.size)
        for index, slot in enumerate(made.slots)
        if slot.data is None
    }
    for state in made.states:
        filled = bytes([state.fill]) * made.slots[state.slot].size
        memory[state.slot].raw = filled if state.data is None else state.data.tobytes()
    for index, tensor in zip(made.inputs, tensors, strict=True):
        memory[index].raw = tensor.tobytes()
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
    return [memory[index].raw for index in made.outputs]


def test_kernels_read_from_flash_what_lies_there(library, tmp_path):
    path = tmp_path / "model.tflite"
    rng = np.random.default_rng(4)
    for (name, data), rounding in product(hostile.originals().items(), ops.ROUNDINGS):
        path.write_bytes(data)
        try:
            model = edge_runtime.load(path, backend="reference", rounding=rounding)
        except ModelError:
            assert rounding == "tflite-micro", name  # TFLite Micro refuses some
            continue
        planned = plan(model.graph, rounding, ENGINE)
        tensors = tuple(
            rng.integers(-100, 100, tensor.shape).astype(tensor.dtype)
            for tensor in model.inputs.values()
        )
        ran = model.run(tensors)
        expected = ran if isinstance(ran, tuple) else (ran,)
        for content, other in zip(execute(library, planned, tensors), expected, strict=True):
            output = np.frombuffer(content, other.dtype).reshape(other.shape)
            assert hostile.same(output, other), (name, rounding)
