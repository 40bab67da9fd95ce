"""Kernels whose output overlaps their input as far as the planner lets it: host and Cortex-M4."""

import ctypes
import struct
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import cortex_m
import sources
from edge_runtime.planner import overlap
from edge_runtime.planner.overlap import (
    PIECES,
    Order,
    distance,
    distance_behind,
    distance_of_channels,
    has_pieces,
    piece,
    positions,
)

Bytes = npt.NDArray[np.uint8]
Call = Callable[[str, Sequence[int], Bytes, Sequence[int], Sequence[bytes]], None]
"""Runs a kernel: name, parameters, memory, offsets of input and output in it, constants between."""

FILES = [sources.KERNELS / f"{name}.c" for name in ("conv_2d", "depthwise_conv_2d", "pool")]
TRIALS = 400


@dataclass(frozen=True)
class Layer:
    """A layer with random parameters.

    Attributes:
        kernel: name of its kernel.
        params: its parameters.
        constants: weights, biases, multipliers, shifts.
        size: bytes of an element of input and output.
    """

    kernel: str
    params: dict[str, int]
    constants: tuple[bytes, ...]
    size: int

    @property
    def input(self) -> int:
        """Bytes of the input."""
        sides = ("batches", "height", "width", "channels")
        return self.size * int(np.prod([self.params[side] for side in sides]))

    @property
    def output(self) -> int:
        """Bytes of the output."""
        params = self.params
        channels = params["channels"] * params.get("multiplier", 1)
        return self.size * positions(params) * params.get("outputs", channels)


def drawn(rng: np.random.Generator) -> Layer:
    """Return a layer of which every output depends on the inputs."""
    kind = rng.choice(["conv", "pointwise", "depthwise", "pool", "average", "float"])
    few = [1, 2, 3, 4, 5, 8, 17]
    height, width, channels = (
        int(rng.integers(1, 12)),
        int(rng.integers(1, 12)),
        int(rng.choice(few)),
    )
    window = [int(one) for one in rng.integers(1, 5, 2)]
    stride = [int(one) for one in rng.integers(1, 4, 2)]
    dilation = [int(rng.choice([1, 1, 1, 2])) for _ in range(2)]
    if kind in ("pool", "average"):
        dilation = [1, 1]
    reach = [(size - 1) * apart + 1 for size, apart in zip(window, dilation, strict=True)]
    start = [int(rng.integers(0, one)) for one in reach]
    end = [int(rng.integers(0, one)) for one in reach]
    if kind == "pointwise":
        window = reach = stride = dilation = [1, 1]
        start = end = [0, 0]
    output = [
        (side + before + after - one) // step + 1 if side + before + after >= one else 0
        for side, before, after, one, step in zip(
            (height, width), start, end, reach, stride, strict=True
        )
    ]
    if 0 in output:
        return drawn(rng)
    params = {
        "batches": int(rng.choice([1, 1, 1, 2])),
        "height": height,
        "width": width,
        "channels": channels,
    }
    window_names = ("window_height", "window_width", "stride_h", "stride_w")
    moves = dict(zip(window_names, (*window, *stride), strict=True))
    dilations = dict(zip(("dilation_h", "dilation_w"), dilation, strict=True))
    starts = dict(zip(("top", "left"), start, strict=True))
    sides = dict(zip(("output_height", "output_width"), output, strict=True))
    bounds = {"lowest": -128, "highest": 127}
    zeros = {"input_zero_point": 3, "weights_zero_point": 0, "output_zero_point": 0}
    taps = window[0] * window[1]

    def constants(outputs: int, depth: int) -> tuple[bytes, ...]:
        weights = rng.integers(-127, 128, outputs * depth).astype(np.int8)
        return (
            weights.tobytes(),
            np.zeros(outputs, np.int32).tobytes(),
            np.full(outputs, 1 << 30, np.int32).tobytes(),
            np.full(outputs, -4, np.int32).tobytes(),
        )

    if kind in ("conv", "pointwise", "float"):
        outputs = int(rng.choice(few))
        params |= {**sides, "outputs": outputs, "depth": channels, **moves, **dilations, **starts}
        params |= zeros
        if kind == "float":
            params |= dict(
                zip(bounds, struct.unpack("<2i", struct.pack("<2f", -9e9, 9e9)), strict=True)
            )
            weights = rng.normal(size=outputs * taps * channels).astype(np.float32)
            bias = np.zeros(outputs, np.float32)
            return Layer("conv_2d_float32", params, (weights.tobytes(), bias.tobytes()), 4)
        every = constants(outputs, taps * channels)
        return Layer("conv_2d_int8_twice", params | bounds, every, 1)
    if kind == "depthwise":
        multiplier = int(rng.choice([1, 1, 2, 3]))
        params |= {"multiplier": multiplier, **sides, **moves, **dilations, **starts}
        every = constants(channels * multiplier, taps)
        return Layer("depthwise_conv_2d_int8_twice", params | zeros | bounds, every, 1)
    params |= {**sides, **moves, **starts, **bounds}
    # A window outside of the image has no mean.
    if any(step > size for step, size in zip(stride, window, strict=True)) or kind == "pool":
        return Layer("pool_max_int8", params, (), 1)
    return Layer("pool_average_int8_once", params, (), 1)


def trial(
    layer: Layer,
    rng: np.random.Generator,
    call: Call,
    least: int,
    behind: int | None = None,
    long: int = 1,
) -> bool:
    """Run a layer in a memory of its own and with an overlap; return whether the bytes are equal.

    Args:
        layer: the layer.
        rng: draws the input.
        call: runs a kernel.
        least: bytes by which the output begins before the input.
        behind: bytes by which it begins later, in pieces.
        long: positions of a piece.
    """
    source = rng.integers(0, 256, layer.input, np.uint8)
    if layer.size == 4:
        source = rng.normal(size=layer.input // 4).astype(np.float32).view(np.uint8)
    apart = np.zeros(layer.output + layer.input + 16, np.uint8)
    at = -(-layer.output // 16) * 16
    apart[at : at + layer.input] = source
    call(layer.kernel, [*layer.params.values()], apart, (at, 0), layer.constants)
    memory = rng.integers(0, 256, layer.output + layer.input + 64, np.uint8)
    first, target = (least, 0) if behind is None else (0, behind)
    memory[first : first + layer.input] = source
    if behind is None:
        call(layer.kernel, [*layer.params.values()], memory, (first, target), layer.constants)
    else:
        count = positions(layer.params)
        for start in range((count - 1) // long * long, -1, -long):
            length = min(long, count - start)
            moved = (
                first + layer.input // count * start,
                target + layer.output // count * start,
            )
            params = [*piece(layer.params, length).values()]
            call(layer.kernel, params, memory, moved, layer.constants)
    return bool((memory[target : target + layer.output] == apart[: layer.output]).all())


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Call:
    target = tmp_path_factory.mktemp("host") / "kernels.so"
    command = ["cc", "-std=c99", "-O2", "-shared", "-fPIC", sources.INCLUDE, "-o", target, *FILES]
    subprocess.run(command, check=True)
    functions = ctypes.CDLL(str(target))

    def call(
        name: str,
        params: Sequence[int],
        memory: Bytes,
        offsets: Sequence[int],
        constants: Sequence[bytes],
    ) -> None:
        base = memory.ctypes.data
        buffers = [ctypes.create_string_buffer(one, len(one)) for one in constants]
        middle = [ctypes.addressof(one) for one in buffers]
        tensors = (ctypes.c_void_p * (2 + len(middle)))(
            base + offsets[0], *middle, base + offsets[1]
        )
        getattr(functions, f"ek_{name}")((ctypes.c_int32 * len(params))(*params), tensors)

    return call


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Call:
    folder = tmp_path_factory.mktemp("core")
    emulated = cortex_m.Core("cortex_m4", cortex_m.build(folder, "cortex_m4", "-Os", FILES))

    def call(
        name: str,
        params: Sequence[int],
        memory: Bytes,
        offsets: Sequence[int],
        constants: Sequence[bytes],
    ) -> None:
        # A multiple of 4, so that the memory begins at a word.
        content = memory.tobytes() + bytes(-len(memory) % 4)
        base = emulated.place(0, content)
        middle = [emulated.place(1 + slot, one) for slot, one in enumerate(constants)]
        emulated.call(name, params, [base + offsets[0], *middle, base + offsets[1]])
        memory[:] = np.frombuffer(emulated.engine.mem_read(base, len(memory)), np.uint8)

    return call


def rounded(layer: Layer, least: int) -> int:
    """Return a distance at which float32 numbers are aligned."""
    return -(-least // layer.size) * layer.size


def every(call: Call, count: int) -> dict[str, list[bool]]:
    """Return by kernel whether trials are right at the planner's distances and a bit closer."""
    rng = np.random.default_rng(17)
    found: dict[str, list[bool]] = {
        name: [] for name in ("closer", "behind", "nearer", "channels", "closer channels")
    }
    for _ in range(count):
        layer = drawn(rng)
        least = rounded(layer, distance(layer.params, layer.size, Order()))
        assert 0 < least <= layer.output
        found.setdefault(layer.kernel, []).append(trial(layer, rng, call, least))
        for order in Order(3), Order(by_channel=True), Order(by_channel=True, rows=2):
            assert (
                least <= rounded(layer, distance(layer.params, layer.size, order)) <= layer.output
            )
        # Where a position is written, it may have been read: then it is the last that matters.
        closer = least - (layer.input + layer.output) // positions(layer.params) - layer.size
        if closer > 0:
            closer = rounded(layer, closer)
            found["closer"].append(trial(layer, rng, call, closer))
        whole = distance_of_channels(layer.params, layer.size, Order())
        if whole is not None:
            pixel = layer.params["channels"] * layer.size
            exact = -(-whole // pixel) * pixel
            found["channels"].append(trial(layer, rng, call, exact))
            if exact >= pixel + whole % pixel and exact > pixel:
                found["closer channels"].append(trial(layer, rng, call, exact - pixel))
        for long in PIECES if has_pieces(layer.params) else ():
            behind = rounded(layer, distance_behind(layer.params, layer.size, long))
            found["behind"].append(trial(layer, rng, call, 0, behind, long))
            found["nearer"].append(trial(layer, rng, call, 0, behind - layer.size, long))
    return found


def check(found: dict[str, Any]) -> None:
    closer, nearer, channels = (found.pop(one) for one in ("closer", "nearer", "closer channels"))
    assert {name: all(right) for name, right in found.items()} == dict.fromkeys(found, True)
    assert len(found) == 7
    assert min(map(len, found.values())) > 3
    # Most distances are about the least.
    assert sum(closer) < len(closer) / 2
    assert sum(nearer) < len(nearer) / 2
    assert sum(channels) < len(channels) / 2


def test_distances_on_this_machine(host: Call) -> None:
    check(every(host, TRIALS))


def test_distances_on_a_cortex_m4(core: Call) -> None:
    check(every(core, TRIALS // 4))


def test_some_rows_and_columns_say_it_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(23)
    orders = [Order(), Order(3), Order(by_channel=True, rows=2), Order(by_channel=True, columns=4)]
    layers = [drawn(rng) for _ in range(300)]

    def distances() -> list[tuple[int, int | None]]:
        return [
            (
                distance(one.params, one.size, order),
                distance_of_channels(one.params, one.size, order),
            )
            for one in layers
            for order in orders
        ]

    some = distances()
    monkeypatch.setattr(overlap, "_rows", lambda params, _: range(params["output_height"]))
    monkeypatch.setattr(overlap, "_columns", lambda params: range(params["output_width"]))
    assert some == distances()


def test_the_worked_example() -> None:
    """The docstring's: position 9 is written while position 0 is read."""
    sides = {"height": 8, "width": 8, "channels": 4, "output_height": 8, "output_width": 8}
    moves = {"window_height": 3, "window_width": 3, "stride_h": 1, "stride_w": 1}
    params = {"batches": 1, "multiplier": 1, **sides, **moves, "top": 1, "left": 1}
    assert distance(params, 1, Order()) == 10 * 4
    assert distance(params, 1, Order(2)) == 11 * 4
    assert distance(params, 1, Order(by_channel=True)) == 2 * 8 * 4
    assert distance(params, 1, Order(by_channel=True, rows=2)) == 3 * 8 * 4
    assert distance_of_channels(params, 1, Order()) == 9 * 4
    assert distance_of_channels(params, 1, Order(by_channel=True, rows=2)) == 17 * 4
    assert distance_of_channels(params, 1, Order(by_channel=True, rows=2, columns=8)) == 8 * 4
    halved = {**params, "output_height": 4, "output_width": 4, "stride_h": 2, "stride_w": 2}
    assert distance(halved, 1, Order(by_channel=True, rows=2)) == 4 * 4
    halved |= {"top": 0, "left": 0}
    assert distance(halved, 1, Order()) == 4
    assert distance_of_channels(halved, 1, Order()) == 0
