"""Exactness: how the raw outputs of edgekit's engine differ from LiteRT's, element by element.

Accuracy hardly shows a different rounding: the test images of a small model give few distinct
outputs. So random tensors over the full range of the input's type are compared as well.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

import edge_runtime
from edge_runtime.backends import litert
from edge_runtime.errors import ModelError
from edge_runtime.graph import Graph
from edgekit.benchmarks.contender import Contender, chunks
from edgekit.benchmarks.resolvers import open_litert
from edgekit.benchmarks.result import Result, Subject
from edgekit.benchmarks.tensors import SEED, Array, Raw, each, joined, parts, random_inputs
from edgekit.train.dataset import Inputs

REFERENCES = {"BUILTIN_REF": "difference_to_builtin_ref", "XNNPACK": "difference_to_xnnpack"}
"""LiteRT's set of kernels -> metric of the comparison with it."""

TO_NATIVE = "difference_to_native"
"""Metric of the comparison of firmware with edgekit's engine on the host."""

METRICS = (*REFERENCES.values(), TO_NATIVE)

MISREAD = {"SUM": ("int8", "int16"), "NOT_EQUAL": ("int16",)}
"""Ops and element types of inputs for which LiteRT 2.3's reference kernels give no answer that
could be a reference: SUM reads int8 as uint8 and int16 as int8, NOT_EQUAL writes nothing for int16
without a scale. Found by comparison, see docs/exactness.md."""

ROUNDING = "litert"
"""Rounding of the plan, see ``edge_runtime.ops.ROUNDINGS``: "litert" gives BUILTIN_REF's bytes."""


def measure(contender: Contender, images: Inputs, tensors: int) -> list[Result]:
    """Compare a model on the backend native with LiteRT's kernels, one result for each set.

    The samples are the largest difference in the outputs of each input, images first: in steps for
    integer outputs, in ULPs for floats.

    Args:
        contender: a model on the backend native.
        images: the dataset's inputs [N, ...]; N can be 0.
        tensors: number of random tensors after the images.
    """
    model = edge_runtime.load(contender.file, backend="native", rounding=ROUNDING)
    drawn = random_inputs(tensors, tuple(model.inputs.values()))
    inputs = partial(_inputs, contender, images, drawn)
    outputs: Raw | None = None
    results = []
    for kernels, metric in REFERENCES.items():
        reason = litert.unavailable()
        if reason is None and not litert.is_checked(model.graph):
            reason = "LiteRT may die of the file, and is not run in this process"
        if reason is None and kernels == "BUILTIN_REF":
            reason = misread(model.graph)
        if reason is None:
            try:
                other = run_chunks(open_litert(contender.file, kernels).run, inputs())
            # Some of LiteRT's kernels refuse a model only when they run.
            except (ModelError, RuntimeError, ValueError) as error:
                reason = " ".join(str(error).split())
        if reason is not None:
            results.append(
                Result(contender.subject, metric, "steps", status="not present", reason=reason)
            )
            continue
        if outputs is None:
            outputs = run_chunks(model.run, inputs())
        reference = f"LiteRT {kernels}"
        results.append(compared(contender.subject, metric, reference, outputs, other, len(images)))
    return results


def misread(graph: Graph) -> str | None:
    """Return why LiteRT's reference kernels are no reference for a graph; None if they are one."""
    for op in graph.ops:
        tensor = graph.tensors[op.inputs[0]] if op.inputs[:1] > (-1,) else None
        if tensor is None or tensor.dtype not in MISREAD.get(op.name, ()):
            continue
        if op.name == "SUM" or tensor.quantization is None:
            return f"LiteRT's reference kernels misread {tensor.dtype} in {op.index} {op.name}"
    return None


def distances(outputs: Array, other: Array) -> npt.NDArray[np.int64]:
    """Return the distances between the elements of two arrays of one type, int64 of their shape.

    Integers: in steps. float32: in ULPs, the count of float32 numbers from one to the other; 0 and
    -0 are the same number, and two NaNs are as far apart as their bits.
    """
    if outputs.dtype == np.float32:
        outputs, other = _ordered(outputs), _ordered(other)
    difference: npt.NDArray[np.int64] = np.abs(outputs.astype(np.int64) - other.astype(np.int64))
    return difference


def _ordered(values: Array) -> npt.NDArray[np.int64]:
    """Return the positions of float32 values among all float32 numbers; zero is at 0."""
    bits = values.view(np.int32).astype(np.int64)
    return np.where(bits < 0, -(2**31) - bits, bits)


def _inputs(contender: Contender, images: Inputs, drawn: Raw) -> Iterator[Raw]:
    """Yield the raw inputs of the images, a few at a time, and the random tensors."""
    for chunk in chunks(images) if len(images) else ():
        yield contender.inputs(chunk)
    if len(parts(drawn)[0]):
        yield drawn


def run_chunks(run: Any, inputs: Iterable[Raw]) -> Raw:
    """Return the raw outputs [N, ...] of chunks of inputs [N, ...], with one input per call."""
    answers = (parts(run(one)) for chunk in inputs for one in each(chunk))
    return joined(np.concatenate(output) for output in zip(*answers, strict=True))


def run_each(run: Any, inputs: Array) -> Array:
    """Return the raw output [N, ...] of inputs [N, ...], with one input per call."""
    return np.concatenate([run(inputs[i : i + 1]) for i in range(len(inputs))])


def compared(
    subject: Subject, metric: str, reference: str, outputs: Raw, other: Raw, images: int
) -> Result:
    """Compare raw outputs [N, ...] with ``other`` [N, ...], those of ``reference``.

    The first ``images`` outputs are those of test images, the others those of random tensors. The
    samples are the largest difference in each, over all outputs of the model. The unit is ULP if
    one of these is float, where the others still count in steps.
    """
    pairs = list(zip(parts(outputs), parts(other), strict=True))
    apart = np.hstack([distances(*pair).reshape(len(pair[0]), -1) for pair in pairs])
    absolute = np.hstack(
        [np.abs(a.astype(np.float64) - b.astype(np.float64)).reshape(len(a), -1) for a, b in pairs]
    )
    whole = all(output.dtype != np.float32 for output, _ in pairs)
    sections = {"images": slice(None, images), "random": slice(images, None)}
    summary: dict[str, Any] = {
        "reference": reference,
        "rounding": ROUNDING,
        "integer": bool(whole),
        "seed": SEED,
    }
    for name, part in sections.items():
        summary[name] = _counted(apart[part], absolute[part])
    return Result(
        subject,
        metric,
        "steps" if whole else "ULP",
        samples=tuple(apart.max(axis=1).tolist()),
        summary=summary,
    )


def _counted(apart: npt.NDArray[np.int64], absolute: Array) -> dict[str, Any]:
    """Return the number of elements, how many differ, and the largest differences."""
    return {
        "tensors": len(apart),
        "elements": apart.size,
        "differ": int(np.count_nonzero(apart)),
        "largest": int(apart.max(initial=0)),
        "largest_absolute": float(absolute.max(initial=0.0)),
    }


def select(results: Iterable[Result]) -> list[Result]:
    """Return the comparisons in order, grouped by subject."""
    comparisons = [result for result in results if result.metric in METRICS]
    subjects = list(dict.fromkeys(result.subject for result in comparisons))
    return sorted(comparisons, key=lambda result: subjects.index(result.subject))
