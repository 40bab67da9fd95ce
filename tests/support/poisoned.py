"""Exported C run step by step, with every byte of the arena that nobody needs overwritten."""

from __future__ import annotations

import ctypes
import struct
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from unicorn import UC_HOOK_CODE, arm_const

import cortex_m
import exported
from edge_runtime.backends.native import NativeEngine
from edge_runtime.ops.constraints import LIMITS
from edge_runtime.planner import plan
from edge_runtime.planner.one_arena import OneArena
from edge_runtime.planner.plan import Plan
from edge_runtime.reader import read
from edge_runtime.record import replace
from edgekit.convert.c import arena, forms
from edgekit.convert.c import library as c_library
from edgekit.convert.c.library import CLibrary

Bytes = npt.NDArray[np.uint8]

WATCHED = """\
#include <stdint.h>
{declared}
#define EK_STEP(index) {hook}(index, arena);
#include "{name}.c"
#undef EK_STEP
"""

WHOLE = {"bool": (0, 1), **dict.fromkeys(("int32", "int64"), (-100, 100))}
"""Bounds of drawn numbers without a scale: small enough for indices, counts, sums, products."""

MOST_INSTRUCTIONS = 200_000_000
"""After so many an emulated model is in an endless loop."""

HOOK = "hook *ek_{name}_hook;"
"""On this machine: a function of Python."""

STOP = """\
__attribute__((noinline)) void ek_hook(int32_t index, void *arena)
{
    __asm__ volatile("" ::"r"(index), "r"(arena) : "memory");
}
"""
"""On the emulator, which stops there."""


@dataclass(frozen=True)
class Watched:
    """An exported model, where its tensors lie, and what the plain kernels compute.

    Attributes:
        library: the model.
        placed: its plan.
        inputs: bytes of each input.
        outputs: for each step the bytes of its outputs, each in memory of its own.
    """

    library: CLibrary
    placed: OneArena
    inputs: tuple[bytes, ...]
    outputs: tuple[tuple[bytes, ...], ...]


def watched(
    content: bytes, name: str, *, seed: int = 0, keep_input: bool = False, skip_zeros: bool = False
) -> Watched:
    """Return an exported model with random inputs.

    Raises:
        ModelError: it cannot be exported.
    """
    plain = plan(read(content), engine=forms.ENGINE)
    placed = arena.laid_out(plain, keep_input=keep_input)
    with exported.any_batch():
        library = c_library.library(
            content, "model.tflite", name, skip_zeros=skip_zeros, keep_input=keep_input
        )
    inputs = drawn(plain, seed)
    # Its steps may be in another order.
    outputs = {
        id(step): one for step, one in zip(plain.steps, reference(plain, inputs), strict=True)
    }
    ordered = tuple(outputs[id(step)] for step in placed.plan.steps)
    return Watched(library, placed, inputs, ordered)


def drawn(planned: Plan, seed: int) -> tuple[bytes, ...]:
    """Return random inputs: all values of a number format, small whole numbers."""
    rng = np.random.default_rng(seed)
    inputs = []
    for slot in (planned.slots[number] for number in planned.inputs):
        count = slot.size // np.dtype(slot.dtype).itemsize
        if slot.dtype == "float32":
            values = rng.normal(size=count).astype(np.float32)
        else:
            low, high = (LIMITS | WHOLE)[slot.dtype]
            values = rng.integers(low, high, count, endpoint=True).astype(slot.dtype)
        inputs.append(values.tobytes())
    return tuple(inputs)


def reference(planned: Plan, inputs: Sequence[bytes]) -> tuple[tuple[bytes, ...], ...]:
    """Return the bytes of the outputs of each step, each in memory of its own."""
    engine = NativeEngine(forms.extension(), "portable")
    values = dict(zip(planned.inputs, inputs, strict=True))
    for state in planned.states:
        size = planned.slots[state.slot].size
        values[state.slot] = bytes(state.data or bytes([state.fill]) * size)
    found = []
    for step in planned.steps:
        slots = [
            replace(planned.slots[number], data=memoryview(values[number]))
            if planned.slots[number].data is None
            else planned.slots[number]
            for number in step.reads
        ]
        sizes = [planned.slots[number].size for number in step.writes]
        outputs = engine.run(step.kernel, slots, sizes)
        values |= zip(step.writes, outputs, strict=True)
        found.append(outputs)
    return tuple(found)


class Watch:
    """Compares what each step has written, and overwrites what no later step needs."""

    def __init__(self, one: Watched, seed: int) -> None:
        self.one = one
        self.rng = np.random.default_rng(seed)
        self.wrong: list[str] = []
        self.places = places(one.placed)
        plain = one.placed.plan
        end = len(plain.steps)
        self.first = {
            slot: index
            for index, step in reversed(list(enumerate(plain.steps)))
            for slot in step.writes
        }
        self.last = {slot: index for index, step in enumerate(plain.steps) for slot in step.reads}
        self.first |= dict.fromkeys(plain.inputs, -1)
        self.last |= dict.fromkeys(plain.outputs, end)
        self.first |= {state.slot: -1 for state in plain.states}
        self.last |= {state.slot: end for state in plain.states}

    def at(self, index: int, arena: Bytes) -> None:
        """Look at the arena before a step, or after the last one."""
        steps, slots = self.one.placed.plan.steps, self.one.placed.plan.slots
        if index:
            step = steps[index - 1]
            for slot, expected in zip(step.writes, self.one.outputs[index - 1], strict=True):
                offset = self.places[slot]
                if arena[offset : offset + slots[slot].size].tobytes() != expected:
                    self.wrong.append(f"step {index - 1}, {step.op.name}")
        dead = np.ones(len(arena), bool)
        for slot, offset in self.places.items():
            if self.first.get(slot, index) < index <= self.last.get(slot, -1):
                dead[offset : offset + slots[slot].size] = False
        arena[dead] = self.rng.integers(0, 256, int(dead.sum()), np.uint8)


def places(placed: OneArena) -> dict[int, int]:
    """Return the offset in the arena of each slot that lies there."""
    plain = placed.plan
    found = {
        number: slot.offset for number, slot in enumerate(plain.slots) if slot.place == "arena"
    }
    found |= dict(zip(plain.inputs, placed.inputs, strict=False))
    return found | dict(zip(plain.outputs, placed.outputs, strict=True))


def compiled(every: Sequence[Watched], folder: Path, *flags: str) -> ctypes.CDLL:
    """Compile models for this machine as one library, each with a hook before every step."""
    texts = []
    folder.mkdir(exist_ok=True)
    for one in every:
        name = one.library.name
        exported.write(one.library, folder)
        texts.append(
            WATCHED.format(declared=HOOK.format(name=name), hook=f"ek_{name}_hook", name=name)
        )
    source = folder / "watched.c"
    source.write_text(
        "#include <stdint.h>\ntypedef void hook(int32_t, void *);\n" + "\n".join(texts)
    )
    target = folder / "watched.so"
    command = ["cc", "-std=c99", "-O2", "-shared", "-fPIC", *flags, "-o", target, source]
    subprocess.run(command, check=True)
    return ctypes.CDLL(str(target))


def host(one: Watched, functions: ctypes.CDLL, seed: int = 1) -> list[str]:
    """Run a model on this machine; return which steps have written other bytes."""
    name, watch = one.library.name, Watch(one, seed)
    arena = np.zeros(one.library.arena + 16, np.uint8)
    arena = arena[-arena.ctypes.data % 16 :][: one.library.arena]
    kind = ctypes.CFUNCTYPE(None, ctypes.c_int32, ctypes.c_void_p)
    hook = kind(lambda index, _: watch.at(index, arena))
    ctypes.c_void_p.in_dll(functions, f"ek_{name}_hook").value = ctypes.cast(
        hook, ctypes.c_void_p
    ).value
    base = arena.ctypes.data
    if one.library.state:
        getattr(functions, f"{name}_reset_in")(ctypes.c_void_p(base))
    kept = [np.frombuffer(content, np.uint8).copy() for content in one.inputs]
    pointers = [buffer.ctypes.data for buffer in kept]
    for position, offset in enumerate(one.placed.inputs):
        arena[offset : offset + len(kept[position])] = kept[position]
        pointers[position] = base + offset
    pointers += [base + offset for offset in one.placed.outputs]
    run = getattr(functions, f"{name}_run_in")
    assert run(*map(ctypes.c_void_p, (base, *pointers))) == 0
    for buffer, content in zip(kept, one.inputs, strict=True):
        assert buffer.tobytes() == content
    return watch.wrong


def emulated(every: Sequence[Watched], folder: Path, cpu: str = "cortex_m4") -> list[str]:
    """Run models on an emulated core; return which steps have written other bytes."""
    texts = ["#include <stdint.h>\nvoid ek_hook(int32_t index, void *arena);\n"]
    for one in every:
        exported.write(one.library, folder)
        texts.append(WATCHED.format(declared="", hook="ek_hook", name=one.library.name))
    source, program = folder / "watched.c", folder / "watched.elf"
    source.write_text("\n".join([*texts, STOP]))
    command = [
        sys.executable,
        "-m",
        "ziglang",
        "cc",
        *cortex_m.target(cpu),
        "-std=c99",
        "-Os",
        "-g",
    ]
    command += ["-fno-unwind-tables", "-Wl,-e,0", "-Wl,--no-gc-sections", "-o", str(program)]
    subprocess.run([*command, str(source)], check=True)
    return [wrong for one in every for wrong in _on_core(one, cortex_m.Core(cpu, program))]


def _on_core(one: Watched, core: cortex_m.Core) -> list[str]:
    name, watch = one.library.name, Watch(one, 1)
    uc, size, arena = core.engine, one.library.arena, cortex_m.TENSORS
    uc.mem_map(arena, -(-size // cortex_m.PAGE) * cortex_m.PAGE)

    def stopped(*_: Any) -> None:
        content = np.frombuffer(uc.mem_read(arena, size), np.uint8).copy()
        watch.at(uc.reg_read(arm_const.UC_ARM_REG_R0), content)
        uc.mem_write(arena, content.tobytes())

    hook = core.symbols["ek_hook"] & ~1
    uc.hook_add(UC_HOOK_CODE, stopped, begin=hook, end=hook)
    for offset, content in zip(one.placed.inputs, one.inputs, strict=True):
        uc.mem_write(arena + offset, content)
    places = (arena, *(arena + at for at in (*one.placed.inputs, *one.placed.outputs)))
    for number, place in enumerate(places[:4]):
        uc.reg_write(getattr(arm_const, f"UC_ARM_REG_R{number}"), place)
    # Further arguments lie on the stack, which is aligned to 8 bytes.
    further = struct.pack(f"<{len(places[4:])}I", *places[4:])
    pointer = (cortex_m.STACK + cortex_m.STACK_SIZE - len(further)) & ~7
    uc.mem_write(pointer, further)
    uc.reg_write(arm_const.UC_ARM_REG_SP, pointer)
    uc.reg_write(arm_const.UC_ARM_REG_LR, cortex_m.STOP | 1)
    uc.emu_start(core.symbols[f"{name}_run_in"] | 1, cortex_m.STOP, count=MOST_INSTRUCTIONS)
    assert uc.reg_read(arm_const.UC_ARM_REG_R0) == 0
    return watch.wrong
