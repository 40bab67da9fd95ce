import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgekit.benchmarks import latency
from edgekit.benchmarks.contender import Contender
from edgekit.benchmarks.result import Result, Subject


def contender(name: str, calls: list[tuple[str, Any]]) -> Contender:
    return Contender(
        subject=Subject(name, "", "fake"),
        file=Path(name),
        predict=lambda images: calls.append((name, images)) or images,
        inputs=lambda images: images + 1,
        run=lambda tensor: calls.append((name, tensor)),
        distributions=(),
    )


def test_percentiles_are_between_order_statistics() -> None:
    summary = latency.summarise([float(n) for n in range(1001)], rounds=1)
    assert (summary["p50"], summary["p90"], summary["p99"]) == (500, 900, 990)
    assert latency.summarise([1.0, 2.0], rounds=1)["p50"] == 1.5


def test_contenders_take_turns_with_one_image_a_call() -> None:
    calls: list[tuple[str, Any]] = []
    images = np.zeros((3, 2, 2, 1), np.uint8)
    results = latency.measure(
        [contender("a", calls), contender("b", calls)], images, rounds=4, calls=6
    )
    measured = calls[2 * (latency.FEWEST_CALLS + latency.TYPICAL_CALLS) :]
    turn = latency.WARM_UP + 6
    assert "".join(name for name, _ in measured) == ("a" * turn + "b" * turn) * 4
    assert {tensor.shape for _, tensor in measured} == {(1, 2, 2, 1)}
    assert all((tensor == 1).all() for _, tensor in measured)
    assert [len(result.samples) for result in results] == [24, 24]
    assert [result.summary["rounds"] for result in results] == [4, 4]


def test_calls_go_through_different_images() -> None:
    seen: list[tuple[str, Any]] = []
    images = np.arange(5, dtype=np.uint8).reshape(5, 1, 1, 1)
    latency.measure([contender("a", seen)], images, rounds=1, calls=10)
    assert {int(tensor.item()) for _, tensor in seen} == {1, 2, 3, 4, 5}


def test_slow_contender_gets_fewer_calls() -> None:
    (result,) = latency.measure(
        [contender("a", [])], np.zeros((1, 1, 1, 1), np.uint8), rounds=2, slice_seconds=0.0
    )
    assert len(result.samples) == 2 * latency.FEWEST_CALLS


def test_first_calls_of_a_turn_are_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    now, called = 0, list[str]()

    def run_of(name: str) -> Callable[[Any], None]:
        def run(_: Any) -> None:
            nonlocal now
            cold = name not in called[-3:]
            called.append(name)
            now += 1000 if cold or called[-3:] != [name] * 3 else 10

        return run

    monkeypatch.setattr(latency.time, "perf_counter_ns", lambda: now)
    contenders = [replace(contender(name, []), run=run_of(name)) for name in "ab"]
    for result in latency.measure(contenders, np.zeros((1, 1, 1, 1), np.uint8), calls=5):
        assert set(result.samples) == {10 / 1e9}


def test_slow_contender_has_one_untimed_call_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = itertools.count(0, 50_000_000)
    monkeypatch.setattr(latency.time, "perf_counter_ns", lambda: next(ticks))
    calls: list[tuple[str, Any]] = []
    latency.measure([contender("a", calls)], np.zeros((1, 1, 1, 1), np.uint8), rounds=3)
    assert len(calls) == latency.FEWEST_CALLS + 3 * (1 + latency.FEWEST_CALLS)


def test_p99_takes_a_thousand_samples() -> None:
    assert "p99" not in latency.summarise([1.0] * 999, rounds=1)
    assert latency.summarise([1.0] * 1000, rounds=1)["p99"] == 1


def test_ratio_is_taken_round_by_round() -> None:
    # The machine is ten times slower in the second round: the ratio does not notice.
    fast = (1.0, 1.0, 10.0, 10.0)
    slow = (3.0, 3.0, 30.0, 30.0)
    results = [
        Result(Subject(name, "", "x"), "latency", "s", times, latency.summarise(times, 2))
        for name, times in (("slow", slow), ("fast", fast))
    ]
    first, second = latency.relative(results)
    assert first.samples == (3.0, 3.0)
    assert first.summary == {"reference": "fast on x", "median": 3.0, "low": 3.0, "high": 3.0}
    assert second.samples == (1.0, 1.0)
    assert latency.relative([]) == []


def test_each_model_is_compared_with_litert_on_the_same_model() -> None:
    def timed(model: str, backend: str, times: tuple[float, ...]) -> Result:
        subject = Subject(model, "", backend)
        return Result(subject, "latency", "s", times, latency.summarise(times, 2))

    results = latency.against_litert(
        [
            timed("a", "litert", (4.0, 40.0)),
            timed("a", "native", (1.0, 10.0)),
            timed("b", "native", (7.0, 7.0)),
            timed("c", "litert", (1.0, 1.0)),
        ]
    )
    found = {(one.subject.model, one.subject.backend): one for one in results}
    assert set(found) == {("a", "litert"), ("a", "native"), ("c", "litert")}
    native = found["a", "native"]
    assert (native.metric, native.unit, native.samples) == ("latency_to_litert", "1", (0.25, 0.25))
    assert native.summary["reference"] == "a on litert"


def test_throughput_gives_all_images_to_predict() -> None:
    calls: list[tuple[str, Any]] = []
    images = np.zeros((7, 1, 1, 1), np.uint8)
    (result,) = latency.throughput([contender("a", calls)], images, passes=2)
    assert [len(batch) for _, batch in calls] == [7, 7]
    assert (result.unit, len(result.samples)) == ("images/s", 2)
    assert result.summary["median"] == pytest.approx(np.median(result.samples))
