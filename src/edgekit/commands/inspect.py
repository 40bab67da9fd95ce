"""The command ``edgekit inspect``."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from textwrap import wrap
from typing import Any

import click

from edge_runtime.errors import ModelError
from edge_runtime.metadata import Metadata
from edgekit.commands import options
from edgekit.convert.summary import MAC_FORMULAS, OpSummary, Summary, TensorSummary, summarise

LINE = 98
"""Characters of a line, without the indentation of two."""


@click.command("inspect")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@options.as_json
def command(file: Path, as_json: bool) -> int:
    """Print what a .tflite FILE holds: tensors, ops, sizes, MACs, metadata."""
    try:
        summary = summarise(file.read_bytes())
    except ModelError as error:
        raise ModelError(f"{file}: {error}") from None
    if as_json:
        document = {"file": str(file), **asdict(summary), "mac_formulas": MAC_FORMULAS}
        click.echo(json.dumps(document, indent=2))
    else:
        click.echo(_report(file, summary))
    return 0


def _report(path: Path, summary: Summary) -> str:
    """Return the report, a blank line between its sections."""
    sections = {
        str(path): _pairs(_overview(summary)),
        "Inputs and outputs": _columns(
            [
                *(_tensor_row("input", tensor) for tensor in summary.inputs),
                *(_tensor_row("output", tensor) for tensor in summary.outputs),
            ],
            elastic=4,
        ),
        "Ops": _columns(
            [
                ("", "op", "input -> output", "weights", "constants", "MACs"),
                *(_op_row(index, op) for index, op in enumerate(summary.ops)),
                ("", "total", "", "", f"{summary.constant_bytes:,} B", f"{summary.macs:,}"),
            ],
            elastic=2,
            right=(0, 4, 5),
        ),
        "Multiply-accumulates (MACs)": _pairs(
            {op.name: MAC_FORMULAS[op.name] for op in summary.ops if op.macs is not None}
        ),
        "Metadata": _pairs(_metadata(summary)),
        "Provenance": _pairs(_flatten(summary.metadata.provenance) if summary.metadata else {}),
        "Metadata entries": _columns(
            [
                (_clip(entry.name, 32), f"{entry.size:,} B", entry.text or "")
                for entry in summary.entries
            ],
            elastic=2,
            right=(1,),
        ),
    }
    return "\n\n".join(
        "\n  ".join(map(_plain, [title, *lines])) for title, lines in sections.items() if lines
    )


def _overview(summary: Summary) -> dict[str, str]:
    """Return the figures of the whole file, as name and text."""
    kinds = Counter(op.name for op in summary.ops).most_common()
    share = summary.constant_bytes / summary.size
    overview = {
        "size": f"{summary.size:,} bytes",
        "sha256": summary.sha256,
        "description": summary.description,
        "ops": f"{len(summary.ops)}: " + ", ".join(f"{count} {kind}" for kind, count in kinds),
        "constants": f"{summary.constant_bytes:,} bytes, {share:.0%} of the file",
        "MACs": f"{summary.macs:,} for one inference",
    }
    if summary.subgraphs > 1:
        overview["subgraphs"] = f"{summary.subgraphs}, of which this is the first"
    return overview


def _tensor_row(role: str, tensor: TensorSummary) -> tuple[str, ...]:
    match tensor.scales, tensor.zero_points:
        case [], _:
            quantization = ""
        case [scale], [zero_point]:
            quantization = f"scale {scale:.7g}, zero point {zero_point}"
        case scales, _:
            quantization = f"{len(scales)} scales"
    return role, tensor.dtype, _clip(_shape(tensor.shape), 32), quantization, tensor.name


def _op_row(index: int, op: OpSummary) -> tuple[str, ...]:
    inputs, outputs = (", ".join(map(_shape, shapes)) for shapes in (op.inputs, op.outputs))
    return (
        str(index),
        _clip(op.name, 32),
        f"{inputs} -> {outputs}",
        op.weights or "",
        f"{op.constant_bytes:,} B" if op.constant_bytes else "",
        f"{op.macs:,}" if op.macs is not None else "",
    )


def _metadata(summary: Summary) -> dict[str, str]:
    """Return what the file says about its use, as name and text."""
    if summary.metadata_error:
        return {"damaged": summary.metadata_error}
    if summary.metadata is None:
        return {"none": "neither labels nor normalisation"}
    labels = summary.metadata.labels
    more = ", …" if len(labels) > 20 else ""
    return {
        "labels": f"{len(labels)}: {', '.join(labels[:20])}{more}" if labels else "not given",
        "normalisation": _normalisation(summary.metadata),
        "framing": summary.metadata.framing,
    }


def _normalisation(metadata: Metadata) -> str:
    if not metadata.mean:
        return "not given"
    mean, std = (
        f"{values[0]:g}" if len(values) == 1 else f"[{', '.join(f'{v:g}' for v in values)}]"
        for values in (metadata.mean, metadata.std)
    )
    return f"(pixel - {mean}) / {std}, pixels 0 to 255"


def _flatten(mapping: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return nested mappings as one, with dotted names."""
    flat: dict[str, str] = {}
    for key, value in mapping.items():
        if isinstance(value, Mapping):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            flat[prefix + key] = text
    return flat


def _shape(shape: tuple[int, ...]) -> str:
    """Return a shape as 1×28×28×1, a dynamic dimension as a question mark."""
    return "×".join("?" if size < 0 else str(size) for size in shape) or "scalar"


def _pairs(pairs: Mapping[str, str]) -> list[str]:
    """Return aligned lines of name and text, long texts wrapped."""
    names = [_clip(name, 32) for name in pairs]
    indent = max(map(len, names), default=0) + 2
    lines = []
    for name, text in zip(names, pairs.values(), strict=True):
        first, *others = wrap(text, LINE - indent) or [""]
        lines += [name.ljust(indent) + first, *(" " * indent + line for line in others)]
    return lines


def _columns(
    rows: Sequence[tuple[str, ...]], elastic: int, right: tuple[int, ...] = ()
) -> list[str]:
    """Return rows with aligned columns, those numbered in ``right`` to the right.

    Column ``elastic`` gives way when a row would be too long.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    excess = sum(widths) + 2 * (len(widths) - 1) - LINE
    if excess > 0:
        widths[elastic] = max(8, widths[elastic] - excess)
    lines = []
    for row in rows:
        cells = (
            cell.rjust(width) if index in right else _clip(cell, width).ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        lines.append("  ".join(cells).rstrip())
    return lines


def _clip(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _plain(line: str) -> str:
    """Return the line with the control characters of a hostile file made harmless."""
    return "".join(character if character.isprintable() else "?" for character in line)
