"""The command ``edgekit inspect``."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from edge_runtime.errors import ModelError
from edge_runtime.metadata import Preprocessing
from edge_runtime.unsupported import INSTEAD
from edgekit import sounds
from edgekit.columns import clip, columns, pairs, sections
from edgekit.commands import liveness, options, running, terminal
from edgekit.convert.macs import MAC_FORMULAS
from edgekit.convert.memory import memory as plan_memory
from edgekit.convert.runners import Support, support
from edgekit.convert.summary import OpSummary, Summary, TensorSummary, summarise
from edgekit.escape import line
from edgekit.files import to_json

FORMAT = "edgekit inspect"
MEMORY_FORMAT = "edgekit inspect --memory"
VERSION = 1
"""Version of both documents."""


@click.command(
    "inspect",
    no_args_is_help=True,
    short_help="Print a .tflite's tensors, ops, sizes, MACs and metadata.",
)
@click.argument("file", type=options.InputFile())
@click.option(
    "--memory",
    is_flag=True,
    help="Print instead where and how long edgekit's own engine keeps each tensor.",
)
@options.as_json
@options.verbosity
def command(file: Path, memory: bool, as_json: bool) -> int:
    """Print tensors, ops, sizes, MACs and metadata of a .tflite FILE, and what runs it."""
    running.warn_of_others(file)
    content = file.read_bytes()
    document: dict[str, Any]
    try:
        if memory:
            planned = plan_memory(content)
            document, report = asdict(planned), liveness.picture(str(file), planned)
            kind = MEMORY_FORMAT
        else:
            summary = summarise(content)
            supported = support(content)
            document = {**asdict(summary), "mac_formulas": MAC_FORMULAS, **asdict(supported)}
            kind, report = FORMAT, _report(file, summary, supported)
    except ModelError as error:
        raise ModelError(f"{file}: {error}") from None
    head = {"format": kind, "version": VERSION, "file": str(file)}
    terminal.page(to_json({**head, **document}) if as_json else report)
    return 0


def _report(path: Path, summary: Summary, supported: Support) -> str:
    """Return the report, with a blank line between its sections."""
    parts = {
        str(path): pairs(_overview(summary)),
        "Inputs and outputs": columns(
            [
                ("", "type", "shape", "quantisation", "name (tensor in the file)"),
                *(_tensor_row("input", tensor) for tensor in summary.inputs),
                *(_tensor_row("output", tensor) for tensor in summary.outputs),
            ],
            elastic=4,
        ),
        "Ops": columns(
            [
                ("", "op", "input -> output", "weights", "constants", "MACs"),
                *(_op_row(index, op) for index, op in enumerate(summary.ops)),
                ("", "total", "", "", f"{summary.constant_bytes:,} B", _macs(summary)),
            ],
            elastic=2,
            right=(0, 4, 5),
        ),
        "Multiply-accumulates (MACs)": pairs(_formulas(summary)),
        "Who runs it": pairs(
            {runner.title: _runs(runner.runs, runner.reason) for runner in supported.runners}
        ),
        "Ops that edgekit's engine does not run": columns(
            [(str(missing.count), missing.op, missing.why) for missing in supported.missing],
            elastic=2,
            right=(0,),
        )
        if supported.missing
        else [],
        "What to do instead": pairs(
            {
                missing.why if missing.why in INSTEAD else "a limit of the engine": missing.instead
                for missing in supported.missing
            }
        ),
        "Metadata": pairs(_metadata(summary)),
        "Provenance": pairs(_flatten(summary.metadata.provenance) if summary.metadata else {}),
        "Metadata entries": columns(
            [
                (clip(line(entry.name), 32), f"{entry.size:,} B", entry.text or "")
                for entry in summary.entries
            ],
            elastic=2,
            right=(1,),
        ),
    }
    return sections(parts)


def _overview(summary: Summary) -> dict[str, str]:
    """Return name -> text of the figures of the whole file."""
    kinds = Counter(op.name for op in summary.ops).most_common()
    share = summary.constant_bytes / summary.size
    overview = {
        "size": f"{summary.size:,} bytes",
        "sha256": summary.sha256,
        "description": summary.description,
        "ops": f"{len(summary.ops)}: " + ", ".join(f"{count} {kind}" for kind, count in kinds),
        "constants": f"{summary.constant_bytes:,} bytes, {share:.0%} of the file",
        "MACs": f"{_macs(summary)} for one inference",
    }
    if summary.subgraphs > 1:
        overview["subgraphs"] = (
            f"{summary.subgraphs}: loops and branches count with the op that runs them"
        )
    return overview


def _macs(counted: Summary | OpSummary) -> str:
    """Return multiply-accumulates as text, "at least" where there may be more."""
    return f"{'at least ' if counted.macs_at_least else ''}{counted.macs or 0:,}"


def _formulas(summary: Summary) -> dict[str, str]:
    """Return how the ops that multiply are counted."""
    formulas = {op.name: MAC_FORMULAS[op.name] for op in summary.ops if op.macs is not None}
    if summary.macs_at_least:
        formulas["at least"] = (
            "a loop of unknown length counts once, an open size as 1, and a custom op nothing"
        )
    return formulas


def _runs(runs: str, reason: str) -> str:
    """Return a verdict in words."""
    word = {"yes": "runs", "partly": "runs, in part", "no": "does not run"}[runs]
    return f"{word}: {reason}" if reason else word


def _tensor_row(role: str, tensor: TensorSummary) -> tuple[str, ...]:
    match tensor.scales, tensor.zero_points:
        case [], _:
            quantization = ""
        case [scale], [zero_point]:
            quantization = f"scale {scale:.7g}, zero point {zero_point}"
        case scales, _:
            quantization = f"{len(scales)} scales"
    name = tensor.key if tensor.key == tensor.name else f"{tensor.key} ({tensor.name})"
    return role, tensor.dtype, clip(_shape(tensor.shape), 32), quantization, name


def _op_row(index: int, op: OpSummary) -> tuple[str, ...]:
    inputs, outputs = (", ".join(map(_shape, shapes)) for shapes in (op.inputs, op.outputs))
    return (
        str(index),
        clip(line(op.name), 32),
        f"{inputs} -> {outputs}",
        op.weights or "",
        f"{op.constant_bytes:,} B" if op.constant_bytes else "",
        _macs(op) if op.macs is not None else "",
    )


def _metadata(summary: Summary) -> dict[str, str]:
    """Return name -> text of what the file says about its use."""
    if summary.metadata_error:
        return {"damaged": summary.metadata_error}
    if summary.metadata is None:
        return {"none": "neither labels nor normalisation"}
    metadata, labels = summary.metadata, summary.metadata.labels
    pictures = not metadata.features and metadata.audio is None
    more = ", …" if len(labels) > 20 else ""
    return {
        "labels": f"{len(labels)}: {', '.join(labels[:20])}{more}" if labels else "not given",
        "normalisation": _normalisation(metadata),
        **({"framing": metadata.framing} if pictures else {}),
        **({"task": metadata.task} if metadata.task else {}),
        **({} if (limit := metadata.threshold) is None else {"threshold": f"{limit:g}"}),
        **({"sound": sounds.described(metadata.audio)} if metadata.audio else {}),
    }


def _normalisation(metadata: Preprocessing) -> str:
    if not metadata.mean:
        return "not given"
    mean, std = (
        f"{values[0]:g}" if len(values) == 1 else f"[{', '.join(f'{v:g}' for v in values)}]"
        for values in (metadata.mean, metadata.std)
    )
    if metadata.features:
        return f"(feature - {mean}) / {std}"
    byte = "byte" if metadata.audio else "pixel"
    return f"({byte} - {mean}) / {std}, {byte}s 0 to 255"


def _flatten(mapping: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return nested mappings as a flat one, with dotted names."""
    flat: dict[str, str] = {}
    for key, value in mapping.items():
        if isinstance(value, Mapping):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            flat[prefix + key] = text
    return flat


def _shape(shape: tuple[int, ...]) -> str:
    """Return a shape as 1×28×28×1, with a question mark for a dynamic dimension."""
    return "×".join("?" if size < 0 else str(size) for size in shape) or "scalar"
