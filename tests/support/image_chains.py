"""Random networks of windows over one image, or a sequence: what may run row by row.

Windows are larger, strides and padding wilder than those of ``networks``, and branches meet again.
"""

from typing import Any

import numpy as np

import build
from edge_runtime.ops.window import SAME, VALID

SCALE, WEIGHTS = 0.05, 0.02
"""Scales of activations and of weights in int8."""


class _Chain:
    def __init__(self, seed: int, dtype: str) -> None:
        self.rng = np.random.default_rng([seed, dtype == "int8"])
        self.dtype = dtype
        self.tensors: list[Any] = []
        self.ops: list[build.Op] = []
        height, width = (int(one) for one in self.rng.integers(4, 22, 2))
        height = 1 if self.rng.random() < 0.2 else height
        self.images = [self.activation((1, height, width, int(self.rng.integers(1, 5))))]

    def activation(self, shape: tuple[int, ...]) -> int:
        scale = SCALE if self.dtype == "int8" else 0.0
        self.tensors.append(build.tensor(shape, self.dtype, scale))
        return len(self.tensors) - 1

    def shape(self, index: int) -> tuple[int, ...]:
        return tuple(self.tensors[index].shape)

    def parameters(self, shape: tuple[int, ...], outputs: int) -> list[int]:
        """Add weights and a bias."""
        rng, count = self.rng, len(self.tensors)
        if self.dtype == "int8":
            weights = rng.integers(-127, 128, shape)
            self.tensors.append(build.constant(weights, "int8", WEIGHTS))
            bias = rng.integers(-2000, 2000, outputs)
            self.tensors.append(build.constant(bias, "int32", float(np.float32(SCALE * WEIGHTS))))
        else:
            self.tensors.append(build.constant(rng.normal(size=shape), "float32"))
            self.tensors.append(build.constant(rng.normal(size=outputs), "float32"))
        return [count, count + 1]

    def op(self, name: str, inputs: list[int], shape: tuple[int, ...], **options: Any) -> int:
        output = self.activation(shape)
        self.ops.append((name, inputs, output, options))
        self.images.append(output)
        return output

    def window(self, source: int) -> tuple[tuple[int, int], tuple[int, int], dict[str, Any]]:
        """Return the sides of a window, those of its output, and the options."""
        rng, sizes = self.rng, self.shape(source)[1:3]
        padding = SAME if rng.random() < 0.7 else VALID
        strides = [int(one) for one in rng.choice([1, 1, 1, 2, 3], 2)]
        sides = [int(one) for one in rng.choice([1, 1, 2, 3, 3, 4, 7, 10], 2)]
        if padding == VALID:
            sides = [min(side, size) for side, size in zip(sides, sizes, strict=True)]
        out = [
            -(-(size if padding == SAME else size - side + 1) // stride)
            for size, side, stride in zip(sizes, sides, strides, strict=True)
        ]
        options = {"padding": padding, "strideH": strides[0], "strideW": strides[1]}
        return (sides[0], sides[1]), (out[0], out[1]), options

    def convolution(self, source: int) -> None:
        sides, out, options = self.window(source)
        depth, count = self.shape(source)[3], int(self.rng.integers(1, 6))
        if self.rng.random() < 0.4:
            parameters = self.parameters((1, *sides, depth), depth)
            options |= {"depthMultiplier": 1}
            self.op("DEPTHWISE_CONV_2D", [source, *parameters], (1, *out, depth), **options)
        else:
            parameters = self.parameters((count, *sides, depth), count)
            self.op("CONV_2D", [source, *parameters], (1, *out, count), **options)

    def pool(self, source: int) -> None:
        sides, out, options = self.window(source)
        if self.rng.random() < 0.2:
            height, width = self.shape(source)[1:3]
            side = int(self.rng.integers(1, width + 1))
            sides, out = (height, side), (1, width - side + 1)
            options |= {"padding": VALID, "strideH": 1, "strideW": 1}
        name = str(self.rng.choice(["MAX_POOL_2D", "AVERAGE_POOL_2D"]))
        options |= {"filterHeight": sides[0], "filterWidth": sides[1]}
        self.op(name, [source], (1, *out, self.shape(source)[3]), **options)

    def meet(self, source: int) -> None:
        """Join the tensor and another of its size, or one that is broadcast to it."""
        shape = self.shape(source)
        fitting = [
            one
            for one in self.images
            if all(size in (1, whole) for size, whole in zip(self.shape(one), shape, strict=True))
        ]
        other = int(self.rng.choice(fitting))
        beside = [one for one in self.images if self.shape(one)[:3] == shape[:3]]
        if self.rng.random() < 0.3:
            parts = [source, int(self.rng.choice(beside))]
            depth = sum(self.shape(one)[3] for one in parts)
            self.op("CONCATENATION", parts, (*shape[:3], depth), axis=3)
        else:
            self.op("ADD", [source, other], shape)

    def grow(self) -> None:
        source = self.images[-1] if self.rng.random() < 0.75 else int(self.rng.choice(self.images))
        kind = self.rng.choice(["convolution", "convolution", "pool", "meet", "relu"])
        if kind == "relu":
            self.op("RELU", [source], self.shape(source))
        else:
            getattr(self, str(kind))(source)


def model(seed: int, dtype: str) -> bytes:
    """Return a model of one input, whose outputs are all tensors that nothing reads.

    Args:
        seed: of its layers and weights.
        dtype: "int8" or "float32".
    """
    chain = _Chain(seed, dtype)
    for _ in range(int(chain.rng.integers(2, 11))):
        chain.grow()
    read = {index for _, inputs, _, _ in chain.ops for index in inputs}
    outputs = [one for one in chain.images[1:] if one not in read]
    return build.model(chain.tensors, chain.ops, outputs=outputs)


def averaged(seed: int) -> bytes:
    """Return an int8 model that ends with an average over all rows of an image."""
    chain = _Chain(seed, "int8")
    chain.images = [chain.activation((1, 9 + seed, 7, 3))]
    chain.tensors = chain.tensors[-1:]
    chain.images = [0]
    for _ in range(2):
        parameters = chain.parameters((4, 3, 3, chain.shape(chain.images[-1])[3]), 4)
        rows, columns = chain.shape(chain.images[-1])[1:3]
        options = {"padding": SAME, "strideH": 1, "strideW": 1}
        chain.op("CONV_2D", [chain.images[-1], *parameters], (1, rows, columns, 4), **options)
    side = 1 + seed % columns
    options = {"padding": VALID, "strideH": 1, "strideW": 1 + seed % 2}
    options |= {"filterHeight": rows, "filterWidth": side}
    places = (columns - side) // options["strideW"] + 1
    chain.op("AVERAGE_POOL_2D", [chain.images[-1]], (1, 1, places, 4), **options)
    return build.model(chain.tensors, chain.ops)


def network(seed: int) -> bytes:
    """Return an int8 network of the layers of MLPerf Tiny's, with channels as SIMD likes them."""
    chain = _Chain(seed, "int8")
    chain.tensors = [build.tensor((1, 25, 10, 1 + 2 * (seed % 2)), "int8", SCALE)]
    chain.images = [0]

    def layer(name: str, count: int, sides: tuple[int, int], stride: int) -> int:
        source = chain.images[-1]
        _, height, width, depth = chain.shape(source)
        weights = (1, *sides, depth) if name == "DEPTHWISE_CONV_2D" else (count, *sides, depth)
        parameters = chain.parameters(weights, weights[-1] if weights[0] == 1 else count)
        options = {"padding": SAME, "strideH": stride, "strideW": stride}
        options |= {"depthMultiplier": 1} if name == "DEPTHWISE_CONV_2D" else {}
        shape = (1, -(-height // stride), -(-width // stride), count)
        return chain.op(name, [source, *parameters], shape, **options)

    layer("CONV_2D", 16, (10, 4), 1 + seed % 2)
    layer("DEPTHWISE_CONV_2D", 16, (3, 3), 1)
    before = layer("CONV_2D", 24, (1, 1), 1)
    layer("DEPTHWISE_CONV_2D", 24, (3, 3), 1)
    layer("CONV_2D", 24, (1, 1), 1)
    chain.op("ADD", [chain.images[-1], before], chain.shape(before))
    layer("CONV_2D", 16, (3, 3), 2)
    layer("DEPTHWISE_CONV_2D", 16, (3, 3), 2)
    _, height, width, depth = chain.shape(layer("CONV_2D", 32, (1, 1), 1))
    options = {"padding": VALID, "strideH": 1, "strideW": 1}
    options |= {"filterHeight": height, "filterWidth": width}
    chain.op("AVERAGE_POOL_2D", [chain.images[-1]], (1, 1, 1, depth), **options)
    return build.model(chain.tensors, chain.ops)
