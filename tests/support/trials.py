"""Calls of kernels that tests/kernels/kernel_variants.c runs: random layers and planned models."""

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import models
from edge_runtime.planner.plan import Slot

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Trial:
    """A call of a kernel.

    Attributes:
        params: int32 parameters, the kernel's own, then its hints.
        tensors: inputs and constants, in the kernel's order.
        constant: positions of those that are constant in a model, so that a packer sees them.
        outputs: bytes of each output.
    """

    params: Sequence[int]
    tensors: Sequence[Array]
    constant: Sequence[int]
    outputs: Sequence[int]

    def encoded(self) -> bytes:
        """Return the trial as kernel_variants.c reads it."""
        parts = [struct.pack(f"=I{len(self.params)}i", len(self.params), *self.params)]
        parts.append(struct.pack("=I", len(self.tensors)))
        for position, tensor in enumerate(self.tensors):
            parts += [
                struct.pack("=II", position in self.constant, tensor.nbytes),
                tensor.tobytes(),
            ]
        parts.append(struct.pack(f"=I{len(self.outputs)}I", len(self.outputs), *self.outputs))
        return b"".join(parts)


Draw = Callable[[np.random.Generator], Trial]


def hybrid(
    rng: np.random.Generator, inputs: int, weights: int, outputs: int
) -> tuple[list[Array], list[int]]:
    """Return the tensors of a layer of float32 with int8 weights, and what bounds are as int32."""
    tensors = [float32s(rng, inputs, rng.integers(8)), int8s(rng, weights)]
    if rng.integers(8) == 0:  # all the same, of which 0 has no scale
        tensors[0][:] = rng.choice(np.array([0, -0.0, 1.5, np.nan], np.float32))
    tensors.append(float32s(rng, outputs, rng.integers(8)))
    tensors.append((2.0 ** rng.uniform(-20, 8, outputs)).astype(np.float32))
    limits = [(-np.inf, np.inf), (-1, 1), (0, 6)][rng.integers(3)]
    return tensors, np.array(limits, np.float32).view(np.int32).tolist()


def random(kernel: str) -> Draw:
    """Return what draws a trial of a kernel: from TRIALS of the op's tests.

    Raises:
        KeyError: there is none.
    """
    for module in models.op_tests().values():
        if kernel in getattr(module, "TRIALS", {}):
            draw: Draw = module.TRIALS[kernel]
            return draw
    raise KeyError(f"{kernel} has variants: some tests/ops/test_<op>.py needs TRIALS[{kernel!r}]")


def planned(kernel: str, count: int) -> Iterator[Trial]:
    """Yield trials of the steps of small models with random inputs, so many of each step."""
    rng = np.random.default_rng(5)
    for _, plan in models.plans():
        for step in plan.steps:
            if step.kernel.name != kernel:
                continue
            slots = [plan.slots[index] for index in step.reads]
            constant = [position for position, slot in enumerate(slots) if slot.data is not None]
            params = [*step.kernel.params.values(), *step.kernel.hints.values()]
            outputs = [plan.slots[index].size for index in step.writes]
            for _ in range(count):
                tensors = [_numbers(rng, slot) for slot in slots]
                yield Trial(params, tensors, constant, outputs)


def _numbers(rng: np.random.Generator, slot: Slot) -> Array:
    if slot.data is not None:
        return np.frombuffer(slot.data, np.uint8)
    if slot.dtype == "float32":
        return float32s(rng, slot.size // 4, int(rng.integers(8)))
    return int8s(rng, slot.size)


# ---- Numbers that kernels may trip over ----


def between(rng: np.random.Generator, low: int, high: int) -> int:
    """Return a whole number, both bounds included."""
    return int(rng.integers(low, high, endpoint=True))


def int8s(rng: np.random.Generator, count: int) -> Array:
    """Return int8 numbers of a kind: all, extremes, one, mostly 0, tiny, or any."""
    kind = rng.integers(8)
    if kind == 0:
        return np.full(count, -128, np.int8)
    if kind == 1:
        return rng.choice(np.array([-128, 127], np.int8), count)
    if kind == 2:
        return np.full(count, rng.integers(-128, 128), np.int8)
    if kind == 4:
        return rng.integers(-1, 2, count, np.int8)
    numbers = rng.integers(-128 if kind in (3, 5) else -127, 128, count, np.int8)
    if kind == 3:
        numbers[rng.integers(8, size=count) > 0] = 0
    return numbers


def int32s(rng: np.random.Generator, count: int) -> Array:
    """Return int32 numbers of any size, half of them extremes."""
    extremes = np.array([-(2**31), 1 - 2**31, -1, 0, 1, 2**31 - 1], np.int32)
    any_ = rng.integers(-(2**31), 2**31, count, np.int64).astype(np.int32)
    return np.where(rng.integers(2, size=count), any_, rng.choice(extremes, count))


def float32s(rng: np.random.Generator, count: int, kind: int) -> Array:
    """Return float32 numbers of a kind.

    0: any finite number, so that sums overflow, which gives infinities and NaN; 1: so small that
    products are denormal or vanish; 2: some zeros, also negative ones; others: from -1 to 1.
    """
    patterns = rng.integers(0, 2**32, count, np.uint32)
    if kind == 0:
        infinite = (patterns & 0x7F800000) == 0x7F800000
        return np.where(infinite, patterns & 0x807FFFFF, patterns).astype(np.uint32).view("f4")
    if kind == 1:
        return ((patterns & np.uint32(0x87FFFFFF)) | np.uint32(0x1C000000)).view(np.float32)
    numbers = rng.uniform(-1, 1, count).astype(np.float32)
    if kind == 2:
        zeros = rng.integers(16, size=count) == 0
        numbers[zeros] = (patterns[zeros] & np.uint32(0x80000000)).view(np.float32)
    return numbers


def unary_floats(*more: int) -> Draw:
    """Return what draws a trial of a kernel of one float, with parameters that follow the count."""

    def trial(rng: np.random.Generator) -> Trial:
        count = between(rng, 1, 100)
        numbers = float32s(rng, count, int(rng.integers(4)))
        if rng.integers(2):
            scale = np.float32(10.0 ** rng.uniform(-4, 2.5))
            numbers = (rng.standard_normal(count) * scale).astype(np.float32)
        if rng.integers(4) == 0:  # what an op before it may have given
            special = np.array([np.inf, -np.inf, np.nan, -np.nan, 0.0, -0.0], np.float32)
            numbers[rng.integers(count, size=5)] = rng.choice(special, 5)
        return Trial([count, *more], [numbers], [], [4 * count])

    return trial


# ---- Dense layers ----


def gemm_shape(rng: np.random.Generator) -> tuple[int, int, int]:
    """Return rows, depth and outputs: few rows or many, whole blocks or not, sometimes deep."""
    kind = rng.integers(64)
    if kind == 1:  # the deepest sums
        return 1, between(rng, 65536 - 17, 65536), between(rng, 1, 3)
    rows = between(rng, 1, 5) if rng.integers(4) else between(rng, 15, 50)
    if kind == 0:
        depth = between(rng, 71, 3000)
    elif kind < 8:
        depth = 16 * between(rng, 1, 8)
    else:
        depth = between(rng, 1, 70)
    return rows, depth, between(rng, 1, 40)


def rescaling(rng: np.random.Generator, depth: int, outputs: int) -> tuple[Array, Array, Array]:
    """Return bias, multiplier and shift, int32 [outputs], of int8 sums over a depth.

    They rescale to about the range of int8, or to halves of steps, or to anything.
    """
    kind = rng.integers(4)
    if kind == 0:
        shift = rng.integers(-31, 31, outputs, np.int32)
        return int32s(rng, outputs), int32s(rng, outputs), shift
    if kind == 1:
        sign = rng.choice(np.array([-1, 1], np.int32), outputs)
        bias = rng.integers(-2000, 2001, outputs, np.int32)
        return bias, sign << 30, rng.integers(-8, 2, outputs, np.int32)
    fitting = -((depth.bit_length() + 1) // 2)
    return (
        rng.integers(-(1 << 20), (1 << 20) + 1, outputs, np.int32),
        rng.integers(1 << 30, 2**31, outputs, np.int64).astype(np.int32),
        rng.integers(fitting - 8, fitting + 1, outputs, np.int32),
    )
