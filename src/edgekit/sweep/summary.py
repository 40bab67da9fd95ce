"""Summary of the rows: a point for each combination of varied settings, with all its seeds."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from statistics import mean, median, stdev
from typing import Any

from edgekit.scoring import wilson_interval
from edgekit.sweep.measurement import Measurement
from edgekit.train.recipe import Recipe

FIELDS = tuple(field.name for field in fields(Recipe) if field.name != "seed")


@dataclass(frozen=True)
class Point:
    """A combination of hyper-parameters and the measurements of its seeds.

    Attributes:
        settings: what distinguishes it from the other points: field of Recipe -> value.
        rows: measurements with figures; empty if all failed.
        failures: measurements without figures.
    """

    settings: Mapping[str, Any]
    rows: tuple[Measurement, ...]
    failures: tuple[Measurement, ...] = ()

    @property
    def name(self) -> str:
        """The settings in words."""
        return ", ".join(
            f"{words(key)} {value_text(value)}" for key, value in self.settings.items()
        )


@dataclass(frozen=True)
class Accuracy:
    """The accuracy of a point, over its seeds.

    Attributes:
        mean: mean of the seeds.
        deviation: standard deviation of the seeds (of a sample, n - 1); None with one seed.
        lowest: lowest of the seeds.
        highest: highest of the seeds.
        interval: 95 % interval (Wilson) of the mean share of the test images. All seeds answer
            the same images, so more of them do not narrow it.
    """

    mean: float
    deviation: float | None
    lowest: float
    highest: float
    interval: tuple[float, float]


def words(key: str) -> str:
    """Return a field's name as on the command line."""
    return key.replace("_", "-")


def value_text(value: Any) -> str:
    """Return a field's value as on the command line."""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def varied(rows: Sequence[Measurement]) -> tuple[str, ...]:
    """Return the fields with more than one value; "hidden" when there are none."""
    keys = [key for key in FIELDS if len({getattr(row.recipe, key) for row in rows}) > 1]
    return tuple(keys) or ("hidden",)


def points(rows: Sequence[Measurement]) -> list[Point]:
    """Return the points of the rows, in the order of their first row."""
    keys = varied(rows)
    groups: dict[tuple[Any, ...], list[Measurement]] = {}
    for row in rows:
        groups.setdefault(tuple(getattr(row.recipe, key) for key in keys), []).append(row)
    return [
        Point(
            dict(zip(keys, values, strict=True)),
            tuple(row for row in group if not row.failure),
            tuple(row for row in group if row.failure),
        )
        for values, group in groups.items()
    ]


def accuracy(point: Point, kind: str) -> Accuracy:
    """Return the point's accuracy of ``kind``: "float32" or "int8"."""
    scores = [row.accuracy[kind] for row in point.rows]
    shares = [score["accuracy"] for score in scores]
    correct = round(mean(score["correct"] for score in scores))
    return Accuracy(
        mean=mean(shares),
        deviation=stdev(shares) if len(shares) > 1 else None,
        lowest=min(shares),
        highest=max(shares),
        interval=wilson_interval(correct, scores[0]["total"]),
    )


def middle(point: Point, figure: Callable[[Measurement], float | None]) -> float | None:
    """Return the median of a figure over the seeds; None when it was not measured."""
    values = [value for row in point.rows if (value := figure(row)) is not None]
    return median(values) if values else None


def pareto(costs: Sequence[tuple[float, float]]) -> list[bool]:
    """Return which pairs of accuracy and cost are not beaten by one at least as good in both.

    Of pairs that are equal in both, all stay.
    """
    return [
        not any(
            other >= accuracy and price <= cost and (other, price) != (accuracy, cost)
            for other, price in costs
        )
        for accuracy, cost in costs
    ]


def series(points: Sequence[Point], key: str) -> dict[str, list[Point]]:
    """Return groups of points that differ only in ``key``, by the name of their other settings.

    Single points are left out; each group is in the order of its points.
    """
    groups: dict[str, list[Point]] = {}
    for point in points:
        others = {name: value for name, value in point.settings.items() if name != key}
        groups.setdefault(Point(others, ()).name, []).append(point)
    return {name: group for name, group in groups.items() if len(group) > 1}
