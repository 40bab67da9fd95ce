"""What a plan computes, step by step, and what of it is left in the arena at the end.

Outputs hide much: behind a SOFTMAX that is certain of its answer, or behind an activation that is
clamped, other sums give the same bytes. Most of what the steps before have written still lies in
the arena by then, and shows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.planner.plan import Plan, Step
from edgekit.convert.c.forms import extension

MOST_SPANS = 4
"""Spans of the arena that are compared, the longest: each takes 8 bytes of flash."""

Memory = dict[int, bytes]
"""Slot -> its bytes; constants are in the plan."""


@dataclass(frozen=True)
class Span:
    """Bytes of a slot in the arena that no later step has overwritten.

    Attributes:
        slot: the slot.
        start: the first of its bytes.
        size: bytes, whole elements.
        dtype: element type.
    """

    slot: int
    start: int
    size: int
    dtype: str


def first_memory(plan: Plan) -> Memory:
    """Return the states as they are before the first inference."""
    return {
        state.slot: bytes([state.fill]) * plan.slots[state.slot].size
        if state.data is None
        else bytes(state.data)
        for state in plan.states
    }


def run(
    plan: Plan,
    memory: Memory,
    inputs: Iterable[npt.NDArray[Any]],
    constants: Mapping[int, bytes] | None = None,
) -> Memory:
    """Return all that an inference writes, by the portable kernels.

    Args:
        plan: the plan.
        memory: what the inference before has left: its states are read.
        inputs: the model's inputs, flat.
        constants: other bytes for constants.

    Raises:
        BackendError: there is no C extension.
    """
    after = {state.slot: memory[state.slot] for state in plan.states}
    after |= {slot: values.tobytes() for slot, values in zip(plan.inputs, inputs, strict=True)}
    for step in plan.steps:
        _run_step(plan, step, after, constants or {})
    return after


def rerun(plan: Plan, memory: Memory, constants: Mapping[int, bytes]) -> Memory:
    """Return what an inference writes with other constants; a plan without states.

    Only steps that read what has changed are run.

    Args:
        plan: the plan.
        memory: all that the inference writes with its own constants.
        constants: other bytes for constants.
    """
    after, changed = dict(memory), set(constants)
    for step in plan.steps:
        if changed.intersection(step.reads):
            _run_step(plan, step, after, constants)
            changed -= set(step.writes)
            changed |= {slot for slot in step.writes if after[slot] != memory[slot]}
    return after


def _run_step(plan: Plan, step: Step, memory: Memory, constants: Mapping[int, bytes]) -> None:
    # Kernels write to the states among their inputs.
    states = {state.slot for state in plan.states}
    kept = {slot: bytearray(memory[slot]) for slot in step.reads if slot in states}
    known = kept | {slot: memory[slot] for slot in step.reads if slot in memory.keys() - states}
    reads = tuple(
        known[slot] if slot in known else constants.get(slot, plan.slots[slot].data)
        for slot in step.reads
    )
    sizes = tuple(plan.slots[slot].size for slot in step.writes)
    outputs = extension().run(step.kernel.name, step.kernel.packed, reads, sizes)
    memory.update((slot, bytes(state)) for slot, state in kept.items())
    memory.update(zip(step.writes, outputs, strict=True))


def spans(plan: Plan, ports: Mapping[int, int]) -> tuple[Span, ...]:
    """Return what steps leave in the arena after an inference that is the same on every core.

    Scratch memory is not: what it holds depends on the variant. What is left of inputs is known,
    and outputs are compared as such.

    Args:
        plan: the plan.
        ports: slots of inputs and outputs that lie in the arena, and their offsets.
    """
    owners = np.full(plan.arena, -1, np.int32)

    def write(slots: Sequence[int], *, compared: bool) -> None:
        for slot in slots:
            there = plan.slots[slot]
            if slot in ports:
                owners[ports[slot] : ports[slot] + there.size] = -1
            elif there.place == "arena":
                owners[there.offset : there.offset + there.size] = slot if compared else -1

    write([state.slot for state in plan.states], compared=True)
    for step in plan.steps:
        write(step.scratch, compared=False)
        write(step.writes, compared=True)
    ends = [*np.flatnonzero(np.diff(owners)) + 1, plan.arena] if plan.arena else []
    found = []
    for start, end in zip([0, *ends], ends, strict=False):
        slot = int(owners[start])
        if slot >= 0 and (span := _whole(plan, slot, int(start), int(end))).size:
            found.append(span)
    return tuple(sorted(found, key=lambda span: -span.size)[:MOST_SPANS])


def _whole(plan: Plan, slot: int, start: int, end: int) -> Span:
    """Return the whole elements of a slot in [start, end) of the arena."""
    there = plan.slots[slot]
    item = np.dtype(there.dtype).itemsize
    first = -(-(start - there.offset) // item) * item
    last = (end - there.offset) // item * item
    return Span(slot, first, max(0, last - first), there.dtype)


def content(span: Span, memory: Memory) -> bytes:
    """Return the bytes of a span after an inference."""
    return memory[span.slot][span.start : span.start + span.size]


def has_nan(dtype: str, content: bytes) -> bool:
    """Tell whether there is a NaN, whose bits depend on the machine."""
    return dtype == "float32" and bool(np.isnan(np.frombuffer(content, np.float32)).any())
