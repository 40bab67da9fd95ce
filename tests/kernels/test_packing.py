"""FULLY_CONNECTED packed for the export to C: the packers, and the kernels that read it."""

import ctypes
import itertools
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cortex_m
import packing
import sources
from edge_runtime.kernels import fully_connected as kernels

EDGES = np.array([-128, -127, -1, 0, 1, 126, 127], np.int8)
FORMS = ("dsp", "skip_dsp", "skip", "sparse", "sparse_dsp")
MOST = 2**23
"""What the sum of b may not reach."""


def source_of(form):
    found = [*sources.PORTABLE, *sources.CORTEX_M]
    (path,) = (one for one in found if one.stem == f"fully_connected_int8_{form}")
    return path


class Layer:
    """A layer of random numbers, all of a kind."""

    def __init__(self, draw: np.random.Generator, rows: int, depth: int, outputs: int) -> None:
        self.draw = draw
        self.zero_point = int(draw.choice([-128, -127, 0, 127, int(draw.integers(-128, 128))]))
        lowest = -128 if draw.random() < 0.5 else int(draw.integers(-128, 128))
        highest = 127 if draw.random() < 0.5 else int(draw.integers(lowest, 128))
        made = int(draw.integers(-128, 128))
        self.params = kernels.Int8(rows, depth, outputs, made, lowest, highest)
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

    def packed(self, form: str) -> packing.Packed | None:
        constants = self.weights, self.bias, self.multiplier, self.shift
        if form == "dsp":
            return packing.dsp(self.params, *constants)
        if form.startswith("sparse"):
            portable = packing.sparse(self.params, *constants)
            return packing.sparse_dsp(portable) if form == "sparse_dsp" else portable
        pack = packing.skip if form == "skip" else packing.skip_dsp
        return pack(self.params, *constants, self.zero_point)


def largest_sums(draw: np.random.Generator) -> Iterator[Layer]:
    """Layers with which one word of depth too many in a chunk loses a bit."""
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


def layers(seed: int, count: int) -> Iterator[Layer]:
    """The largest sums, small shapes all over, and some as deep as images."""
    draw = np.random.default_rng(seed)
    yield from largest_sums(draw)
    for depth, outputs in itertools.product((4, 7, 784, 2101), (1, 2, 5, 14, 17)):
        yield Layer(draw, 1, depth, outputs)
    for _ in range(count):
        rows, depth, outputs = draw.integers(1, 4), draw.integers(1, 71), draw.integers(1, 41)
        yield Layer(draw, int(rows), int(depth), int(outputs))


# ---- Packers ----


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
    for size in [3] * (pairs // 3) + [1] * (pairs % 3):
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


def test_the_zero_point_leaves_the_bias() -> None:
    params = kernels.Int8(1, 5, 1, 0, -128, 127)
    weights = np.array([[1, 2, 3, 4, -5]], np.int8)
    bias, ones = np.array([-(2**31)], np.int32), np.array([2**30], np.int32)
    for pack, padding in (packing.skip, []), (packing.skip_dsp, [0]):
        packed = pack(params, weights, bias, ones, ones, -7)
        assert packed is not None
        assert packed.constants[1].tolist() == [2**31 - 35, *padding]
        assert packed.constants[1].dtype == np.int32
    assert packing.skip(params, weights, bias, ones, ones, -7).constants[0].tolist() == [
        [weight] for weight in weights[0]
    ]


def test_zeros_are_left_out_and_distances_bridged() -> None:
    weights = np.zeros((3, 40), np.int8)
    weights[0, [0, 3, 18, 34, 39]] = 1, -2, 3, -4, 5
    weights[2, 31] = -128
    ones = np.ones(3, np.int32)
    params = kernels.Int8(1, 40, 3, 0, -128, 127)
    packed = packing.sparse(params, weights, 2 * ones, 3 * ones, 4 * ones)
    # From 18 to 34 is one too far, from the beginning to 31 as well.
    first = [0x30, 0xFF, 0x51, 0, 1, -2, 3, 0, -4, 5, 0, 0]
    last = [0xFF, 0x01, 0, 0, 0, 0, -128, 0, 0, 0, 0, 0]
    bytes_of = np.array([*[1, 0, 0, 0], *first, *[0, 0, 0, 0], *[1, 0, 0, 0], *last])
    assert packed.constants[0].dtype == np.int8
    assert packed.constants[0].tolist() == bytes_of.astype(np.uint8).view(np.int8).tolist()
    assert [one[0] for one in packed.constants[1:]] == [2, 3, 4]
    words = packing.sparse_dsp(packed).constants[0]
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


# ---- Kernels ----


def check_on_core(core: cortex_m.Core, form: str, seed: int, count: int) -> None:
    """Compare all outputs, with tensors that end or begin at a page that cannot be touched."""
    refused = 0
    for number, layer in enumerate(layers(seed, count)):
        packed = layer.packed(form)
        if packed is None:
            assert layer.params.depth < 4
            refused += 1
            continue
        at_end = number % 4 != 0
        expected = layer.expected()
        values = [layer.tensor, *packed.constants]
        contents = [*(value.tobytes() for value in values), b"\x5a" * len(expected)]
        addresses = [core.place(slot, content, at_end) for slot, content in enumerate(contents)]
        core.call(packed.name, packed.params.values(), addresses)
        made = bytes(core.engine.mem_read(addresses[-1], len(expected)))
        assert made == expected, (packed.params, number)
    assert refused < count / 4


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("cpu", "optimisation", "count"),
    [
        ("cortex_m4", "-Os", 1000),
        ("cortex_m4", "-O3", 1000),
        ("cortex_m7", "-Os", 100),
        ("cortex_m33+dsp", "-O3", 100),
    ],
)
def test_kernels_on_cores(
    built: Callable[[str, str], Path], cpu: str, optimisation: str, count: int, form: str
) -> None:
    core = cortex_m.Core(cpu, built(cpu, optimisation))
    check_on_core(core, form, seed=count + len(form), count=count)
    if form.endswith("dsp"):
        assert core.stack() < 320


@pytest.mark.parametrize("form", ["skip", "sparse"])
def test_portable_kernels_on_the_host(tmp_path: Path, form: str) -> None:
    library = tmp_path / "kernel.so"
    source = source_of(form)
    command = ["cc", *cortex_m.STRICT, "-O2", "-shared", "-fPIC", str(source), "-o", str(library)]
    subprocess.run(command, check=True)
    run = getattr(ctypes.CDLL(str(library)), f"ek_fully_connected_int8_once_{form}")
    for layer in layers(seed=1, count=1000):
        packed = layer.packed(form)
        assert packed is not None
        params = np.array(list(packed.params.values()), np.int32)
        expected = layer.expected()
        output = np.zeros(len(expected), np.int8)
        tensors = [layer.tensor, *packed.constants, output]
        pointers = (ctypes.c_void_p * len(tensors))(*(one.ctypes.data for one in tensors))
        run(ctypes.c_void_p(params.ctypes.data), pointers)
        assert output.tobytes() == expected


@pytest.mark.parametrize("form", FORMS)
def test_kernels_are_cpp_as_well(tmp_path: Path, form: str) -> None:
    source = tmp_path / "kernel.cpp"
    source.write_text(f'#include "{source_of(form)}"\n')
    warnings = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-std=c++17"]
    target = ["-target", "thumb-freestanding-eabi", "-mcpu=cortex_m4", "-Os"]
    command = [sys.executable, "-m", "ziglang", "c++", *target, *warnings, sources.INCLUDE]
    subprocess.run([*command, "-c", str(source), "-o", str(tmp_path / "kernel.o")], check=True)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    folder = tmp_path_factory.mktemp("cortex_m")
    files = [source_of(form) for form in FORMS]
    made: dict[tuple[str, str], Path] = {}

    def get(cpu: str, optimisation: str) -> Path:
        if (cpu, optimisation) not in made:
            made[cpu, optimisation] = cortex_m.build(folder, cpu, optimisation, files)
        return made[cpu, optimisation]

    return get
