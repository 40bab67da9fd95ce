"""MUL: every engine against LiteRT, XNNPACK and TFLite Micro's arithmetic."""

from collections.abc import Sequence

import numpy as np
import pytest

import binary
import build
import runtimes
from edge_runtime import ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read
from micro_arithmetic import Triple, bounds, int32, multiply, quantize_multiplier
from runtimes import drawn, equal, f32

SEEDS = binary.seeds("MUL")


def zero_points(rng, dtype):
    return [binary.zero_point(rng, dtype) for _ in range(2)]


TRIALS = binary.trials("mul", zero_points, ())


def micro(
    x: Sequence[int], y: Sequence[int], quantization: Triple, activation: int, bits: int
) -> list[int]:
    """MUL of TFLite Micro (mul_common.cc)."""
    (a, za), (b, zb), (c, zc) = quantization
    multiplier, shift = quantize_multiplier(a * b / c)
    lowest, highest = bounds(activation, (c, zc), bits)
    return [
        min(highest, max(lowest, int32(zc + multiply((p - za) * (q - zb), multiplier, shift))))
        for p, q in zip(x, y, strict=True)
    ]


class TestMul(binary.FloatFactors, binary.Comparisons):
    op = "MUL"
    micro = staticmethod(micro)
    rounded_scales = (0.072, 0.057, 109.0)  # rounded by LiteRT
    scales = (0.5, 0.3, 4.0)
    limits = (
        (2.0**-8, 2.0**-8),
        (f32(256 * (1 - 2.0**-24)), 1.0),
        (0.5, 2.0**-10),
        (4.5, 1.0),
        (100.5, 1.0),
    )

    def filling(self, a, b, limit):
        return a * b * limit / 3

    def delegated(self, scales):
        a, b, output = (np.float32(scale) for scale in scales)
        return 2**-16 <= a * b / output < 2**8

    def test_limits_are_told(self):
        x = np.zeros((2, 3), np.int8)
        with pytest.raises(ModelError, match=r"scales is less than 2\*\*30 of the output's"):
            plan(read(self.model("int8", x, x, (1e5, 1e5, 1))))

    def test_too_many_loops_are_refused(self):
        x = np.zeros((2, 1, 2, 1, 2, 1, 2), np.float32)
        data = self.model("float32", x, np.zeros((1, 2, 1, 2, 1, 2, 1), np.float32))
        with pytest.raises(ModelError, match="takes at most 6 loops"):
            plan(read(data))


@pytest.mark.parametrize("second", [True, False])
@pytest.mark.parametrize("broadcast", [True, False])
def test_a_chain_in_place_keeps_what_is_still_read(second, broadcast):
    """t is read twice; u and v are written where their first inputs lay, if nobody needs those."""
    rng = np.random.default_rng(0)
    shape, wide = (1, 40), ((3, 40) if broadcast else (1, 40))
    constant = build.tensor(wide, "int8", 0.05, 3, data=drawn(rng, "int8", wide), name="c")
    tensors = [*binary.plain(shape, "xt"), *binary.plain(wide, "uvw"), constant]
    ops = [
        ("ADD", [0, 0], 1, {}),
        ("ADD", [1, 5], 2, {}),
        ("MUL", [2, 1] if second else [1, 2], 3, {}),
        ("SUB", [3, 3], 4, {}),
        ("ADD", [4, 1], 6, {}),
    ]
    data = build.model([*tensors, *binary.plain(wide, "y")], ops)
    x = drawn(rng, "int8", shape)
    equal(data, x, runtimes.builtin_ref(data)(x), "litert")


def test_rows_that_repeat():
    binary.require_rows_that_repeat("MUL")
