"""Parity: whether two contenders give the same answers for the same images."""

import numpy as np
import numpy.typing as npt

from edgekit.benchmarks.result import Result, Subject

Scores = npt.NDArray[np.float32]


def compare(
    subject: Subject,
    scores: Scores,
    reference: Subject,
    expected: Scores,
    *,
    classes: bool = True,
) -> Result:
    """Compare the answers of ``subject`` with those of ``reference``, both float32 [N, classes].

    The samples are the largest difference between two scores of each image.

    Without classes, outputs [N, ...] of numbers are compared, and the summary has no "same".
    """
    scores, expected = (one.reshape(len(one), -1) for one in (scores, expected))
    if not classes:
        return _of_numbers(subject, scores, reference, expected)
    differ = np.flatnonzero(scores.argmax(axis=1) != expected.argmax(axis=1))
    distances = np.abs(scores.astype(np.float64) - expected).max(axis=1)
    return Result(
        subject,
        "agreement",
        "score",
        samples=tuple(distances.round(6).tolist()),
        summary={
            "reference": str(reference),
            "same": len(scores) - len(differ),
            "total": len(scores),
            "share": 1 - len(differ) / len(scores),
            "differ": differ.tolist(),
            "max_score_difference": float(distances.max()),
        },
    )


def _of_numbers(subject: Subject, outputs: Scores, reference: Subject, expected: Scores) -> Result:
    difference = outputs.astype(np.float64) - expected
    largest = np.abs(difference).max(axis=1)
    summary = {
        "reference": str(reference),
        "total": len(outputs),
        "max_score_difference": float(largest.max()),
        "rms": float(np.sqrt(np.mean(difference**2))),
        "spread": float(expected.std()),
    }
    return Result(subject, "agreement", "1", tuple(largest.round(6).tolist()), summary)


def differing(one: Result, other: Result) -> int:
    """Return the number of images with different answers in two measured "accuracy" results."""
    return sum(a != b for a, b in zip(one.samples, other.samples, strict=True))
