"""Two quantisers beside each other: the figures of both files, and the error of each layer."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from edgekit.columns import columns

NONE = "–"


def compared(reports: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return what the reports of one model's conversions by different quantisers differ in.

    Args:
        reports: documents of ``report.document``; their layers are paired by the kind and the
            output of an op, in the order of the first.

    Returns:
        JSON-ready: the quantisers, and for each of them bytes, accuracy, agreement with the float
        model, RMS of the difference where the output is numbers, and SNR of each layer. None where
        there is no such figure.
    """
    layers: dict[tuple[str, str, int], list[dict[str, Any] | None]] = {}
    for position, report in enumerate(reports):
        seen: defaultdict[tuple[str, str], int] = defaultdict(int)
        for error in report["tensor_errors"]:
            name = error["op"].partition(" ")[2], error["tensor"]
            key = (*name, seen[name])
            seen[name] += 1
            measured = {figure: error[figure] for figure in ("snr_db", "lost_db", "exact")}
            layers.setdefault(key, [None] * len(reports))[position] = measured
    return {
        "quantizers": [report["recipe"]["quantizer"] for report in reports],
        "bytes": [report["bytes"]["tflite"] for report in reports],
        "accuracy": [_accuracy(report, "after", "accuracy") for report in reports],
        "agreement": [_accuracy(report, "agreement", "share") for report in reports],
        "rms": [report["numbers"] and report["numbers"]["difference"]["rms"] for report in reports],
        "layers": [
            {"op": op, "tensor": tensor, "errors": errors}
            for (op, tensor, _), errors in layers.items()
        ],
    }


def text(figures: dict[str, Any], ratio: Callable[[dict[str, Any]], str]) -> str:
    """Return the figures of ``compared`` as an aligned table.

    Args:
        figures: from ``compared``.
        ratio: an error's SNR as text.
    """
    kinds = {
        "bytes": "{:,}",
        "accuracy": "{:.5f}",
        "agreement": "{:.5f}",
        "rms": "{:.3g}",
    }
    rows = [["quantiser", *figures["quantizers"]]]
    rows += [
        [name, *(NONE if value is None else form.format(value) for value in figures[name])]
        for name, form in kinds.items()
        if any(value is not None for value in figures[name])
    ]
    rows += [
        [
            f"{layer['op']} {layer['tensor'].partition(';')[0]}",
            *(NONE if error is None else ratio(error) for error in layer["errors"]),
        ]
        for layer in figures["layers"]
    ]
    return "\n".join(columns(rows, elastic=0, right=range(1, len(rows[0]))))


def _accuracy(report: dict[str, Any], part: str, figure: str) -> Any:
    return report["accuracy"] and report["accuracy"][part][figure]
