"""The kernels of TFLite_Detection_PostProcess in NumPy; in C detection_postprocess.c.

Source: tensorflow/lite/kernels/detection_postprocess.cc, whose order of arithmetic this is.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from edge_runtime.kernels.exponential import exp
from edge_runtime.kernels.float_bits import float32_of
from edge_runtime.record import record

Array: TypeAlias = npt.NDArray[Any]
Float32: TypeAlias = npt.NDArray[np.float32]


@record
class DetectionPostprocess:
    """Parameters of the kernels; thresholds and scales are the bits of float32 numbers.

    ``background`` is 1 where the first score of a box is that of no class, otherwise 0. Of
    ``regular`` suppression each class has its own; otherwise a box has ``classes_per_detection``.
    """

    boxes: int
    box_length: int
    classes: int
    background: int
    detections: int
    classes_per_detection: int
    per_class: int
    regular: int
    least_score: int
    most_overlap: int
    y_scale: int
    x_scale: int
    h_scale: int
    w_scale: int


def detection_postprocess_float32(
    params: DetectionPostprocess, encodings: Float32, scores: Float32, anchors: Float32
) -> tuple[Float32, Float32, Float32, Float32]:
    """Define the float32 kernel: the best box, and the next best that does not overlap, until done.

    Args:
        encodings: float32 [boxes * box_length]: y, x, height and width against those of anchors.
        scores: float32 [boxes * (background + classes)].
        anchors: float32 [boxes * 4]: y, x, height, width.

    Returns:
        Corners float32 [n * 4], classes and scores [n], n being detections * classes_per_detection,
        zeros where there are fewer, and the number of detections.
    """
    corners = _corners(params, encodings, anchors)
    table = scores.reshape(params.boxes, -1)[:, params.background :]
    count = params.detections * params.classes_per_detection
    outputs = np.zeros((count, 4), np.float32), *np.zeros((2, count), np.float32)
    found = (_of_classes if params.regular else _of_boxes)(params, corners, table, outputs)
    return outputs[0].ravel(), outputs[1], outputs[2], np.array([found], np.float32)


def detection_postprocess_uint8(
    params: DetectionPostprocess,
    encodings: Array,
    scores: Array,
    anchors: Array,
    of_encodings: Float32,
    of_scores: Float32,
    of_anchors: Float32,
) -> tuple[Float32, Float32, Float32, Float32]:
    """Define the uint8 kernel: the same of the floats [256] that stand for numbers of a tensor."""
    return detection_postprocess_float32(
        params, of_encodings[encodings], of_scores[scores], of_anchors[anchors]
    )


def _corners(params: DetectionPostprocess, encodings: Float32, anchors: Float32) -> Float32:
    """Return top, left, bottom and right of each box."""
    names = (params.y_scale, params.x_scale, params.h_scale, params.w_scale)
    scales = np.array([float32_of(bits) for bits in names], np.float64)
    encoded = encodings.reshape(params.boxes, -1)[:, :4].astype(np.float64)
    anchored = anchors.reshape(params.boxes, 4).astype(np.float64)
    with np.errstate(all="ignore"):
        center = encoded[:, :2] / scales[:2] * anchored[:, 2:] + anchored[:, :2]
        half = 0.5 * exp(encoded[:, 2:] / scales[2:]) * anchored[:, 2:]
        center32, half32 = center.astype(np.float32), half.astype(np.float32)
        return np.concatenate([center32 - half32, center32 + half32], axis=1)


def _overlaps(corners: Float32, at: int) -> Float32:
    """Return the intersection over union of one box with each."""
    one = corners[at]
    with np.errstate(all="ignore"):
        areas = (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])
        first = np.where(one[:2] < corners[:, :2], corners[:, :2], one[:2])
        last = np.where(corners[:, 2:] < one[2:], corners[:, 2:], one[2:])
        sides = last - first
        sides = np.where(sides < 0, np.float32(0), sides)
        common = sides[:, 0] * sides[:, 1]
        overlaps: Float32 = common / (areas[at] + areas - common)
    return np.where((areas[at] <= 0) | (areas <= 0), np.float32(0), overlaps)


def _suppressed(
    params: DetectionPostprocess, corners: Float32, scores: Float32, most: int
) -> list[int]:
    """Return the boxes that are left, at most ``most``, the best first."""
    left = scores >= float32_of(params.least_score)
    selected: list[int] = []
    while len(selected) < most and left.any():
        at = int(np.where(left, scores, -np.inf).argmax())
        at = at if left[at] else int(left.argmax())  # -inf alone is left
        selected.append(at)
        left[at] = False
        left &= ~(_overlaps(corners, at) > float32_of(params.most_overlap))
    return selected


def _of_boxes(
    params: DetectionPostprocess, corners: Float32, scores: Float32, outputs: tuple[Float32, ...]
) -> int:
    """Fill the outputs by the best class of each box."""
    best = np.where(np.isnan(scores[:, 0]), np.float32(np.nan), np.fmax.reduce(scores, axis=1))
    selected = _suppressed(params, corners, best, params.detections)
    for place, at in enumerate(selected):
        order = np.argsort(-scores[at], kind="stable")
        order = order[~np.isnan(scores[at][order])][: params.classes_per_detection]
        start = place * params.classes_per_detection
        rows = slice(start, start + len(order))
        outputs[0][rows], outputs[1][rows], outputs[2][rows] = corners[at], order, scores[at][order]
    return len(selected)


def _of_classes(
    params: DetectionPostprocess, corners: Float32, scores: Float32, outputs: tuple[Float32, ...]
) -> int:
    """Fill the outputs by the best boxes of each class."""
    found = [
        (scores[at, index], index, at)
        for index in range(params.classes)
        for at in _suppressed(params, corners, scores[:, index], params.per_class)
    ]
    found = sorted(found, key=lambda one: -one[0])[: params.detections]
    for place, (score, index, at) in enumerate(found):
        outputs[0][place], outputs[1][place], outputs[2][place] = corners[at], index, score
    return len(found)
