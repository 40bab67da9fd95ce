"""A model as a C library: what `edgekit export` writes, before it is packed for a target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from edge_runtime.backends.reference import ReferenceSession
from edge_runtime.errors import ModelError
from edge_runtime.meaning import of_graph
from edge_runtime.metadata import read_metadata
from edge_runtime.planner import plan
from edge_runtime.quantize import pixel_table
from edge_runtime.reader import read
from edgekit import escape
from edgekit.convert.c import example, header, selftest, source
from edgekit.convert.c.facts import Facts, Port
from edgekit.convert.c.forms import Choice, can_skip, choices
from edgekit.convert.summary import summarise
from edgekit.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edge_runtime.graph import Graph, Tensor
    from edge_runtime.metadata import Metadata
    from edge_runtime.planner.plan import Plan

MOST_CONSTANTS = 2**23
"""Bytes of constants that are printed, which takes five seconds; few boards have more flash."""

PORTS = ("int8", "uint8", "int16", "float32")
"""Element types that input and output may have."""


@dataclass(frozen=True, kw_only=True)
class CLibrary(Facts):
    """A model in C.

    Attributes:
        header: ``<name>.h``, C99 and C++.
        source: ``<name>.c``: weights, kernels, the run function; it needs the header only.
        selftest: ``<name>_selftest.c``.
        example: ``main.c``.
    """

    header: str
    source: str
    selftest: str
    example: str


def library(content: bytes, model: str, name: str, *, skip_zeros: bool = False) -> CLibrary:
    """Return a model as C.

    Args:
        content: of the .tflite file.
        model: its name.
        name: a C identifier, which all public names begin with.
        skip_zeros: let dense int8 layers pass over inputs that stand for 0.

    Raises:
        ModelError: the file is damaged, or holds what cannot be exported: the message has the op,
            its name and what to do. Or it takes several images at once, has NaN in it, or is
            larger than MOST_CONSTANTS here and the limits in ``selftest`` say.
        BackendError: there is no C extension.
    """
    graph = read(content)
    made = plan(graph)
    _require_one_image(graph)
    metadata = read_metadata(graph, content)
    if skip_zeros and not can_skip(made):
        raise ModelError(
            "it has no dense int8 layer whose zeros could be skipped: convert the model with "
            "--quantize, or leave --skip-zeros out"
        )
    steps = choices(made, skip_zeros=skip_zeros)
    _require_no_nan(steps)
    facts = _facts(graph, made, steps, metadata, content, model, name, skip_zeros)
    work = selftest.work(made, facts.macs)
    _require_printable(facts, work)
    session = ReferenceSession(graph, made)
    given = graph.tensors[graph.inputs[0]]
    inputs, outputs = selftest.record(facts.input, lambda tensor: session.run([tensor])[0], work)
    pixels = pixel_table(given, metadata.mean, metadata.std) if facts.mean and metadata else None
    return CLibrary(
        **vars(facts),
        header=header.render(facts, _about(facts, "How to call it."), pixels),
        source=source.render(name, _about(facts, "The model."), steps, facts.labels),
        selftest=selftest.render(facts, _about(facts, "Its self-test."), inputs, outputs),
        example=example.render(facts, _about(facts, "An example.")),
    )


def _require_one_image(graph: Graph) -> None:
    """Raise when the model takes several images at once, whose scores C would take for one's."""
    given, made = (graph.tensors[one[0]].shape for one in (graph.inputs, graph.outputs))
    if given[0] == made[0] > 1 and len(given) > 1 and len(made) > 1:
        raise ModelError(
            f"it takes {given[0]} images at once, and C runs one: convert it again with "
            "`edgekit convert --batch 1`"
        )


def _require_no_nan(steps: Sequence[Choice]) -> None:
    """Raise when a constant holds NaN, of which C cannot say the bits: the engine runs it."""
    for index, step in enumerate(steps):
        for one in step.portable.constants:
            if one.values.dtype.kind == "f" and (count := int(np.isnan(one.values).sum())):
                raise ModelError(
                    f"step {index}, {step.op}: {count} of {one.values.size} numbers of a constant "
                    "are NaN: its training has diverged; train it again"
                )


def _require_printable(facts: Facts, work: int) -> None:
    """Raise when the C text and its self-test would take long."""
    elements = facts.input.elements + facts.output.elements
    if facts.constants > MOST_CONSTANTS:
        what = f"its constants take {facts.constants} bytes, and at most {MOST_CONSTANTS}"
    elif elements > selftest.MOST_ELEMENTS:
        what = f"input and output have {elements} elements, and at most {selftest.MOST_ELEMENTS}"
    elif work > selftest.MOST_WORK:
        what = (
            f"an inference of {facts.macs} multiply-accumulates and {len(facts.ops)} steps takes "
            "too long to be recorded for the self-test; smaller models"
        )
    else:
        return
    raise ModelError(f"{what} are exported: run the .tflite itself with edge_runtime")


def _facts(
    graph: Graph,
    made: Plan,
    steps: Sequence[Choice],
    metadata: Metadata | None,
    content: bytes,
    model: str,
    name: str,
    skip_zeros: bool,
) -> Facts:
    constants = {one.name: one.values for step in steps for one in step.portable.constants}
    summary = summarise(content)
    return Facts(
        name=name,
        model=model,
        sha256=summary.sha256,
        version=__version__,
        labels=metadata.labels if metadata else (),
        mean=metadata.mean if metadata else (),
        std=metadata.std if metadata else (),
        meaning=(metadata and metadata.meaning)
        or of_graph(graph, metadata.labels if metadata else ()),
        input=_port("input", graph.tensors[graph.inputs[0]]),
        output=_port("output", graph.tensors[graph.outputs[0]]),
        arena=made.arena,
        constants=sum(values.nbytes for values in constants.values()),
        weights=_weights(graph, made),
        macs=summary.macs,
        ops=tuple(step.op.name for step in made.steps),
        skip_zeros=skip_zeros,
        sparse=_sparse(steps),
    )


def _sparse(steps: Sequence[Choice]) -> str:
    """Return where weights of 0 are left out."""
    sparse = [step for step in steps if step.portable.kernel.endswith("_sparse")]
    if not sparse:
        return ""
    forms = [pair for step in sparse for pair in step.forms]
    whole = dict.fromkeys(macro for macro, form in forms if "_sparse" not in form.kernel)
    names = [macro.removeprefix("EK_") for macro in whole]
    return f"without {' or '.join(names)}" if names else "everywhere"


def _weights(graph: Graph, made: Plan) -> int:
    """Return bytes of what the file's ops read besides their first input, as it is in the file."""
    read = {index for step in made.steps for index in step.op.inputs[1:] if index >= 0}
    constants = [graph.tensors[index].data for index in read]
    return sum(len(data) for data in constants if data is not None)


def _port(role: str, tensor: Tensor) -> Port:
    """Return what is known of the input or the output.

    Raises:
        ModelError: it is of a type or form that the exported functions do not have.
    """
    dtype, shape, quantization = tensor.dtype, tensor.shape, tensor.quantization
    if dtype not in PORTS:
        raise ModelError(f"its {role} is {dtype}, and the exporter takes {', '.join(PORTS)}")
    if shape[:1] == (1,) and len(shape) > 1:
        shape = shape[1:]
    if dtype == "float32":
        return Port(dtype, shape, tensor.elements, None, None)
    if quantization is None or quantization.per_channel:
        raise ModelError(f"its {role} is {dtype} without one scale and zero point")
    return Port(
        dtype,
        shape,
        tensor.elements,
        quantization.scales[0],
        quantization.zero_points[0],
    )


def _about(facts: Facts, what: str) -> str:
    """Return the comment at the head of a file."""
    return f"""\
/* {what}
 *
 * {facts.name} is {escape.c_comment(facts.model)},
 * sha256 {facts.sha256}.
 * Made by edgekit {facts.version}.
 * The code is edgekit's. SPDX-License-Identifier: Apache-2.0 */"""
