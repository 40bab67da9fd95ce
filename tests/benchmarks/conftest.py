"""Made-up records for tests of gates and exporters."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from edgekit.benchmarks import accuracy, latency, parity
from edgekit.benchmarks.result import Result, Subject
from edgekit.train.dataset import Dataset

MACHINE = {"CPU": "Cortex-A72", "cores": "4", "OS": "Debian 12", "Python": "CPython 3.11"}
TOOLS = {"CPU": "Cortex-A72", "ziglang": "0.17.1", "unicorn": "2.1.4"}
RunOf = Callable[..., list[Result]]


@pytest.fixture(scope="session")
def tiny() -> Dataset:
    """Ten test images of two classes: the first five are 0, the others 1."""
    images = np.arange(10 * 784, dtype=np.uint8).reshape(10, 28, 28, 1)
    labels = np.repeat(np.arange(2), 5)
    return Dataset(images, labels, images, labels, ("0", "1"), "tiny", "ab" * 32, "tiny", "digit")


@pytest.fixture
def run_of(tiny: Dataset) -> RunOf:
    """Return a function that makes the records of one model on litert, and of Keras beside it."""

    def make(
        wrong: Sequence[int] = (),
        *,
        model: str = "model.tflite",
        backend: str = "litert",
        p50: float = 2e-6,
        memory: float = 40e6,
        size: float = 46e3,
        dataset: Dataset = tiny,
        machine: dict[str, str] = MACHINE,
    ) -> list[Result]:
        ours = Subject(model, "12" * 32, backend)
        keras = Subject("model.keras", "34" * 32, "keras", peer=True)
        right = np.eye(len(dataset.labels), dtype=np.float32)[dataset.y_test]
        scores = right.copy()
        scores[list(wrong)] = np.roll(right[list(wrong)], 1, axis=1)
        results = [accuracy.measure(ours, scores, dataset), accuracy.measure(keras, right, dataset)]
        results.append(parity.compare(ours, scores, keras, right))
        timed = [
            Result(subject, "latency", "s", (median,) * 20, latency.summarise((median,) * 20, 4))
            for subject, median in ((ours, p50), (keras, 0.05))
        ]
        results += [*timed, *latency.relative(timed)]
        for metric, unit, value in (
            ("cold_start", "s", 0.1),
            ("peak_memory", "bytes", memory),
            ("file_size", "bytes", size),
        ):
            results.append(Result(ours, metric, unit, (value,), {"median": value}))
        about = {
            "name": dataset.name,
            "sha256": dataset.sha256,
            "synthetic": dataset.source == "synthetic",
            "labels": list(dataset.labels),
            "images": len(dataset.x_test),
        }
        return [
            replace(one, dataset=about, environment=machine, time="2025-01-01T00:00:00+00:00")
            for one in results
        ]

    return make


@pytest.fixture
def absent() -> Result:
    """A backend that is not present."""
    subject = Subject("", "", "edgetpu")
    return Result(subject, "accuracy", "class", status="not present", reason="no libedgetpu")


@pytest.fixture
def firmware_of(tiny: Dataset) -> RunOf:
    """Return a function that makes the records of one build."""

    def make(
        *,
        flash: int = 12000,
        ram: int = 1000,
        stack: int | None = 200,
        median: int = 12500,
        most: int = 12600,
        same_code: bool = True,
        cycles: int | None = 16000,
        functions: Sequence[int] = (900, 700),
        tools: dict[str, str] = TOOLS,
        dataset: Dataset = tiny,
    ) -> list[Result]:
        subject = Subject("model.tflite", "12" * 32, "cortex-m4 -Os")
        right = np.eye(2, dtype=np.float32)[tiny.y_test]
        parts = {"tensors": 10, "elements": 20, "differ": 0, "largest": 0, "largest_absolute": 0}
        spread = {"median": median, "p90": most, "max": most, "min": median}
        timed = {"cycles": cycles, "flash_waits": cycles and 2000}
        estimate = cycles and {
            "cycles": {**spread, "median": cycles},
            "flash_waits": 2000,
            "clock": 120_000_000,
            "seconds": (cycles + 2000) / 120_000_000,
        }
        about = {"reference": "the engine native", "rounding": "litert", "integer": True, "seed": 1}
        summaries = {
            "difference_to_native": about | {"images": parts, "random": parts},
            "flash": {
                "total": flash,
                "code": flash - 9000,
                "constants": 9000,
                "weights": 8000,
                "multipliers": 70,
                "beyond": flash - 8070,
                "functions": [{"name": f"function_{size}", "bytes": size} for size in functions],
            },
            "ram": {"total": ram, "data": ram - (stack or 0) - 16, "arena": 16, "stack": stack},
            "instructions": {
                **spread,
                "reset": 625,
                "macs": 11004,
                "images": 10,
                "steps": [
                    {"op": "FULLY_CONNECTED", **spread, "macs": 5000, **timed, "stack": 188},
                    {"op": "outside", **spread, "macs": None, **timed, "stack": 40},
                ],
                "steps_same_code": same_code,
                "steps_total": spread,
                "steps_images": 10,
                "estimate": estimate,
            },
        }
        results = [accuracy.measure(subject, right, tiny)]
        for metric, summary in summaries.items():
            unit = "instructions" if metric == "instructions" else "bytes"
            results.append(Result(subject, metric, unit, (1.0,), summary))
        data = {"name": "tiny", "sha256": dataset.sha256, "synthetic": False}
        data |= {"labels": ["0", "1"], "images": 10}
        return [replace(one, dataset=data, environment=tools) for one in results]

    return make
