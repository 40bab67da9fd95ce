"""Numbers in plain Python: the bits that NumPy calculates."""

import ctypes
from array import array
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from edge_runtime import InputError, MetadataError, ModelError, plain
from edge_runtime.graph import Quantization, Tensor
from edge_runtime.meaning import (
    LOGITS,
    MULTILABEL,
    NUMBERS,
    PROBABILITIES,
    class_scores,
    margin_of_one,
    margins,
    scores_of_one,
)
from edge_runtime.metadata import Metadata
from edge_runtime.quantize import dequantize, encode, normalise, pixel_table, quantize

pytestmark = pytest.mark.unsanitized

FORMS = [
    ("int8", 0.0173, -21),
    ("int8", 1 / 255, -128),
    ("uint8", 0.31, 255),
    ("int16", 3.1e-5, 0),
    ("int16", 0.7, 32767),
    ("float32", 0.0, 0),
]
NORMS = [((0.0,), (255.0,)), ((127.5,), (127.5,)), ((123.675, 116.28, 103.53), (58.4, 57.1, 57.4))]


def tensor(dtype: str, scale: float = 0.0, zero_point: int = 0, width: int = 3) -> Tensor:
    quantization = None if dtype == "float32" else Quantization((scale,), (zero_point,))
    return Tensor(0, "t", (1, 4, width), (1, 4, width), dtype, quantization)


def floats(array_: npt.NDArray[Any]) -> "array[float]":
    return array("f", array_.astype(np.float32).tobytes())


def values(seed: int, scale: float) -> npt.NDArray[np.float32]:
    """Floats of all magnitudes: halves of steps and their neighbours, and what overflows."""
    random = np.random.default_rng(seed)
    halves = np.arange(-300, 300, dtype=np.float32) + np.float32(0.5)
    steps = [halves, *(np.nextafter(halves, np.float32(end)) for end in (-np.inf, np.inf))]
    wide = random.normal(size=3000) * 10.0 ** random.integers(-44, 38, 3000)
    near = [one * np.float32(scale or 1) for one in (*steps, random.normal(0, 200, 3000))]
    return np.concatenate([*near, wide, [0.0, -0.0, 3.4e38, -3.4e38, 1e-45]]).astype(np.float32)


@pytest.mark.parametrize("form", FORMS)
def test_numbers_become_the_same_elements(form: tuple[str, float, int]) -> None:
    port, numbers = tensor(*form), values(0, form[1])
    assert plain.quantised(floats(numbers), port).tobytes() == quantize(numbers, port).tobytes()


@pytest.mark.parametrize("count", [1, 3, 7])
def test_features_are_normalised_alike(count: int) -> None:
    random = np.random.default_rng(count)
    mean = tuple(random.normal(0, 1000, count).tolist())
    std = tuple((10.0 ** random.integers(-20, 20, count)).tolist())
    numbers = np.resize(values(1, 1.0), (2000, count))
    with np.errstate(over="ignore", under="ignore"):
        expected = normalise(numbers, mean, std)
    assert plain.normalised(floats(numbers), mean, std).tobytes() == expected.tobytes()


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("form", FORMS)
def test_pixels_have_one_table(form: tuple[str, float, int], norm: Any) -> None:
    port = tensor(*form)
    expected = quantize(normalise(np.arange(256)[:, None], *norm), port)
    assert np.array_equal(pixel_table(port, *norm), expected)
    assert pixel_table(port, *norm).dtype == expected.dtype
    pixels = np.random.default_rng(0).integers(0, 256, (1, 4, 3)).astype(np.uint8)
    one = plain.encode(array("B", pixels.tobytes()), port, *norm, features=False)
    assert one == encode(pixels, port, Metadata(mean=norm[0], std=norm[1])).tobytes()


@pytest.mark.parametrize("form", FORMS)
def test_elements_mean_the_same_numbers(form: tuple[str, float, int]) -> None:
    port = tensor(*form)
    if port.dtype == "float32":
        elements = values(2, 1.0)
    else:
        limits = np.iinfo(port.dtype)
        assert plain.limits(port.dtype) == (limits.min, limits.max)
        elements = np.arange(limits.min, limits.max + 1).astype(port.dtype)
    content = plain.dequantised(elements.tobytes(), port).tobytes()
    assert content == dequantize(elements, port).tobytes()


@pytest.mark.parametrize("scale", [{}, {"mean": (0.0,), "std": (255.0,)}])
@pytest.mark.parametrize("form", FORMS)
def test_the_same_floats_are_refused(form: tuple[str, float, int], scale: Any) -> None:
    """Of all lows and highs, those that a batch of them would not be allowed to have."""
    port, metadata = tensor(*form, width=20), Metadata(**scale)
    for low, high in [
        (0, 1),
        (-1, 1),
        (0, 255),
        (-300, 10),
        (-1e6, 0),
        (0, 1e6),
        (0, 0),
        (0, 1e39),
    ]:
        batch = np.linspace(low, high, 80).reshape(1, 4, 20)
        outcomes = []
        for call in (
            lambda batch=batch: encode(batch, port, metadata).tobytes(),
            lambda batch=batch: plain.encode(
                array("d", batch.tobytes()), port, metadata.mean, metadata.std, features=False
            ),
        ):
            try:
                outcomes.append(call())
            except InputError as error:
                outcomes.append(str(error))
        assert outcomes[0] == outcomes[1]


def test_features_that_are_far_away_saturate_as_in_a_batch() -> None:
    metadata = Metadata(mean=(1.0, -2.0, 1e3), std=(0.1, 1e-30, 5.0), features=True)
    for form in FORMS[:-1]:
        port = tensor(*form)
        for spread in (1, 1e3, 1e38):
            features = np.random.default_rng(0).normal(0, spread, (1, 4, 3)).astype(np.float32)
            with np.errstate(over="ignore"):
                expected = encode(features, port, metadata).tobytes()
            one = floats(features), port, metadata.mean, metadata.std
            assert plain.encode(*one, features=True) == expected


@pytest.mark.parametrize("task", ["", MULTILABEL])
@pytest.mark.parametrize("count", [1, 2, 3, 30])
@pytest.mark.parametrize("meaning", [PROBABILITIES, LOGITS, NUMBERS])
def test_outputs_are_the_same_scores(meaning: str, count: int, task: str) -> None:
    random = np.random.default_rng(count)
    spread = 1 if meaning == PROBABILITIES else 60
    for row in (random.random((200, count)) * spread).astype(np.float32):
        expected = class_scores(row[None], meaning, task)[0]
        scores = np.array(scores_of_one(floats(row), count, meaning, task), np.float32)
        assert scores.tobytes() == expected.tobytes()


def test_each_pixel_of_a_map_has_its_softmax() -> None:
    logits = np.random.default_rng(0).normal(0, 5, (1, 4, 3)).astype(np.float32)
    expected = class_scores(logits, LOGITS).ravel()
    assert scores_of_one(floats(logits), 3, LOGITS).tobytes() == expected.tobytes()


def test_sigmoids_of_far_logits_do_not_overflow() -> None:
    logits = np.array([[-3e38, -800, -90, 90, 3e38]], np.float32)
    expected = class_scores(logits, LOGITS, MULTILABEL)[0]
    assert expected[[0, -1]].tolist() == [0, 1]
    assert list(scores_of_one(floats(logits), 5, LOGITS, MULTILABEL)) == expected.tolist()


@pytest.mark.parametrize(("meaning", "count"), [(LOGITS, 1), (LOGITS, 2), (PROBABILITIES, 2)])
def test_a_threshold_sees_the_same_margin(meaning: str, count: int) -> None:
    for row in np.random.default_rng(0).normal(0, 9, (200, count)).astype(np.float32):
        assert margin_of_one(floats(row), meaning) == margins(row[None], meaning)[0]


# What is one input.

ONE = [1.5, -2.0, 3.25]


@pytest.mark.parametrize(
    ("one", "code"),
    [
        (ONE, "d"),
        (tuple(ONE), "d"),
        ([1, 2, 3], "q"),
        ([np.float32(1), 2, 3], "d"),
        (array("f", ONE), "f"),
        (memoryview(array("d", ONE)), "d"),
        (memoryview(bytearray(6))[::2], "B"),
        (b"abc", "B"),
        ((ctypes.c_float * 3)(*ONE), "f"),
        (np.array(ONE)[::-1], "d"),
    ],
)
def test_flat_numbers_of_any_kind(one: Any, code: str) -> None:
    numbers = plain.flat(one)
    assert numbers is not None
    assert numbers.typecode == code
    assert list(numbers) == list(memoryview(one).tolist() if isinstance(one, bytes) else one)


@pytest.mark.parametrize(
    "other", [[], [[1.0]], [np.zeros(2)], "text", None, 7, memoryview(bytes(4)).cast("B", (2, 2))]
)
def test_what_is_no_flat_sequence(other: Any) -> None:
    assert plain.flat(other) is None


@pytest.mark.parametrize("bad", [[1.0, "a"], [1.0, None], [1 << 70], (ctypes.c_bool * 3)()])
def test_elements_that_are_no_numbers(bad: Any) -> None:
    with pytest.raises(InputError, match="expected numbers"):
        plain.flat(bad)


def test_what_one_input_lacks_is_said() -> None:
    port, norm = tensor("int8", 0.1), ((0.0,), (255.0,))
    bare = Tensor(0, "t", (1, 12), (1, 12), "int8")
    with pytest.raises(InputError, match="expected one input of 12 numbers, got 3"):
        plain.encode(array("d", ONE), port, *norm, features=False)
    with pytest.raises(InputError, match="expected uint8 pixels or floats, got integers"):
        plain.encode(array("q", [1] * 12), port, *norm, features=False)
    for bad in (np.nan, np.inf, 1e300):
        with pytest.raises(InputError, match="NaN or infinity"):
            plain.encode(array("d", [bad] * 12), port, *norm, features=True)
    with pytest.raises(MetadataError, match="how pixels are normalised"):
        plain.encode(array("B", bytes(12)), port, (), (), features=False)
    with pytest.raises(MetadataError, match="of 2 channels"):
        plain.encode(array("d", [1] * 12), port, (0.0, 1.0), (1.0,), features=True)
    with pytest.raises(ModelError, match="without one scale"):
        plain.encode(array("d", [1] * 12), bare, (), (), features=False)
