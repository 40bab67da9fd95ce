"""Models of layers whose weights are no plain int8: uint8, computed, or int8 beside float32."""

import numpy as np

import build
from runtimes import drawn, f32

KINDS = ("uint8", "int8 offset", "int8 computed", "int8 channels computed", "float32 computed")


def zero_point(rng, dtype):
    limits = np.iinfo(dtype)
    return int(rng.choice([limits.min, limits.max, rng.integers(limits.min, limits.max + 1)]))


def dense(rng, kind, rows=2, depth=9, outputs=5, *, with_bias=True, activation=0):
    """A model of a kind, and its inputs: weights are the second where they are computed."""
    dtype, computed = kind.split()[0], kind.endswith("computed")
    bias = build.constant(rng.normal(size=outputs), "float32")
    x, y = build.tensor((rows, depth)), build.tensor((rows, outputs))
    weights = build.tensor((outputs, depth))
    inputs = [drawn(rng, dtype, (rows, depth)), drawn(rng, dtype, (outputs, depth))]
    if dtype != "float32":
        channels = "channels" in kind
        scales = [f32(s) for s in rng.uniform(0.001, 0.05, outputs if channels else 1)]
        x = build.tensor((rows, depth), dtype, 0.05, zero_point(rng, dtype))
        constant = None if computed else inputs[1]
        offset = 0 if channels else zero_point(rng, dtype)
        weights = build.tensor((outputs, depth), dtype, scales, offset, data=constant)
        numbers = rng.integers(-40000, 40000, outputs)
        bias = build.constant(numbers, "int32", build.products(0.05, scales))
        spread = f32(2.5 * np.mean(scales) * np.sqrt(depth))
        y = build.tensor((rows, outputs), dtype, spread, zero_point(rng, dtype))
    options = {"fusedActivationFunction": activation}
    op = ("FULLY_CONNECTED", [0, 1, 2 if with_bias else -1], 3, options)
    read_from = [0, 1] if computed else [0]
    return build.model([x, weights, bias, y], [op], inputs=read_from), inputs[: len(read_from)]


def hybrid(rng, rows=2, depth=9, outputs=5, *, weights="int8", asymmetric=True, **kinds):
    """A model of float32 activations and 8-bit weights."""
    scales = rng.uniform(0.001, 0.05, outputs if kinds.get("channels") else 1).astype("f4").tolist()
    # LiteRT's vector code takes -(-128) for -128.
    numbers = rng.integers(-127, 128, (outputs, depth)).astype(np.int8).view(weights)
    tensors = [
        build.tensor((rows, depth)),
        build.tensor((outputs, depth), weights, scales, data=numbers),
        build.constant(rng.normal(size=outputs), "float32"),
        build.tensor((rows, outputs)),
    ]
    options = {
        "asymmetricQuantizeInputs": asymmetric,
        "fusedActivationFunction": kinds.get("activation", 0),
    }
    read_from = [0, 1, 2 if kinds.get("with_bias", True) else -1]
    return build.model(tensors, [("FULLY_CONNECTED", read_from, 3, options)])


def squared(rng, dtype):
    """A model of products of all pairs of rows of its input."""
    scales = (0.0,) * 3 if dtype == "float32" else (0.05, 0.05 * 0.05, 0.7)
    tensors = [
        build.tensor((5, 9), dtype, scales[0], 3),
        build.constant(rng.integers(-9, 9, 5), "int32" if scales[0] else dtype, scales[1]),
        build.tensor((5, 5), dtype, scales[2], -7),
    ]
    return build.model(tensors, [("FULLY_CONNECTED", [0, 0, 1], 2, {})])


def dense_seeds():
    rng = np.random.default_rng(8)
    models = {f"dense {kind}": dense(rng, kind)[0] for kind in KINDS[:2]}
    models |= {f"dense {dtype} computed": squared(rng, dtype) for dtype in ("int8", "float32")}
    models["dense hybrid"] = hybrid(rng)
    models["dense hybrid symmetric"] = hybrid(rng, asymmetric=False, channels=True, activation=3)
    models["dense hybrid uint8"] = hybrid(rng, weights="uint8", with_bias=False)
    return models


SAME, VALID = range(2)


def positions(padding, size, taps, stride, dilation):
    """Positions of a window; it fits."""
    return -(-(size if padding == SAME else size - (taps - 1) * dilation) // stride)


def convolution(
    rng,
    op="CONV_2D",
    *,
    size=(2, 7, 6),
    window=(3, 3),
    strides=(1, 1),
    dilation=(1, 1),
    groups=1,
    depth=3,
    each=2,
    channels=True,
    with_bias=True,
    activation=0,
):
    """A model of one layer; groups of ``depth`` channels have ``each`` outputs."""
    spans = [(taps - 1) * step + 1 for taps, step in zip(window, dilation, strict=True)]
    padding = VALID if all(a <= b for a, b in zip(spans, size[1:], strict=True)) else SAME
    inputs, outputs, axis = depth * groups, each * groups, 0
    shape = (outputs, *window, depth)
    if op != "CONV_2D":
        inputs, outputs, axis = depth, depth * each, 3
        shape = (1, *window, outputs)
    scales = rng.uniform(0.001, 0.05, outputs if channels else 1).astype("f4").tolist()
    sides = zip(size[1:], window, strides, dilation, strict=True)
    tensors = [
        build.tensor((*size, inputs)),
        # LiteRT's vector code takes -(-128) for -128.
        build.tensor(
            shape, "int8", scales, data=rng.integers(-127, 128, shape).astype(np.int8), axis=axis
        ),
        build.constant(rng.normal(size=outputs) if with_bias else np.zeros(outputs), "float32"),
        build.tensor((size[0], *(positions(padding, *side) for side in sides), outputs), name="y"),
    ]
    options = {
        "padding": padding,
        **dict(zip(("strideH", "strideW"), strides, strict=True)),
        **dict(zip(("dilationHFactor", "dilationWFactor"), dilation, strict=True)),
        "fusedActivationFunction": activation,
    }
    if op != "CONV_2D":
        options["depthMultiplier"] = each
    return build.model(tensors, [(op, [0, 1, 2], 3, options)])


def convolution_seeds():
    rng = np.random.default_rng(7)
    return {
        "conv hybrid": convolution(rng, channels=False, activation=1),
        "conv hybrid per channel": convolution(rng, strides=(2, 1)),
        "conv hybrid groups": convolution(rng, groups=2, dilation=(2, 1)),
    }


def depthwise_seeds():
    rng = np.random.default_rng(8)
    return {
        "depthwise hybrid": convolution(rng, "DEPTHWISE_CONV_2D", depth=21, each=1),
        "depthwise hybrid multiplied": convolution(rng, "DEPTHWISE_CONV_2D", strides=(2, 2)),
    }
