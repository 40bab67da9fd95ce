"""The self-test of an exported model: inputs, and the bytes that the model's definition gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import ModelError
from edge_runtime.ops.constraints import LIMITS
from edge_runtime.planner.plan import Plan
from edgekit.convert.c import layout, naming, text
from edgekit.convert.c.facts import Facts, Port

CANDIDATES = 64
"""Random samples that are tried; fewer of a model for which that is more than TRIED."""

SAMPLES = 4
"""Samples that are recorded: each has all inputs and outputs of the model."""

DRAWN, STEP, NUMBER, MAC = 300, 1_000, 8, 1
"""Work of drawing an element of an input, of running a step, of each activation that a step reads
or writes, and of a multiply-accumulate. A unit of work takes about a nanosecond."""

TRIED = 2**30
"""Work that goes into trying samples: a second."""

MOST_WORK, MOST_ELEMENTS = 2**29, 2**21
"""Work of an inference, and elements of inputs and outputs together, up to which a model has a
self-test, which is recorded and printed in seconds."""

WHOLE = {"bool": (0, 1), **dict.fromkeys(("int32", "int64"), (-100, 100))}
"""Bounds of drawn numbers that have no scale: indices, counts, small enough for sums and products."""

DENSITIES = (0.05, 0.1, 0.2, 0.4, 1.0)
"""Shares of an input that differ from the background."""

Array = npt.NDArray[Any]
Run = Callable[[Sequence[Array]], Sequence[Any]]


@dataclass(frozen=True)
class Recorded:
    """Inputs and the outputs that belong to them, in the order in which they were run.

    Attributes:
        inputs: an array [samples, elements] for each input.
        outputs: an array [samples, elements] for each output.
    """

    inputs: tuple[Array, ...]
    outputs: tuple[Array, ...]

    @property
    def samples(self) -> int:
        """Number of samples."""
        return len(self.inputs[0])


def work(plan: Plan, macs: int) -> int:
    """Return the work of an inference."""
    numbers = sum(
        plan.slots[slot].size // np.dtype(plan.slots[slot].dtype).itemsize
        for step in plan.steps
        for slot in step.slots
        if plan.slots[slot].data is None
    )
    return MAC * macs + STEP * len(plan.steps) + NUMBER * numbers


def record(
    ports: Sequence[Port], run: Run, work: int = 0, reset: Callable[[], None] | None = None
) -> Recorded:
    """Return samples of what a model computes.

    The inputs of the first sample are all background. The others are those of some random ones
    whose outputs say most: far from the bounds of the output's type, where a wrong sum would be
    clamped to the same value, and from each other. The same model gives the same ones everywhere.
    Samples with NaN in an output are left out, because the bits of NaN depend on the machine.

    Args:
        ports: the model's inputs.
        run: inputs, flat -> outputs.
        work: work of a run, which limits how many samples are tried.
        reset: for a model with states, sets them to their first values. Its samples are chosen by
            their outputs after a reset, and recorded one after another after a single one.

    Raises:
        ModelError: all samples that were tried give NaN.
    """
    random = Random(0)
    drawing = DRAWN * sum(port.elements for port in ports)
    tried = min(CANDIDATES, max(SAMPLES - 1, TRIED // (work + drawing)))
    drawn = [[_background(port) for port in ports]]
    drawn += [
        [_drawn(port, random, DENSITIES[i % len(DENSITIES)]) for port in ports]
        for i in range(tried)
    ]
    outputs = []
    for inputs in drawn:
        if reset:
            reset()
        outputs.append(_run(run, inputs))
    usable = [i for i, some in enumerate(outputs) if not _has_nan(some)]
    if not usable:
        raise ModelError(
            f"its output is NaN for each of {len(outputs)} inputs that were tried: its numbers are "
            "too large for float32; train it again"
        )
    drawn, outputs = [drawn[i] for i in usable], [outputs[i] for i in usable]
    columns = _columns(outputs)
    chosen = [0]
    while len(chosen) < min(SAMPLES, len(outputs)):
        chosen.append(max(range(1, len(outputs)), key=lambda i: (_worth(columns, i, chosen), -i)))
    drawn, outputs = [drawn[i] for i in chosen], [outputs[i] for i in chosen]
    if reset:
        outputs = _sequence(run, reset, drawn)
    return Recorded(_columns(drawn[: len(outputs)]), _columns(outputs))


def _run(run: Run, inputs: Sequence[Array]) -> list[Array]:
    with np.errstate(all="ignore"):
        return [np.asarray(output).ravel() for output in run(inputs)]


def _has_nan(outputs: Sequence[Array]) -> bool:
    return any(bool(np.isnan(output).any()) for output in outputs)


def _columns(rows: Sequence[Sequence[Array]]) -> tuple[Array, ...]:
    """Return an array [samples, elements] for each place in the rows."""
    return tuple(np.stack(column) for column in zip(*rows, strict=True))


def _sequence(
    run: Run, reset: Callable[[], None], samples: Sequence[Sequence[Array]]
) -> list[list[Array]]:
    """Return the outputs of samples that are run one after another, up to the first NaN."""
    reset()
    outputs: list[list[Array]] = []
    for inputs in samples:
        some = _run(run, inputs)
        if _has_nan(some):
            break
        outputs.append(some)
    return outputs


def _worth(columns: Sequence[Array], index: int, chosen: list[int]) -> float:
    """Return how far a sample's outputs are from the bounds of their types and from those chosen.

    Args:
        columns: an array [samples, elements] for each output.
        index: the sample.
        chosen: the samples that are chosen already.
    """
    return -1.0 if index in chosen else sum(_distance(one, index, chosen) for one in columns)


def _distance(outputs: Array, index: int, chosen: list[int]) -> float:
    # An infinity is far away, and not an infinity away.
    values = outputs.astype(np.float64).clip(-(2.0**128), 2.0**128)
    apart = min(float(np.abs(values[index] - values[one]).mean()) for one in chosen)
    if outputs.dtype.kind in "fb":
        return apart
    limits = np.iinfo(outputs.dtype)
    inside = np.minimum(values[index] - limits.min, limits.max - values[index])
    return apart + float(np.minimum(inside, 16).mean()) * 16


def _background(port: Port) -> Array:
    return np.full(port.elements, port.zero_point or 0, port.dtype)


def _drawn(port: Port, random: Random, density: float) -> Array:
    """Return a random input of which a share of ``density`` is not background."""
    values = _background(port)
    low, high = (LIMITS | WHOLE).get(port.dtype, (0, 0))
    for index in range(port.elements):
        if random.random() < density:
            # Multiples of 2^-8, which are printed short.
            drawn = random.getrandbits(8) / 256 if low == high else random.randint(low, high)
            values[index] = drawn
    return values


def render(facts: Facts, about: str, recorded: Recorded) -> str:
    """Return the text of ``<name>_selftest.c``.

    Args:
        facts: facts of the model.
        about: the comment at the head of the file.
        recorded: what the model computes.
    """
    name = facts.name
    infinite = any(one.dtype.kind == "f" and np.isinf(one).any() for one in recorded.outputs)
    names = {one: f"{name}_ek_{one}" for one in ("FLASH", "SAMPLES", "differ", "from_flash")}
    head = f"""\
#include "{name}.h"

{"#include <math.h>" + chr(10) if infinite else ""}#include <string.h>

enum {{ SAMPLES = {recorded.samples} }};

{FLASH}"""
    flash = dict.fromkeys(facts.inputs, f"static const {names['FLASH']}")
    arrays = [
        text.array(
            _table(facts, port),
            values,
            size=f"{names['SAMPLES']} * {naming.macro(facts, port, 'SIZE')}",
            storage=flash.get(port, "static const"),
        )
        for port, values in zip(facts.ports, (*recorded.inputs, *recorded.outputs), strict=True)
    ]
    # The arrays are long: they are printed under their names, and not looked through.
    parts = [text.renamed(head, names), *arrays, text.renamed(_functions(facts), names)]
    return f"{about}\n" + "\n".join(parts)


def _functions(facts: Facts) -> str:
    name = facts.name
    pointers = "".join(f"        {_pointer(facts, port)};\n" for port in facts.inputs)
    buffers = "".join(
        f"        {naming.array(facts, port, naming.buffer(facts, port))};\n"
        for port in facts.outputs
    )
    copies = "".join(_copy(facts, port) for port in facts.inputs)
    marks = "".join(
        f"        memset({output}, 0x55, sizeof {output});\n"
        for output in (naming.buffer(facts, port) for port in facts.outputs)
    )
    run = layout.wrapped(f"if ({name}_run({naming.arguments(facts)}) != 0", "        ")
    wrong = " ||\n            ".join([run, *(_differs(facts, port) for port in facts.outputs)])
    reset = f"    {name}_reset();\n" if facts.state else ""
    # The next inference begins anew, whether a sample failed or not.
    failed = "\n            return sample + 1;\n"
    if facts.state:
        failed = f" {{\n            {name}_reset();{failed}        }}\n"
    return f"""\
static int differ(const void *one, const void *other, size_t size)
{{
    const unsigned char *a = (const unsigned char *)one, *b = (const unsigned char *)other;
    for (size_t i = 0; i < size; i++)
        if (a[i] != b[i])
            return 1;
    return 0;
}}

int {name}_selftest(void)
{{
    if ({name}_check_constants() != 0)
        return -1;
{reset}    for (int sample = 0; sample < SAMPLES; sample++) {{
{pointers}{buffers}#if defined(__AVR__)
{copies}#endif
{marks}{wrong}){failed}    }}
{reset}    return 0;
}}
"""


def _table(facts: Facts, port: Port) -> str:
    """Return the name of the array that has all samples of a port."""
    plural = "" if naming.suffix(facts, port) else "s"
    return f"{naming.buffer(facts, port)}{plural}_of_{facts.name}"


def _sample(facts: Facts, port: Port) -> str:
    return f"{_table(facts, port)} + (size_t)sample * {naming.macro(facts, port, 'SIZE')}"


def _pointer(facts: Facts, port: Port) -> str:
    pointer = f"const {naming.c_type(facts, port)} *{naming.buffer(facts, port)}"
    return f"{pointer} = {_sample(facts, port)}"


def _copy(facts: Facts, port: Port) -> str:
    """Return the lines that copy an input from flash."""
    buffer, copy = naming.buffer(facts, port), f"copy{naming.suffix(facts, port)}"
    return f"""\
        static {naming.array(facts, port, copy)};
        from_flash({copy}, {buffer}, sizeof {copy});
        {buffer} = {copy};
"""


def _differs(facts: Facts, port: Port) -> str:
    buffer = naming.buffer(facts, port)
    return f"differ({buffer}, {_sample(facts, port)}, sizeof {buffer})"


FLASH = """\
#if defined(__AVR__) /* whose constants are in memory, unless they are read in this way */
#define FLASH __attribute__((section(".progmem.data")))
static void from_flash(void *to, const void *from, size_t size)
{
    unsigned char *byte = (unsigned char *)to;
    const unsigned char *at = (const unsigned char *)from;
    for (size_t i = 0; i < size; i++, at++)
        __asm__("lpm %0, Z" : "=r"(byte[i]) : "z"(at));
}
#else
#define FLASH
#endif
"""
