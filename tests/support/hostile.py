"""What must hold for any bytes whatever: they open or are refused, and all engines agree.

As a program it tries mutants of the small models, ``hostile.py FIRST LAST``. It is run in a process
of its own, so that a crash or a hang of one file is seen and named by its number.
"""

import faulthandler
import os
import random
import sys
import tempfile
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np

import edge_runtime
import models
import mutate
from edge_runtime import InputError, ModelError, _native
from edge_runtime.backends import native
from edge_runtime.graph import Tensor
from edge_runtime.planner import plan

LEVELS = _native.instructions()
SECONDS = 20
"""A file that takes longer hangs; the slowest takes a fraction of a second."""

SANITIZED = "libasan" in os.environ.get("LD_PRELOAD", "")
"""Whether `make sanitize` runs this."""

LONGEST = 10_000
"""Characters of a refusal, which names up to 30 kinds of ops."""

LARGEST = 1 << 20
"""Bytes of input, output and arena up to which a model is run: how long a run takes is the model's
own affair."""


def opened(data: bytes, backend: str) -> edge_runtime.Model | None:
    """Open a model; None when it is refused."""
    with tempfile.NamedTemporaryFile(suffix=".tflite") as file:
        file.write(data)
        file.flush()
        try:
            return edge_runtime.load(file.name, backend=backend)
        except ModelError as error:
            message = str(error)
            assert message.startswith(f"{file.name}: "), message
            assert "\n" not in message, message
            assert len(message) < LONGEST, message
            return None


def tensors_for(model: edge_runtime.Model, seed: int) -> list[tuple[Any, ...]]:
    """Return random bytes as the model's inputs, and the largest and the smallest of numbers."""
    each = [_contents(tensor, seed + at) for at, tensor in enumerate(model.inputs.values())]
    return list(zip(*each, strict=True))


def _contents(tensor: Tensor, seed: int) -> list[Any]:
    shape, dtype = tensor.shape, np.dtype(tensor.dtype)
    size = tensor.elements * dtype.itemsize
    # As float32, 0x7f7f7f7f and 0xff7fff7f are near the ends of what is finite.
    ends = ((end * size)[:size] for end in (b"\x7f", b"\x80", b"\x7f\xff"))
    contents = [random.Random(seed).randbytes(size), *ends]
    if dtype.kind == "b":
        contents = [bytes(byte & 1 for byte in content) for content in contents]
    return [np.frombuffer(content, dtype).reshape(shape) for content in contents]


def same(one: Any, other: Any) -> bool:
    """Tell whether two outputs are the same bytes, but for the payload of a NaN."""
    if one.dtype != other.dtype or one.shape != other.shape:
        return False
    if one.dtype.kind == "f":
        one, other = (np.where(np.isnan(x), np.float32("nan"), x) for x in (one, other))
    return bool(one.tobytes() == other.tobytes())


def check(data: bytes, seed: int = 0) -> str:
    """Raise unless the bytes are refused, or open and give the same answers everywhere.

    Returns:
        "refused", "too-large" to run, "input-refused" or "ran".
    """
    reference = opened(data, "reference")
    engines = {}
    for level in LEVELS:
        with mock.patch.dict(os.environ, {native.VARIABLE: level}):
            engines[level] = opened(data, "native")
        assert (engines[level] is None) == (reference is None), level
    if reference is None:
        return "refused"
    made = plan(reference.graph)
    size = made.arena + sum(made.slots[slot].size for slot in (*made.inputs, *made.outputs))
    if size > LARGEST or sum(slot.size for slot in made.slots) > 4 * LARGEST:
        return "too-large"
    outcome = "input-refused"
    for tensors in tensors_for(reference, seed):
        try:
            with np.errstate(all="ignore"):
                expected = outputs(reference, tensors)
        except InputError:
            continue
        outcome = "ran"
        shapes = [tensor.shape for tensor in reference.outputs.values()]
        assert [output.shape for output in expected] == shapes
        for level, engine in engines.items():
            assert engine is not None
            for how in tensors, tuple(tensor.tobytes() for tensor in tensors):
                assert all(map(same, outputs(engine, how), expected)), (level, type(how[0]))
    return outcome


def outputs(model: edge_runtime.Model, tensors: tuple[Any, ...]) -> list[Any]:
    """Return all outputs as arrays, of a model that begins anew."""
    model.reset()
    given = model.run(tensors)
    return [np.asarray(output) for output in (given if isinstance(given, tuple) else (given,))]


def watched(function: Callable[..., Any], *arguments: Any, seconds: float = SECONDS) -> Any:
    """Call a function, and end the process with a traceback when it takes too long."""
    faulthandler.dump_traceback_later(seconds, exit=True)
    try:
        return function(*arguments)
    finally:
        faulthandler.cancel_dump_traceback_later()


def environment() -> dict[str, str]:
    """Return what a process that imports this needs."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def mutant(index: int, originals: dict[str, bytes]) -> bytes:
    """Return the mutant of that number."""
    name = sorted(originals)[index % len(originals)]
    return mutate.mutant(originals[name], random.Random(index))


def originals() -> dict[str, bytes]:
    """Return the small models of ops that the engine has."""
    return {name: data for name, data in models.seeds().items() if opened(data, "reference")}


def main(first: int, last: int) -> None:
    """Try the mutants of these numbers and print how many were refused, opened and run."""
    whole = originals()
    counts: dict[str, int] = {}
    for index in range(first, last):
        print("mutant at work:", index, file=sys.stderr, flush=True)
        outcome = watched(check, mutant(index, whole), index)
        counts[outcome] = counts.get(outcome, 0) + 1
    print(*(f"{outcome} {count}" for outcome, count in counts.items()), sep="\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
