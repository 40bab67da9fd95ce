"""SPLITs that the converter leaves in float32."""

from pathlib import Path

import numpy as np

import build
import edge_runtime
from edge_runtime.reader import read
from edgekit.benchmarks.resolvers import open_litert
from edgekit.convert.float_splits import as_int8
from edgekit.convert.targets import float_operators


def left_in_float(*, whole: bool = False) -> bytes:
    """An int8 input, dequantised, split in three and two parts quantised, as the converter does.

    Args:
        whole: the model also outputs the part that nothing reads, as a float.
    """
    parts = [build.tensor((1, 4)) for _ in range(3)]
    tensors = [
        build.tensor((1, 12), "int8", 0.1, 3),
        build.tensor((1, 12)),
        build.constant(1, "int32"),
        *parts,
        build.tensor((1, 4), "int8", 0.05, -7),
        build.tensor((1, 4), "int8", 0.08, 11),
    ]
    ops: list[build.Op] = [
        ("DEQUANTIZE", [0], 1, {}),
        ("SPLIT", [2, 1], [3, 4, 5], {"numSplits": 3}),
        ("QUANTIZE", [3], 6, {}),
        ("QUANTIZE", [5], 7, {}),
    ]
    return build.model(tensors, ops, outputs=[6, 7, *([4] if whole else [])])


def test_they_become_int8_and_the_numbers_stay(tmp_path: Path) -> None:
    before, after = left_in_float(), as_int8(left_in_float())
    assert float_operators(read(before))
    graph = read(after)
    assert not float_operators(graph)
    assert [op.name for op in graph.ops] == ["SPLIT", "QUANTIZE", "QUANTIZE"]
    assert [op.version for op in graph.ops] == [2, 2, 2]
    (tmp_path / "model.tflite").write_bytes(after)
    native = edge_runtime.load(tmp_path / "model.tflite")
    old, new = open_litert(before, "BUILTIN_REF"), open_litert(after, "BUILTIN_REF")
    for row in np.random.default_rng(0).integers(-128, 128, (50, 1, 12)).astype(np.int8):
        for ours, theirs, float_ in zip(
            native.run(row).values(), new.run(row), old.run(row), strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)
            # A half may be rounded the other way.
            np.testing.assert_allclose(ours.astype(int), float_.astype(int), atol=1)


def test_a_file_without_them_keeps_its_bytes() -> None:
    once = as_int8(left_in_float())
    assert as_int8(once) == once
    # Its float is an output.
    assert as_int8(left_in_float(whole=True)) == left_in_float(whole=True)
