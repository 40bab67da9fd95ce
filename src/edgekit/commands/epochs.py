"""Epochs as they go by on the terminal, and what they led to in the end."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgekit.commands import terminal

if TYPE_CHECKING:
    from edgekit.train.fit import Epoch


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
    width = max(5, *(len(label) for label in confusion["labels"])) + 2
    lines = [
        f"{metrics['correct']} of {metrics['total']} test images right: accuracy "
        f"{metrics['accuracy']:.5f} (95 % interval {low:.5f} to {high:.5f})",
        f"{metrics['epochs_run']} epochs in {metrics['seconds']:.1f} s, "
        f"{metrics['seconds_per_epoch'] * 1000:.0f} ms each; {metrics['parameters']:,} parameters",
        "",
        "predicted ↓ true →" + "".join(f"{label:>{width}}" for label in confusion["labels"]),
        *(
            f"{label:>18}" + "".join(f"{count:{width}}" for count in row)
            for label, row in zip(confusion["labels"], confusion["matrix"], strict=True)
        ),
    ]
    if confusion["positive_class"] is not None:
        lines.append(f"TP FP / FN TN with {confusion['positive_class']} as the positive class")
    return "\n".join(
        [
            *lines,
            *_kernels(metrics),
            "",
            f"written to {artifacts}{'' if str(artifacts) == '.' else '/'}",
        ]
    )


def _kernels(metrics: dict[str, Any]) -> list[str]:
    """What fine-tuning made of each kernel."""
    if (tuning := metrics.get("tuning")) is None:
        return []
    sizes, recipe = tuning["deflated_kernels"], tuning["recipe"]
    lines = [
        f"{kernel['layer']}: {kernel['weights']:,} weights, {kernel['sparsity']:.1%} of them 0, "
        f"{kernel['values']:,} different values"
        for kernel in tuning["kernels"]
    ]
    lines.append(
        f"all kernels in int8, deflated: {sizes['after']:,} bytes, {sizes['before']:,} before"
    )
    if recipe["qat"]:
        lines.append("int8 ranges: in model.keras, where `edgekit convert --quantize` takes them")
    return ["", *lines]
