"""The inputs of a self-test: drawn by the same generator in C and in NumPy, which takes no flash.

A linear congruential generator gives a number for each element of each input, one sample after
another. Of sample i an element in 2^(i mod 8) is drawn, and all others are background, what stands
for 0: a unit whose sum is far below 0 for noise shows its weights where few inputs are lit. In
every second round of eight samples those are at the highest value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from edgekit.convert.c import naming
from edgekit.convert.c.facts import Facts, Port

Array = npt.NDArray[Any]

FACTOR = 1664525
"""Of the generator, which adds 1. Source: Knuth, "The Art of Computer Programming" 2, 3.3.4."""

SEED = 0x01010101
"""Its first states are multiples of this: those are one instruction, and far from each other."""

SPARSEST = (7, 3, 1, 0)
"""Masks of a sample's number, of which the first is the ordinary one: with the others, inputs have
fewer elements of background, in favour of models to which it gives NaN."""

BRIGHT = 8
"""Bit of a sample's number: whether all that is drawn is at the highest value."""

VALUES = {
    "bool": "(uint8_t)(top >> 31)",
    "uint8": "(uint8_t)(top >> 24)",
    "int8": "(int8_t)((int32_t)(top >> 24) - 128)",
    "int16": "(int16_t)((int32_t)(top >> 16) - 32768)",
    "int32": "(int32_t)(top >> 24) * 201 / 256 - 100",
    "int64": "(int32_t)(top >> 24) * 201 / 256 - 100",
    "float32": "draw_fraction(top >> 24)",
}
"""Element type -> C expression of a drawn element. Numbers without a scale are small enough for
indices, counts, sums and products."""

FRACTION = """\
/* Returns ``number`` / 256 without a conversion, which takes a function where there is no FPU. */
static float draw_fraction(uint32_t number)
{
    const uint32_t bits = UINT32_C(0x3f800000) | number << 15; /* 1 + the fraction */
    float value;
    memcpy(&value, &bits, sizeof value);
    return value - 1.0f;
}
"""

NAMES = ("draw_fraction", *(f"draw_{dtype}" for dtype in VALUES))
"""Functions of the text, to be renamed."""


def samples(ports: Sequence[Port], seed: int, sparsest: int) -> Iterator[list[Array]]:
    """Yield the inputs of one sample after another, flat, in their element types.

    Args:
        ports: the model's inputs.
        seed: the generator's first state, in multiples of ``SEED``.
        sparsest: one of ``SPARSEST``.
    """
    state = np.uint32(seed * SEED)
    index = 0
    while True:
        inputs = []
        for port in ports:
            states = _states(port.elements, state)
            state = states[-1] if port.elements else state
            inputs.append(_values(port, states, index & sparsest, bool(index & BRIGHT)))
        yield inputs
        index += 1


@cache
def _powers(count: int) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    """Return by what the state is multiplied, and what is added, for so many states after it."""
    factors = np.multiply.accumulate(np.full(count, FACTOR, np.uint32), dtype=np.uint32)
    before = np.concatenate([np.ones(min(count, 1), np.uint32), factors[:-1]])
    return factors, np.add.accumulate(before, dtype=np.uint32)


def _states(count: int, state: np.uint32) -> npt.NDArray[np.uint32]:
    factors, addends = _powers(count)
    return factors * state + addends


def _values(port: Port, states: npt.NDArray[np.uint32], shift: int, bright: bool) -> Array:
    mask = np.uint32((1 << shift) - 1)
    drawn = (states >> np.uint32(16)) & mask == 0
    top = np.full_like(states, 2**32 - 1) if bright else states
    high = (top >> np.uint32(24)).astype(np.int32)
    value: Array
    if port.dtype == "float32":
        value = high.astype(np.float32) / np.float32(256)
    elif port.dtype == "bool":
        value = high >> 7
    elif port.dtype == "int16":
        value = (top >> np.uint32(16)).astype(np.int32) - 2**15
    elif port.dtype in ("int32", "int64"):
        value = high * 201 // 256 - 100
    else:
        value = high - (128 if port.dtype == "int8" else 0)
    return np.where(drawn, value, port.zero_point or 0).astype(port.dtype)


def functions(facts: Facts, sparsest: int) -> str:
    """Return the C functions that draw inputs, one for each element type."""
    dtypes = dict.fromkeys(port.dtype for port in facts.inputs)
    first = [FRACTION] if "float32" in dtypes else []
    return "\n".join([*first, *(_function(facts, dtype, sparsest) for dtype in dtypes)])


def _function(facts: Facts, dtype: str, sparsest: int) -> str:
    port = next(port for port in facts.inputs if port.dtype == dtype)
    element = naming.c_type(facts, port)
    return f"""\
static uint32_t draw_{dtype}(uint32_t state, int sample, {element} *input, uint32_t size,
    {element} background)
{{
    const uint32_t others = (UINT32_C(1) << (sample & {sparsest})) - 1;
    const uint32_t bright = sample & {BRIGHT} ? UINT32_C(0xffffffff) : 0;
    for (uint32_t i = 0; i < size; i++) {{
        state = state * {FACTOR} + 1;
        const uint32_t top = state | bright;
        input[i] = state >> 16 & others ? background : {VALUES[dtype]};
    }}
    return state;
}}
"""


def call(facts: Facts, port: Port) -> str:
    """Return the C statement that draws an input into its buffer."""
    size, zero = naming.macro(facts, port, "SIZE"), naming.zero(facts, port)
    arguments = f"state, sample, {naming.buffer(facts, port)}, {size}, {zero}"
    return f"state = draw_{port.dtype}({arguments});"
