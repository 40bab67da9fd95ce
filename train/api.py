"""Training from Python: what ``edgekit train`` does, as a function."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgekit import frameworks
from edgekit.errors import DataError
from edgekit.train import outcome
from edgekit.train.data import load
from edgekit.train.dataset import Dataset
from edgekit.train.finetune import run as finetune
from edgekit.train.finetune.recipe import after_training
from edgekit.train.fit import Epoch, fit, split
from edgekit.train.reading import NOTHING_CHOSEN, Reading
from edgekit.train.recipe import Recipe


def train(
    artifacts: str | Path,
    recipe: Recipe | None = None,
    *,
    data: str = "mnist",
    classes: tuple[str, ...] | None = None,
    framing: str | None = None,
    reading: Reading = NOTHING_CHOSEN,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
) -> dict[str, Any]:
    """Train the documented model and write it with its figures into a folder.

    Args:
        artifacts: the folder for all files that ``edgekit train`` writes.
        recipe: the hyper-parameters; None for the documented ones.
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
    dataset = pictures(recipe, data, classes, framing, reading)
    training = fit(recipe, dataset, on_epoch)
    tuning, tuned = after_training(recipe), None
    if tuning.stages:
        sets = finetune.Data(*split(recipe, dataset))
        tuned = finetune.tune(training.model, tuning, sets, "the trained model", on_epoch=on_epoch)
    return outcome.write(Path(artifacts), recipe, dataset, training, tuned)


def pictures(
    recipe: Recipe,
    data: str,
    classes: tuple[str, ...] | None,
    framing: str | None,
    reading: Reading = NOTHING_CHOSEN,
) -> Dataset:
    """Load the pictures to train on; arguments as for :func:`train`.

    Raises:
        DataError: the data cannot be loaded, is not pictures with classes, or is too little.
    """
    # The documented model reads digits; arrays are assumed to be framed already.
    framing = framing or ("digit" if Path(data).is_dir() else "resize")
    dataset = load(data, classes, framing=framing, reading=reading)
    if not dataset.pixels or not dataset.labels:
        raise DataError(
            f"{data}: edgekit train needs pictures, which are uint8, with classes; `edgekit "
            "convert`, `tune` and `bench` accept models of other data"
        )
    if int(len(dataset.x_train) * (1 - recipe.validation_split)) < 1:
        raise DataError(
            f"--validation-split {recipe.validation_split} leaves none of the "
            f"{len(dataset.x_train)} training images"
        )
    return dataset
