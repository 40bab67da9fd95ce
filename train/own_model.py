"""A model of the user's own: the function that ``edgekit train --model PATH.py:FUNCTION`` names."""

import hashlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from edge_runtime.meaning import ANOMALY, BINARY, CLASSIFY, MULTILABEL, REGRESS
from edgekit import frameworks
from edgekit.errors import ModelFileError, did_you_mean
from edgekit.train.data import labels_of
from edgekit.train.dataset import Dataset
from edgekit.train.model import optimizer
from edgekit.train.recipe import Recipe

ENDING_IN_SCORES = ("sigmoid", "softmax")
ONE_CLASS = (CLASSIFY, BINARY)
"""Tasks whose answer is one class."""

SHAPING = ("Flatten", "Reshape", "Permute", "Dropout")
"""Layers that change no value."""

BINARY_LOSSES = ("binary_crossentropy", "bce")
NUMBER_LOSSES = (
    *("mean_squared_error", "mean_absolute_error", "mse", "mae", "huber", "log_cosh"),
    *("mean_squared_logarithmic_error", "mean_absolute_percentage_error", "poisson"),
)
"""Losses of numbers by Keras' names."""


@dataclass(frozen=True)
class ModelFunction:
    """A function that builds a Keras model.

    Attributes:
        path: its file.
        name: its name in the file.
        sha256: digest of the file.
        function: from the input's shape without the batch, and the number of classes (of numbers to
            predict, if there are no classes), to a Keras model.
    """

    path: Path
    name: str
    sha256: str
    function: Callable[[tuple[int, ...], int], Any]

    @property
    def spelling(self) -> str:
        """The file's name and the function's, without the path, which means nothing elsewhere."""
        return f"{self.path.name}:{self.name}"


def load(text: str) -> ModelFunction:
    """Load the function of ``PATH.py:FUNCTION``; modules beside the file can be imported from it.

    Raises:
        ModelFileError: there is no such file or function, or the file cannot be run.
    """
    file, colon, name = text.rpartition(":")
    if not colon or not name.isidentifier() or not file.endswith(".py"):
        raise ModelFileError(f"--model {text!r}: expected PATH.py:FUNCTION, as model.py:build")
    path = Path(file)
    if not path.is_file():
        raise ModelFileError(f"--model {text}: {path} is no file; `edgekit new` writes one")
    module = _run(path)
    functions = [key for key, value in vars(module).items() if inspect.isfunction(value)]
    function = getattr(module, name, None)
    if not callable(function):
        raise ModelFileError(
            f"--model {text}: {path} has no function {name!r}{did_you_mean(name, functions)}"
        )
    try:
        inspect.signature(function).bind((), 0)
    except (TypeError, ValueError):
        raise ModelFileError(
            f"--model {text}: {name} must accept two arguments, the input's shape and the number "
            "of classes"
        ) from None
    return ModelFunction(path, name, hashlib.sha256(path.read_bytes()).hexdigest(), function)


def _run(path: Path) -> ModuleType:
    """Run a file of the user's as a module."""
    specification = importlib.util.spec_from_file_location(path.stem, path)
    if specification is None or specification.loader is None:
        raise ModelFileError(f"{path}: Python cannot import it")
    module = importlib.util.module_from_spec(specification)
    # As for a script: classes of the file can be found, and what lies beside it imported.
    sys.modules.setdefault(path.stem, module)
    sys.path.insert(0, str(path.resolve().parent))
    frameworks.keras()
    try:
        specification.loader.exec_module(module)
    except Exception as error:
        raise ModelFileError(f"{_where(error, path)}: {_what(error)}") from error
    return module


def build(own: ModelFunction, recipe: Recipe, dataset: Dataset) -> Any:
    """Return the compiled Keras model of the user's function for a dataset.

    A model that is not compiled gets ``recipe``'s optimiser and the loss that fits its output:
    cross-entropy for classes, mean squared error for numbers.

    Raises:
        ModelFileError: the function fails, or its model does not fit the data.
    """
    where = f"{own.path}:{own.name}"
    shape = dataset.x_train.shape[1:]
    outputs = _outputs(dataset)
    try:
        model = own.function(shape, outputs)
    except Exception as error:
        raise ModelFileError(
            f"{_where(error, own.path)}: {own.name}({shape}, {outputs}) failed: {_what(error)}"
        ) from error
    keras = frameworks.keras()
    if not isinstance(model, keras.Model):
        raise ModelFileError(f"{where}: returned {type(model).__name__} and no keras.Model")
    if not model.built:
        model.build((None, *shape))
    task = task_of(model, dataset, recipe)
    _require_fit(model, dataset, task, where)
    compile_for(model, recipe, task)
    return model


def task_of(model: Any, dataset: Dataset, recipe: Recipe) -> str:
    """Return what a model is for, one of ``edge_runtime.meaning.TASKS``.

    That is what ``recipe`` says; else a model that rebuilds its input finds anomalies, unless its
    outputs are as many as the classes, and the data's classes, labels or numbers decide.
    """
    if recipe.task:
        return recipe.task
    output, shape = tuple(model.outputs[0].shape[1:]), dataset.x_train.shape[1:]
    classes = len(dataset.labels)
    if output == shape and (not dataset.y_train.size or (classes and output != (classes,))):
        return ANOMALY
    if classes:
        return CLASSIFY
    return MULTILABEL if labels_of(dataset.y_train) else REGRESS


def _outputs(dataset: Dataset) -> int:
    """Return how many classes there are, or labels or numbers to predict.

    Without any of them the model rebuilds its input, and the number is that of the last axis.
    """
    return len(dataset.labels) or dataset.y_train.shape[1] or dataset.x_train.shape[-1]


def _require_fit(model: Any, dataset: Dataset, task: str, where: str) -> None:
    """Raise ModelFileError unless the model's input and output have the data's shapes."""
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ModelFileError(
            f"{where}: has {len(model.inputs)} inputs and {len(model.outputs)} outputs; only one "
            "of each can be trained here"
        )
    shape, given = tuple(model.inputs[0].shape[1:]), dataset.x_train.shape[1:]
    if shape != given:
        raise ModelFileError(
            f"{where}: its input is {list(shape)}, but the data's inputs are {list(given)}"
        )
    output = tuple(model.outputs[0].shape[1:])
    classes = len(dataset.labels)
    if task == ANOMALY:
        fits, wanted = output == given, f"{list(given)}, the input's"
    elif classes:
        fits = output == (classes,) or (output == (1,) and classes == 2)
        wanted = f"[{classes}], a score for each class" + (" (or [1])" if classes == 2 else "")
    else:
        fits = output == dataset.y_train.shape[1:]
        wanted = f"{list(dataset.y_train.shape[1:])}, the targets'"
        if not dataset.y_train.size:
            lacking = "the data have neither classes nor targets"
            if dataset.features:
                lacking += ": name the column with --label"
            if output == given:  # as an anomaly detector's, which --task says it is not
                raise ModelFileError(f"{where}: --task {task}: {lacking}")
            wanted = f"{list(given)}, the input's: {lacking}"
    if not fits:
        raise ModelFileError(f"{where}: its output is {list(output)}; the data need {wanted}")


def compile_for(model: Any, recipe: Recipe, task: str, loss: str = "") -> None:
    """Compile a model that is not compiled; let one that is report its accuracy.

    Args:
        model: a Keras model of one input and one output.
        recipe: has the optimiser and its learning rate.
        task: what it is for.
        loss: name of the loss that it was trained with; "" where that is not known.
    """
    metrics = ["accuracy"] if task in ONE_CLASS else []
    if getattr(model, "compiled", False):
        # Metrics do not change what is learned; a classifier's report needs its accuracy.
        model.compile(optimizer=model.optimizer, loss=model.loss, metrics=metrics)
        return
    fitting = loss_for(model, task, loss)
    model.compile(optimizer=optimizer(recipe), loss=fitting, metrics=metrics)


def loss_for(model: Any, task: str, name: str = "") -> Any:
    """Return a Keras loss that fits a model's output: cross-entropy, or an error of numbers.

    Args:
        model: a Keras model of one input and one output.
        task: what it is for.
        name: of the loss that it was trained with, which is taken where it is one for the task; ""
            where that is not known.
    """
    losses = frameworks.keras().losses
    logits = ending(model) not in ENDING_IN_SCORES
    each = losses.BinaryCrossentropy(from_logits=logits)
    if task == MULTILABEL or (task == ANOMALY and name in BINARY_LOSSES):
        return each
    if task in (REGRESS, ANOMALY):
        return losses.get(name if name in NUMBER_LOSSES else "mean_squared_error")
    # Two sigmoids, trained to be one of two.
    several = ending(model) != "sigmoid" or "categorical" in name
    if model.outputs[0].shape[-1] > 1 and several:
        return losses.CategoricalCrossentropy(from_logits=logits)
    return each


def ending(model: Any) -> str:
    """Return the name of the last layer's activation, "" where it has none."""
    last = next((one for one in reversed(model.layers) if type(one).__name__ not in SHAPING), None)
    activation = getattr(last, "activation", None)
    name = getattr(activation, "__name__", "")
    return type(last).__name__.lower() if not name and last and not last.get_weights() else name


def _where(error: BaseException, path: Path) -> str:
    """Return the file and the last line of it that led to an error."""
    file = path.resolve()
    if isinstance(error, SyntaxError) and Path(error.filename or "").resolve() == file:
        return f"{path}:{error.lineno}"
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).resolve() == file
    ]
    return f"{path}:{lines[-1]}" if lines else str(path)


def _what(error: BaseException) -> str:
    """Return an error on one line."""
    text = " ".join((error.msg if isinstance(error, SyntaxError) else str(error)).split())
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__
