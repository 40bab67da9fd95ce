"""SUB: every engine against LiteRT, XNNPACK and TFLite Micro's arithmetic."""

from collections.abc import Sequence

import numpy as np
import pytest

import binary
import runtimes
from edge_runtime import ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read
from micro_arithmetic import Triple, bounds, summed
from runtimes import drawn, equal

SEEDS = binary.seeds("SUB")


def micro(
    x: Sequence[int], y: Sequence[int], quantization: Triple, activation: int, bits: int
) -> list[int]:
    """SUB of TFLite Micro, whose factors are quotients of floats (sub_common.cc)."""
    f = np.float32
    a, b, c = (f(scale) for scale, _ in quantization)
    twice = f(2) * max(a, b)
    left = f(2 ** (15 if bits == 16 else 20))
    factors = [float(a / twice), float(b / twice), float(twice / (left * c))]
    return summed(x, y, quantization, bounds(activation, quantization[2], bits), factors, bits, -1)


class TestSub(binary.FloatFactors, binary.Sums):
    op = "SUB"
    micro = staticmethod(micro)
    rounded_scales = (0.03, 0.042, 0.06)  # rounded by TFLite Micro

    def test_powers_of_two_are_broadcast(self):
        rng = np.random.default_rng(0)
        x, other = drawn(rng, "int16", (4, 100)), drawn(rng, "int16", (100,))
        data = self.model("int16", x, other, (0.5, 0.25, 0.5), powers=True)
        equal(data, x, runtimes.builtin_ref(data)(x), "litert")

    def test_limits_are_told(self):
        x = np.zeros((2, 3), np.int16)
        with pytest.raises(ModelError, match=r"quantised outputs have more than 2\*\*-19"):
            plan(read(self.model("int16", x, x, (1, 1, 2.0**-14))))
