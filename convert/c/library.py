"""A model as a C library: what `edgekit export` writes, before it is packed for a target."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from edge_runtime.errors import ModelError
from edge_runtime.graph import ports
from edge_runtime.meaning import ANOMALY, NUMBERS, of_graph
from edge_runtime.metadata import Metadata, read_metadata
from edge_runtime.planner import plan
from edge_runtime.planner.plan import with_output_shapes
from edge_runtime.quantize import pixel_table
from edge_runtime.reader import read
from edgekit import escape
from edgekit.convert.c import arena, audio, camera_frames, example, header, selftest, source
from edgekit.convert.c.camera_frames import Camera
from edgekit.convert.c.facts import Facts, Port
from edgekit.convert.c.forms import ENGINE, StepForms, can_skip, choices
from edgekit.convert.c.identifier import port_identifiers
from edgekit.convert.c.rows.plans import RowPlan, row_plans, within
from edgekit.convert.macs import macs
from edgekit.convert.summary import summarise
from edgekit.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from edge_runtime.graph import Graph, Tensor
    from edge_runtime.planner.one_arena import OneArena
    from edge_runtime.planner.plan import Plan

MOST_CONSTANTS = 2**23
"""Most bytes of constants: printing them costs five seconds, and few boards have more flash."""


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


def library(
    content: bytes,
    model: str,
    name: str,
    *,
    skip_zeros: bool = False,
    most_ram: int | None = None,
    keep_input: bool = False,
    camera: tuple[int, int] | None = None,
) -> CLibrary:
    """Return a model as C.

    Args:
        content: content of the .tflite file.
        model: name of the file.
        name: a C identifier, which all public names begin with.
        skip_zeros: let dense int8 layers pass over inputs that stand for 0.
        most_ram: run layers row by row as far as arena, input and output then need at most so many
            bytes; 0 for as few as possible. None: all layers run as a whole.
        keep_input: leave no room for inputs in the arena, where a run overwrites them, as it is
            for an anomaly detector.
        camera: width and height of a camera's frames, which become the input; None for none.

    Raises:
        ModelError: the file is damaged, or holds what cannot be exported: the message has the op,
            its name and what to do. Or it takes several images at once, contains NaN, or is larger
            than MOST_CONSTANTS here and the limits in ``selftest`` allow.
        BackendError: there is no C extension.
    """
    graph = read(content)
    planned = plan(graph, engine=ENGINE)
    graph = with_output_shapes(graph, planned)
    _require_one_image(graph)
    metadata = read_metadata(graph, content)
    if skip_zeros and not can_skip(planned):
        raise ModelError(
            "it has no dense int8 layer whose zeros could be skipped: convert the model with "
            "--quantize, or leave --skip-zeros out"
        )
    if most_ram is None:
        keep_input = keep_input or _scores(graph, metadata)
        by_rows = RowPlan(arena.laid_out(planned, keep_input=keep_input))
    else:
        by_rows = within(plans(content, keep_input=keep_input), most_ram)
    placed = by_rows.placed
    steps = choices(placed.plan, skip_zeros=skip_zeros, pieces=placed.pieces)
    _require_no_nan(steps)
    facts = replace(
        _facts(graph, placed, steps, metadata, content, model, name, skip_zeros),
        by_rows=bool(by_rows.chains),
        fed_rows=by_rows.fed_rows,
    )
    work = selftest.work(planned, facts.macs)
    _require_printable(facts, work)
    # Rows leave in the arena what depends on how they are cut: outputs alone are compared.
    traced = planned if facts.by_rows else placed.plan
    recorded = selftest.record(traced, facts, work)
    first = graph.tensors[graph.inputs[0]]
    pixels = pixel_table(first, facts.mean, facts.std) if facts.framed else None
    states = [(placed.plan.slots[state.slot], state) for state in planned.states]
    frames = ""
    if camera:
        framing = metadata.framing if metadata else Metadata.framing
        frames = camera_frames.functions(facts, Camera(*camera, framing))
    return CLibrary(
        **vars(facts),
        header=header.render(facts, _about(facts, "How to call it."), pixels, frames),
        source=source.render(facts, _about(facts, "The model."), steps, states, by_rows),
        selftest=selftest.render(facts, traced, _about(facts, "Its self-test."), recorded),
        example=example.render(facts, _about(facts, "An example.")),
    )


def in_one_arena(graph: Graph, content: bytes) -> OneArena:
    """Return the plan of a file's graph that ``library`` exports unless it is told otherwise.

    Raises:
        BackendError: there is no C extension.
        ModelError: it cannot be planned.
    """
    keep_input = _scores(graph, read_metadata(graph, content))
    return arena.laid_out(plan(graph, engine=ENGINE), keep_input=keep_input)


def _scores(graph: Graph, metadata: Metadata | None) -> bool:
    """Tell whether a model has a score that compares its input with its output."""
    one_each = len(graph.inputs) == len(graph.outputs) == 1
    if metadata is None or metadata.task != ANOMALY:
        return False
    return one_each and metadata.threshold is not None


def plans(content: bytes, *, keep_input: bool = False) -> tuple[RowPlan, ...]:
    """Return the plans of a .tflite file, the fastest first, each with less RAM than before.

    Args:
        content: the file.
        keep_input: as for :func:`library`.

    Raises:
        BackendError: there is no C extension.
        ModelError: the file is damaged, or cannot be planned.
    """
    return _plans(content, keep_input)


# Planning takes seconds, and a report draws what was exported before.
@lru_cache(maxsize=4)
def _plans(content: bytes, keep_input: bool) -> tuple[RowPlan, ...]:
    graph = read(content)
    planned = plan(graph, engine=ENGINE)
    keep_input = keep_input or _scores(graph, read_metadata(graph, content))
    return tuple(row_plans(planned, arena.laid_out(planned, keep_input=keep_input), ENGINE))


def _require_one_image(graph: Graph) -> None:
    """Raise for a model of several images at once, whose scores C would read as those of one."""
    shapes = [graph.tensors[index].shape for index in (*graph.inputs, *graph.outputs)]
    counts = {shape[0] for shape in shapes if shape}
    if len(counts) == 1 and counts != {1} and min(map(len, shapes)) > 1:
        raise ModelError(
            f"it takes {counts.pop()} images at once, and C runs one: convert it again with "
            "`edgekit convert --batch 1`"
        )


def _require_no_nan(steps: Sequence[StepForms]) -> None:
    """Raise when a constant contains NaN, whose bits no C constant states: the engine runs it."""
    for index, step in enumerate(steps):
        for one in step.portable.constants:
            if one.values.dtype.kind == "f" and (count := int(np.isnan(one.values).sum())):
                raise ModelError(
                    f"step {index}, {step.op}: {count} of {one.values.size} numbers of a constant "
                    "are NaN: its training has diverged; train it again"
                )


def _require_printable(facts: Facts, work: int) -> None:
    """Raise when the C text and its self-test would take long."""
    elements = sum(port.elements for port in facts.ports)
    if facts.constants > MOST_CONSTANTS:
        what = f"its constants take {facts.constants} bytes, and at most {MOST_CONSTANTS}"
    elif elements > selftest.MOST_ELEMENTS:
        which = "input and output" if len(facts.ports) == 2 else "inputs and outputs"
        what = f"{which} have {elements} elements, and at most {selftest.MOST_ELEMENTS}"
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
    placed: OneArena,
    steps: Sequence[StepForms],
    metadata: Metadata | None,
    content: bytes,
    model: str,
    name: str,
    skip_zeros: bool,
) -> Facts:
    planned = placed.plan
    constants = {one.name: one.values for step in steps for one in step.portable.constants}
    summary = summarise(content)
    # The file states the normalisation of input 0 and the labels of output 0: with others beside
    # them, the C text has no functions for these.
    one_input, one_output = len(graph.inputs) == 1, len(graph.outputs) == 1
    labels = metadata.labels if metadata and one_output else ()
    meaning = (metadata and metadata.meaning) or of_graph(graph, labels)
    inputs, outputs = _ports(graph, placed, name)
    facts = Facts(
        name=name,
        model=model,
        sha256=summary.sha256,
        version=__version__,
        labels=labels,
        mean=metadata.mean if metadata and one_input else (),
        std=metadata.std if metadata and one_input else (),
        features=bool(metadata and one_input and metadata.features),
        meaning=meaning if one_output else NUMBERS,
        task=metadata.task if metadata and one_input and one_output else "",
        threshold=metadata.threshold if metadata and one_input and one_output else None,
        inputs=inputs,
        outputs=outputs,
        arena=planned.arena,
        state=sum(planned.slots[state.slot].size for state in planned.states),
        constants=sum(values.nbytes for values in constants.values()),
        weights=_weights(planned),
        multipliers=_multipliers(constants),
        macs=summary.macs,
        ops=tuple(step.op.name for step in planned.steps),
        op_macs=tuple(macs(planned.graph, step.op) for step in planned.steps),
        skip_zeros=skip_zeros,
        sparse=_sparse(steps),
    )
    if metadata is None or not facts.framed:
        return facts
    facts = replace(facts, audio=metadata.audio)
    tables = sum(one.values.nbytes for one in audio.constants(facts))
    return replace(facts, constants=facts.constants + tables)


def _sparse(steps: Sequence[StepForms]) -> str:
    """Return where weights of 0 are left out, as in ``Facts.sparse``."""
    sparse = [step for step in steps if step.portable.kernel.endswith("_sparse")]
    if not sparse:
        return ""
    forms = [pair for step in sparse for pair in step.forms]
    whole = dict.fromkeys(macro for macro, form in forms if "_sparse" not in form.kernel)
    names = [macro.removeprefix("EK_") for macro in whole]
    return f"without {' or '.join(names)}" if names else "everywhere"


def _weights(planned: Plan) -> int:
    """Return the bytes of all constants that ops read after their first input, the same ones once.

    As in the file: a kernel may have them in another form.
    """
    read = {index for step in planned.steps for index in step.op.inputs[1:] if index >= 0}
    constants = [planned.graph.tensors[index].data for index in read]
    return sum(map(len, {bytes(data) for data in constants if data is not None}))


def _multipliers(constants: Mapping[str, npt.NDArray[Any]]) -> int:
    """Return the bytes of the multipliers and shifts among constants, as in ``Facts``."""
    kinds = ("multiplier", "shift")
    return sum(one.nbytes for name, one in constants.items() if name.split("_")[0] in kinds)


def _ports(graph: Graph, placed: OneArena, name: str) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    """Return the inputs and outputs of a model."""
    inputs = ports(graph, graph.inputs, graph.input_names)
    outputs = ports(graph, graph.outputs, graph.output_names)
    of_inputs, of_outputs = port_identifiers(name, list(inputs), list(outputs))
    return (
        tuple(map(_port, of_inputs, inputs.values(), placed.inputs or [None] * len(inputs))),
        tuple(map(_port, of_outputs, outputs.values(), placed.outputs)),
    )


def _port(name: str, tensor: Tensor, offset: int | None) -> Port:
    """Return the facts of an input or output."""
    dtype, shape, quantization = tensor.dtype, tensor.shape, tensor.quantization
    scale: float | None = None
    zero_point: int | None = None
    if dtype != "float32" and quantization is not None and not quantization.per_channel:
        [scale], [zero_point] = quantization.scales, quantization.zero_points
    if shape[:1] == (1,) and len(shape) > 1:
        shape = shape[1:]
    return Port(name, dtype, shape, tensor.elements, scale, zero_point, offset)


def _about(facts: Facts, what: str) -> str:
    """Return the comment at the head of a file."""
    return f"""\
/* {what}
 *
 * {facts.name} is {escape.c_comment(facts.model)},
 * sha256 {facts.sha256}.
 * Made by edgekit {facts.version}.
 * The code is edgekit's. SPDX-License-Identifier: Apache-2.0 */"""
