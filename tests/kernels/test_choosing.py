"""The table of variants in Python: which there are, which fits, and arguments that are wrong."""

from typing import Any

import numpy as np
import pytest

from dense_layers import KERNEL
from edge_runtime import _native

PARAMS = np.array([1, 4, 2, 0, -128, 127, 0], np.int32).tobytes()
"""One row, four inputs, two outputs."""

ONES = np.ones(2, np.int32).tobytes()
TENSORS = (None, bytes(range(8)), ONES, ONES, ONES, None)
COPY = (8).to_bytes(4, "little")


def test_levels_are_the_same_on_every_machine_and_the_best_is_first() -> None:
    host = "amx", "avx512", "avxvnni", "avx2", "dotprod", "neon"
    exported = "rvv", "helium", "skip_dsp", "sparse_dsp", "dsp", "skip", "sparse", "portable"
    assert _native.variants(KERNEL) == (*host, *exported)
    real = ("avx512", "avx2", "neon", "fpu", "portable")
    assert _native.variants("fully_connected_float32") == real
    assert _native.variants("copy") == ("portable",)


def test_the_best_level_of_this_machine_is_chosen_from_the_given_one_downwards() -> None:
    # AMX refuses a layer this small.
    here = [one for one in _native.instructions() if one in _native.variants(KERNEL)]
    here = [one for one in here if one != "amx"]
    assert _native.choose(KERNEL, None, PARAMS, TENSORS)[0] == here[0]
    for level in here:
        assert _native.choose(KERNEL, level, PARAMS, TENSORS)[0] == level
    for level in "skip", "sparse", "portable":  # which only the exporter chooses, or all have
        assert _native.choose(KERNEL, level, PARAMS, TENSORS) == ("portable", 0)


def test_what_no_packer_accepts_is_run_by_the_portable_kernel() -> None:
    for tensors in ((), (None,) * 6, (None, bytes(8), None, None, None, None)):
        level, _ = _native.choose(KERNEL, None, PARAMS, tensors)
        assert level in ("portable", "neon", "dotprod")  # these two pack nothing but weights
    assert _native.choose(KERNEL, None, PARAMS, ()) == ("portable", 0)


def test_a_variant_without_a_packer_reads_what_the_kernel_reads() -> None:
    assert _native.pack(KERNEL, "portable", PARAMS, TENSORS) == (PARAMS, (None,) * 6)


def test_tensors_at_any_address_are_packed() -> None:
    expected = _native.pack(KERNEL, "dsp", PARAMS, TENSORS)
    for shift in 1, 2, 4:
        moved = [one and memoryview(bytes(shift) + one)[shift:] for one in TENSORS]
        params = memoryview(bytes(shift) + PARAMS)[shift:]
        assert _native.pack(KERNEL, "dsp", params, tuple(moved)) == expected


def test_a_portable_kernel_runs_once() -> None:
    for tensor in bytes(range(8)), memoryview(bytes(range(9)))[1:], np.arange(2.0, dtype="f4"):
        assert _native.run("copy", COPY, (tensor,), (8,)) == (bytes(tensor),)
    ones = np.array([[1, 1, 1, 1], [-2, -2, -2, -2]], np.int8)
    bias, multiplier = np.array([5, 6], np.int32), np.full(2, 2**30, np.int32)
    tensors = np.full(4, 3, np.int8), ones, bias, multiplier, np.ones(2, np.int32)
    (output,) = _native.run(KERNEL, PARAMS, tensors, (2,))
    assert list(np.frombuffer(output, np.int8)) == [4 * 3 + 5, -2 * 4 * 3 + 6]


@pytest.mark.parametrize(
    ("function", "arguments", "error"),
    [
        ("variants", ("abacus",), ValueError),
        ("variants", (None,), TypeError),
        ("variants", (b"copy",), TypeError),
        ("choose", ("abacus", None, b"", ()), ValueError),
        ("choose", (KERNEL, "abacus", PARAMS, TENSORS), ValueError),
        ("choose", (KERNEL, 5, PARAMS, TENSORS), TypeError),
        ("choose", (KERNEL, None, None, TENSORS), TypeError),
        ("choose", (KERNEL, None, PARAMS[1:], TENSORS), ValueError),
        ("choose", (KERNEL, None, PARAMS, [*TENSORS]), TypeError),
        ("choose", (KERNEL, None, PARAMS, ("text",)), TypeError),
        ("choose", (KERNEL, None, PARAMS), TypeError),
        ("pack", ("abacus", "portable", PARAMS, TENSORS), ValueError),
        ("pack", (KERNEL, "abacus", PARAMS, TENSORS), ValueError),
        ("pack", (KERNEL, "fpu", PARAMS, TENSORS), ValueError),
        ("pack", (KERNEL, None, PARAMS, TENSORS), TypeError),
        ("pack", (KERNEL, "dsp", 5, TENSORS), TypeError),
        ("pack", (KERNEL, "dsp", PARAMS[:-3], TENSORS), ValueError),
        ("pack", (KERNEL, "dsp", PARAMS, None), TypeError),
        ("pack", (KERNEL, "dsp", PARAMS, (None, 5)), TypeError),
        ("pack", (KERNEL, "dsp", PARAMS, (memoryview(bytes(8))[::2],)), BufferError),
        ("run", ("abacus", COPY, (bytes(8),), (8,)), ValueError),
        ("run", ("copy", b"123", (bytes(8),), (8,)), ValueError),
        ("run", ("copy", None, (bytes(8),), (8,)), TypeError),
        ("run", ("copy", COPY, (None,), (8,)), TypeError),
        ("run", ("copy", COPY, (8,), (8,)), TypeError),
        ("run", ("copy", COPY, [bytes(8)], (8,)), TypeError),
        ("run", ("copy", COPY, (bytes(8),), [8]), TypeError),
        ("run", ("copy", COPY, (bytes(8),), (-1,)), ValueError),
        ("run", ("copy", COPY, (bytes(8),), ("8",)), TypeError),
        ("run", ("copy", COPY, (bytes(8),), (2**70,)), OverflowError),
        ("run", ("copy", COPY, (bytes(8),), (2**62,)), MemoryError),
    ],
)
def test_arguments_that_are_wrong(
    function: str, arguments: tuple[Any, ...], error: type[Exception]
) -> None:
    with pytest.raises(error):
        getattr(_native, function)(*arguments)
