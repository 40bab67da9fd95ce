import pytest

from edgekit.scoring import score, wilson_interval


@pytest.mark.parametrize(
    ("successes", "total", "expected"),
    [
        # scipy.stats.binomtest(successes, total).proportion_ci(method="wilson")
        (2115, 2115, (0.998187000, 1.0)),
        (2114, 2115, (0.997326556, 0.999916532)),
        (50, 100, (0.403831530, 0.596168470)),
        (0, 10, (0.0, 0.277532800)),
    ],
)
def test_wilson_interval(successes: int, total: int, expected: tuple[float, float]) -> None:
    assert wilson_interval(successes, total) == pytest.approx(expected, abs=1e-8)


def test_nothing_measured_is_nothing_known() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_rows_are_predicted_and_columns_true() -> None:
    # Class 0 is positive: two TP, one FP (a true 1 called 0), no FN, one TN.
    result = score([0, 0, 0, 1], [0, 0, 1, 1], 2)
    assert result.confusion == ((2, 1), (0, 1))
    assert (result.correct, result.total, result.wrong) == (3, 4, (2,))
    assert result.accuracy == 0.75
