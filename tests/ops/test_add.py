"""ADD: every engine against LiteRT, XNNPACK and TFLite Micro's arithmetic."""

from collections.abc import Sequence

import numpy as np
import pytest

import binary
import build
import runtimes
from edge_runtime.planner import plan
from edge_runtime.reader import read
from micro_arithmetic import Triple, bounds, summed
from trials import between

ROW = np.arange(-600, 650, 25, np.int16)[None]
SEEDS = {
    **binary.seeds("ADD"),
    "ADD int16 of powers of two": binary.binary(
        "ADD", "int16", ROW, -3 * ROW, (0.5, 0.25, 0.5), potScaleInt16=True
    ),
}


def rescaled_inputs(rng, dtype):
    """Headroom, zero point, multiplier and shift of each input, and the sign of ADD or SUB."""
    params = [15 if dtype == "int16" else 20]
    for _ in range(2):
        zero_point = binary.zero_point(rng, dtype)
        params += [zero_point, between(rng, 1 << 30, 2**31 - 1), between(rng, -12, 0)]
    return [*params, 1 if rng.integers(2) else -1]


TRIALS = binary.trials("add", rescaled_inputs, (-1, 1))


def micro(
    x: Sequence[int], y: Sequence[int], quantization: Triple, activation: int, bits: int
) -> list[int]:
    """ADD of TFLite Micro (add_common.cc)."""
    (a, _), (b, _), (c, _) = quantization
    twice = 2 * max(a, b)
    factors = [a / twice, b / twice, twice / (2 ** (15 if bits == 16 else 20) * c)]
    return summed(x, y, quantization, bounds(activation, quantization[2], bits), factors, bits, 1)


class TestAdd(binary.Sums):
    op = "ADD"
    micro = staticmethod(micro)

    @pytest.mark.parametrize(
        ("dtype", "scales", "zero_point", "kinds", "message"),
        [
            ("int8", (1, 1, 2.0**-20), 0, {}, "quantised outputs have more than 2**-19"),
            ("int16", (1, 1, 1), 5, {}, "int16 the zero point 0; here it is 'c': zero point 5"),
            ("int8", (1, 1, 1), 0, {"activation": 4}, "or RELU6; here it is 4"),
            ("int16", (2, 1, 1), 0, {"powers": True}, "one input has the output's scale"),
            ("int8", (), 0, {}, "int8, uint8 and int16 have one scale and zero point"),
        ],
    )
    def test_limits_are_told(self, dtype, scales, zero_point, kinds, message):
        x = np.zeros((2, 3), dtype)
        assert message in runtimes.refused(
            self.model(dtype, x, x, scales, (0, zero_point, 0), **kinds)
        )

    def test_powers_of_two_are_not_broadcast(self):
        x = np.zeros((2, 3), np.int16)
        data = self.model("int16", x, x[:1], (1, 1, 1), powers=True)
        assert "inputs have the same shape; here it is [2, 3] and [1, 3]" in runtimes.refused(data)


def test_the_output_lies_where_the_first_input_lay():
    ops = [("ADD", [0, 0], 1, {}), ("ADD", [1, 0], 2, {}), ("ADD", [2, 2], 3, {})]
    assert plan(read(build.model(binary.plain((1, 64), "xtuy"), ops))).arena == 0


@pytest.mark.parametrize(
    ("dtype", "inputs", "shape", "message"),
    [
        ("float32", [0, 1], (4,), "can be broadcast to each other"),
        ("float32", [0], (3,), "it has two inputs; here it is 1"),
        ("bool", [0, 1], (3,), "int32, int64 or float32; here it is bool, bool, bool"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(dtype, inputs, shape, message):
    tensors = [
        build.tensor((3,), dtype, name="x"),
        build.constant(np.zeros(shape), dtype, name="c"),
        build.tensor(shape, dtype, name="y"),
    ]
    assert message in runtimes.refused(build.model(tensors, [("ADD", inputs, 2, {})]))


def test_rows_that_repeat():
    binary.require_rows_that_repeat("ADD")
