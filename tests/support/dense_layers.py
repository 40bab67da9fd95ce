"""Dense int8 layers of random numbers, and their packed forms by the engine's packers."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge_runtime import _native
from edge_runtime.kernels import fully_connected as kernels
from edgekit.convert.c.levels import LEVELS

KERNEL = "fully_connected_int8_once"
APPENDED = {name: level.params for name, level in LEVELS.items()}
"""Names of the parameters that packers append."""

EDGES = np.array([-128, -127, -1, 0, 1, 126, 127], np.int8)


@dataclass(frozen=True)
class Packed:
    """A kernel, its parameters, and the tensors between input and output, flat."""

    name: str
    params: Mapping[str, int]
    constants: tuple[Any, ...]


class Layer:
    """A layer of random numbers, of random kinds."""

    def __init__(self, draw: np.random.Generator, rows: int, depth: int, outputs: int) -> None:
        self.draw = draw
        self.zero_point = int(draw.choice([-128, -127, 0, 127, int(draw.integers(-128, 128))]))
        lowest = -128 if draw.random() < 0.5 else int(draw.integers(-128, 128))
        highest = 127 if draw.random() < 0.5 else int(draw.integers(lowest, 128))
        output_zero_point = int(draw.integers(-128, 128))
        self.params = kernels.Int8(rows, depth, outputs, output_zero_point, lowest, highest)
        self.weights = self._weights(outputs, depth)
        self.tensor = self._tensor(rows * depth)
        kind = draw.integers(3)
        limit = [2**31, 2**20, 2000][kind]
        self.bias = draw.integers(-limit, limit, outputs).astype(np.int32)
        low = [-31, -int(np.log2(depth)) // 2 - 9, -8][kind]
        high = [31, low + 6, 2][kind]
        self.multiplier = draw.integers(2**30, 2**31, outputs).astype(np.int32)
        self.shift = draw.integers(low, high, outputs).astype(np.int32)

    def _weights(self, outputs: int, depth: int) -> Any:
        weights = self._dense(outputs, depth)
        if self.draw.random() < 0.3:  # pruned, some outputs to the last weight
            weights[self.draw.random(weights.shape) < self.draw.choice([0.5, 0.95, 1])] = 0
            weights[self.draw.random(outputs) < 0.2] = 0
        return weights

    def _dense(self, outputs: int, depth: int) -> Any:
        kind, draw = self.draw.integers(5), self.draw
        if kind == 0:  # the largest sums, of either sign
            signs = draw.choice(np.array([-127, 127], np.int8), (outputs, 1))
            return np.broadcast_to(signs, (outputs, depth)).copy()
        if kind == 1:
            return draw.choice(EDGES[1:], (outputs, depth))
        if kind == 2:  # the largest that halfwords hold
            weights = np.full((outputs, depth), -128, np.int8)
            weights[0::2] = 127
            return weights
        return draw.integers(-127, 128, (outputs, depth)).astype(np.int8)

    def _tensor(self, size: int) -> Any:
        kind, draw = self.draw.integers(6), self.draw
        if kind < 3:
            return np.full(size, [-128, 127, self.zero_point][kind], np.int8)
        values = draw.integers(-128, 128, size).astype(np.int8)
        if kind == 3:  # most are zero, in runs of any length
            keep = np.repeat(draw.random(size) < 0.15, 3)[:size]
            return np.where(keep, values, np.int8(self.zero_point))
        return draw.choice(EDGES, size) if kind == 4 else values

    def expected(self) -> bytes:
        quantization = self.multiplier, self.shift
        return kernels.fully_connected_int8_once(
            self.params, self.tensor, self.weights.ravel(), self.bias, *quantization
        ).tobytes()

    @property
    def is_whole(self) -> bool:
        """Whether outputs are clamped to int8 only."""
        return (self.params.lowest, self.params.highest) == (-128, 127)

    @property
    def constants(self) -> tuple[Any, ...]:
        return self.weights, self.bias, self.multiplier, self.shift

    def packed(self, level: str) -> Packed | None:
        """Return the layer in the form of a level's packer; None if the packer refuses."""
        hinted = [*vars(self.params).values(), self.zero_point]
        constants = [np.ascontiguousarray(constant) for constant in self.constants]
        packed = _native.pack(KERNEL, level, struct.pack("=7i", *hinted), (None, *constants, None))
        if packed is None:
            return None
        params, (tensor, *contents, output) = packed
        assert (tensor, output) == (None, None)
        names = (*vars(self.params), *APPENDED.get(level, ()))
        types = LEVELS[level].types if level in LEVELS else {}
        kinds = [types.get(at, own.dtype) for at, own in enumerate(constants, 1)]
        return Packed(
            KERNEL if level == "portable" else f"{KERNEL}_{level}",
            dict(zip(names, struct.unpack_from(f"={len(names)}i", params), strict=True)),
            tuple(
                constant.ravel() if content is None else np.frombuffer(content, kind)
                for constant, content, kind in zip(constants, contents, kinds, strict=True)
            ),
        )


def largest_sums(draw: np.random.Generator) -> Iterator[Layer]:
    """Layers for which a chunk that is one word of depth too long loses a bit."""
    for b, value, zero_point in itertools.product((-128, -127, 127), (-128, 127), (-128, 127)):
        layer = Layer(draw, 1, 2001, 2)
        layer.zero_point = zero_point
        layer.params = kernels.Int8(1, 2001, 2, 0, -128, 127)
        layer.weights[0], layer.weights[1] = 127, b
        layer.tensor[:] = value
        layer.bias[:] = -zero_point * layer.weights.sum(axis=1, dtype=np.int64)
        # The greatest sum is 255 * 128 * 2001; it becomes 124.
        layer.multiplier[:], layer.shift[:] = 2**30, -18
        yield layer


def extreme_shifts(draw: np.random.Generator) -> Iterator[Layer]:
    """Layers of the longest and the shortest shifts that are read in their short form, and of the
    next ones: with the largest sums, and the zero points that leave the least room."""
    for shift, zero_point, sign in itertools.product((-1, -2, -24, -25), (-128, 127), (-1, 1)):
        layer = Layer(draw, 1, 5, 3)
        layer.params = kernels.Int8(1, 5, 3, zero_point, -128, 127)
        layer.bias[:] = sign * (2**31 - 2**18)
        layer.multiplier[:], layer.shift[:] = 2**31 - 1, -7
        layer.shift[1] = shift
        yield layer


def layers(seed: int, count: int) -> Iterator[Layer]:
    """The largest sums, many small shapes, and some as deep as images."""
    draw = np.random.default_rng(seed)
    yield from largest_sums(draw)
    yield from extreme_shifts(draw)
    for depth, outputs in itertools.product((4, 7, 784, 2101), (1, 2, 5, 14, 17)):
        yield Layer(draw, 1, depth, outputs)
    for _ in range(count):
        rows, depth, outputs = draw.integers(1, 4), draw.integers(1, 71), draw.integers(1, 41)
        yield Layer(draw, int(rows), int(depth), int(outputs))
