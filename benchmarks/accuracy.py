"""Accuracy on the test images: right answers, and pictures of the wrongly answered images."""

import base64
import io

import numpy as np
import numpy.typing as npt
from PIL import Image

from edgekit.benchmarks.result import Result, Subject
from edgekit.scoring import score
from edgekit.train.dataset import Dataset

PICTURES = 24
"""Most wrongly answered images that a result contains and the report shows."""


def measure(subject: Subject, scores: npt.NDArray[np.float32], dataset: Dataset) -> Result:
    """Score ``scores`` float32 [N, classes] against the N test images' classes.

    The samples are the answered class indices; the summary has the score, the confusion matrix
    (rows predicted, columns true) and the wrongly answered images, as PNG where inputs are pixels.
    """
    scores = scores.reshape(len(scores), -1)
    expected = (len(dataset.x_test), len(dataset.labels))
    if scores.shape != expected:
        reason = f"scores of shape {list(scores.shape)}, expected {list(expected)}"
        return Result(subject, "accuracy", "class", status="failed", reason=reason)
    if not np.isfinite(scores).all():
        reason = "some scores are not finite"
        return Result(subject, "accuracy", "class", status="failed", reason=reason)
    answers = scores.argmax(axis=1)
    outcome = score(answers, dataset.y_test, len(dataset.labels))
    return Result(
        subject,
        "accuracy",
        "class",
        samples=tuple(answers.tolist()),
        summary={
            "accuracy": outcome.accuracy,
            "interval": list(outcome.interval),
            "correct": outcome.correct,
            "total": outcome.total,
            "confusion": [list(row) for row in outcome.confusion],
            "wrong": list(outcome.wrong),
            "pictures": [
                {
                    "index": i,
                    "true": dataset.labels[dataset.y_test[i]],
                    "png": png(dataset.x_test[i]),
                }
                for i in (outcome.wrong[:PICTURES] if shows_pictures(dataset) else ())
            ],
        },
    )


def shows_pictures(dataset: Dataset) -> bool:
    """Return whether the test inputs are pictures: pixels [N, H, W, 1 or 3]."""
    return dataset.pixels and dataset.x_test.ndim == 4 and dataset.x_test.shape[3] in (1, 3)


def png(image: npt.NDArray[np.uint8]) -> str:
    """Encode an image uint8 [H, W, 1 or 3] as a base64 PNG."""
    buffer = io.BytesIO()
    Image.fromarray(image.squeeze(axis=2) if image.shape[2] == 1 else image).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()
