"""The score of anomalies: in whole numbers where tensors are quantised, else in float32."""

import numpy as np
import pytest

from edge_runtime import anomaly
from edge_runtime.errors import ModelError
from edge_runtime.graph import Quantization, Tensor

pytestmark = pytest.mark.unsanitized


def tensor(
    dtype: str = "int8", scale: float = 0.1, zero_point: int = 0, shape: tuple[int, ...] = (1, 50)
) -> Tensor:
    quantization = None if dtype == "float32" else Quantization((scale,), (zero_point,), 0)
    return Tensor(0, "t", shape, shape, dtype, quantization=quantization)


@pytest.mark.parametrize(
    ("source", "output"),
    [
        (tensor(), tensor()),
        (tensor(scale=0.05, zero_point=-128), tensor(scale=0.031, zero_point=17)),
        (tensor("uint8", zero_point=128), tensor(scale=0.0001)),
        (tensor("int16", 1e-4), tensor("int16", 1.7e-4)),
        (tensor("int8", 0.1, -3), tensor("int16", 4e-4)),
    ],
)
def test_whole_numbers_are_the_mean_squared_error(source: Tensor, output: Tensor) -> None:
    rng = np.random.default_rng(0)
    raw = []
    for one in (source, output):
        limits = np.iinfo(one.dtype)
        raw.append(rng.integers(limits.min, limits.max, (20, 50), one.dtype, endpoint=True))
    scores = anomaly.raw_scores(*raw, source, output)
    assert scores.dtype == np.uint64
    reals = [
        (values.astype(np.float64) - one.zero_point) * one.scale
        for values, one in zip(raw, (source, output), strict=True)
    ]
    expected = ((reals[1] - reals[0]) ** 2).mean(axis=1)
    assert anomaly.errors(scores, source, output) == pytest.approx(expected, rel=2e-3)


def test_equal_scales_are_exact() -> None:
    source = output = tensor(scale=0.25, zero_point=3, shape=(1, 4))
    x, y = np.array([[1, 2, 3, 4]], np.int8), np.array([[1, 4, 3, -4]], np.int8)
    scores = anomaly.raw_scores(x, y, source, output)
    assert scores.tolist() == [(2**2 + 8**2) << 24]
    assert anomaly.errors(scores, source, output).tolist() == [68 * 0.0625 / 4]


def test_the_largest_difference_of_the_most_elements_fits() -> None:
    shape = (1, anomaly.MOST_ELEMENTS)
    source, output = tensor(zero_point=-128, shape=shape), tensor(zero_point=127, shape=shape)
    x, y = np.full(shape, 127, np.int8), np.full(shape, -128, np.int8)
    (score,) = anomaly.raw_scores(x, y, source, output).tolist()
    assert score == (510 << 12) ** 2 << 21 < 1 << 63


def test_floats_are_added_one_after_the_other() -> None:
    source = output = tensor("float32", shape=(1, 3))
    x = np.zeros((1, 3), np.float32)
    y = np.array([[4096, 1, 1]], np.float32)
    # 2**24 + 1 is 2**24 in float32, twice.
    assert anomaly.raw_scores(x, y, source, output).tolist() == [np.float32(2**24) / np.float32(3)]


def test_a_threshold_in_raw_scores_decides_as_the_error_does() -> None:
    source, output = tensor(scale=0.07), tensor(scale=0.05)
    counted = anomaly.steps(source, output)
    assert counted is not None
    limit = anomaly.raw_threshold(1000.5 * counted.unit, counted)
    assert limit == 1000
    assert anomaly.raw_threshold(0.25, anomaly.steps(*[tensor("float32")] * 2)) == 0.25


def test_an_output_of_another_size_has_no_score() -> None:
    with pytest.raises(ModelError, match="does not rebuild its input"):
        anomaly.steps(tensor(), tensor(shape=(1, 49)))
