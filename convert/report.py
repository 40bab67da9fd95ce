"""The report of a conversion: the document stored beside the file, and the text on screen."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from math import inf, isfinite, isinf
from typing import Any

from edge_runtime.front_end import from_json
from edge_runtime.graph import Graph
from edgekit import sounds
from edgekit.convert import beside, input_range, metric_rows
from edgekit.convert.compare import TensorError
from edgekit.convert.conversion import Conversion
from edgekit.convert.job import Job
from edgekit.convert.measuring import Measured
from edgekit.convert.metric_rows import Row, row
from edgekit.convert.source import TrainedModel
from edgekit.convert.targets import TARGETS, Verdict
from edgekit.ranking import Threshold

FORMAT = "edgekit convert"
VERSION = 1

MOST = 32
"""Most ops in order, and most layers, that the text names; the document has all."""


def document(
    *,
    trained: TrainedModel,
    conversion: Conversion,
    job: Job,
    graph: Graph,
    digest: str,
    measured: Measured,
    threshold: Threshold | None,
    errors: Sequence[TensorError],
    verdict: Verdict,
    deflated: int,
    learned: bool,
) -> dict[str, Any]:
    """Return the figures of a conversion as one JSON-ready document."""
    calibration, data, pixels = job.calibration, job.data, job.pixels
    return {
        "format": FORMAT,
        "version": VERSION,
        "model": {
            "path": trained.path.name,
            "origin": trained.origin,
            "sha256": trained.sha256,
            "parameters": trained.parameters,
        },
        "recipe": asdict(conversion),
        "data": data and {**data.provenance, "source": data.source},
        "input_range": {
            "pixels": None if pixels is None else [pixels.low, pixels.high],
            "reason": _reason(job),
            "features": job.features and asdict(job.features),
            "framing": job.framing,
            "audio": job.audio and job.audio.to_json(),
        },
        "meaning": {"name": job.meaning.name, "reason": job.meaning.reason},
        "task": {"name": job.meaning.task, "stated": job.meaning.stated},
        "threshold": threshold and asdict(threshold),
        "warnings": list(job.warnings),
        "calibration": calibration
        and {
            "source": calibration.source,
            "samples": calibration.samples,
            "per_class": list(calibration.counts),
            "seed": conversion.calibration_seed,
            "warnings": list(calibration.warnings),
        },
        "ranges": "learned" if learned else "calibrated" if calibration else None,
        "tflite_sha256": digest,
        "bytes": {
            "keras_file": trained.size,
            "float32_weights": 4 * trained.parameters,
            "tflite": graph.size,
            "tflite_deflated": deflated,
        },
        **asdict(measured),
        "tensor_errors": [
            {
                **asdict(e),
                "exact": e.snr_db == inf,
                "snr_db": None if isinf(e.snr_db) else round(e.snr_db, 2),
                "lost_db": None if isinf(e.lost_db) else round(e.lost_db, 2),
                "largest": e.largest if isfinite(e.largest) else None,
            }
            for e in errors
        ],
        "ops": [op.name for op in graph.ops],
        "target": asdict(verdict),
        "gates": [],
        "beside": None,
    }


def text(report: dict[str, Any]) -> str:
    """Return the report as lines of text."""
    lines = [f"{name:<12} {value}" for name, value in rows(report)]
    if report["beside"]:
        lines += ["", beside.text(report["beside"], ratio), ""]
    return "\n".join(lines)


def rows(report: dict[str, Any]) -> list[Row]:
    """Return the report as rows of a name and a value."""
    recipe, size = report["recipe"], report["bytes"]
    lines = [
        row(
            "size",
            f"{size['tflite']:,} bytes, {size['tflite_deflated']:,} deflated; the weights are "
            f"{size['float32_weights']:,} in float32, {_source(report['model'])} "
            f"{size['keras_file']:,}",
        ),
        row("ops", _ops(report["ops"])),
        row("input", _input(report["input_range"])),
        row("output", f"{report['meaning']['name']}: {report['meaning']['reason']}"),
        row("task", _task(report["task"], report["meaning"])),
    ]
    if recipe["quantizer"] == "litert":
        lines.append(row("quantiser", _quantizer(recipe)))
    if recipe["equalize"]:
        lines.append(row("equalised", "channels of layers that follow each other"))
    if calibration := report["calibration"]:
        counts = calibration["per_class"]
        spread = ", ".join(map(str, counts if len(set(counts)) > 1 else counts[:1]))
        lines.append(
            row(
                "calibration",
                f"{calibration['samples']} samples of {calibration['source']}"
                + (f" ({spread} a class)" if spread else "")
                + f", seed {calibration['seed']}",
            )
        )
    if report["ranges"] == "learned":
        lines.append(row("ranges", "learned in quantisation-aware training; not calibrated"))
    lines += (
        _output_rows(report["outputs"])
        or _numbers_rows(report["numbers"])
        or metric_rows.of_labels(report["labels"])
        or _accuracy_rows(report["accuracy"])
    )
    if report["accuracy"]:
        classes = report["data"]["classes"]
        lines += metric_rows.of_classes(report["accuracy"], report["meaning"]["name"], classes)
    lines += metric_rows.of_anomalies(report["anomalies"])
    lines += metric_rows.of_threshold(report["threshold"], report["task"]["name"])
    lines += _error_rows(report["tensor_errors"], recipe["scheme"])
    lines += _target_rows(report["target"])
    return lines + metric_rows.of_gates(report["gates"])


def _task(task: dict[str, Any], meaning: dict[str, Any]) -> str:
    """Return the task, and what else was guessed from."""
    if task["stated"]:
        return f"{task['name']}, as --task says"
    return f"{task['name']}, guessed: {meaning['reason']}; --task says another"


def _source(model: dict[str, Any]) -> str:
    kind = {"TFLite": "float", "ONNX": "ONNX"}.get(model["origin"], "Keras")
    return f"the {kind} file"


def _quantizer(recipe: dict[str, Any]) -> str:
    kept = recipe["keep_float"]
    return "LiteRT's" + (f"; in float32 stays {', '.join(kept)}" if kept else "")


def _ops(ops: Sequence[str]) -> str:
    """Return the ops in order, or the number of each kind where they are many."""
    if len(ops) <= MOST:
        return " → ".join(ops)
    kinds = Counter(ops).most_common()
    return f"{len(ops):,}: " + ", ".join(f"{count} {kind}" for kind, count in kinds)


def _reason(job: Job) -> str:
    if job.pixels:
        return job.pixels.reason
    return input_range.TRAINED if job.features else "the inputs are numbers"


def _input(entry: dict[str, Any]) -> str:
    if entry.get("features"):
        return (
            f"features, of each its mean is subtracted, and divided by its std: {entry['reason']}"
        )
    if entry["pixels"] is None:
        return f"as it is: {entry['reason']}"
    low, high = entry["pixels"]
    become = f"0 to 255 become {low:g} to {high:g}: {entry['reason']}"
    if entry.get("audio"):
        return f"sound, {sounds.described(from_json(entry['audio']))}; bytes {become}"
    return f"pixels {become}"


def _numbers_rows(compared: dict[str, Any] | None) -> list[Row]:
    if compared is None:
        return []
    rows = []
    if compared["before"]:
        texts = [
            f"RMSE {e['rmse']:.4g}, MAE {e['mae']:.4g}"
            + ("" if e["r2"] is None else f", R² {e['r2']:.5f}")
            for e in (compared["before"], compared["after"])
        ]
        rows.append(row("error", f"{texts[0]} before; {texts[1]} after ({compared['total']})"))
    rows += metric_rows.of_targets(compared["targets"])
    return [*rows, row("agreement", f"outputs differ by {_apart(compared['difference'])}")]


def _output_rows(outputs: Sequence[dict[str, Any]] | None) -> list[Row]:
    """Return the agreement of each of several outputs."""
    return [
        row("agreement", f"{one['name']}: its numbers differ by {_apart(one['difference'])}")
        for one in outputs or ()
    ]


def _apart(difference: dict[str, float]) -> str:
    return (
        f"{difference['rms']:.3g} (RMS), by at most {difference['largest']:.3g}; their own spread "
        f"is {difference['spread']:.3g}"
    )


def _accuracy_rows(accuracy: dict[str, Any] | None) -> list[Row]:
    if accuracy is None:
        return [row("accuracy", "not measured: --data says which test inputs to use")]
    before, after, agreement = accuracy["before"], accuracy["after"], accuracy["agreement"]
    ties = accuracy["ties"]
    rows = [
        row(
            "accuracy",
            f"{before['accuracy']:.5f} before, {after['accuracy']:.5f} after "
            f"({before['correct']} and {after['correct']} of {after['total']}; "
            f"95 % interval {after['accuracy_95'][0]:.5f} to {after['accuracy_95'][1]:.5f})",
        ),
        row(
            "agreement",
            f"{agreement['agreeing']} of {agreement['total']} answers are the same; scores differ "
            f"by at most {agreement['largest_score_difference']:.3g}",
        ),
    ]
    if ties["after"]:
        rows.append(
            row(
                "ties",
                f"{ties['after']} answers share their top score with another class, "
                f"{ties['before']} before",
            )
        )
    return rows


def _error_rows(errors: Sequence[dict[str, Any]], scheme: str) -> list[Row]:
    noisy = [e for e in errors if not e["exact"]]
    if not noisy:
        return []
    ranked = sorted(noisy, key=_badness, reverse=True)
    worst, shown = ranked[0], errors
    if len(errors) > MOST:
        shown = [e for e in errors if e in ranked[:MOST]]
    ratios = ", ".join(f"{e['op']} {ratio(e)}" for e in shown)
    more = "" if shown is errors else f"; the other {len(errors) - len(shown)} lose less"
    return [
        row(
            "worst layer",
            f"{worst['op']}: SNR {ratio(worst)}, {scheme} against float"
            + (f"; {worst['lost_db']:.1f} dB are lost in it" if worst["lost_db"] else ""),
        ),
        row("each layer", ratios + more),
    ]


def _badness(error: dict[str, Any]) -> tuple[float, float]:
    """Return what orders layers: the decibels lost in them, then the noise that they have."""
    lost, ratio = error["lost_db"], error["snr_db"]
    return inf if lost is None else float(lost), inf if ratio is None else -float(ratio)


def ratio(error: dict[str, Any]) -> str:
    """Return the SNR of a layer's error as text."""
    if error["exact"]:
        return "exact"
    return "noise only" if error["snr_db"] is None else f"{error['snr_db']:.1f} dB"


def _target_rows(verdict: dict[str, Any]) -> list[Row]:
    title = TARGETS[verdict["target"]].title
    if not verdict["fallbacks"]:
        return [row("target", f"{title} runs all of it")]
    return [
        row("target", f"{title} runs it, but not all of it itself:"),
        *(row("", fallback) for fallback in verdict["fallbacks"]),
    ]
