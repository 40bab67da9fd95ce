"""Raw tensors as models take and give them: an array, or a tuple with one for each of several."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.graph import Tensor

Array = npt.NDArray[Any]

Raw = Array | tuple[Array, ...]
"""The inputs or outputs of a model, [N, ...] each: an array if it has one, otherwise a tuple."""

SEED = 1
"""Seed of the random tensors."""


def random_tensors(count: int, shape: Sequence[int], dtype: str, seed: int = SEED) -> Array:
    """Return [count, *shape] over the full range of an integer type; floats are standard normal.

    Floats over their full range would overflow in the first sum.
    """
    generator = np.random.default_rng(seed)
    size = (count, *shape)
    if dtype == "float32":
        return generator.standard_normal(size, np.float32)
    if dtype == "bool":
        return generator.integers(0, 2, size).astype(bool)
    limits = np.iinfo(dtype)
    return generator.integers(limits.min, limits.max, size, dtype, endpoint=True)


def random_inputs(count: int, inputs: Sequence[Tensor]) -> Raw:
    """Return random tensors [count, ...] for the inputs of a model whose batch is 1.

    Each input has a seed of its own, from SEED on, so that no two inputs are the same.
    """
    return joined(
        random_tensors(count, tensor.shape[1:], tensor.dtype, seed)
        for seed, tensor in enumerate(inputs, SEED)
    )


def joined(arrays: Iterator[Array]) -> Raw:
    """Return a lone array as it is, several as a tuple."""
    first, *others = arrays
    return (first, *others) if others else first


def parts(raw: Any) -> tuple[Array, ...]:
    """Return the arrays of what ``Model.run`` returns: an array, a tuple, or a dict by name."""
    if isinstance(raw, dict):
        return tuple(raw.values())
    return raw if isinstance(raw, tuple) else (raw,)


def each(raw: Raw) -> Iterator[Raw]:
    """Yield tensors [N, ...] one input at a time, [1, ...]."""
    if not isinstance(raw, tuple):
        yield from (raw[i : i + 1] for i in range(len(raw)))
        return
    for i in range(len(raw[0])):
        yield tuple(array[i : i + 1] for array in raw)


def shown(tensors: Sequence[Any], what: str) -> str:
    """Return a number of tensors in words: "1 input", "2 inputs"."""
    return f"{len(tensors)} {what}{'' if len(tensors) == 1 else 's'}"
