"""The self-test of an exported model: the sum of what the model's definition gives for its inputs.

The inputs are drawn on the device, so flash holds a seed and a CRC-32 in place of inputs and
outputs. What is summed up are all outputs and what is left in the arena. The seed is the one of
several for which most flipped weights change the sum.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random
from zlib import crc32

import numpy as np

from edge_runtime.errors import ModelError
from edge_runtime.planner.plan import Plan
from edgekit.convert.c import checksum, draw, layout, naming, text, trace
from edgekit.convert.c.facts import Facts
from edgekit.convert.c.trace import Memory, Span

STEP, NUMBER, MAC = 4_000, 8, 1
"""Work of running a step, of each number that is drawn or that a step reads or writes, and of a
multiply-accumulate. A unit of work takes about a nanosecond here, and ten on a Cortex-M4."""

FEWEST, MOST, FEW = 4, 1024, 16
"""Samples at least and at most, and on AVR, which is slow."""

ON_DEVICE = 2**26
"""Work of all samples, where these are more than FEWEST: a second on a Cortex-M4."""

TRIED = 2**30
"""Work that goes into the choice of a seed: a second."""

SEEDS, FLIPS = 8, 256
"""Seeds that are tried, and weights that are flipped for each."""

REST = 4
"""By how much less than an inference a flip takes: only what reads what has changed is run."""

RERUN = 2**13
"""Work that a flip takes at least, for each sample that is run: that of Python itself."""

MOST_KEPT = 2**27
"""Bytes of activations that are kept, to calculate with flipped weights no more than needed."""

MOST_WORK, MOST_ELEMENTS = 2**29, 2**21
"""Work of an inference, and elements of inputs and outputs together, up to which a model has a
self-test, which is recorded in seconds."""


@dataclass(frozen=True)
class Recorded:
    """What the self-test draws, and what the model computes of it.

    Attributes:
        seed: the generator's first state, in multiples of ``draw.SEED``.
        sparsest: mask of a sample's number; see ``draw.SPARSEST``.
        sums: CRC-32 after each sample.
        spans: what of the arena is summed up behind the outputs.
        flipped: flipped weight bytes that were tried.
        noticed: those that change the last sum.
    """

    seed: int
    sparsest: int
    sums: tuple[int, ...]
    spans: tuple[Span, ...]
    flipped: int = 0
    noticed: int = 0


@dataclass(frozen=True)
class Stream:
    """Samples of one seed, as the engine computes them.

    Attributes:
        seed: the generator's first state, in multiples of ``draw.SEED``.
        sparsest: see ``draw.SPARSEST``.
        memories: what each inference writes.
    """

    seed: int
    sparsest: int
    memories: tuple[Memory, ...]


@dataclass(frozen=True)
class Flip:
    """A weight byte that is another one.

    Attributes:
        slot: the slot of the weights.
        data: all of their bytes.
    """

    slot: int
    data: bytes


def work(plan: Plan, macs: int) -> int:
    """Return the work of an inference."""
    numbers = sum(
        plan.slots[slot].size // np.dtype(plan.slots[slot].dtype).itemsize
        for step in plan.steps
        for slot in step.slots
        if plan.slots[slot].data is None
    )
    return MAC * macs + STEP * len(plan.steps) + NUMBER * numbers


def record(plan: Plan, facts: Facts, work: int) -> Recorded:
    """Return samples of what a model computes.

    The same model gives the same ones everywhere. A sample with NaN in an output ends them, because
    the bits of NaN depend on the machine.

    Args:
        plan: the plan of the model.
        facts: facts of the model.
        work: work of an inference.

    Raises:
        ModelError: all samples that were tried give NaN.
        BackendError: there is no C extension.
    """
    each = work + NUMBER * sum(port.elements for port in facts.inputs)
    count = min(MOST, max(FEWEST, ON_DEVICE // each))
    best = _first_stream(plan, facts, count)
    count = len(best.memories)
    slots = zip((*plan.inputs, *plan.outputs), facts.ports, strict=True)
    ports = {slot: port.offset for slot, port in slots if port.offset is not None}
    spans = tuple(
        span
        for span in (() if facts.by_rows else trace.spans(plan, ports))
        if not any(trace.has_nan(span.dtype, trace.content(span, one)) for one in best.memories)
    )
    left = TRIED - count * each
    kept = count * sum(map(len, best.memories[0].values()))
    flips = _flips(plan) if kept <= MOST_KEPT else []
    noticed, left = _noticed(plan, facts, spans, best, flips, each, left)
    flips = flips[: len(noticed)]
    for seed in range(best.seed + 1, SEEDS + 1):
        if sum(noticed) == len(flips) or left < count * each:
            break
        other = _stream(plan, facts, seed, best.sparsest, count)
        if len(other.memories) < count or _has_nan(spans, other):
            continue
        found, left = _noticed(plan, facts, spans, other, flips, each, left - count * each)
        if len(found) == len(flips) and sum(found) > sum(noticed):
            best, noticed = other, found
    return Recorded(
        best.seed, best.sparsest, _sums(plan, spans, best), spans, len(flips), sum(noticed)
    )


def _first_stream(plan: Plan, facts: Facts, count: int) -> Stream:
    """Return the first stream without NaN in an output, or the one that comes farthest."""
    longest = Stream(0, 0, ())
    for sparsest in draw.SPARSEST:
        for seed in range(1, SEEDS + 1):
            stream = _stream(plan, facts, seed, sparsest, count)
            if len(stream.memories) > len(longest.memories):
                longest = stream
            if len(stream.memories) == count:
                return stream
    if not longest.memories:
        raise ModelError(
            f"its output is NaN for each of {len(draw.SPARSEST) * SEEDS} inputs that were tried: "
            "its numbers are too large for float32; train it again"
        )
    return longest


def _stream(plan: Plan, facts: Facts, seed: int, sparsest: int, count: int) -> Stream:
    """Return at most so many samples, up to the first with NaN in an output."""
    memory, memories = trace.first_memory(plan), []
    for inputs in islice(draw.samples(facts.inputs, seed, sparsest), count):
        memory = trace.run(plan, memory, inputs)
        if any(trace.has_nan(plan.slots[slot].dtype, memory[slot]) for slot in plan.outputs):
            break
        memories.append(memory)
    return Stream(seed, sparsest, tuple(memories))


def _has_nan(spans: Sequence[Span], stream: Stream) -> bool:
    return any(
        trace.has_nan(span.dtype, trace.content(span, memory))
        for memory in stream.memories
        for span in spans
    )


def _sums(plan: Plan, spans: Sequence[Span], stream: Stream) -> tuple[int, ...]:
    total, sums = 0, []
    for memory in stream.memories:
        for part in _compared(plan, spans, memory):
            total = crc32(part, total)
        sums.append(total)
    return tuple(sums)


def _compared(plan: Plan, spans: Sequence[Span], memory: Memory) -> list[bytes]:
    """Return the bytes that are summed up after an inference, little-endian."""
    parts = [(plan.slots[slot].dtype, memory[slot]) for slot in plan.outputs]
    parts += [(span.dtype, trace.content(span, memory)) for span in spans]
    return [
        np.frombuffer(part, dtype).astype(np.dtype(dtype).newbyteorder("<")).tobytes()
        for dtype, part in parts
    ]


def _flips(plan: Plan) -> list[Flip]:
    """Return random weights with one byte flipped: of all layers, none of a bias or a table."""
    slots = dict.fromkeys(
        slot
        for step in plan.steps
        if any(plan.graph.tensors[index].data is not None for index in step.op.inputs if index >= 0)
        for slot in step.reads
        if plan.slots[slot].data is not None
        and plan.slots[slot].dtype in ("int8", "uint8", "int16", "float32")
    )
    random, flips = Random(0), []
    sizes = [plan.slots[slot].size for slot in slots]
    for slot in random.choices(list(slots), sizes, k=FLIPS) if sum(sizes) else []:
        flipped = bytearray(plan.slots[slot].data or b"")
        flipped[random.randrange(len(flipped))] ^= random.randint(1, 255)
        flips.append(Flip(slot, bytes(flipped)))
    return flips


def _noticed(
    plan: Plan,
    facts: Facts,
    spans: Sequence[Span],
    stream: Stream,
    flips: Sequence[Flip],
    each: int,
    left: int,
) -> tuple[list[bool], int]:
    """Return which flips change the sum, as far as the work goes, and how much of it is left."""
    noticed: list[bool] = []
    for flip in flips:
        if left <= 0:
            break
        runs, found = _runs(plan, facts, spans, stream, flip)
        left -= runs * max(each // REST, RERUN)
        noticed.append(found)
    return noticed, left


def _runs(
    plan: Plan, facts: Facts, spans: Sequence[Span], stream: Stream, flip: Flip
) -> tuple[int, bool]:
    """Return how many samples are run until one shows the flip, and whether one does."""
    constants, memory = {flip.slot: flip.data}, trace.first_memory(plan)
    drawn = draw.samples(facts.inputs, stream.seed, stream.sparsest)
    for index, right in enumerate(stream.memories):
        if plan.states:
            memory = trace.run(plan, memory, next(drawn), constants)
        else:
            memory = trace.rerun(plan, right, constants)
        if _differs(plan, spans, memory, right):
            return index + 1, True
    return len(stream.memories), False


def _differs(plan: Plan, spans: Sequence[Span], one: Memory, other: Memory) -> bool:
    return any(one[slot] != other[slot] for slot in plan.outputs) or any(
        trace.content(span, one) != trace.content(span, other) for span in spans
    )


def render(facts: Facts, plan: Plan, about: str, recorded: Recorded) -> str:
    """Return the text of ``<name>_selftest.c``.

    Args:
        facts: facts of the model.
        plan: its plan.
        about: the comment at the head of the file.
        recorded: what the model computes.
    """
    own = ("SELFTEST_SAMPLES", "SELFTEST_SUM", *draw.NAMES)
    names = {one: f"{facts.name}_ek_{one}" for one in own}
    parts = [_head(facts, recorded), draw.functions(facts, recorded.sparsest)]
    body = "\n".join([*parts, _function(facts, plan, recorded)])
    return f"{about}\n{text.renamed(body, names)}"


def _head(facts: Facts, recorded: Recorded) -> str:
    count = len(recorded.sums)
    often = "No weights were flipped to try it."
    if recorded.flipped:
        often = (
            f"Of {recorded.flipped} random weight bytes that were flipped one at a time, "
            f"{recorded.noticed} change the sum."
        )
    lines = layout.wrapped(often, " * ").replace("\n     ", "\n * ")
    many = _samples(count, recorded.sums[-1])
    if count > FEW:
        few = _samples(FEW, recorded.sums[FEW - 1])
        many = f"#if defined(__AVR__) /* which is slow */\n{few}#else\n{many}#endif\n"
    floats = any(port.dtype == "float32" for port in facts.inputs)
    include = "\n#include <string.h>\n" if floats else ""
    return f"""\
#include "{facts.name}.h"
{include}
/* How many inputs are drawn, and the CRC-32 of all that is computed of them. The constants are
 * compared on their own.
{lines} */
{many}"""


def _samples(count: int, total: int) -> str:
    return f"#define SELFTEST_SAMPLES {count}\n#define SELFTEST_SUM {checksum.inverted(total)}\n"


def _function(facts: Facts, plan: Plan, recorded: Recorded) -> str:
    name = facts.name
    kept = [port for port in facts.ports if port.offset is None]
    definitions = [
        *(f"static {naming.array(facts, port, naming.buffer(facts, port))};" for port in kept),
        *naming.pointers(facts),
    ]
    buffers = "".join(f"    {line}\n" for line in definitions)
    rows = []
    for port in facts.outputs:
        at = naming.buffer(facts, port)
        if port.offset is not None:
            at = f"(const uint8_t *){name}_ek_arena + {naming.macro(facts, port, 'OFFSET')}"
        rows.append(checksum.numbers(at, port.bytes, np.dtype(port.dtype).itemsize))
    for span in recorded.spans:
        at = f"(const uint8_t *){name}_ek_arena + {plan.slots[span.slot].offset + span.start}"
        rows.append(checksum.numbers(at, span.size, np.dtype(span.dtype).itemsize))
    compared = "".join(f"        {row},\n" for row in rows)
    draws = "".join(f"        {draw.call(facts, port)}\n" for port in facts.inputs)
    reset = f"    {name}_reset();\n" if facts.state else ""
    return f"""\
int {name}_selftest(void)
{{
{buffers}    static const struct {name}_ek_numbers compared[] = {{
{compared}    }};
    uint32_t state = UINT32_C({recorded.seed * draw.SEED:#010x});
    uint32_t sum = UINT32_C({checksum.START:#x});
    if ({name}_check_constants() != 0)
        return -1;
{reset}    for (int sample = 0; sample < SELFTEST_SAMPLES; sample++) {{
{draws}{layout.wrapped(f"sum ^= (uint32_t){name}_run({naming.arguments(facts)});", "        ")}
        sum = {name}_ek_crc32(sum, compared, {len(rows)});
    }}
{reset}    return sum != SELFTEST_SUM;
}}
"""
