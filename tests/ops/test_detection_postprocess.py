"""TFLite_Detection_PostProcess: every engine against LiteRT, byte by byte."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import build
import runtimes
from edge_runtime import ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read

OPTIONS = {
    "max_detections": 5,
    "max_classes_per_detection": 1,
    "nms_score_threshold": 1e-8,
    "nms_iou_threshold": 0.6,
    "num_classes": 3,
    "y_scale": 10.0,
    "x_scale": 10.0,
    "h_scale": 5.0,
    "w_scale": 5.0,
}


def detection(
    boxes: int = 30,
    dtype: str = "float32",
    *,
    background: int = 1,
    length: int = 4,
    stated: bool = True,
    without: str = "",
    **changes: Any,
) -> bytes:
    """A model of the op over constant anchors; its outputs have no shape unless ``stated``."""
    options = {key: one for key, one in {**OPTIONS, **changes}.items() if key != without}
    rng = np.random.default_rng(boxes)
    anchors = rng.uniform([0.1, 0.1, 0.1, 0.1], [0.9, 0.9, 0.5, 0.5], (boxes, 4))
    scales = [(0.1, 120), (1 / 256, 0), (1 / 250, 3)] if dtype == "uint8" else [(0.0, 0)] * 3
    known = np.clip(anchors * 250 + 3, 0, 255) if dtype == "uint8" else anchors
    classes = int(options["num_classes"]) + background
    count = int(options["max_detections"]) * int(options["max_classes_per_detection"])
    tensors = [
        build.tensor((1, boxes, length), dtype, *scales[0], name="boxes"),
        build.tensor((1, boxes, classes), dtype, *scales[1], name="scores"),
        build.tensor((boxes, 4), dtype, *scales[2], known.astype(dtype)),
    ]
    shapes = (1, count, 4), (1, count), (1, count), (1,)
    tensors += [build.tensor(shape if stated else (), "float32") for shape in shapes]
    op = ("TFLite_Detection_PostProcess", [0, 1, 2], [3, 4, 5, 6], options)
    return build.model(tensors, [op], inputs=(0, 1))


SEEDS = {
    f"TFLite_Detection_PostProcess {dtype}": detection(12, dtype) for dtype in ("float32", "uint8")
}


def agree(data: bytes, boxes: Any, scores: Any) -> None:
    expected = runtimes.run_builtin_ref(data, [boxes, scores])
    for name, engine in runtimes.engines(data).items():
        for output, value in zip(engine.run((boxes, scores)), expected, strict=True):
            assert output.shape == value.shape
            np.testing.assert_array_equal(output, value, err_msg=name)


@settings(max_examples=120, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    dtype=st.sampled_from(["float32", "uint8"]),
    boxes=st.integers(20, 60),
    classes=st.integers(1, 5),
    background=st.integers(0, 1),
    detections=st.integers(1, 4),
    per_class=st.integers(1, 6),
    regular=st.booleans(),
    overlap=st.sampled_from([0.05, 0.3, 0.6, 1.0]),
    length=st.integers(4, 6),
    stated=st.booleans(),
)
def test_it_is_what_litert_gives(
    seed, dtype, boxes, classes, background, detections, per_class, regular, overlap, length, stated
):
    data = detection(
        boxes,
        dtype,
        background=background,
        length=length,
        stated=stated,
        num_classes=classes,
        max_detections=detections,
        nms_iou_threshold=overlap,
        detections_per_class=per_class,
        use_regular_nms=regular,
    )
    rng = np.random.default_rng(seed)
    if dtype == "uint8":
        encodings = rng.integers(60, 180, (1, boxes, length)).astype(np.uint8)
        scores = rng.integers(1, 256, (1, boxes, classes + background)).astype(np.uint8)
    else:
        encodings = rng.normal(size=(1, boxes, length)).astype(np.float32)
        scores = rng.uniform(0.01, 1, (1, boxes, classes + background)).astype(np.float32)
    # Of overlapping boxes fewer may be left than are wanted; LiteRT does not write the others.
    expected = runtimes.run_builtin_ref(data, [encodings, scores])
    if regular or expected[3] == detections:
        agree(data, encodings, scores)


def test_a_box_may_have_several_classes():
    data = detection(max_classes_per_detection=2, background=0)
    rng = np.random.default_rng(1)
    encodings = rng.normal(size=(1, 30, 4)).astype(np.float32)
    agree(data, encodings, rng.uniform(0.01, 1, (1, 30, 3)).astype(np.float32))


def test_what_is_below_the_threshold_is_left_out():
    data = detection(nms_score_threshold=0.5)
    scores = np.full((1, 30, 4), 0.25, np.float32)
    scores[0, [3, 7], [1, 2]] = 0.5, 0.75
    for name, engine in runtimes.engines(data).items():
        outputs = engine.run((np.zeros((1, 30, 4), np.float32), scores))
        assert outputs[3].tolist() == [2], name
        assert outputs[2].tolist() == [[0.75, 0.5, 0, 0, 0]], name
        assert outputs[1].tolist() == [[1, 0, 0, 0, 0]], name


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dtype": "int8"}, "all float32 or all uint8"),
        ({"max_detections": 2000}, "up to 1,000 detections"),
        ({"nms_iou_threshold": 0.0}, "overlaps are in"),
        ({"y_scale": 0.0}, "scales are not 0"),
        ({"without": "x_scale"}, "scales are not 0"),
        ({"background": 2}, "maybe one more"),
        ({"length": 3}, "4 or more"),
    ],
)
def test_limits_are_told(changes, message):
    with pytest.raises(ModelError) as error:
        plan(read(detection(**changes)))
    assert message in str(error.value)
