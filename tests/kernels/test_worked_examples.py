"""Kernels on numbers that a reader can check by hand, in NumPy and in C."""

from math import log

import numpy as np
import numpy.typing as npt

import build
from edge_runtime import kernels
from edge_runtime.backends.native import open_session
from edge_runtime.ops.call import Kernel
from edge_runtime.planner import plan
from edge_runtime.reader import read

Integers = list[int] | list[list[int]]

LOOPS = [*[1, 1, 1, 1, 1, 4], *[4, 4, 4, 4, 4, 1], *[4, 4, 4, 4, 4, 1]]
"""Two vectors of four numbers: five loops run once, and the innermost one four times, in which both
inputs advance by one."""


def kernel_of(content: bytes) -> Kernel:
    """Return what the only op of a model is lowered to."""
    (step,) = plan(read(content)).steps
    return step.kernel


def constants_of(content: bytes) -> list[list[int]]:
    """Return the constants that the lowering adds."""
    return [np.frombuffer(one.data, one.dtype).tolist() for one in kernel_of(content).constants]


def native(content: bytes, values: Integers) -> Integers:
    """Run the kernel in C, as the only op of a model."""
    session = open_session(read(content), content)
    (output,) = session.run([int8(values)])
    return output.tolist()


def int8(values: Integers) -> npt.NDArray[np.int8]:
    return np.array(values, np.int8)


def test_fully_connected() -> None:
    """Two rows of three numbers by two rows of weights; a sum is halved, and less 1.

    [1, 2, 3] . [1, 0, -1] + 5 = 3   -> 1.5  -> 2  -> 1
    [1, 2, 3] . [2, 2, 2]      = 12  -> 6          -> 5
    [4, 5, 6] . [1, 0, -1] + 5 = 3   -> 1.5  -> 2  -> 1
    [4, 5, 6] . [2, 2, 2]      = 30  -> 15         -> 14
    """
    rows, weights, bias = [[1, 2, 3], [4, 5, 6]], [[1, 0, -1], [2, 2, 2]], [5, 0]
    expected = [[1, 5], [1, 14]]
    content = build.model(
        [
            build.tensor((2, 3), "int8", 0.5),
            build.constant(weights, "int8", 0.5),
            build.constant(bias, "int32", 0.25),
            build.tensor((2, 2), "int8", 0.5, -1),
        ],
        [("FULLY_CONNECTED", [0, 1, 2], 3, {})],
    )
    params = {
        "rows": 2,
        "depth": 3,
        "outputs": 2,
        "output_zero_point": -1,
        "lowest": -128,
        "highest": 127,
    }
    # 0.5 * 0.5 / 0.5 is 2**30 * 2**(0 - 31); a little more rounds negative halves down as well.
    multiplier, shift = [2**30 + 1] * 2, [0, 0]
    assert (kernel_of(content).name, kernel_of(content).params) == (
        "fully_connected_int8_once",
        params,
    )
    assert constants_of(content) == [bias, multiplier, shift]
    tensors = int8(rows).ravel(), int8(weights).ravel(), *map(np.array, (bias, multiplier, shift))
    output = kernels.run("fully_connected_int8_once", params, *tensors)
    assert output.reshape(2, 2).tolist() == native(content, rows) == expected


def test_add() -> None:
    """Each sum is halved, halves away from zero, and 3 added.

    1 + 4 = 5  ->  2.5 ->  3 -> 6
    2 + 5 = 7  ->  3.5 ->  4 -> 7
    3 + 6 = 9  ->  4.5 ->  5 -> 8
    -3 + 0     -> -1.5 -> -2 -> 1
    """
    a, b, expected = [1, 2, 3, -3], [4, 5, 6, 0], [6, 7, 8, 1]
    content = build.model(
        [
            build.tensor((4,), "int8", 0.5),
            build.constant(b, "int8", 0.5),
            build.tensor((4,), "int8", 1.0, 3),
        ],
        [("ADD", [0, 1], 2, {})],
    )
    params = {
        "headroom": 20,
        "a_zero_point": 0,
        "a_multiplier": 2**30,  # a * 2**20 / 2
        "a_shift": 0,
        "b_zero_point": 0,
        "b_multiplier": 2**30,
        "b_shift": 0,
        "sign": 1,
        "multiplier": 2**30,  # the sum * 2**-20
        "shift": -19,
        "zero_point": 3,
        "lowest": -128,
        "highest": 127,
    }
    assert (kernel_of(content).name, kernel_of(content).params) == ("add_int8_twice", params)
    assert constants_of(content) == [LOOPS]
    output = kernels.run("add_int8_twice", params, int8(a), int8(b), np.array(LOOPS))
    assert output.tolist() == native(content, a) == expected


def test_mul() -> None:
    """Each product, with 1 taken off the first number, is halved, halves up, and 2 taken off.

    (3 - 1) * 5     = 10    ->  5         ->  3
    (4 - 1) * 3     = 9     ->  4.5 ->  5 ->  3
    (-2 - 1) * 3    = -9    -> -4.5 -> -4 -> -6
    (127 - 1) * 127 = 16002 -> 8001       -> 7999, clamped to 127
    """
    a, b, expected = [3, 4, -2, 127], [5, 3, 3, 127], [3, 3, -6, 127]
    content = build.model(
        [
            build.tensor((4,), "int8", 0.5, 1),
            build.constant(b, "int8", 0.5),
            build.tensor((4,), "int8", 0.5, -2),
        ],
        [("MUL", [0, 1], 2, {})],
    )
    params = {
        "a_zero_point": 1,
        "b_zero_point": 0,
        "multiplier": 2**30,
        "shift": 0,
        "zero_point": -2,
        "lowest": -128,
        "highest": 127,
    }
    assert (kernel_of(content).name, kernel_of(content).params) == ("mul_int8_twice", params)
    assert constants_of(content) == [LOOPS]
    output = kernels.run("mul_int8_twice", params, int8(a), int8(b), np.array(LOOPS))
    assert output.tolist() == native(content, a) == expected


def test_softmax() -> None:
    """A step is ln 2, so that the exponential of a number a step lower is half as large.

    [7, 7]  -> [1/2, 1/2]   of 256 -> [128, 128]                   -> [0, 0]
    [1, 0]  -> [2/3, 1/3]          -> [170.67, 85.33] -> [171, 85] -> [43, -43]
    [0, -90] -> [1, 2**-90]        -> [256, 0], at most 255        -> [127, -128]
    """
    rows, expected = [[7, 7], [1, 0], [0, -90]], [[0, 0], [43, -43], [127, -128]]
    content = build.model(
        [build.tensor((3, 2), "int8", log(2)), build.tensor((3, 2), "int8", 1 / 256, -128)],
        [("SOFTMAX", [0], 1, {"beta": 1.0})],
    )
    params = {"rows": 3, "depth": 2}
    assert (kernel_of(content).name, kernel_of(content).params) == ("softmax_int8_twice", params)
    ((*table,),) = constants_of(content)
    # exp of 0, -1 and -2 steps with 31 fractional bits.
    assert [round(power / 2**29, 5) for power in table[:3]] == [4, 2, 1]
    output = kernels.run("softmax_int8_twice", params, int8(rows).ravel(), np.array(table))
    assert output.reshape(3, 2).tolist() == native(content, rows) == expected
