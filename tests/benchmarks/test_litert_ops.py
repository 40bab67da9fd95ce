"""LiteRT's profiler, and how its ops are found in the file."""

from pathlib import Path

import pytest

import build
from edge_runtime.errors import BackendError
from edge_runtime.graph import Graph
from edge_runtime.reader import read
from edgekit.benchmarks import litert_ops, litert_profiler

GOLDEN = Path(__file__).parents[1] / "golden"
DYNAMIC = GOLDEN / "dynamic_batch.tflite"


def graph(*names: str) -> Graph:
    """A graph of ops in a row."""
    tensors = [build.tensor((1, 4), "float32") for _ in range(len(names) + 1)]
    ops = [(name, [i], i + 1, {}) for i, name in enumerate(names)]
    return read(build.model(tensors, ops))


@pytest.mark.parametrize(
    ("ops", "names", "expected"),
    [
        (("CONV_2D", "SOFTMAX"), ("Convolution (NHWC, F32) IGEMM", "SOFTMAX"), [0, 1]),
        (("CONV_2D", "ADD"), ("Fully Connected (NC, F32) GEMM", "Add (ND)"), [0, 1]),
        (("PAD", "CONV_2D"), ("Convolution (NHWC, F32) IGEMM",), [1]),
        (("ADD", "MUL"), ("Add (ND)", "Clamp (NC)", "Multiply (ND)"), [0, None, 1]),
        (("MUL", "ADD"), ("Add (ND)", "Multiply (ND)", "Add (ND)"), [None, 0, 1]),
        (("TANH",), ("Add (ND)", "Static Reshape (NC)"), [None, None]),
        (("TANH",), (), []),
        (("ADD", "ADD", "ADD"), ("Add (ND)", "Add (ND)"), [0, 1]),
    ],
)
def test_as_many_ops_as_possible_are_found_in_their_order(
    ops: tuple[str, ...], names: tuple[str, ...], expected: list[int | None]
) -> None:
    assert litert_ops.positions(graph(*ops), names) == expected


def test_ops_of_huge_models_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(litert_ops, "MOST_PAIRS", 3)
    assert litert_ops.positions(graph("ADD", "ADD"), ["Add (ND)"] * 2) == [None, None]


@pytest.mark.skipif(litert_ops.unavailable() is not None, reason="no profiler of LiteRT here")
def test_every_run_has_all_ops_also_with_an_open_batch() -> None:
    events = litert_ops.profile(DYNAMIC, (12, 12), 0.01)
    assert {len(one.seconds) for one in events} == {12}
    found = litert_ops.positions(read(DYNAMIC.read_bytes()), [one.name for one in events])
    assert any(at is not None for at in found)
    for one in events:
        assert all(taken >= 0 for taken in one.seconds)


@pytest.mark.skipif(litert_ops.unavailable() is not None, reason="no profiler of LiteRT here")
def test_a_file_that_litert_refuses_is_an_error_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "odd.tflite"
    tensors = [build.tensor((1, 4), "float32") for _ in range(2)]
    path.write_bytes(build.model(tensors, [("odd", [0], 1, {})]))
    with pytest.raises(BackendError, match="LiteRT's profiler failed: ") as caught:
        litert_ops.profile(path, (1, 1), 0.01)
    assert "\n" not in str(caught.value)


def test_a_version_that_is_not_known_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(litert_ops, "version", lambda _: "9.1.0")
    with pytest.raises(BackendError, match=r"known for ai-edge-litert 2\.3\.\*, not for 9\.1\.0"):
        litert_ops.profile(DYNAMIC, (1, 1), 0.01)


def test_a_package_without_the_library_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(litert_profiler, "library", lambda: None)
    assert "no library with a profiler" in str(litert_ops.unavailable())


def test_runs_with_different_ops_are_refused() -> None:
    with pytest.raises(BackendError, match="do not have the same ops"):
        litert_ops._events([[["a", 1]], [["b", 1]]])
    with pytest.raises(BackendError, match="do not have the same ops"):
        litert_ops._events([])
