"""CONV_2D layers of random int8 numbers, and their form for Cortex-M with the DSP extension."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge_runtime import _native
from edge_runtime.kernels.conv_2d import Conv2D, conv_2d_int8_twice

KERNEL = "conv_2d_int8_twice"


@dataclass(frozen=True)
class Layer:
    """A layer: parameters, input and constants, all flat but the weights [outputs, taps]."""

    params: Conv2D
    tensor: Any
    weights: Any
    bias: Any
    multiplier: Any
    shift: Any

    @property
    def constants(self) -> tuple[Any, ...]:
        return self.weights, self.bias, self.multiplier, self.shift

    @property
    def content(self) -> bytes:
        return struct.pack("=21i", *vars(self.params).values())

    @property
    def tensors(self) -> tuple[bytes | None, ...]:
        """What is constant of the kernel's tensors."""
        return None, *(one.tobytes() for one in self.constants), None

    def expected(self) -> bytes:
        return conv_2d_int8_twice(
            self.params,
            self.tensor,
            self.weights.ravel(),
            self.bias,
            self.multiplier,
            self.shift,
        ).tobytes()

    def packed(self) -> tuple[Any, ...] | None:
        """Return the constants as the packer writes them; None if it refuses."""
        found = _native.pack(KERNEL, "dsp", self.content, self.tensors)
        if found is None:
            return None
        params, (tensor, *constants, output) = found
        assert (params, tensor, output) == (self.content, None, None)
        return tuple(constants)

    def scratch(self) -> int:
        size: int = _native.scratch(KERNEL, "dsp", self.content, self.tensors)
        return size


def drawn(draw: np.random.Generator, params: Conv2D) -> Layer:
    """Return a layer of random numbers, of random kinds."""
    p, count = params, params.outputs
    taps = p.window_height * p.window_width * p.depth
    weights = draw.integers(-127, 128, (count, taps))
    if draw.random() < 0.3:  # the largest sums
        weights = draw.choice([-127, 127], (count, taps if draw.random() < 0.5 else 1))
        weights = np.broadcast_to(weights, (count, taps))
    size = p.batches * p.height * p.width * p.channels
    tensor = draw.integers(-128, 128, size)
    if draw.random() < 0.3:
        tensor = draw.choice([-128, p.input_zero_point, 127], size)
    spread = 255 * 127 * np.sqrt(taps)
    factors = 2.0 ** draw.uniform(-3, 3, count) * 40 / spread
    fraction, exponent = np.frexp(factors)
    multiplier = np.clip(np.round(fraction * 2**31), 2**30, 2**31 - 1).astype(np.int64)
    shift = np.clip(exponent, -31, -2)
    kind = draw.integers(6)
    if kind == 0:  # any factors, and those that make halves
        multiplier = draw.choice([0, 2**30, 3 * 2**29, 2**31 - 1], count)
        shift = draw.integers(-31, -1, count)
    if kind == 1:
        multiplier = multiplier >> 26 << 26
    limit = 2**22 if kind == 0 else int(spread) // 2
    bias = draw.integers(-limit, limit, count)
    if kind == 2:  # some outputs are the same whatever the input
        dead = draw.random(count) < 0.5
        bias[dead] = draw.choice([-(2**30), -(2**24), 2**25], count)[dead]
        shift[dead] = draw.choice([-1, 0, -9, 1], count)[dead]
    if kind == 3 and p.lowest >= p.output_zero_point:  # the largest factors
        large = draw.random(count) < 0.5
        shift[large] = -1
        multiplier[large] |= 1
        weights = np.where(large[:, None] & (draw.random((count, taps)) < 0.9), 0, weights)
        bias[large] //= 64
    return Layer(
        params,
        tensor.astype(np.int8),
        np.ascontiguousarray(weights, np.int8),
        bias.astype(np.int32),
        multiplier.astype(np.int32),
        shift.astype(np.int32),
    )


def shape(draw: np.random.Generator, axis: str) -> dict[str, int]:
    """Return random numbers of an axis: windows lie inside, outside and on its ends."""
    side, start = {"h": ("height", "top"), "w": ("width", "left")}[axis]
    window, stride = int(draw.integers(1, 5)), int(draw.choice([1, 1, 2, 3]))
    dilation = int(draw.choice([1, 1, 1, 2, 3]))
    size, before = int(draw.integers(1, 12)), int(draw.integers(0, window * dilation))
    within = (size + before - (window - 1) * dilation - 1) // stride + 1
    return {
        side: size,
        f"output_{side}": max(within + int(draw.integers(0, 2)), 1),
        f"window_{side}": window,
        f"stride_{axis}": stride,
        f"dilation_{axis}": dilation,
        start: before,
    }


def pointwise(draw: np.random.Generator) -> dict[str, int]:
    """Return numbers of both axes of a window of one tap."""
    height, width = map(int, draw.integers(1, 8, 2))
    ones = ("window_height", "window_width", "stride_h", "stride_w", "dilation_h", "dilation_w")
    sizes = {"height": height, "width": width, "output_height": height, "output_width": width}
    return {**sizes, **dict.fromkeys(ones, 1), "top": 0, "left": 0}


def bounds(draw: np.random.Generator) -> dict[str, int]:
    """Return zero points and bounds: of no activation, of RELU and of any other."""
    output = int(draw.choice([-128, 0, 127, int(draw.integers(-128, 128))]))
    low, high = sorted(map(int, draw.integers(-128, 128, 2)))
    kinds = [(-128, 127), (output, 127), (output, max(output, high)), (low, high)]
    lowest, highest = kinds[int(draw.integers(4))]
    return {
        "input_zero_point": int(draw.choice([-128, 0, 127, int(draw.integers(-128, 128))])),
        "weights_zero_point": 0,
        "output_zero_point": output,
        "lowest": lowest,
        "highest": highest,
    }


def layers(seed: int, count: int) -> Iterator[Layer]:
    """Return layers of many small shapes."""
    draw = np.random.default_rng(seed)
    for number in range(count):
        axes = pointwise(draw) if number % 4 == 0 else {**shape(draw, "h"), **shape(draw, "w")}
        depth = int(draw.choice([1, 2, 3, 4, 5, 7, 8, 12, 16, 36]))
        params = Conv2D(
            batches=int(draw.choice([1, 1, 1, 2])),
            channels=depth,
            depth=depth,
            outputs=int(draw.integers(2, 12)),
            **axes,
            **bounds(draw),
        )
        yield drawn(draw, params)
