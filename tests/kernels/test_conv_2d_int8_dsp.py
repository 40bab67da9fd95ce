"""CONV_2D on Cortex-M cores with the DSP extension, beside the definition of the kernel."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cortex_m
import sources
from conv_layers import KERNEL, Layer, layers
from edge_runtime import _native
from edge_runtime.fixed_point import rescale_twice
from edge_runtime.record import replace as changed

SOURCE = sources.KERNELS / "cortex_m/conv_2d_int8_dsp.c"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Path]:
    folder = tmp_path_factory.mktemp("conv_2d")
    made: dict[tuple[str, str], Path] = {}

    def get(cpu: str, optimisation: str) -> Path:
        if (cpu, optimisation) not in made:
            made[cpu, optimisation] = cortex_m.build(folder, cpu, optimisation, [SOURCE])
        return made[cpu, optimisation]

    return get


def outputs(core: cortex_m.Core, layer: Layer, constants: Any, at_end: bool) -> bytes:
    """Run a layer, with tensors that end or begin at a page that cannot be touched."""
    size = len(layer.expected())
    contents = [layer.tensor.tobytes(), *constants, b"\x5a" * size, b"\xa6" * layer.scratch()]
    addresses = [core.place(slot, content, at_end) for slot, content in enumerate(contents)]
    core.call(f"{KERNEL}_dsp", vars(layer.params).values(), addresses)
    return bytes(core.engine.mem_read(addresses[5], size))


@pytest.mark.parametrize(
    ("cpu", "optimisation", "count"),
    [
        ("cortex_m4", "-Os", 1000),
        ("cortex_m4", "-O3", 400),
        ("cortex_m7", "-Os", 100),
        ("cortex_m33+dsp", "-O3", 100),
    ],
)
def test_kernel_on_cores(
    built: Callable[[str, str], Path], cpu: str, optimisation: str, count: int
) -> None:
    core = cortex_m.Core(cpu, built(cpu, optimisation))
    refused = 0
    for number, layer in enumerate(layers(count, count)):
        constants = layer.packed()
        if constants is None:
            refused += 1
            continue
        found = outputs(core, layer, constants, at_end=number % 3 != 0)
        assert found == layer.expected(), (layer.params, number)
    assert refused < count / 10
    assert core.stack() < 560


def test_pointwise_outputs_of_no_more_bytes_may_lie_over_the_input(
    built: Callable[[str, str], Path],
) -> None:
    core = cortex_m.Core("cortex_m4", built("cortex_m4", "-Os"))
    checked = 0
    for layer in layers(seed=5, count=800):
        p = layer.params
        if p.window_height * p.window_width > 1 or p.depth % 4 or p.batches > 1 or p.top or p.left:
            continue
        if p.outputs > p.channels:
            continue
        if (constants := layer.packed()) is None:
            continue
        expected = layer.expected()
        size = max(len(expected), len(layer.tensor))
        contents = [layer.tensor.tobytes().ljust(size, b"\x11"), *constants, b""]
        contents.append(bytes(layer.scratch()))
        addresses = [core.place(slot, content, slot != 0) for slot, content in enumerate(contents)]
        addresses[5] = addresses[0]
        core.call(f"{KERNEL}_dsp", vars(p).values(), addresses)
        assert bytes(core.engine.mem_read(addresses[0], len(expected))) == expected, p
        checked += 1
    assert checked > 20


def bounds(layer: Layer) -> Any:
    """Return the least and the largest sum of each output [2, outputs]."""
    weights = layer.weights.astype(np.int64)
    bias = layer.bias - layer.params.input_zero_point * weights.sum(axis=1)
    reach = np.array([np.where((weights < 0) == least, 127, -128) for least in (True, False)])
    return bias + (weights * reach).sum(axis=2)


def rounded(layer: Layer, sums: Any) -> Any:
    """Return the outputs of sums [N, outputs]."""
    p = layer.params
    scaled = rescale_twice(sums, layer.multiplier.astype(np.int64), layer.shift.astype(np.int64))
    return np.clip(scaled + p.output_zero_point, p.lowest, p.highest)


def settled(layer: Layer) -> Layer:
    """Return a layer whose outputs that no input changes come from a bias alone.

    Those that are shifted to the right by 1 have negated sums.
    """
    p, weights = layer.params, layer.weights.astype(np.int64)
    least, most = rounded(layer, bounds(layer))
    fixed = least == most
    sign = np.where(fixed, 0, np.where(layer.shift == -1, -1, 1))
    return replace(
        layer,
        weights=sign[:, None] * weights,
        bias=np.where(fixed, 8 * (least - p.output_zero_point), sign * layer.bias),
        multiplier=np.where(fixed, 2**30, layer.multiplier),
        shift=np.where(fixed, -2, layer.shift),
    )


def words(layer: Layer) -> Any:
    """Define the packed words of outputs that are rounded twice."""
    layer = settled(layer)
    p = layer.params
    rows = layer.weights.astype(np.int64).reshape(p.outputs, p.window_height, -1)
    whole = rows.shape[2] // 4 * 4
    weights = np.concatenate(
        [part.reshape(p.outputs, -1) for part in (rows[:, :, :whole], rows[:, :, whole:])], axis=1
    )
    weights = np.pad(weights, [(0, 0), (0, -weights.shape[1] % 4)])
    steps = weights.shape[1] // 4
    bias = layer.bias - p.input_zero_point * weights.sum(axis=1)
    multiplier = layer.multiplier.astype(np.int64)
    factor = np.where(multiplier, 2 * multiplier - 2**32, 0)
    power = np.where(multiplier, 1 << (32 + layer.shift.astype(np.int64)), 0)
    power[layer.shift == -1] = 1 - 2**31
    odd = p.outputs % 2
    pairs = []
    for first in [*([0] if odd else []), *range(odd, p.outputs - 1, 2)]:
        a, b = weights[first : first + 2].reshape(2, steps, 2, 2)
        low, high = np.moveaxis((256 * b + a) & 0xFFFF, 1, 0)
        start = [256 * bias[first + 1] + bias[first], bias[first]]
        taps = (low | high << 16).ravel()
        pairs.append(
            np.concatenate(
                [
                    taps[:2],
                    start,
                    taps[2:],
                    factor[first : first + 2],
                    power[first : first + 2],
                ]
            )
        )
    return np.concatenate([[256 + p.output_zero_point], *pairs]).astype(np.uint32)


def test_packer_writes_what_it_is_defined_to() -> None:
    packed = [(layer, layer.packed()) for layer in layers(seed=7, count=300)]
    kept = [(layer, constants) for layer, constants in packed if constants is not None]
    assert len(kept) > 280
    by_products = 0
    for layer, constants in kept:
        assert constants[1:] == (bytes(4),) * 3
        found, expected = np.frombuffer(constants[0], np.uint32), words(layer)
        if found[0]:
            assert found.tobytes() == expected.tobytes()
            continue
        by_products += 1
        pairs = layer.params.outputs - layer.params.outputs // 2
        found, expected = (one[1:].reshape(pairs, -1) for one in (found, expected))
        assert np.array_equal(found[:, :2], expected[:, :2])
        assert np.array_equal(found[:, 4:-4], expected[:, 4:-4])
        assert_products(layer, found)
    assert by_products > 60


def assert_products(layer: Layer, found: Any) -> None:
    """Compare the outputs of one product with those of two roundings, for sums of all sizes."""
    layer, rng = settled(layer), np.random.default_rng(0)
    p = layer.params
    least, most = bounds(layer)
    sums = np.concatenate([[least, most], rng.integers(least, most + 1, (20_000, p.outputs))])
    expected = rounded(layer, sums)
    start = layer.bias - p.input_zero_point * layer.weights.astype(np.int64).sum(axis=1)
    signed = found.view(np.int32).astype(np.int64)
    odd = p.outputs % 2
    for pair, first in zip(
        signed, [*([0] if odd else []), *range(odd, p.outputs - 1, 2)], strict=True
    ):
        begins = pair[3], (((pair[2] - pair[3]) + 2**31) % 2**32 - 2**31) // 256
        for i in range(2):
            total = sums[:, first + i] - start[first + i] + begins[i]
            assert -(2**23) <= total.min() <= total.max() < 2**23 or i == 0
            high = (256**i * total * pair[i - 4] >> 32) + pair[i - 2]
            output = np.clip(high >> 4 + 8 * i, -128, 127)
            assert np.array_equal(np.clip(output, p.lowest, p.highest), expected[:, first + i])


def test_outputs_that_may_be_negative_are_rounded_twice() -> None:
    layer = next(one for one in layers(seed=7, count=300) if by_product(one))
    signed = {"output_zero_point": 0, "lowest": -128, "highest": 127}
    assert not by_product(replace(layer, params=changed(layer.params, **signed)))


def by_product(layer: Layer) -> bool:
    """Return whether the outputs of a layer come by one product."""
    constants = layer.packed()
    return constants is not None and not np.frombuffer(constants[0], np.uint32)[0]


def some(**changes: int) -> Layer:
    """Return a layer of two outputs and 1,024 taps whose sums fit in 24 bits."""
    layer = next(layers(seed=9, count=1))
    shape = {"depth": 1024, "channels": 1024, "outputs": 2, "height": 1, "width": 1}
    shape |= {"output_height": 1, "output_width": 1, "batches": 1, "input_zero_point": 0}
    shape |= {"output_zero_point": 0, "lowest": -128, "highest": 127}
    return replace(
        layer,
        params=changed(layer.params, **(shape | changes)),
        tensor=np.zeros(1024, np.int8),
        weights=np.full((2, 1024), 1, np.int8),
        bias=np.zeros(2, np.int32),
        multiplier=np.full(2, 2**30, np.int32),
        shift=np.full(2, -16, np.int32),
    )


def test_layers_that_do_not_fit_are_refused() -> None:
    fits = some()
    assert fits.packed() is not None
    weights = fits.weights.copy()
    weights[0, 3], weights[1, 3] = -1, -128
    assert replace(fits, weights=weights).packed() is None
    weights[0, 3] = 0
    assert replace(fits, weights=weights).packed() is not None
    # 127 * 1024 more, or 128 * 1024 less, are the most that sums of weights of 1 become.
    for bias, is_packed in (
        (2**23 - 1 - 127 * 1024, True),
        (2**23 - 127 * 1024, False),
        (-(2**23) + 128 * 1024, True),
        (-(2**23) + 128 * 1024 - 1, False),
    ):
        layer = replace(fits, bias=np.array([2**30, bias], np.int32))
        assert (layer.packed() is not None) == is_packed
    for shift in (-1, 0, 3):
        assert replace(fits, shift=np.array([-9, shift], np.int32)).packed() is None
    assert some(channels=2048).packed() is None  # two groups
    one = replace(some(outputs=1), weights=fits.weights[:1], bias=fits.bias[:1])
    one = replace(one, multiplier=fits.multiplier[:1], shift=fits.shift[:1])
    assert one.packed() is None


def test_what_is_not_constant_is_not_packed() -> None:
    layer = some()
    for position in range(1, 5):
        tensors = list(layer.tensors)
        tensors[position] = None
        assert _native.pack(KERNEL, "dsp", layer.content, tuple(tensors)) is None
