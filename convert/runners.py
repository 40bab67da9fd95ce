"""Who runs a .tflite file: edgekit's engine, LiteRT, TFLite Micro, an Edge TPU, an Ethos-U."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from edge_runtime import planner
from edge_runtime.backends.litert import is_checked
from edge_runtime.check import kind, require_order, require_runnable
from edge_runtime.errors import ModelError
from edge_runtime.graph import Graph, Op
from edge_runtime.reader import read
from edge_runtime.unsupported import EDGETPU_OP, ETHOS_U_OP, counted, not_for_litert
from edgekit.convert.targets import TARGETS, Target, is_float, unsupported

TITLES = {
    "native": "edgekit's engine, and C",
    "litert": "LiteRT",
    "mcu": "TFLite Micro",
    "edgetpu": "Edge TPU",
    "ethos-u": "Ethos-U",
}
"""Titles of what runs files, by the names of backends and of ``convert --target``."""

INTEGERS = {"mcu": (), "edgetpu": ("int8", "uint8"), "ethos-u": ("int8", "uint8", "int16")}
"""Device -> element types of its accelerator; empty where it has none."""

MOST = 3
"""Most reasons, and most ops for each, that a verdict names."""


@dataclass(frozen=True)
class RunnerVerdict:
    """Whether an engine or a device runs a file.

    Attributes:
        name: "native", or as in ``convert --target``.
        title: name for people.
        runs: "yes", "partly" where some ops run on the host, or "no".
        reason: why not, or which ops run on the host; "" when there is nothing to say.
    """

    name: str
    title: str
    runs: str
    reason: str


@dataclass(frozen=True)
class Missing:
    """Ops that edgekit's engine does not run for the same reason.

    Attributes:
        op: name of the ops.
        count: number of the ops.
        why: the reason.
        instead: what to do instead.
    """

    op: str
    count: int
    why: str
    instead: str


@dataclass(frozen=True)
class Support:
    """Who runs a file, and what edgekit's engine lacks for it, the most frequent first."""

    runners: tuple[RunnerVerdict, ...]
    missing: tuple[Missing, ...]


def support(content: bytes) -> Support:
    """Return who runs the .tflite file with that content.

    Raises:
        ModelError: it is not a .tflite file or is damaged.
    """
    graph = read(content)
    graphs = (graph, *graph.others)
    lacking = _missing(graphs[0])
    verdicts = {"native": _native(graphs[0], lacking), "litert": _litert(graphs)}
    verdicts |= {name: _device(graphs, TARGETS[name]) for name in INTEGERS}
    return Support(
        runners=tuple(
            RunnerVerdict(name, TITLES[name], *verdict) for name, verdict in verdicts.items()
        ),
        missing=tuple(lacking),
    )


def _missing(graph: Graph) -> list[Missing]:
    try:
        ops = planner.unsupported(graph)
    except ModelError:  # which is then the whole reason
        return []
    return [Missing(op, len(same), why, same[0].instead) for (op, why), same in counted(ops)]


def _native(graph: Graph, lacking: Sequence[Missing]) -> tuple[str, str]:
    try:
        require_runnable(graph)
        if not lacking:
            planner.plan(graph)
            return "yes", ""
        reasons = []
    except ModelError as error:
        reasons = [str(error)]
    if lacking:
        count = sum(missing.count for missing in lacking)
        reasons.append(f"{count} of its {len(graph.ops)} ops are not there, see below")
    return "no", "; ".join(reasons)


def _litert(graphs: Sequence[Graph]) -> tuple[str, str]:
    try:
        for graph in graphs:
            require_order(graph)
        is_checked(graphs[0])
    except ModelError as error:
        return "no", str(error)
    if reason := next(filter(None, map(not_for_litert, graphs)), ""):
        return "no", reason
    try:
        require_runnable(graphs[0])
    except ModelError as error:
        return "yes", f"through its own Interpreter, not through load: {error}"
    return "yes", ""


def _device(graphs: Sequence[Graph], target: Target) -> tuple[str, str]:
    compiled = {"edgetpu": EDGETPU_OP, "ethos-u": ETHOS_U_OP}.get(target.name)
    if any(op.custom and op.name == compiled for graph in graphs for op in graph.ops):
        return "yes", "compiled for it"
    if reason := next(filter(None, map(_compiled, graphs)), ""):
        return "no", reason
    checked = [(graph, op, _reason(graph, op, target)) for graph in graphs for op in graph.ops]
    against = [(op, reason) for _, op, reason in checked if reason]
    accelerated = any(_quantised(graph, op) for graph, op, reason in checked if not reason)
    if against and not (target.fallback and accelerated):
        return "no", _grouped(against)
    if target.fallback and (reason := _open(graphs[0])):
        return "no", reason
    return ("partly", f"on {target.fallback}: {_grouped(against)}") if against else ("yes", "")


def _quantised(graph: Graph, op: Op) -> bool:
    """Tell whether an op computes with quantised numbers, as accelerators do."""
    return any(graph.tensors[index].quantization is not None for index in op.outputs)


def _compiled(graph: Graph) -> str:
    """Return that a file is compiled for one accelerator, "" when it is not."""
    names = {op.name for op in graph.ops if op.custom}
    return not_for_litert(graph) if names & {EDGETPU_OP, ETHOS_U_OP} else ""


def _open(graph: Graph) -> str:
    """Return which size is open, which compilers of accelerators do not accept; "" for none."""
    for tensor in graph.tensors:
        if -1 in tensor.signature:
            return f"{tensor.name[:40]!r} has open sizes {list(tensor.signature)}: fix the batch"
    return ""


def _reason(graph: Graph, op: Op, target: Target) -> str:
    """Return why a device does not run an op, "" when nothing is known against it."""
    if reason := unsupported(graph, op, target):
        return reason
    tensors = [graph.tensors[index] for index in (*op.inputs, *op.outputs) if index >= 0]
    for tensor in tensors:
        if tensor.blockwise or tensor.sparse:
            return "blockwise quantised weights" if tensor.blockwise else "sparse weights"
        if tensor.dtype in ("float16", "int4") and target.name != "ethos-u":
            return f"{tensor.dtype} {'activations' if tensor.data is None else 'constants'}"
    if types := INTEGERS.get(target.name):
        if is_float(graph, op):
            return "computes in floating point"
        computed = next((tensor for tensor in tensors if tensor.index in op.outputs), None)
        wrong = computed is not None and computed.dtype == "int16" and "int16" not in types
        return f"computes in {computed.dtype}" if wrong and computed else ""
    weights = any(t.data is not None and t.dtype in ("int8", "uint8") for t in tensors)
    hybrid = weights and is_float(graph, op) and op.name != "DEQUANTIZE"
    return "int8 weights with float32 activations" if hybrid else ""


def _grouped(against: Sequence[tuple[Op, str]]) -> str:
    """Return reasons with their ops: "2 COS, 1 SIN: not an op of ..."."""
    groups: dict[str, Counter[str]] = {}
    for op, reason in against:
        groups.setdefault(reason, Counter())[kind(op)] += 1
    parts = [
        f"{_shortened([f'{count} {name}' for name, count in names.most_common()])}: {reason}"
        for reason, names in groups.items()
    ]
    return "; ".join(parts[:MOST]) + ("; …" if len(parts) > MOST else "")


def _shortened(names: Sequence[str]) -> str:
    return ", ".join([*names[:MOST], *(["…"] if len(names) > MOST else [])])
