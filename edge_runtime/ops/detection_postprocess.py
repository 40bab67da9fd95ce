"""TFLite_Detection_PostProcess: the boxes of an SSD that overlap no better one, and their classes.

LiteRT leaves what it does not write as it was in its memory; here it is 0.
"""

from __future__ import annotations

from math import inf

from edge_runtime.fixed_point import f32, float_bits
from edge_runtime.ops.call import Call, Constant, Kernel, float32s
from edge_runtime.ops.constraints import affine, describe, not_affine

SCALES = ("y_scale", "x_scale", "h_scale", "w_scale")
MOST = 1000
"""Most detections: the time grows with their product with the boxes."""

PER_CLASS = 100
"""Detections of a class, unless the options say another number. Source: kNumDetectionsPerClass."""


def types_are_supported(call: Call) -> str | None:
    """Boxes, scores and anchors are all float32 or all uint8, the four outputs float32."""
    types = [call.input(at).dtype for at in range(3)]
    made = [output.dtype for output in call.outputs]
    fits = types in (["float32"] * 3, ["uint8"] * 3) and made == ["float32"] * 4
    return None if fits else ", ".join([*types, *made])


def integers_have_one_scale(call: Call) -> str | None:
    """Integers have one scale and zero point."""
    return not_affine(*(call.input(at) for at in range(3)))


def options_are_sound(call: Call) -> str | None:
    """There are up to 1,000 detections; overlaps are in (0, 1], and scales are not 0."""
    options = call.op.options
    whole = ("max_detections", "max_classes_per_detection", "num_classes")
    counts = [options.get(name, 0) for name in whole]
    numbers = [options.get(name, 0) for name in ("nms_score_threshold", *SCALES)]
    sound = all(isinstance(count, int) and 0 < count <= MOST for count in counts)
    overlap = options.get("nms_iou_threshold", 0)
    sound = sound and counts[0] * counts[1] <= MOST and 0 < f32(overlap) <= 1
    sound = sound and all(-inf < f32(one) < inf for one in numbers) and all(map(f32, numbers[1:]))
    per_class = options.get("detections_per_class", PER_CLASS)
    return None if sound and isinstance(per_class, int) and per_class > 0 else repr(dict(options))


def shapes_fit(call: Call) -> str | None:
    """Boxes are [1, n, 4 or more], scores [1, n, classes, maybe one more], anchors [n, 4]."""
    boxes, scores, anchors = (call.input(at).shape for at in range(3))
    fits = len(boxes) == len(scores) == 3 and boxes[:2] == scores[:2] and boxes[0] == 1
    fits = fits and boxes[2] >= 4 and anchors == (boxes[1], 4)
    if fits and scores[2] - call.op.options["num_classes"] in (0, 1):
        return None
    return ", ".join(describe(call.input(at)) for at in range(3))


CONSTRAINTS = (types_are_supported, integers_have_one_scale, options_are_sound, shapes_fit)


def shapes(call: Call) -> tuple[tuple[int, ...], ...]:
    """Return the shapes of boxes, classes, scores and their number."""
    options = call.op.options
    count = options["max_detections"] * options["max_classes_per_detection"]
    return (1, count, 4), (1, count), (1, count), (1,)


def lower(call: Call) -> Kernel:
    """Return the kernel; of uint8 with a table of the floats of each tensor."""
    options, boxes, scores = call.op.options, call.input(0), call.input(1)
    classes, detections = options["num_classes"], options["max_detections"]
    params = {
        "boxes": boxes.shape[1],
        "box_length": boxes.shape[2],
        "classes": classes,
        "background": scores.shape[2] - classes,
        "detections": detections,
        "classes_per_detection": options["max_classes_per_detection"],
        "per_class": min(options.get("detections_per_class", PER_CLASS), detections),
        "regular": int(bool(options.get("use_regular_nms", 0))),
        "least_score": float_bits(options["nms_score_threshold"]),
        "most_overlap": float_bits(options["nms_iou_threshold"]),
        **{name: float_bits(options[name]) for name in SCALES},
    }
    constants: tuple[Constant, ...] = ()
    if boxes.dtype == "uint8":
        constants = tuple(_floats(*affine(call.input(at))) for at in range(3))
    name = f"detection_postprocess_{boxes.dtype}"
    return Kernel(name, params, (0, 1, 2), constants, rows=None)


def _floats(scale: float, zero_point: int) -> Constant:
    return float32s([f32((number - zero_point) * scale) for number in range(256)])
