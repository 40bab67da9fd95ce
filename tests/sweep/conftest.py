"""Made-up rows for tests of tables and reports."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from edgekit.scoring import wilson_interval
from edgekit.sweep.measurement import Basis, Measurement
from edgekit.train.recipe import Recipe

BASIS = Basis(
    {"name": "tiny", "classes": ["0", "1"], "sha256": "ab" * 32, "train": 10, "test": 2000},
    {"python": "3.11.7", "edgekit": "0.1.0"},
)
MeasurementOf = Callable[..., Measurement]


def accuracy(wrong: int) -> dict[str, Any]:
    right = 2000 - wrong
    return {
        "correct": right,
        "total": 2000,
        "accuracy": right / 2000,
        "interval": list(wilson_interval(right, 2000)),
        "confusion": [[1000 - wrong, 0], [wrong, 1000]],
    }


@pytest.fixture
def row_of() -> MeasurementOf:
    """Return a function that makes a row; its keyword arguments are fields of Recipe."""

    def make(wrong: int = 1, *, flash: int | None = 4000, **recipe: Any) -> Measurement:
        made = Recipe(**recipe)
        row = Measurement(
            recipe=made,
            basis=BASIS,
            accuracy={"float32": accuracy(wrong), "int8": accuracy(wrong + 1)},
            epochs=10 + made.seed,
            seconds=1.5,
            sizes={
                "keras": 50_000,
                "float32": 13_000,
                "int8": 6_000 + made.hidden,
                "int8_deflated": 5_000,
            },
            parameters=11_020,
            macs=786 * made.hidden,
            latency=2e-6,
            firmware={"flash": flash or 0, "ram": 900, "stack": 100, "instructions": 4_600},
            weights_sha256="cd" * 32,
            worker={"CPU": "Cortex-A72", "host": "board", "process": "1"},
            time="2026-01-02T03:04:05+00:00",
        )
        if flash is None:
            row = replace(row, firmware=None, missing={"firmware": "unicorn is not installed"})
        return row

    return make
