"""Epochs as they go by on the terminal, and what they led to in the end."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.columns import LINE, columns, shortened, width
from edgekit.commands import terminal
from edgekit.escape import line

if TYPE_CHECKING:
    from edgekit.train.fit import Epoch

FEWEST = 4
"""Columns that a class gets in the confusion matrix, at least."""


@contextmanager
def progress(total: int, what: str) -> Iterator[Callable[["Epoch"], None]]:
    """Show epochs as they end: a live bar on a terminal, a line each otherwise."""
    with terminal.progress(what, total) as step:
        yield lambda epoch: step(f"epoch {epoch.number:3}  {_figures(epoch)}")


def _figures(epoch: "Epoch") -> str:
    stage = "" if epoch.stage == "train" else f"{epoch.stage:<8}"
    return (
        f"{stage}loss {epoch.loss:.5f}  accuracy {epoch.accuracy:.4f}  "
        f"held-out loss {epoch.held_out_loss:.5f}  accuracy {epoch.held_out_accuracy:.4f}"
    )


def summary(metrics: dict[str, Any], artifacts: Path) -> str:
    """Return metrics.json in the words of a person."""
    confusion = metrics["confusion_matrix"]
    low, high = metrics["accuracy_95"]
    lines = [
        f"{metrics['correct']} of {metrics['total']} test images right: accuracy "
        f"{metrics['accuracy']:.5f} (95 % interval {low:.5f} to {high:.5f})",
        f"{metrics['epochs_run']} epochs in {metrics['seconds']:.1f} s, "
        f"{metrics['seconds_per_epoch'] * 1000:.0f} ms each; {metrics['parameters']:,} parameters",
        "",
        *_matrix(confusion["labels"], confusion["matrix"]),
    ]
    if confusion["positive_class"] is not None:
        positive = line(confusion["positive_class"])
        lines.append(f"TP FP / FN TN with {positive} as the positive class")
    return "\n".join(
        [
            *lines,
            *_kernels(metrics),
            "",
            f"written to {line(str(artifacts))}{'' if str(artifacts) == '.' else '/'}",
        ]
    )


def _matrix(labels: Sequence[str], matrix: Sequence[Sequence[int]]) -> list[str]:
    """Return the confusion matrix, as much of the names as a line has room for."""
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
    """What fine-tuning made of each kernel."""
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
        lines.append("int8 ranges: in model.keras, where `edgekit convert --quantize` takes them")
    return ["", *lines]
