"""The packers of FULLY_CONNECTED: each writes what its definition in NumPy does, byte for byte."""

import itertools
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import packing
from dense_layers import KERNEL, Layer
from edge_runtime import _native
from edge_runtime.kernels import fully_connected as kernels

LEVELS = [one for one in _native.variants(KERNEL) if hasattr(packing, one)]
"""Those of x86 read the form of CONV_2D, which tests/kernels/test_variants.py runs."""
MOST = 2**23
"""What the sum of b may not reach."""


def special(draw: np.random.Generator) -> Iterator[Layer]:
    """Small depths with odd and even outputs, all weights alike, and the deepest layers."""
    for depth, outputs in itertools.product(range(1, 10), range(1, 20)):
        yield Layer(draw, 1, depth, outputs)
    for value, depth, outputs in itertools.product((-128, 0, 127), (1, 4, 31, 784), (1, 2, 17)):
        layer = Layer(draw, 1, depth, outputs)
        layer.weights[:] = value
        yield layer
    for outputs in 1, 2, 3:
        layer = Layer(draw, 1, 65536, outputs)
        yield layer
        layer.weights[:] = -127
        yield layer
        layer.weights[:, 1:] = 0
        yield layer


def layers(count: int) -> Iterator[Layer]:
    draw = np.random.default_rng(count)
    yield from special(draw)
    for _ in range(count):
        layer = Layer(draw, 1, int(draw.integers(1, 100)), int(draw.integers(1, 41)))
        if draw.random() < 0.1:
            layer.weights[draw.random(layer.weights.shape) < 0.01] = -128
        yield layer


@pytest.mark.parametrize("level", LEVELS)
def test_packers_write_what_they_are_defined_to(level: str) -> None:
    packed = refused = 0
    for layer in layers(1000):
        expected = getattr(packing, level)(*layer.constants, layer.zero_point, layer.is_whole)
        own = struct.pack("=6i", *vars(layer.params).values())
        params = own + struct.pack("=i", layer.zero_point)
        constants = [one.tobytes() for one in layer.constants]
        found = _native.pack(KERNEL, level, params, (None, *constants, None))
        if expected is None:
            assert found is None
            refused += 1
            continue
        appended, tensors = expected
        contents = [None if one is None else one.tobytes() for one in tensors]
        contents += [None] * (len(constants) - len(contents))
        added = own + struct.pack(f"={len(appended)}i", *appended) if appended else params
        assert found == (added, (None, *contents, None)), layer.params
        packed += 1
    assert packed > 600
    assert bool(refused) == (level in ("dsp", "skip_dsp"))


def test_float32_weights_are_packed_as_defined() -> None:
    draw = np.random.default_rng(3)
    shapes = [*itertools.product(range(1, 35), range(1, 35)), (784, 14), (65536, 2)]
    for depth, outputs in shapes:
        weights = draw.normal(size=(outputs, depth)).astype(np.float32)
        bias = draw.normal(size=outputs).astype(np.float32)
        params = struct.pack("=5i", 1, depth, outputs, 0, 0)
        tensors = None, weights.tobytes(), bias.tobytes(), None
        _, (expected,) = packing.float32(weights, bias)
        assert expected is not None
        for level in "avx512", "avx2", "neon":
            found = _native.pack("fully_connected_float32", level, params, tensors)
            assert found == (params, (None, expected.tobytes(), None, None))


@pytest.mark.parametrize("level", LEVELS)
def test_weights_that_are_not_constant_are_not_packed(level: str) -> None:
    layer = Layer(np.random.default_rng(1), 1, 8, 2)
    params = struct.pack("=7i", *vars(layer.params).values(), 0)
    others = (one.tobytes() for one in layer.constants[1:])
    assert _native.pack(KERNEL, level, params, (None, None, *others, None)) is None
    assert _native.pack(KERNEL, level, params, ()) is None


def unpacked(words: Any, groups: list[int], depth: int) -> Any:
    """Return the int8 weights [outputs, depth] of some passes, or of one block."""
    whole, rest = divmod(depth, 4)
    high: list[Any] = []
    for size in groups:
        part, words = words[..., : 2 * size], words[..., 2 * size :]
        halves = np.stack([part & 0xFFFF, part >> 16], axis=-1).astype(np.uint16).view(np.int16)
        # [words, even or odd, pairs, first or second] -> [pairs, words, depth of four]
        four = halves.reshape(-1, 2, size, 2).transpose(2, 0, 3, 1).reshape(size, -1)
        twice = 4 * whole + np.arange(-rest % 4)
        assert not rest or not four[:, twice].any()
        four = np.delete(four, twice, axis=1) if rest else four
        low = four.astype(np.int8)
        high.extend(np.stack([low, (four.astype(np.int32) - low) >> 8], axis=1).reshape(-1, depth))
    return np.array(high)


@pytest.mark.parametrize("depth", [4, 9, 70, 784])
@pytest.mark.parametrize("outputs", [1, 4, 5, 6, 14, 16, 33])
def test_weights_are_where_the_kernels_read_them(depth: int, outputs: int) -> None:
    layer = Layer(np.random.default_rng(depth * outputs), 1, depth, outputs)
    pairs, words = -(-outputs // 2), -(-depth // 4)
    dense, skipping = layer.packed("dsp"), layer.packed("skip_dsp")
    assert dense is not None
    assert skipping is not None
    assert dense.constants[0].dtype == skipping.constants[0].dtype == np.uint32
    assert dense.constants[0].size == skipping.constants[0].size == pairs * words * 2
    seen, left = [], dense.constants[0]
    for size in [3] * (pairs // 3) + [pairs % 3] * (pairs % 3 > 0):
        here, left = left[: words * 2 * size], left[words * 2 * size :]
        seen.append(unpacked(here.reshape(words, -1), [size], depth))
    np.testing.assert_array_equal(np.concatenate(seen)[:outputs], layer.weights)
    seen, left = [], skipping.constants[0]
    for start in range(0, pairs, 8):
        size = min(8, pairs - start)
        here, left = left[: words * 2 * size], left[words * 2 * size :]
        groups = [1] * (size % 2) + [2] * (size // 2)
        seen.append(unpacked(here.reshape(words, -1), groups, depth))
    np.testing.assert_array_equal(np.concatenate(seen)[:outputs], layer.weights)
    assert not np.concatenate(seen)[outputs:].any()


def literal(params: kernels.Int8, weights: Any, *quantization: Any, zero_point: int = 0) -> Layer:
    """Return a layer of these numbers."""
    layer = Layer(np.random.default_rng(0), params.rows, params.depth, params.outputs)
    layer.params, layer.weights, layer.zero_point = params, weights, zero_point
    layer.bias, layer.multiplier, layer.shift = quantization
    return layer


def test_the_zero_point_leaves_the_bias() -> None:
    params = kernels.Int8(1, 5, 1, 0, -128, 127)
    weights = np.array([[1, 2, 3, 4, -5]], np.int8)
    bias, ones = np.array([-(2**31)], np.int32), np.array([2**30], np.int32)
    layer = literal(params, weights, bias, ones, ones, zero_point=-7)
    for level, padding in ("skip", []), ("skip_dsp", [0]):
        packed = layer.packed(level)
        assert packed is not None
        assert packed.constants[1].tolist() == [2**31 - 35, *padding]
    packed = layer.packed("skip")
    assert packed is not None
    assert packed.constants[0].tolist() == weights[0].tolist()


def test_zeros_are_left_out_and_distances_bridged() -> None:
    weights = np.zeros((3, 40), np.int8)
    weights[0, [0, 3, 18, 34, 39]] = 1, -2, 3, -4, 5
    weights[2, 31] = -128
    ones = np.ones(3, np.int32)
    params = kernels.Int8(1, 40, 3, 0, -128, 127)
    layer = literal(params, weights, 2 * ones, 3 * ones, 4 * ones)
    packed, in_words = layer.packed("sparse"), layer.packed("sparse_dsp")
    assert packed is not None
    assert in_words is not None
    # From 18 to 34 is one too far, from the beginning to 31 as well.
    first = [0x30, 0xFF, 0x51, 0, 1, -2, 3, 0, -4, 5, 0, 0]
    last = [0xFF, 0x01, 0, 0, 0, 0, -128, 0, 0, 0, 0, 0]
    bytes_of = np.array([*[1, 0, 0, 0], *first, *[0, 0, 0, 0], *[1, 0, 0, 0], *last])
    assert packed.constants[0].dtype == np.int8
    assert packed.constants[0].tolist() == bytes_of.astype(np.uint8).view(np.int8).tolist()
    assert [one[0] for one in packed.constants[1:]] == [2, 3, 4]
    words = in_words.constants[0]
    assert words.dtype == np.uint32
    assert words[:2].tolist() == [1, 0x0051FF30]


@pytest.mark.parametrize("zeros", [0, 0.3, 0.8, 0.99, 1])
def test_every_weight_is_where_the_sparse_kernels_look(zeros: float) -> None:
    layer = Layer(np.random.default_rng(int(100 * zeros)), 1, 784, 14)
    layer.weights[layer.draw.random((14, 784)) < zeros] = 0
    packed = layer.packed("sparse")
    assert packed is not None
    content, seen = packed.constants[0].tobytes(), np.zeros((14, 784), np.int64)
    for row in seen:
        groups, content, at = int.from_bytes(content[:4], "little"), content[4:], 0
        for start in range(0, 12 * groups, 12):
            halves, weights = content[start : start + 4], content[start + 4 : start + 12]
            steps = [step for half in halves for step in (half & 15, half >> 4)]
            for step, weight in zip(steps, np.frombuffer(weights, np.int8), strict=True):
                at += step
                row[at] += weight
        content = content[12 * groups :]
    assert content == b""
    np.testing.assert_array_equal(seen, layer.weights)


@pytest.mark.parametrize("form", ["dsp", "skip_dsp"])
def test_what_does_not_fit_is_not_packed(form: str) -> None:
    layer = Layer(np.random.default_rng(1), 1, 4, 2)
    layer.weights = np.array([[-1, 0, 0, 0], [-127, 0, 0, -128]], np.int8)
    assert layer.packed(form) is not None
    layer.weights[:, 3] = -1, -128
    assert layer.packed(form) is None
    layer = Layer(np.random.default_rng(1), 1, 3, 2)
    assert layer.packed(form) is None
    assert layer.packed("skip") is not None


@pytest.mark.parametrize("zero_point", [-128, -3, 127])
@pytest.mark.parametrize("form", ["dsp", "skip_dsp"])
def test_a_chunk_is_the_longest_that_is_safe(form: str, zero_point: int) -> None:
    draw = np.random.default_rng(zero_point + 128)
    layer = Layer(draw, 1, 3003, 2)
    layer.zero_point = zero_point
    for scale in 1, 20, 127:
        layer.weights = draw.integers(-scale, scale + 1, (2, 3003)).astype(np.int8)
        if scale == 127:
            layer.weights[1] = -127
        packed = layer.packed(form)
        assert packed is not None
        offset = zero_point if form == "skip_dsp" else 0
        ends = np.array([-128 - offset, 127 - offset])
        b = np.append(layer.weights[1].astype(np.int64), 0).reshape(-1, 4)

        def largest(words: int, b: Any = b, ends: Any = ends) -> int:
            products = np.multiply.outer(b, ends)
            return max(
                np.convolve(extreme.sum(axis=1), np.ones(words, np.int64), "valid").max()
                for extreme in (products.max(axis=-1), -products.min(axis=-1))
            )

        chunk = packed.params["chunk"]
        assert chunk >= 64
        assert largest(chunk) < MOST
        assert chunk == len(b) or largest(chunk + 1) >= MOST
