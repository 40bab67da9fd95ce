"""Training from Python: what ``edgekit train`` does, as a function."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from edge_runtime.meaning import ANOMALY, LOGITS, MULTILABEL, NUMBERS, PROBABILITIES, REGRESS
from edgekit import frameworks
from edgekit.errors import DataError
from edgekit.train import outcome, own_model
from edgekit.train.data import load
from edgekit.train.dataset import IMAGE_SHAPE, Dataset
from edgekit.train.finetune import run as finetune
from edgekit.train.finetune.recipe import after_training
from edgekit.train.fit import Epoch, Progress, fit, learned, split
from edgekit.train.normalization import NONE, of_training
from edgekit.train.reading import NOTHING_CHOSEN, Reading
from edgekit.train.recipe import Recipe


def train(
    artifacts: str | Path,
    recipe: Recipe | None = None,
    *,
    model: str | None = None,
    data: str = "mnist",
    classes: tuple[str, ...] | None = None,
    framing: str | None = None,
    reading: Reading = NOTHING_CHOSEN,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
) -> dict[str, Any]:
    """Train the documented model, or the user's own, and write it with its figures into a folder.

    Args:
        artifacts: the folder for all files that ``edgekit train`` writes.
        recipe: the hyper-parameters; None for the documented ones.
        model: "PATH.py:FUNCTION" of the user's own model; None for the documented one.
        data: "mnist", "synthetic", or the path of a folder of class folders or an .npz.
        classes: class names in the order of the scores; None for 0 and 1, or all of a path.
        framing: how pictures become 28×28; None for "digit" of a folder, "resize" of an .npz.
        reading: how the pictures of a path are read.
        on_epoch: called after each epoch.

    Returns:
        The content of metrics.json.

    Raises:
        EdgekitError: the data cannot be used, or training diverged.
    """
    recipe = recipe or Recipe()
    frameworks.train_on_one_thread()
    own = own_model.load(model) if model else None
    if own:
        recipe = replace(recipe, model=own.spelling, model_sha256=own.sha256)
    dataset = inputs(recipe, data, classes, framing, reading)
    training = fit(recipe, dataset, Progress(on_epoch), own)
    tuning, tuned = after_training(recipe), None
    use = use_of(dataset, training.model, recipe)
    if tuning.stages:
        sets = split(recipe, learned(dataset, use.task), training.model)
        where = "the trained model"
        tuned = finetune.tune(training.model, tuning, sets, where, use.task, on_epoch=on_epoch)
    return outcome.write(Path(artifacts), recipe, dataset, training, use, tuned)


def use_of(dataset: Dataset, model: Any, recipe: Recipe) -> outcome.Use:
    """Return how a Keras model that was trained on a dataset is used."""
    task = own_model.task_of(model, dataset, recipe)
    normalization = of_training(learned(dataset, task))
    if task in (REGRESS, ANOMALY):
        meaning = NUMBERS
    else:
        scores = own_model.ending(model) in own_model.ENDING_IN_SCORES
        meaning = PROBABILITIES if scores else LOGITS
    return outcome.Use(None if normalization == NONE else normalization, meaning, task)


def inputs(
    recipe: Recipe,
    data: str,
    classes: tuple[str, ...] | None,
    framing: str | None,
    reading: Reading = NOTHING_CHOSEN,
) -> Dataset:
    """Load the data to train on; arguments as for :func:`train`.

    Raises:
        DataError: the data cannot be loaded, are too few, or are not pictures with classes, as the
            documented model needs.
    """
    if recipe.model:
        undecided = recipe.task in ("", ANOMALY)
        dataset = load(
            data,
            classes,
            None,
            framing=framing or "resize",
            reading=reading,
            numbers=None if undecided else recipe.task in (REGRESS, MULTILABEL),
            may_lack=recipe.task == ANOMALY,
        )
    else:
        # The documented model reads digits; arrays are assumed to be framed already.
        usual = "digit" if Path(data).is_dir() else "resize"
        dataset = load(data, classes, IMAGE_SHAPE, framing=framing or usual, reading=reading)
        if not dataset.pixels or not dataset.labels:
            raise DataError(
                f"{data}: the documented model needs pictures, which are uint8, with classes; "
                "train a model of your own with --model"
            )
    if int(len(dataset.x_train) * (1 - recipe.validation_split)) < 1:
        raise DataError(
            f"--validation-split {recipe.validation_split} leaves none of the "
            f"{len(dataset.x_train)} training inputs"
        )
    return dataset
