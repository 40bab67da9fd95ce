"""The self-test of an exported model: inputs, and the bytes that the model's definition gives."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import ModelError
from edge_runtime.ops.requantize import LIMITS
from edge_runtime.planner.plan import Plan
from edgekit.convert.c import text
from edgekit.convert.c.facts import Facts, Port

CANDIDATES = 64
"""Random inputs that are tried; fewer of a model for which that is more than TRIED."""

SAMPLES = 4
"""Inputs that are recorded."""

DRAWN, STEP, NUMBER, MAC = 300, 50_000, 64, 4
"""Work of drawing an element of an input, of running a step, of each activation that a step reads
or writes, and of a multiply-accumulate. So much work is done in about a nanosecond."""

TRIED = 2**30
"""Work that goes into trying inputs: a second."""

MOST_WORK, MOST_ELEMENTS = 2**29, 2**21
"""Work of an inference, and elements of input and output together, up to which a model has a
self-test: recording and printing it takes seconds."""

DENSITIES = (0.05, 0.1, 0.2, 0.4, 1.0)
"""Shares of an input that differ from the background."""

Array = npt.NDArray[Any]


def work(made: Plan, macs: int) -> int:
    """Return the work of an inference."""
    numbers = sum(
        made.slots[slot].size // np.dtype(made.slots[slot].dtype).itemsize
        for step in made.steps
        for slot in step.slots
        if made.slots[slot].data is None
    )
    return MAC * macs + STEP * len(made.steps) + NUMBER * numbers


def record(port: Port, run: Callable[[Array], Array], work: int = 0) -> tuple[Array, Array]:
    """Return inputs [samples, elements] and the outputs [samples, elements] that belong to them.

    The first input is all background. The others are those of some random ones whose outputs
    say most: far from the ends of the output's type, where a wrong sum would be cut to the same
    value, and from each other. The same model gives the same ones everywhere. What gives NaN is
    left out: its bits are the machine's own affair.

    Args:
        port: the model's input.
        run: input [elements] -> output [elements].
        work: of a run, which says how many inputs are tried.

    Raises:
        ModelError: all inputs that were tried give NaN.
    """
    random = Random(0)
    tried = min(CANDIDATES, max(SAMPLES - 1, TRIED // (work + DRAWN * port.elements)))
    drawn = [_background(port)]
    drawn += [_drawn(port, random, DENSITIES[i % len(DENSITIES)]) for i in range(tried)]
    with np.errstate(all="ignore"):
        made = [run(one).ravel() for one in drawn]
    usable = [i for i, output in enumerate(made) if not np.isnan(output).any()]
    if not usable:
        raise ModelError(
            f"its output is NaN for each of {len(made)} inputs that were tried: its numbers are "
            "too large for float32; train it again"
        )
    inputs, outputs = np.stack(drawn)[usable], np.stack(made)[usable]
    chosen = [0]
    while len(chosen) < min(SAMPLES, len(inputs)):
        chosen.append(max(range(1, len(inputs)), key=lambda i: (_worth(outputs, i, chosen), -i)))
    return inputs[chosen], outputs[chosen]


def _worth(outputs: Array, index: int, chosen: list[int]) -> float:
    """Return how far an output is from the ends of its type and from those chosen before."""
    if index in chosen:
        return -1.0
    # An infinity is far away, and not an infinity away.
    values = outputs.astype(np.float64).clip(-(2.0**128), 2.0**128)
    apart = min(float(np.abs(values[index] - values[one]).mean()) for one in chosen)
    if outputs.dtype.kind == "f":
        return apart
    limits = np.iinfo(outputs.dtype)
    inside = np.minimum(values[index] - limits.min, limits.max - values[index])
    return apart + float(np.minimum(inside, 16).mean()) * 16


def _background(port: Port) -> Array:
    return np.full(port.elements, port.zero_point or 0, port.dtype)


def _drawn(port: Port, random: Random, density: float) -> Array:
    """Return a random input of which a share of ``density`` is not background."""
    made = _background(port)
    low, high = LIMITS.get(port.dtype, (0, 0))
    for index in range(port.elements):
        if random.random() < density:
            # Multiples of 2^-8, which are printed short.
            made[index] = random.getrandbits(8) / 256 if low == high else random.randint(low, high)
    return made


def render(facts: Facts, about: str, inputs: Array, outputs: Array) -> str:
    """Return the text of ``<name>_selftest.c``.

    Args:
        facts: of the model.
        about: the comment at the head of the file.
        inputs: [samples, elements].
        outputs: [samples, elements].
    """
    name, upper = facts.name, facts.name.upper()
    given, made = f"{name}_input_t", f"{name}_output_t"
    infinite = outputs.dtype.kind == "f" and np.isinf(outputs).any()
    own = {one: f"{name}_ek_{one}" for one in ("FLASH", "SAMPLES", "differ", "from_flash")}
    own |= {one: f"{one}_of_{name}" for one in ("inputs", "outputs")}
    head = f"""\
#include "{name}.h"

{"#include <math.h>" + chr(10) if infinite else ""}#include <string.h>

enum {{ SAMPLES = {len(inputs)} }};

{FLASH}"""
    samples = own["SAMPLES"]
    arrays = [
        text.array(
            own["inputs"],
            inputs,
            size=f"{samples} * {upper}_INPUT_SIZE",
            storage=f"static const {own['FLASH']}",
        ),
        text.array(own["outputs"], outputs, size=f"{samples} * {upper}_OUTPUT_SIZE"),
    ]
    code = f"""\
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
    for (int sample = 0; sample < SAMPLES; sample++) {{
        const {given} *input = inputs + (size_t)sample * {upper}_INPUT_SIZE;
        {made} output[{upper}_OUTPUT_SIZE];
#if defined(__AVR__)
        static {given} copy[{upper}_INPUT_SIZE];
        from_flash(copy, input, sizeof copy);
        input = copy;
#endif
        memset(output, 0x55, sizeof output);
        if ({name}_run(input, output) != 0 ||
            differ(output, outputs + (size_t)sample * {upper}_OUTPUT_SIZE, sizeof output))
            return sample + 1;
    }}
    return 0;
}}
"""
    # The arrays are long: they are printed under their names, and not looked through.
    parts = [text.renamed(head, own), *arrays, text.renamed(code, own)]
    return f"{about}\n" + "\n".join(parts)


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
