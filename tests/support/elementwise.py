"""Models and comparisons of ops of broadcast tensors without a fused activation."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

import build
import runtimes
from edge_runtime import ModelError
from edge_runtime.planner import plan
from edge_runtime.reader import read

Array = npt.NDArray[Any]
Quantized = tuple[float, int]
"""Scale, 0 for none, and zero point."""

seeds = st.integers(0, 2**32 - 1)


def quick(count: int) -> settings:
    """Return the settings of a test with so many examples."""
    checks = [HealthCheck.differing_executors]
    return settings(max_examples=count, deadline=None, suppress_health_check=checks)


@st.composite
def shapes(draw: st.DrawFn, count: int = 2) -> list[tuple[int, ...]]:
    """So many shapes that broadcast, the first not a scalar."""
    full = [*draw(st.lists(st.integers(1, 4), max_size=4)), draw(st.integers(1, 40))]
    output = []
    for position in range(count):
        hidden = draw(st.lists(st.booleans(), min_size=len(full), max_size=len(full)))
        shape = [1 if hide else size for size, hide in zip(full, hidden, strict=True)]
        output.append(tuple(shape[draw(st.integers(0, len(full))) if position else 0 :]))
    return output


def drawn(rng: np.random.Generator, dtype: str, shape: Sequence[int]) -> Array:
    """Return numbers of which many are equal, and others anything."""
    if dtype == "bool":
        return rng.integers(2, size=shape).astype(np.bool_)
    if dtype == "float32":
        special = np.array([0, -0.0, 1, -1, 2.5, 1e38, -1e-38], np.float32)
        near = (rng.normal(size=shape) * 4).astype(np.float32)
        return np.where(rng.integers(3, size=shape) > 0, near, rng.choice(special, shape))
    limits = np.iinfo(dtype)
    near = rng.integers(max(limits.min, -5), 6, shape).astype(dtype)
    any_ = rng.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    extreme = rng.choice(np.array([limits.min, limits.max], dtype), shape)
    kind = rng.integers(4, size=shape)
    return np.where(kind < 2, near, np.where(kind == 2, any_, extreme))


def zero_point(rng: np.random.Generator, dtype: str) -> int:
    """Return a zero point, often an extreme one; of int16 always 0."""
    if dtype == "int16":
        return 0
    limits = np.iinfo(dtype)
    any_ = int(rng.integers(limits.min, limits.max, endpoint=True))
    return int(rng.choice([limits.min, limits.max, any_]))


def model(
    op: str,
    operands: Sequence[Array],
    quantized: Sequence[Quantized] = (),
    *,
    output: str | None = None,
    shape: tuple[int, ...] | None = None,
    at: int = 0,
    **options: Any,
) -> bytes:
    """Return a model of one op.

    Args:
        op: builtin.
        operands: its inputs.
        quantized: of the inputs and the output, empty for none.
        output: its element type, that of the last operand by default.
        shape: of the output, that of broadcasting by default.
        at: which operand is the model's input; the others are constants.
        options: of the op.
    """
    scales = quantized or ((0.0, 0),) * (len(operands) + 1)
    constants = [None if position == at else one for position, one in enumerate(operands)]
    tensors = [
        build.tensor(operand.shape, str(operand.dtype), *quantization, data)
        for operand, quantization, data in zip(operands, scales, constants, strict=False)
    ]
    if shape is None:
        shape = np.broadcast_shapes(*(operand.shape for operand in operands))
    tensors.append(build.tensor(shape, output or str(operands[-1].dtype), *scales[-1], name="y"))
    ops = [(op, range(len(operands)), len(operands), options)]
    return build.model(tensors, ops, inputs=[at])


def check(
    op: str,
    operands: Sequence[Array],
    quantized: Sequence[Quantized] = (),
    *,
    at: int = 0,
    rounding: str = "litert",
    **kinds: Any,
) -> None:
    """Require LiteRT's bytes of every engine; no scalar is a model's input, but the first one."""
    at = at if operands[at].ndim else 0
    data = model(op, operands, quantized, at=at, **kinds)
    runtimes.equal(data, operands[at], runtimes.builtin_ref(data)(operands[at]), rounding)


def refuse(message: str, op: str, operands: Sequence[Array], *arguments: Any, **kinds: Any) -> None:
    """Require that the planner refuses a model with a message."""
    with pytest.raises(ModelError, match=message):
        plan(read(model(op, operands, *arguments, **kinds)))
