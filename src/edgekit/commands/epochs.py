"""The progress and the summary of a training run on the terminal."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.columns import LINE, columns, shortened, width
from edgekit.commands import terminal
from edgekit.escape import line

if TYPE_CHECKING:
    from edgekit.train.fit import Epoch

NAMES = {"rmse": "RMSE", "mae": "MAE", "r2": "R²", "auc": "AUC", "macro_f1": "macro F1"}
"""Metrics as the summary names them, where that is not their own name."""

FEWEST = 4
"""Minimum width of a class in the confusion matrix, in columns of text."""


@contextmanager
def progress(total: int, what: str) -> Iterator[Callable[["Epoch"], None]]:
    """Show each finished epoch: a live bar on a terminal, one line per epoch otherwise."""
    with terminal.progress(what, total) as step:
        yield lambda epoch: step(f"epoch {epoch.number:3}  {_figures(epoch)}")


def _figures(epoch: "Epoch") -> str:
    stage = "" if epoch.stage == "train" else f"{epoch.stage:<8}"
    sides = (
        (f"{name}loss {loss:.5f}", "" if accuracy is None else f"accuracy {accuracy:.4f}")
        for name, loss, accuracy in (
            ("", epoch.loss, epoch.accuracy),
            ("held-out ", epoch.held_out_loss, epoch.held_out_accuracy),
        )
    )
    return stage + "  ".join(part for side in sides for part in side if part)


def summary(metrics: dict[str, Any], artifacts: Path) -> str:
    """Return the content of metrics.json as text."""
    time = (
        f"{metrics['epochs_run']} epochs in {metrics['seconds']:.1f} s, "
        f"{metrics['seconds_per_epoch'] * 1000:.0f} ms each; {metrics['parameters']:,} parameters"
    )
    answers = _accuracy(metrics, time) if "accuracy" in metrics else _others(metrics, time)
    return "\n".join(
        [
            *answers,
            *_kernels(metrics),
            "",
            f"written to {line(str(artifacts))}{'' if str(artifacts) == '.' else '/'}",
        ]
    )


def _accuracy(metrics: dict[str, Any], time: str) -> list[str]:
    """Return the lines on a classifier's answers, with that on the time after the first."""
    from edgekit.train.card import noun

    confusion = metrics["confusion_matrix"]
    low, high = metrics["accuracy_95"]
    lines = [
        f"{metrics['correct']} of {metrics['total']} test {noun(metrics)} right: accuracy "
        f"{metrics['accuracy']:.5f} (95 % interval {low:.5f} to {high:.5f})",
        time,
        "",
        *_matrix(confusion["labels"], confusion["matrix"]),
    ]
    if confusion["positive_class"] is not None:
        positive = line(confusion["positive_class"])
        lines.append(f"TP FP / FN TN with {positive} as the positive class")
    return lines


def _others(metrics: dict[str, Any], time: str) -> list[str]:
    """Return the lines on a model of labels or numbers, likewise."""
    from edgekit.train.card import noun

    found = {**metrics.get("errors", {}), **metrics.get("metrics", {})}
    listed = ", ".join(
        f"{NAMES.get(name, name)} {value:.5g}" for name, value in found.items() if value is not None
    )
    return [f"{metrics['total']} test {noun(metrics)}, {metrics['task']}: {listed}", time]


def _matrix(labels: Sequence[str], matrix: Sequence[Sequence[int]]) -> list[str]:
    """Return the lines of the confusion matrix, with names shortened to fit."""
    corner = "predicted ↓ true →"
    room = (LINE - width(corner)) // len(labels) - 2
    if room < FEWEST:
        from edgekit.train.plots import CONFUSION_MATRIX

        return [f"{len(labels)} classes: their confusion matrix is in {CONFUSION_MATRIX}"]
    names = [line(label) for label in labels]
    rows = [(corner, *(shortened(name, room) for name in names))]
    rows += [
        (shortened(name, width(corner)), *map(str, row))
        for name, row in zip(names, matrix, strict=True)
    ]
    return columns(rows, right=range(len(rows[0])))


def _kernels(metrics: dict[str, Any]) -> list[str]:
    """Return the lines on each kernel after fine-tuning."""
    if (tuning := metrics.get("tuning")) is None:
        return []
    sizes, recipe = tuning["deflated_kernels"], tuning["recipe"]
    lines = [
        f"{line(kernel['layer'])}: {kernel['weights']:,} weights, {kernel['sparsity']:.1%} of "
        f"them 0, {kernel['values']:,} different values"
        for kernel in tuning["kernels"]
    ]
    lines.append(
        f"all kernels in int8, deflated: {sizes['after']:,} bytes, {sizes['before']:,} before"
    )
    if recipe["qat"]:
        lines.append("int8 ranges: in model.keras, for `edgekit convert --quantize`")
    return ["", *lines]
