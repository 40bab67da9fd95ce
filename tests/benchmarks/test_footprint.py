import subprocess
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pytest

from edgekit.benchmarks import footprint
from edgekit.benchmarks.contender import Contender
from edgekit.benchmarks.footprint import BARE_PYTHON, closed_set, first_answer
from edgekit.benchmarks.result import Subject

ALLOWED = {"__future__", "_operator", "_struct", "edge_runtime", "math", "mmap", "struct"}
"""What the engine may import from the start to the first answer."""


def test_peak_memory_of_a_child_is_not_that_of_its_parent() -> None:
    ballast = np.ones(40_000_000)  # 320 MB in this process
    _, memory = first_answer(["python"], b"")
    assert ballast.any()
    assert 2e6 < memory < 100e6


def test_fresh_process_answers_with_a_model(int8_model: Path) -> None:
    seconds, memory = first_answer(["runtime", "litert", str(int8_model), "1"], bytes(784))
    assert seconds > 0
    assert memory > first_answer(["python"], b"")[1]


def test_fresh_process_imports_what_a_script_of_the_user_would(int8_model: Path) -> None:
    def imported(*arguments: str) -> set[str]:
        python, *rest = footprint.FRESH
        command = [python, "-X", "importtime", *rest, *arguments]
        done = subprocess.run(command, input=bytes(784), capture_output=True, check=True)
        lines = done.stderr.decode().splitlines()
        return {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time")}

    bare = imported("python")
    native = imported("runtime", "native", str(int8_model))
    assert {name.partition(".")[0] for name in native - bare} <= ALLOWED
    assert not {"runpy", "edgekit", "numpy"} & (bare | native)


def test_ratio_is_to_bare_python_of_the_same_turn(
    int8_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = iter([(0.01, 100), (0.02, 150), (0.10, 100), (0.40, 150), (0.01, 100), (0.03, 150)])
    monkeypatch.setattr(footprint, "first_answer", lambda *_: next(starts))
    contender = Contender(
        subject=Subject("model", "", "native"),
        file=int8_model,
        predict=lambda images: images,
        inputs=lambda images: images,
        run=lambda tensor: tensor,
        distributions=(),
    )
    results = footprint.measure([contender], np.zeros((1, 28, 28, 1), np.uint8), starts=3)
    ratios = {(one.subject.model, one.metric): one.summary["ratio"] for one in results}
    assert ratios == {
        ("", "cold_start"): 1,
        ("", "peak_memory"): 1,
        ("model", "cold_start"): pytest.approx(3),
        ("model", "peak_memory"): 1.5,
    }


def test_process_that_dies_says_its_last_words(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.tflite")
    with pytest.raises(footprint.StartError, match=r"ended with code 1: .*missing\.tflite"):
        first_answer(["runtime", "litert", missing], bytes(784))


def test_contenders_start_in_turns_beside_bare_python(int8_model: Path) -> None:
    good, bad = (
        Contender(
            subject=Subject(name, "", "litert"),
            file=int8_model,
            predict=lambda images: images,
            inputs=lambda images, size=size: np.zeros((len(images), size), np.int8),
            run=lambda tensor: tensor,
            distributions=(),
        )
        for name, size in (("good", 784), ("bad", 783))
    )
    results = footprint.measure([good, bad], np.zeros((1, 28, 28, 1), np.uint8), starts=2)
    found = {(one.subject.model, one.metric): one for one in results}
    assert [one.subject for one in results[:2]] == [BARE_PYTHON, BARE_PYTHON]
    assert len(found["good", "cold_start"].samples) == 2
    assert found["good", "peak_memory"].unit == "bytes"
    assert found["bad", "cold_start"].status == "failed"
    assert "783" in found["bad", "cold_start"].reason


def test_slow_starter_starts_less_often(int8_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(arguments: list[str], _: bytes) -> tuple[float, int]:
        return (0.1 if arguments == ["python"] else footprint.BUDGET_SECONDS / 2), 1000

    monkeypatch.setattr(footprint, "first_answer", answer)
    slow = Contender(
        subject=Subject("slow", "", "litert"),
        file=int8_model,
        predict=lambda images: images,
        inputs=lambda images: images,
        run=lambda tensor: tensor,
        distributions=(),
    )
    results = footprint.measure([slow], np.zeros((1, 28, 28, 1), np.uint8), starts=6)
    starts = {one.subject.model: len(one.samples) for one in results}
    assert starts == {"": 6, "slow": footprint.ENOUGH_STARTS}


def test_closed_set_follows_requirements_and_no_extras() -> None:
    needed = closed_set(["ai-edge-litert"])
    assert {"ai-edge-litert", "numpy", "flatbuffers"} <= needed
    # An extra of ai-edge-litert's, and what nothing of it needs.
    assert not needed & {"xdsl", "lark", "tensorflow", "pytest"}
    assert closed_set(["no-such-distribution"]) == set()


def test_size_is_that_of_the_files_on_disk() -> None:
    package = Path(str(distribution("click").locate_file("click")))
    sources = sum(file.stat().st_size for file in package.glob("*.py"))
    assert sources < footprint.distribution_size("click") < 20 * sources
