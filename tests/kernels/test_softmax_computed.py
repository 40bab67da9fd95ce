"""SOFTMAX of 8 bits that calculates its exponentials, beside the kernel that has a table."""

import ctypes
import struct
import subprocess

import numpy as np
import pytest

import cortex_m
import sources
from edge_runtime import _native, kernels
from edge_runtime.ops.softmax_tables import fixed_point_exponentials, fixed_point_scale

SCALES = [2.0**-26 * 1.01, 1e-7, 1e-5, 1e-3, 0.01, 0.05, 0.1, 0.125, 0.5, 1.0, 3.7, 31.0, 32.0, 1e4]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The kernels that calculate them."""
    path = tmp_path_factory.mktemp("host") / "kernels.so"
    command = ["cc", *cortex_m.STRICT, "-O2", "-fsanitize=undefined", "-fno-sanitize-recover=all"]
    source = next(one for one in sources.PORTABLE if one.stem == "softmax_int8_computed")
    command += ["-shared", "-fPIC", sources.INCLUDE, str(source), "-o", str(path)]
    subprocess.run(command, check=True)
    return ctypes.CDLL(str(path))


def packed(dtype: str, rows: int, depth: int, scale: float) -> tuple[int, ...] | None:
    """Return the parameters of the form; None where it does not take the layer."""
    params = struct.pack("=5i", rows, depth, *fixed_point_scale(scale, 1.0).values())
    table = np.array(fixed_point_exponentials(scale, 1.0), np.int32).tobytes()
    contents = (None, table, None)
    found = _native.pack(f"softmax_{dtype}_twice", "computed", params, contents)
    if found is None:
        return None
    assert found[1][1] == bytes(4)
    return struct.unpack("=5i", found[0])


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_outputs_are_those_with_the_table(library: ctypes.CDLL, dtype: str, scale: float) -> None:
    table = np.array(fixed_point_exponentials(scale, 1.0), np.int32)
    below, start = np.iinfo(dtype).min, np.iinfo(dtype).max
    pairs = np.stack([np.full(256, start), np.arange(below, start + 1)], axis=1)
    rng = np.random.default_rng(0)
    rows = [*pairs.reshape(-1, 64), *rng.integers(below, start + 1, (50, 12))]
    rows += [np.array([value]) for value in (below, 0, start)]
    for row in rows:
        pairs_of_two = len(row) == 64
        shape = (32, 2) if pairs_of_two else (1, len(row))
        own = packed(dtype, *shape, scale)
        assert own is not None
        values = np.ascontiguousarray(row, dtype)
        output = np.zeros_like(values)
        pointers = (ctypes.c_void_p * 3)(values.ctypes.data, None, output.ctypes.data)
        function = getattr(library, f"ek_softmax_{dtype}_twice_computed")
        function((ctypes.c_int32 * 5)(*own), pointers)
        params = {"rows": shape[0], "depth": shape[1]}
        expected = kernels.run(f"softmax_{dtype}_twice", params, values, table)
        assert output.tobytes() == np.asarray(expected).tobytes()


@pytest.mark.parametrize(("rows", "depth"), [(1, 65), (65, 1), (9, 8), (2**20, 2**12)])
def test_long_rows_keep_the_table(rows: int, depth: int) -> None:
    assert packed("int8", rows, depth, 0.1) is None
