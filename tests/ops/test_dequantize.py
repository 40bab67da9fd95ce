"""DEQUANTIZE: every engine against LiteRT and XNNPACK."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import unary
from runtimes import f32
from unary import FLOAT, compare, int8s, roundings

SEEDS = {
    f"DEQUANTIZE {dtype} float32": build.model(
        [build.tensor((3, 11), dtype, 0.05), build.tensor((3, 11))], [("DEQUANTIZE", [0], 1, {})]
    )
    for dtype in ("int8", "uint8", "int16")
}


@settings(max_examples=60, deadline=None)
@given(rounding=roundings, power=st.floats(-30, 30), zero_point=int8s,
       dtype=st.sampled_from(["int8", "uint8", "int16"]))  # fmt: skip
def test_every_number(rounding, power, zero_point, dtype):
    zero_point = {"int8": zero_point, "uint8": zero_point + 128, "int16": 0}[dtype]
    compare("DEQUANTIZE", (dtype, f32(10**power), zero_point), FLOAT, rounding)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (("int32", 0.1, 0), "int8, uint8 or int16"),
        (("int8", 0, 0), "one scale and zero point"),
        (("int16", 0.1, 4), "zero point 0; here .* zero point 4"),
    ],
)
def test_limits_are_told(source, message):
    unary.check_refused("DEQUANTIZE", source, FLOAT, message)
