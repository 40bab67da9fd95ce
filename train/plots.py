"""The pictures of a training run, as PNG."""

from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from warnings import catch_warnings

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path
from matplotlib.ticker import MaxNLocator

from edgekit.columns import shortened, told_apart, width
from edgekit.escape import line, plot
from edgekit.files import replacing
from edgekit.train.dataset import Dataset
from edgekit.train.fit import Epoch, FloatArray, Training
from edgekit.train.recipe import Recipe

LEARNING_CURVES = "learning_curves.png"
CONFUSION_MATRIX = "confusion_matrix.png"
SAMPLES = "samples.png"

BLUE, ORANGE, INK, RED, GREEN = "#2457a6", "#d9722b", "#22262e", "#b3261e", "#17794a"
DPI = 144
SAMPLE_ROWS = 5
"""Maximum rows of pictures on the page of sample predictions."""

SMALL = 7.0
"""Font size of the samples' captions, in points."""

NAME = 40
"""Maximum width of the data's name in a title, in columns of text."""

SHORT_NAME = 12
"""Width up to which the data's name fits on the title line of the smallest confusion matrix."""

NAMES = (24, 48)
"""Maximum widths of class names: longer ones are shortened in the middle to the first width, or to
the second if they would look the same."""

MOST_COUNTED = 40
"""Maximum number of classes whose confusion matrix shows counts; more would be illegible."""


@contextmanager
def _with_text_of_files() -> Iterator[None]:
    """Draw without TeX, whatever the user's settings, and without warnings on missing glyphs.

    A label must not run as TeX; a character that the font lacks is drawn as a box.
    """
    with rc_context({"text.usetex": False}), catch_warnings(action="ignore", category=UserWarning):
        yield


@_with_text_of_files()
def learning_curves(
    path: Path, training: Training, data_name: str, recipe: Recipe | None = None
) -> None:
    """Draw loss, and accuracy of a classifier, over the epochs: of training and held-out set.

    Vertical lines mark the best epoch by the monitored loss, the last epoch of training and the
    first epoch of each stage of fine-tuning.
    """
    history, held_out = training.history, training.held_out
    classifies = all(epoch.accuracy is not None for epoch in history)
    figure = Figure(figsize=(9 if classifies else 6, 4.2), layout="constrained")
    loss, *others = figure.subplots(1, 1 + classifies, squeeze=False)[0]
    epochs = [epoch.number for epoch in history]
    _curve(loss, epochs, [e.loss for e in history], "training", BLUE)
    _curve(loss, epochs, [e.held_out_loss for e in history], held_out, ORANGE)
    loss.set(yscale="log", ylabel=f"{training.loss.replace('_', ' ')} (log scale)")
    for accuracy in others:
        _curve(accuracy, epochs, [e.accuracy or 0.0 for e in history], "training", BLUE)
        _curve(accuracy, epochs, [e.held_out_accuracy or 0.0 for e in history], held_out, ORANGE)
        accuracy.set(ylabel="accuracy")
    for axes in (loss, *others):
        for number, label, color, style in _marks(training, recipe):
            axes.axvline(number, label=label, color=color, linestyle=style, linewidth=1.1)
        axes.set(xlabel="epoch", xlim=(epochs[0] - 0.5, epochs[-1] + 0.5))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    lines, names = loss.get_legend_handles_labels()
    figure.legend(lines, names, loc="outside lower center", ncols=3, frameon=False, fontsize=8.5)
    figure.suptitle(f"Learning curves, data: {_shown(data_name, NAME)}", color=INK)
    _save(figure, path, data_name)


def _marks(training: Training, recipe: Recipe | None) -> list[tuple[int, str, str, str]]:
    """Return epoch, label, colour and line style of each mark."""
    stages: dict[str, list[Epoch]] = {}
    for epoch in training.history:
        stages.setdefault(epoch.stage, []).append(epoch)
    marks = []
    if trained := stages.pop("train", None):
        monitored, name = _monitored(training, recipe)
        best = min(trained, key=monitored).number
        marks.append((best, f"lowest {name}: epoch {best}", GREEN, ":"))
        last, limit = trained[-1].number, recipe.epochs if recipe else len(trained)
        early = f" early, of {limit}" if len(trained) < limit else ""
        marks.append((last, f"training stopped{early}: epoch {last}", INK, "--"))
    for (stage, epochs), style in zip(stages.items(), ("-.", "--", ":"), strict=False):
        first = epochs[0].number
        marks.append((first, f"{stage} from epoch {first}", RED, style))
    return marks


def _monitored(training: Training, recipe: Recipe | None) -> tuple[Callable[[Epoch], float], str]:
    if recipe and recipe.monitor == "val_loss":
        return (lambda epoch: epoch.held_out_loss), f"{training.held_out} loss"
    return (lambda epoch: epoch.loss), "training loss"


@_with_text_of_files()
def confusion_matrix(
    path: Path,
    matrix: Sequence[Sequence[int]],
    labels: Sequence[str],
    data_name: str,
    noun: str,
) -> None:
    """Draw the confusion matrix: rows predicted, columns true, TP FP / FN TN for two classes."""
    counts = np.array(matrix)
    size = len(labels)
    shown = [plot(label) for label in told_apart(labels, *NAMES)]
    # Many cells are smaller cells; the class names need space of their own.
    cell = 0.55 if size <= 20 else max(0.16, 11 / size)
    names_font = 10 if cell > 0.3 else 6
    room = max(_points(label, names_font) for label in shown) / 72
    # The matrix of two classes is as wide as its title.
    turned = room > (cell if size > 2 else 1.1)
    side = 2.6 + cell * size
    figure = Figure(
        figsize=(side + 0.6 + room, side + (room if turned else 0)), layout="constrained"
    )
    axes = figure.subplots()
    share = counts / np.maximum(1, counts.sum(axis=0))
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    names = (("TP", "FP"), ("FN", "TN")) if size == 2 else None
    for row, column in np.ndindex(counts.shape) if size <= MOST_COUNTED else ():
        text = f"{counts[row, column]}"
        axes.text(
            column,
            row,
            f"{names[row][column]}\n{text}" if names else text,
            ha="center",
            va="center",
            fontsize=13 if names else min(8, 72 * cell / (0.65 * max(4, len(str(counts.max()))))),
            color="white" if share[row, column] > 0.5 else INK,
        )
    axes.set_xticks(range(size), shown, rotation=90 if turned else 0, fontsize=names_font)
    axes.set_yticks(range(size), shown, fontsize=names_font)
    axes.set(xlabel="true class", ylabel="predicted class")
    positive = f"\npositive class: {shown[0]}" if names else ""
    data = _shown(data_name, NAME)
    gap = " " if width(data) <= SHORT_NAME else "\n"
    axes.set_title(f"Confusion matrix, test {noun} of{gap}{data}{positive}", fontsize=10)
    _save(figure, path, data_name)


@_with_text_of_files()
def samples(path: Path, dataset: Dataset, scores: FloatArray) -> None:
    """Draw a page of test images, each with its predicted and its true class.

    Wrong predictions come first, then the least certain ones, then others. Grey digits are drawn
    as ink on paper, other pictures as they are. No page is drawn of data that is not pictures.

    Args:
        path: file to write.
        dataset: has the test images, uint8 [N, H, W, 1 or 3].
        scores: the model's scores [N, classes] on them.
    """
    if dataset.x_test.ndim != 4 or dataset.x_test.shape[-1] not in (1, 3):
        return
    labels = dataset.labels
    longest = max(width(line(label)) for label in labels)
    columns = 12 if longest <= 8 else 8 if longest <= 14 else 6
    indices = _interesting(dataset, scores, SAMPLE_ROWS * columns)
    rows = -(-len(indices) // columns)
    side = 10.8 / columns
    room = 72 * side - 6
    figure = Figure(figsize=(10.8, rows * (side + 0.42) + 0.5), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes, index in zip(grid.flat, indices, strict=False):
        predicted, true = int(scores[index].argmax()), int(dataset.y_test[index])
        color = INK if predicted == true else RED
        answer = _caption("{} " + f"{scores[index].max():.2f}", labels[predicted], room)
        _picture(axes, dataset, index)
        axes.set_title(answer, fontsize=SMALL, color=color)
        truth = _caption("true: {}", labels[true], room)
        axes.set_xlabel(truth, fontsize=SMALL, color=color, labelpad=2)
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    figure.suptitle(
        "Predicted class with its score, and below the true one; data: "
        f"{_shown(dataset.name, NAME)} (wrong ones first, then the least certain)",
        fontsize=10,
        color=INK,
    )
    _save(figure, path, dataset.name)


def _shown(text: str, most: int) -> str:
    """Return a file's text as a figure shows it, in at most ``most`` columns."""
    return plot(shortened(line(text), most))


def _caption(form: str, label: str, points: float) -> str:
    """Return ``form`` with as much of the label as fits into ``points``."""

    def shortened_to(most: int) -> str:
        return form.format(_shown(label, most))

    widths = range(2, width(line(label)) + 1)
    too_wide = bisect(widths, 0, key=lambda most: _points(shortened_to(most), SMALL) > points)
    return shortened_to(max(1, too_wide + 1))


def _points(text: str, size: float) -> float:
    """Return the width of a text, in points."""
    font = FontProperties(size=size)
    return float(text_to_path.get_text_width_height_descent(text, font, ismath=False)[0])


def _picture(axes: Axes, dataset: Dataset, index: int) -> None:
    image = dataset.x_test[index]
    if image.shape[-1] == 3:
        axes.imshow(image)
    else:
        ink = "gray_r" if dataset.framing == "digit" else "gray"
        axes.imshow(image[:, :, 0], cmap=ink, vmin=0, vmax=255)


def _interesting(dataset: Dataset, scores: FloatArray, count: int) -> list[int]:
    """Return indices: wrong answers, then the least certain ones, then evenly spread others."""
    top_two = np.sort(scores, axis=1)[:, -2:]
    wrong = np.flatnonzero(scores.argmax(axis=1) != dataset.y_test)
    uncertain = np.argsort(top_two[:, 1] - top_two[:, 0], kind="stable")[: count // 2]
    spread = np.linspace(0, len(scores) - 1, min(count, len(scores))).astype(int)
    order = dict.fromkeys(int(i) for i in (*wrong, *uncertain, *spread))
    return list(order)[:count]


def _curve(
    axes: Axes, epochs: Sequence[int], values: Sequence[float], name: str, color: str
) -> None:
    axes.plot(epochs, values, label=name, color=color, marker="." if len(epochs) < 30 else "")


def _save(figure: Figure, path: Path, data_name: str) -> None:
    with replacing(path) as temporary:
        # Without the version of matplotlib the same figures give the same bytes.
        metadata = {"Software": None, "Description": f"data: {line(data_name)}"}
        figure.savefig(temporary, dpi=DPI, metadata=metadata)
