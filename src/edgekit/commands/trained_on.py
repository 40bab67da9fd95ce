"""What a model was trained on, as the metrics.json beside it tells."""

import json
from typing import TYPE_CHECKING, Any

from edgekit.commands import terminal
from edgekit.errors import DataError
from edgekit.files import METRICS
from edgekit.train.tuning import STAGES

if TYPE_CHECKING:
    from edgekit.convert.source import Classifier
    from edgekit.train.data import Dataset


def metrics_of(classifier: "Classifier") -> dict[str, Any]:
    """Return the metrics that ``edgekit train`` or ``tune`` wrote with this very model, or {}."""
    path = classifier.path.parent / METRICS
    try:
        metrics = json.loads(path.read_text())
        if metrics["model_sha256"] == classifier.sha256:
            return dict(metrics)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return {}


def dataset_of(
    classifier: "Classifier",
    metrics: dict[str, Any],
    data: str | None,
    classes: tuple[str, ...] | None,
) -> "Dataset | None":
    """Load ``data``, or what the model was trained on; None where nothing says what that was.

    Raises:
        DataError: it cannot be loaded, or has another number of classes than the model.
    """
    from edgekit.train.data import image_shape, load

    own = metrics.get("data", {})
    source = data or own.get("source")
    if source is None:
        return None
    if classes is None and source == own.get("source"):
        classes = tuple(own["classes"])
    dataset = load(source, classes, image_shape(classifier.shape, str(classifier.path)))
    if data is None and dataset.sha256 != own.get("sha256"):
        terminal.warn(
            f"{source} is not what the model was trained on any more (its digest differs)"
        )
    if len(dataset.labels) != classifier.classes:
        raise DataError(
            f"{classifier.path}: tells {classifier.classes} classes apart, but the data has "
            f"{len(dataset.labels)} ({', '.join(dataset.labels)}); name the right ones with "
            "--classes"
        )
    return dataset


def hyper_parameters(metrics: dict[str, Any]) -> dict[str, Any] | None:
    """What travels in the .tflite of how the model was trained and fine-tuned."""
    recipe, tuning = metrics.get("recipe"), metrics.get("tuning")
    if recipe:
        # What was fine-tuned, after training or later, is in ``tuning``.
        recipe = {name: value for name, value in recipe.items() if name not in STAGES}
    return {**(recipe or {}), "tuning": tuning["recipe"]} if tuning else recipe
