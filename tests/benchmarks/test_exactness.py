"""What is counted when outputs are compared with LiteRT's."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import build
from edge_runtime.backends import litert
from edge_runtime.errors import ModelError
from edgekit.benchmarks import exactness, gate
from edgekit.benchmarks.contender import Contender, from_models
from edgekit.benchmarks.resolvers import LiteRTModel, open_litert
from edgekit.benchmarks.tensors import random_tensors
from edgekit.train.dataset import Dataset

METRICS = ["difference_to_builtin_ref", "difference_to_xnnpack"]


def native(model: Path) -> Contender:
    (contender,) = from_models({model.name: model}, ["native"])
    assert isinstance(contender, Contender)
    return contender


def test_int8_is_compared_on_images_and_on_random_tensors(
    int8_model: Path, dataset: Dataset
) -> None:
    results = exactness.measure(native(int8_model), dataset.x_test[:30], 50)
    assert [one.metric for one in results] == METRICS
    exact = results[0]
    assert (exact.status, exact.unit, len(exact.samples)) == ("measured", "steps", 80)
    assert exact.summary["reference"] == "LiteRT BUILTIN_REF"
    assert exact.summary["rounding"] == "litert"
    assert exact.summary["integer"] is True
    for part, tensors in (("images", 30), ("random", 50)):
        assert exact.summary[part] == {
            "tensors": tensors,
            "elements": 2 * tensors,
            "differ": 0,
            "largest": 0,
            "largest_absolute": 0,
        }


def test_float32_is_told_in_ulps_and_as_a_number(float_model: Path, dataset: Dataset) -> None:
    reference, _ = exactness.measure(native(float_model), dataset.x_test[:100], 50)
    assert (reference.unit, reference.summary["integer"]) == ("ULP", False)
    # The sums are added in another order than LiteRT's, so some outputs differ, and a little.
    random = reference.summary["random"]
    assert 0 < random["differ"] <= random["elements"] == 100
    assert random["largest"] >= 1
    assert 0 < random["largest_absolute"] < 1e-5
    assert max(reference.samples[100:]) == random["largest"]


@pytest.mark.parametrize(("dtype", "is_reference"), [("int8", False), ("uint8", True)])
def test_what_litert_misreads_is_no_reference(
    dtype: str, is_reference: bool, tmp_path: Path
) -> None:
    """LiteRT's reference kernels read int8 as uint8 in SUM, its other kernels do not."""
    tensors = [
        build.tensor((1, 4, 5), dtype, 0.1, 3),
        build.constant([1], "int32"),
        build.tensor((1, 5), dtype, 0.5, 3),
    ]
    path = tmp_path / "sum.tflite"
    path.write_bytes(build.model(tensors, [("SUM", [0, 1], 2, {"keepDims": False})]))
    reference, other = exactness.measure(native(path), np.zeros((0, 4, 5), np.float32), 20)
    assert (reference.status == "measured") == is_reference
    if is_reference:
        assert reference.summary["random"]["differ"] == 0
    else:
        assert reference.reason == "LiteRT's reference kernels misread int8 in 0 SUM"
    assert [one.verdict for one in gate.exact([reference])] == ["passed"] * is_reference
    assert other.status == "measured"


def test_every_differing_element_is_counted(
    int8_model: Path, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Other:
        """LiteRT, but for its answer to the third tensor."""

        def __init__(self, opened: LiteRTModel) -> None:
            self.opened, self.calls = opened, 0

        def run(self, tensor: Any) -> Any:
            answer = self.opened.run(tensor)
            self.calls += 1
            if self.calls == 3:
                answer[0, 1] += 5 if answer[0, 1] < 100 else -5
            return answer

    monkeypatch.setattr(exactness, "open_litert", lambda *args: Other(open_litert(*args)))
    result, _ = exactness.measure(native(int8_model), dataset.x_test[:10], 10)
    assert (result.summary["images"]["differ"], result.summary["images"]["largest"]) == (1, 5)
    assert result.summary["random"]["differ"] == 0
    assert [index for index, apart in enumerate(result.samples) if apart] == [2]


def test_ulps_count_the_numbers_between() -> None:
    one = np.float32(1)
    numbers = np.array([one, 0.0, -1e-45, 3, -2], np.float32)
    others = np.array(
        [np.nextafter(one, np.float32(2)), -0.0, 1e-45, 3, np.nextafter(np.float32(-2), one)],
        np.float32,
    )
    assert exactness.distances(numbers, others).tolist() == [1, 0, 2, 0, 1]
    assert exactness.distances(others, numbers).tolist() == [1, 0, 2, 0, 1]


def test_integers_differ_by_steps_beyond_their_own_type() -> None:
    bounds = np.array([-128, 127], np.int8)
    assert exactness.distances(bounds, bounds[::-1]).tolist() == [255, 255]


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
def test_random_tensors_cover_the_type_and_are_always_the_same(dtype: str) -> None:
    drawn = random_tensors(200, (28, 28), dtype)
    assert (drawn.dtype, drawn.shape) == (dtype, (200, 28, 28))
    limits = np.iinfo(dtype)
    edge = 2 if dtype == "int16" else 0
    assert limits.min <= drawn.min() <= limits.min + edge
    assert limits.max - edge <= drawn.max() <= limits.max
    np.testing.assert_array_equal(drawn, random_tensors(200, (28, 28), dtype))


def test_without_litert_there_is_nothing_to_compare_with(
    int8_model: Path, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(litert, "find_spec", lambda _: None)
    results = exactness.measure(native(int8_model), dataset.x_test[:2], 2)
    assert [one.status for one in results] == ["not present"] * 2
    assert "ai-edge-litert is not installed" in results[0].reason


def test_kernels_that_refuse_the_model_say_why(
    int8_model: Path, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(model: Path, kernels: str) -> LiteRTModel:
        if kernels == "BUILTIN_REF":
            raise ModelError("no such kernel")
        return open_litert(model, kernels)

    monkeypatch.setattr(exactness, "open_litert", opened)
    reference, xnnpack = exactness.measure(native(int8_model), dataset.x_test[:2], 2)
    assert (reference.status, reference.reason) == ("not present", "no such kernel")
    assert xnnpack.status == "measured"


def test_results_of_one_model_follow_each_other(int8_model: Path, dataset: Dataset) -> None:
    one = exactness.measure(native(int8_model), dataset.x_test[:2], 2)
    other = [replace(each, subject=replace(each.subject, model="other")) for each in one]
    mixed = [one[0], other[0], one[1], other[1]]
    assert exactness.select(mixed) == [*one, *other]
