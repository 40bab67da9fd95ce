"""Random whole networks, as converters write them: 5 to 15 ops of one scheme, from a seed.

Their quantisation is valid and seldom kind: scales from 1e-12 to 1e4 beside ordinary ones, biases
of any size, weights of -128, outputs that are read on.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

import build
from edge_runtime.ops.window import SAME, VALID

SCHEMES = ("int8", "uint8", "int16", "float32", "hybrid")
"""Element types of activations; hybrid is float32 with int8 weights."""

SAMPLES = {"int8": 1 / 256, "uint8": 1 / 256, "int16": 1 / 32768}
"""Element type -> the scale of probabilities."""


class Network:
    """A network that grows op by op.

    Attributes:
        tensors: of the graph.
        ops: of the graph.
        computed: indices of tensors that an op has written.
        inputs: indices of the inputs.
    """

    def __init__(self, seed: int, scheme: str, *, wide: bool) -> None:
        self.rng = np.random.default_rng([seed, SCHEMES.index(scheme)])
        self.scheme = scheme
        self.dtype = "float32" if scheme == "hybrid" else scheme
        self.hostile = self.rng.random() < 0.3
        self.wide = wide and self.dtype != "int16"
        self.tensors: list[Any] = []
        self.ops: list[build.Op] = []
        self.computed: list[int] = []
        rank = int(self.rng.choice([4, 4, 4, 2, 3]))
        shape = self.sizes(rank)
        self.inputs = [self.activation(shape)]
        if self.rng.random() < 0.2:
            self.inputs.append(self.activation(shape))
        self.at = self.inputs[0]

    def sizes(self, rank: int) -> tuple[int, ...]:
        """Return a small shape."""
        batch = int(self.rng.choice([1, 1, 1, 2]))
        inner = self.rng.integers(3, 12, rank - 2)
        return (batch, *map(int, inner), int(self.rng.choice([1, 2, 3, 4, 8, 13, 16])))

    def shape(self, index: int) -> tuple[int, ...]:
        """Return a tensor's shape."""
        return tuple(self.tensors[index].shape)

    def add(self, tensor: Any) -> int:
        """Add a tensor."""
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def scale(self) -> float:
        """Return the scale of an activation."""
        if self.wide and self.rng.random() < 0.1:
            return float(np.float32(10.0 ** self.rng.uniform(-12, 4)))
        return float(np.float32(2.0 ** self.rng.uniform(-6, 0) / (256 if self.is16 else 1)))

    @property
    def is16(self) -> bool:
        """Whether activations are int16."""
        return self.dtype == "int16"

    def quantization(self, kind: str = "") -> tuple[float, int]:
        """Return a scale and a zero point; those that a kind of output has to have."""
        if self.dtype == "float32":
            return 0.0, 0
        if kind == "probability":
            return SAMPLES[self.dtype], -128 if self.dtype == "int8" else 0
        if kind == "sine":
            return (1 / 32768, 0) if self.is16 else (1 / 128, 128 if self.dtype == "uint8" else 0)
        if self.is16:
            return self.scale(), 0
        low = 0 if self.dtype == "uint8" else -128
        zero = self.rng.choice([low, low + 255, low + 128, int(self.rng.integers(low, low + 256))])
        return self.scale(), int(zero)

    def like(self, index: int) -> tuple[float, int]:
        """Return the quantisation of a tensor."""
        known = self.tensors[index].quantization
        return (known.scale[0], known.zeroPoint[0]) if known else (0.0, 0)

    def activation(self, shape: Sequence[int], quantization: Any = None) -> int:
        """Add a tensor that is computed."""
        scale, zero = self.quantization() if quantization is None else quantization
        tensor = build.tensor(shape, self.dtype, scale, zero)
        tensor.shapeSignature = [-1, *shape[1:]] if self.dynamic(shape) else None
        return self.add(tensor)

    def dynamic(self, shape: Sequence[int]) -> bool:
        """Return whether a shape is written as one of an open batch."""
        return len(shape) > 1 and shape[0] == 1 and self.hostile

    def integers(self, *values: int) -> int:
        """Add a constant of int32."""
        return self.add(build.constant(values, "int32"))

    def weights(
        self, shape: tuple[int, ...], axis: int, per_channel: bool
    ) -> tuple[int, list[float]]:
        """Add weights; also return their scales."""
        if self.scheme == "float32":
            data: npt.NDArray[Any] = self.rng.normal(size=shape).astype(np.float32)
            return self.add(build.tensor(shape, "float32", data=data)), []
        least = -128 if self.hostile and self.scheme != "hybrid" else -127
        low, high = (0, 255) if self.dtype == "uint8" else (least, 127)
        data = self.rng.integers(low, high, shape, endpoint=True)
        count = shape[axis] if per_channel and self.dtype != "uint8" else 1
        scales = (2.0 ** self.rng.uniform(-9, -5, count)).astype(np.float32).tolist()
        if self.wide and count > 1:
            scales[0] = float(np.float32(10.0 ** self.rng.uniform(-20, -3)))
        zero = int(self.rng.integers(0, 256)) if self.dtype == "uint8" else 0
        dtype = "uint8" if self.dtype == "uint8" else "int8"
        given = scales if count > 1 else scales[0]
        tensor = build.tensor(shape, dtype, given, zero, data.astype(dtype), axis=axis)
        return self.add(tensor), scales

    def bias(
        self, source: int, count: int, scales: list[float], *, may_lack: bool = True
    ) -> list[int]:
        """Add a bias, or none, which LiteRT takes in some ops."""
        if self.rng.random() < 0.15 and may_lack:
            return []
        if self.dtype == "float32":
            return [self.add(build.constant(self.rng.normal(size=count), "float32"))]
        most = 2**30 if self.hostile and self.rng.random() < 0.3 else 3000
        data = self.rng.integers(-most, most, count)
        scale = self.like(source)[0]
        given = build.products(scale, scales if len(scales) > 1 else scales[0])
        return [self.add(build.constant(data, "int64" if self.is16 else "int32", given))]

    def fused(self) -> int:
        """Return a fused activation: none, RELU, RELU_N1_TO_1 or RELU6."""
        return int(self.rng.choice([0, 0, 1, 1, 2, 3]))

    def op(self, name: str, inputs: Sequence[int], output: int, **options: Any) -> None:
        """Add an op, whose output becomes the current tensor."""
        self.ops.append((name, list(inputs), output, options))
        self.computed.append(output)
        self.at = output

    def conv(self, name: str = "CONV_2D") -> None:
        """Add a convolution, sometimes dilated, or padded by a PAD before it."""
        rng = self.rng
        source = self.padded() if rng.random() < 0.2 else self.at
        batch, height, width, depth = self.shape(source)
        padding = SAME if rng.random() < 0.6 else VALID
        dilation = 2 if rng.random() < 0.15 else 1
        stride = 1 if dilation > 1 else int(rng.choice([1, 1, 2]))
        kernel = tuple(
            int(rng.integers(1, max(1, min(4, (size - 1) // dilation)) + 1))
            for size in (height, width)
        )
        out = [
            _steps(size, taps, stride, dilation, padding)
            for size, taps in zip((height, width), kernel, strict=True)
        ]
        count = int(rng.choice([1, 3, 4, 8, 16]))
        options = {
            "padding": padding,
            "strideW": stride,
            "strideH": stride,
            "dilationWFactor": dilation,
            "dilationHFactor": dilation,
            "fusedActivationFunction": self.fused(),
        }
        per_channel = bool(rng.random() < 0.7) or self.scheme == "hybrid"
        if name == "CONV_2D":
            weights, scales = self.weights((count, *kernel, depth), 0, per_channel)
        else:
            options["depthMultiplier"] = multiplier = int(rng.choice([1, 1, 2]))
            count = depth * multiplier
            weights, scales = self.weights((1, *kernel, count), 3, per_channel)
        bias = self.bias(source, count, scales, may_lack=name == "DEPTHWISE_CONV_2D")
        self.op(name, [source, weights, *bias], self.activation((batch, *out, count)), **options)

    def depthwise(self) -> None:
        """Add a depthwise convolution."""
        self.conv("DEPTHWISE_CONV_2D")

    def padded(self) -> int:
        """Add a PAD, and return its output."""
        sides = self.rng.integers(0, 3, (2, 2))
        paddings = np.array([[0, 0], *sides, [0, 0]])
        shape = tuple(int(size) for size in np.array(self.shape(self.at)) + paddings.sum(1))
        output = self.activation(shape, self.like(self.at))
        self.op("PAD", [self.at, self.add(build.constant(paddings, "int32"))], output)
        return output

    def pool(self) -> None:
        """Add a pool."""
        batch, height, width, depth = self.shape(self.at)
        size = int(self.rng.integers(1, min(height, width, 3) + 1))
        stride, padding = int(self.rng.integers(1, 3)), int(self.rng.choice([SAME, VALID]))
        out = (_steps(side, size, stride, 1, padding) for side in (height, width))
        output = self.activation((batch, *out, depth), self.like(self.at))
        self.op(
            str(self.rng.choice(["MAX_POOL_2D", "AVERAGE_POOL_2D"])),
            [self.at],
            output,
            padding=padding,
            strideW=stride,
            strideH=stride,
            filterWidth=size,
            filterHeight=size,
            fusedActivationFunction=self.fused(),
        )

    def mean(self) -> None:
        """Add a MEAN or REDUCE_MAX over the inner dimensions."""
        shape = self.shape(self.at)
        keep = bool(self.rng.random() < 0.5)
        kept = (*(1,) * (len(shape) - 2), shape[-1]) if keep else (shape[-1],)
        maximum = self.rng.random() < 0.2
        output = self.activation((shape[0], *kept), self.like(self.at) if maximum else None)
        axes = self.integers(*range(1, len(shape) - 1))
        self.op("REDUCE_MAX" if maximum else "MEAN", [self.at, axes], output, keepDims=keep)

    def dense(self) -> None:
        """Add a FULLY_CONNECTED, behind a RESHAPE that flattens or as it is."""
        shape = self.shape(self.at)
        if len(shape) > 2 and self.rng.random() < 0.7:
            flat = (shape[0], int(np.prod(shape[1:])))
            self.reshape(flat)
        shape = self.shape(self.at)
        count = int(self.rng.choice([1, 2, 5, 8, 16]))
        weights, scales = self.weights((count, shape[-1]), 0, bool(self.rng.random() < 0.4))
        bias = self.bias(self.at, count, scales)
        source = self.at
        output = self.activation((*shape[:-1], count))
        self.op(
            "FULLY_CONNECTED",
            [source, weights, *(bias or [-1])],
            output,
            fusedActivationFunction=self.fused(),
            keepNumDims=len(shape) > 2,
        )

    def reshape(self, shape: tuple[int, ...]) -> None:
        """Add a RESHAPE."""
        output = self.activation(shape, self.like(self.at))
        open_batch = self.dynamic(shape)
        new = self.integers(*((-1, *shape[1:]) if open_batch else shape))
        self.op("RESHAPE", [self.at, new], output, newShape=list(shape))

    def fold(self) -> None:
        """Add a RESHAPE that splits or joins dimensions."""
        shape = self.shape(self.at)
        if len(shape) == 4:
            self.reshape((shape[0], shape[1] * shape[2], shape[3]))
        elif len(shape) == 3:
            self.reshape((*shape[:2], 1, shape[2]))
        else:
            self.reshape((shape[0], 1, shape[1], 1))

    def unary(self) -> None:
        """Add a function of one number."""
        names = ["RELU", "RELU6", "LOGISTIC", "TANH", "LEAKY_RELU"]
        names += ["HARD_SWISH"] * (not self.is16)
        names += ["ABS", "SQUARE"] * (self.dtype == "float32")
        name = str(self.rng.choice(names))
        kind = {"LOGISTIC": "probability", "TANH": "sine"}.get(name, "")
        options = {"alpha": 0.1} if name == "LEAKY_RELU" else {}
        output = self.activation(self.shape(self.at), self.quantization(kind))
        self.op(name, [self.at], output, **options)

    def softmax(self) -> None:
        """Add a SOFTMAX."""
        output = self.activation(self.shape(self.at), self.quantization("probability"))
        self.op("SOFTMAX", [self.at], output, beta=1.0)

    def binary(self) -> None:
        """Add a function of two tensors, the other of this shape or a number for each channel."""
        shape = self.shape(self.at)
        names = ["ADD", "ADD", "MUL", "SUB", "MAXIMUM"]
        name = str(self.rng.choice(names))
        others = [one for one in (*self.computed, *self.inputs) if self.shape(one) == shape]
        if others and self.rng.random() < 0.7:
            other = int(self.rng.choice(others))
        else:
            other = self.constant((1,) * (len(shape) - 1) + shape[-1:])
        inputs = [self.at, other] if self.rng.random() < 0.7 else [other, self.at]
        if name == "MAXIMUM" and self.like(other) != self.like(self.at):
            name = "ADD"
        kept = self.like(self.at) if name == "MAXIMUM" else None
        options = {} if name == "MAXIMUM" else {"fusedActivationFunction": self.fused()}
        if name in ("ADD", "SUB") and self.is16:
            options["potScaleInt16"] = False
        self.op(name, inputs, self.activation(shape, kept), **options)

    def constant(self, shape: tuple[int, ...]) -> int:
        """Add a constant of the type of activations."""
        if self.dtype == "float32":
            return self.add(build.constant(self.rng.normal(size=shape), "float32"))
        limits = np.iinfo(self.dtype)
        data = self.rng.integers(limits.min, limits.max, shape, endpoint=True).astype(self.dtype)
        return self.add(build.tensor(shape, self.dtype, *self.quantization(), data))

    def concatenation(self) -> None:
        """Add a CONCATENATION with tensors of this shape, but for uint8 of this quantisation."""
        shape, kept = self.shape(self.at), self.like(self.at)
        others = [
            one
            for one in (*self.computed, *self.inputs)
            if self.shape(one) == shape and (self.like(one) == kept or self.dtype == "uint8")
        ]
        others = [int(self.rng.choice(others)) for _ in range(2)] if others else [self.at]
        axis = int(self.rng.integers(1, len(shape)))
        parts = [self.at, *others]
        whole = tuple(size * (len(parts) if at == axis else 1) for at, size in enumerate(shape))
        negative = axis - len(shape) if self.rng.random() < 0.5 else axis
        self.op("CONCATENATION", parts, self.activation(whole, kept), axis=negative)

    def split(self) -> None:
        """Add a SPLIT in two, whose parts are both read."""
        shape = self.shape(self.at)
        axes = [at for at in range(1, len(shape)) if shape[at] % 2 == 0]
        if not axes:
            return self.slice()
        axis = int(self.rng.choice(axes))
        half = tuple(size // 2 if at == axis else size for at, size in enumerate(shape))
        outputs = [self.activation(half, self.like(self.at)) for _ in range(2)]
        self.ops.append(("SPLIT", [self.integers_scalar(axis), self.at], outputs, {"numSplits": 2}))
        self.computed += outputs
        self.at = outputs[int(self.rng.integers(2))]
        return None

    def integers_scalar(self, value: int) -> int:
        """Add a constant scalar."""
        return self.add(build.constant(value, "int32"))

    def slice(self) -> None:
        """Add a STRIDED_SLICE."""
        shape = self.shape(self.at)
        begin = [int(self.rng.integers(0, size)) if at else 0 for at, size in enumerate(shape)]
        step = [int(self.rng.integers(1, 3)) if at else 1 for at in range(len(shape))]
        sizes = tuple(
            -(-(size - start) // by) for size, start, by in zip(shape, begin, step, strict=True)
        )
        inputs = [self.at, *(self.integers(*one) for one in (begin, shape, step))]
        output = self.activation(sizes, self.like(self.at))
        self.op("STRIDED_SLICE", inputs, output, endMask=int(self.rng.choice([0, 1])))

    def transpose(self) -> None:
        """Add a TRANSPOSE, and often the one that undoes it two ops later."""
        rank = len(self.shape(self.at))
        order = [0, *map(int, 1 + self.rng.permutation(rank - 1))]
        self.transposed(order)
        if self.rng.random() < 0.6:
            self.elementwise()
            self.transposed([order.index(axis) for axis in range(rank)])

    def transposed(self, order: list[int]) -> None:
        """Add a TRANSPOSE of that order."""
        shape = tuple(self.shape(self.at)[axis] for axis in order)
        output = self.activation(shape, self.like(self.at))
        self.op("TRANSPOSE", [self.at, self.integers(*order)], output)

    def elementwise(self) -> None:
        """Add an op that treats numbers one by one."""
        self.binary() if self.rng.random() < 0.5 else self.unary()

    def resize(self) -> None:
        """Add a RESIZE to up to twice the size."""
        batch, height, width, depth = self.shape(self.at)
        size = [int(self.rng.integers(1, 2 * side + 1)) for side in (height, width)]
        name = str(self.rng.choice(["RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"]))
        centers = bool(self.rng.random() < 0.5)
        corners = not centers and bool(self.rng.random() < 0.3)
        output = self.activation((batch, *size, depth), self.like(self.at))
        self.op(
            name,
            [self.at, self.integers(*size)],
            output,
            halfPixelCenters=centers,
            alignCorners=corners,
        )

    def requantized(self) -> None:
        """Add a QUANTIZE, or DEQUANTIZE, a function and QUANTIZE."""
        if self.dtype == "float32":
            return self.unary()
        if self.rng.random() < 0.5:
            self.op("QUANTIZE", [self.at], self.activation(self.shape(self.at)))
            return None
        for name in ("DEQUANTIZE", str(self.rng.choice(["RELU", "LOGISTIC", "TANH", "SQUARE"]))):
            output = self.add(build.tensor(self.shape(self.at), "float32"))
            self.ops.append((name, [self.at], output, {}))
            self.at = output
        self.op("QUANTIZE", [self.at], self.activation(self.shape(self.at)))
        return None

    def dilated(self) -> None:
        """Add SPACE_TO_BATCH_ND, a depthwise convolution, BATCH_TO_SPACE_ND."""
        batch, height, width, depth = self.shape(self.at)
        if self.scheme == "hybrid":
            return self.depthwise()
        grown = [size + 4 + size % 2 for size in (height, width)]
        pads = self.add(build.constant([[2, 2 + size % 2] for size in (height, width)], "int32"))
        crops = self.add(build.constant([[0, size % 2] for size in (height, width)], "int32"))
        block = self.integers(2, 2)
        kept = self.like(self.at)
        output = self.activation((4 * batch, *(size // 2 for size in grown), depth), kept)
        self.op("SPACE_TO_BATCH_ND", [self.at, block, pads], output)
        weights, scales = self.weights((1, 3, 3, depth), 3, per_channel=True)
        bias = self.bias(output, depth, scales)
        inner = tuple(size // 2 - 2 for size in grown)
        middle = self.activation((4 * batch, *inner, depth))
        options = {"padding": VALID, "strideW": 1, "strideH": 1, "depthMultiplier": 1}
        options |= {"dilationWFactor": 1, "dilationHFactor": 1}
        self.op("DEPTHWISE_CONV_2D", [output, weights, *bias], middle, **options)
        output = self.activation((batch, height, width, depth), self.like(middle))
        self.op("BATCH_TO_SPACE_ND", [middle, block, crops], output)
        return None

    def unpack(self) -> None:
        """Add an UNPACK of a short dimension and the PACK of its parts in another place."""
        shape = self.shape(self.at)
        axis = int(self.rng.integers(1, len(shape)))
        if shape[axis] > 8:
            return self.slice()
        part = shape[:axis] + shape[axis + 1 :]
        outputs = [self.activation(part, self.like(self.at)) for _ in range(shape[axis])]
        self.ops.append(("UNPACK", [self.at], outputs, {"axis": axis, "num": len(outputs)}))
        to = int(self.rng.integers(1, len(shape)))
        whole = (*part[:to], len(outputs), *part[to:])
        output = self.activation(whole, self.like(self.at))
        self.op("PACK", outputs[::-1], output, axis=to, valuesCount=len(outputs))
        return None

    def steps(self) -> list[Callable[[], None]]:
        """Return what may follow."""
        rank = len(self.shape(self.at))
        anywhere = [self.unary, self.binary, self.binary, self.concatenation, self.split]
        anywhere += [self.slice, self.fold, self.requantized, self.dense, self.transpose]
        anywhere += [self.softmax, self.unpack]
        if rank == 4:
            images = [self.conv, self.conv, self.depthwise, self.pool, self.resize, self.dilated]
            return [*images, *images, *anywhere, self.mean]
        return [*anywhere, *([self.mean] if rank == 3 else [self.dense])]


def _steps(size: int, kernel: int, stride: int, dilation: int, padding: int) -> int:
    if padding == SAME:
        return -(-size // stride)
    return (size - dilation * (kernel - 1) - 1) // stride + 1


def network(seed: int, scheme: str, *, wide: bool = False) -> bytes:
    """Return the file of a random network.

    Args:
        seed: of all that is random.
        scheme: one of ``SCHEMES``.
        wide: with scales that are valid but no converter's, of which LiteRT may die.
    """
    growing = Network(seed, scheme, wide=wide)
    count = int(growing.rng.integers(4, 13))
    while len(growing.ops) < count:
        steps = growing.steps()
        steps[int(growing.rng.integers(len(steps)))]()
        if np.prod(growing.shape(growing.at)) > 20000:
            growing.pool() if len(growing.shape(growing.at)) == 4 else growing.slice()
    outputs = [growing.at]
    while growing.rng.random() < 0.25:
        outputs.append(int(growing.rng.choice(growing.computed)))
    return build.model(growing.tensors, growing.ops, inputs=growing.inputs, outputs=outputs)
