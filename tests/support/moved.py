"""Models of an op that moves the elements of its input, by constants, and LiteRT's answer."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

import build
import runtimes
from runtimes import equal

Array = npt.NDArray[Any]

TYPES = ("int8", "uint8", "int16", "float32", "int32", "int64", "bool")
"""Element types of the engine."""

QUANTIZED = {"int8": (0.05, -3), "uint8": (0.05, 125), "int16": (0.05, 0)}
"""Scale and zero point of tensors of these types."""

types = st.sampled_from(TYPES)
seeds = st.integers(0, 2**32 - 1)


def shapes(most: int = 5, largest: int = 4) -> st.SearchStrategy[tuple[int, ...]]:
    """Return shapes of 1 to ``most`` dimensions."""
    return st.lists(st.integers(1, largest), min_size=1, max_size=most).map(tuple)


def drawn(seed: int, dtype: str, shape: tuple[int, ...]) -> Array:
    """Return random numbers of a type, of the whole range."""
    rng = np.random.default_rng(seed)
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    return runtimes.drawn(rng, dtype, shape)


def model(
    op: str,
    dtype: str,
    shape: Sequence[int],
    constants: Sequence[Any],
    outputs: Sequence[Sequence[int]],
    *,
    first: int = 0,
    joined: bool = False,
    **options: Any,
) -> bytes:
    """Return a model of an op of its input "x" and of constants.

    Args:
        op: builtin.
        dtype: of input and outputs.
        shape: of the input.
        constants: further inputs: int32 numbers, or tensors, of which those without data are
            further inputs of the model.
        outputs: shape of each output.
        first: position of the input among the op's.
        joined: whether the model has one output: the op's, the last one first, along axis 1.
        options: of the op.
    """
    quantized = QUANTIZED.get(dtype, ())
    tensors = [build.tensor(shape, dtype, *quantized, name="x")]
    for one in constants:
        plain = isinstance(one, int | Sequence | np.ndarray)
        tensors.append(build.constant(one, "int32") if plain else one)
    inputs = list(range(1, len(tensors)))
    inputs.insert(first, 0)
    written = list(range(len(tensors), len(tensors) + len(outputs)))
    computed = [index for index, tensor in enumerate(tensors) if tensor.content is None]
    tensors += [build.tensor(one, dtype, *quantized) for one in outputs]
    ops: list[build.Op] = [(op, inputs, written, options)]
    if joined:
        ops.append(("CONCATENATION", written[::-1], len(tensors), {"axis": 1}))
        shape = list(outputs[0])
        shape[1] = sum(one[1] for one in outputs)
        tensors.append(build.tensor(shape, dtype, *quantized))
    return build.model(tensors, ops, inputs=computed)


def compare(
    op: str,
    x: Array,
    constants: Sequence[Any],
    outputs: int | Sequence[tuple[int, ...]] = 1,
    rounding: str = "litert",
    **options: Any,
) -> list[Array]:
    """Compare every engine with LiteRT, whose outputs are returned.

    The arguments are those of ``model``; of a number of outputs the shapes are those that LiteRT
    infers.
    """
    dtype = str(x.dtype)
    if isinstance(outputs, int):
        guess = model(op, dtype, x.shape, constants, [(1,)] * outputs, **options)
        shapes = [one.shape for one in runtimes.run_builtin_ref(guess, [x])]
    else:
        shapes = list(outputs)
    data = model(op, dtype, x.shape, constants, shapes, **options)
    expected = runtimes.run_builtin_ref(data, [x])
    if len(shapes) == 1:
        equal(data, x, expected[0], rounding)
    else:
        for name, engine in runtimes.engines(data, rounding=rounding).items():
            for answer, one in zip(engine.run((x,)), expected, strict=True):
                answer = np.asarray(answer)
                assert (answer.shape, answer.dtype) == (one.shape, one.dtype), name
                assert answer.tobytes() == one.tobytes(), name
    return expected


def batched(data: bytes, batch: Array) -> None:
    """Require of a model of one image that it gives for a batch what it gives for each."""
    for name, engine in runtimes.engines(data).items():
        expected = np.concatenate([np.asarray(engine.run(one[None])) for one in batch])
        np.testing.assert_array_equal(np.asarray(engine.run(batch)), expected, err_msg=name)
