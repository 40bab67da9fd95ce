"""What a trained model's output means: decided from --task, its last operator and its loss."""

from dataclasses import dataclass

from edge_runtime.meaning import (
    ANOMALY,
    BINARY,
    CLASSIFY,
    LOGITS,
    MULTILABEL,
    NUMBERS,
    PROBABILITIES,
    REGRESS,
)
from edgekit.convert.conversion import task_of
from edgekit.convert.source import TrainedModel
from edgekit.errors import ModelFileError
from edgekit.tasks import misfit, several_outputs

ENDINGS = {"Softmax": PROBABILITIES, "Sigmoid": PROBABILITIES, "LogSoftmax": LOGITS}
"""TensorFlow's operator -> what its output means as the scores of classes."""

EXCLUSIVE = ("Softmax", "LogSoftmax")
"""Operators whose scores exclude each other: not those of independent labels."""

CLASSIFYING = ("crossentropy", "hinge")
"""Parts of the names of Keras' losses for classifiers; the alias "bce" has neither."""


@dataclass(frozen=True)
class Meaning:
    """What an output means, and what the model is for.

    Attributes:
        name: one of ``edge_runtime.meaning.MEANINGS``.
        reason: why, as the end of a sentence.
        task: one of ``edge_runtime.meaning.TASKS``.
        stated: whether the user named the task.
    """

    name: str
    reason: str
    task: str
    stated: bool = False


def decide(
    model: TrainedModel,
    task: str | None,
    classes: int | None,
    *,
    independent: bool = False,
    targeted: bool = False,
) -> Meaning:
    """Decide what the output of ``model`` means.

    Args:
        model: the model.
        task: one of TASKS or of ``conversion.FORMER_TASKS``, None when not chosen.
        classes: how many classes the user or the data names; None when neither does.
        independent: whether the data have several labels for an input, each of which applies or
            does not.
        targeted: whether the data have targets other than the inputs, so that a model of as many
            outputs as inputs, such as a U-Net, is no autoencoder.

    Raises:
        ModelFileError: the output does not fit ``task``, or there are several.
        DataError: there is no such task.
    """
    chosen = task_of(task)
    if (count := len(model.output_specs)) > 1:
        if chosen:
            raise ModelFileError(f"{model.path}: {several_outputs(chosen, count)}")
        return Meaning(NUMBERS, f"it has {count} outputs", REGRESS)
    if chosen:
        _require_fit(model, chosen)
        if chosen in (REGRESS, ANOMALY):
            return Meaning(NUMBERS, f"--task {chosen}", chosen, stated=True)
        scores, ending = _scores(model), _ending(model)
        return Meaning(scores, f"--task {chosen}, and {ending}", chosen, stated=True)
    if independent and _tells_labels(model):
        reason = f"the data have several labels for an input, and {_ending(model)}"
        return Meaning(_scores(model), reason, MULTILABEL)
    name, reason = _guess(model, classes)
    if model.file and model.file.metadata and model.file.metadata.task:
        return Meaning(name, reason, model.file.metadata.task)
    if name == NUMBERS:
        if model.rebuilds_input and targeted:
            reason = f"{reason}, and the data have targets other than the inputs"
            return Meaning(name, reason, REGRESS)
        return Meaning(name, reason, ANOMALY if model.rebuilds_input else REGRESS)
    return Meaning(name, reason, BINARY if model.outputs <= 2 else CLASSIFY)


def _require_fit(model: TrainedModel, task: str) -> None:
    """Raise ModelFileError unless the model's only output can be for ``task``."""
    # The forward pass is only derived where the answer depends on it.
    exclusive = task == MULTILABEL and model.forward.last_op in EXCLUSIVE
    ending = _ending(model) if exclusive else ""
    if problem := misfit(task, model.shape, model.output_shape, ending):
        raise ModelFileError(f"{model.path}: --task {task}: {problem}")


def _scores(model: TrainedModel) -> str:
    """Return what the output means if it is scores."""
    return ENDINGS.get(model.forward.last_op, LOGITS)


def _ending(model: TrainedModel) -> str:
    last = model.forward.last_op
    return f"it ends in {last}" if last in ENDINGS else "it ends without softmax or sigmoid"


def _tells_labels(model: TrainedModel) -> bool:
    """Return whether the outputs can be the scores of independent labels."""
    if max(model.output_shape) != model.outputs or model.forward.last_op in EXCLUSIVE:
        return False
    return model.forward.last_op in ENDINGS or not model.loss or _classifies(model)


def _classifies(model: TrainedModel) -> bool:
    """Return whether its loss is one for classifiers."""
    return model.loss == "bce" or any(kind in model.loss for kind in CLASSIFYING)


def _guess(model: TrainedModel, classes: int | None) -> tuple[str, str]:
    """Return the meaning that the only output most likely has, and why."""
    last, scores, ending = model.forward.last_op, _scores(model), _ending(model)
    if model.file and model.file.metadata and model.file.metadata.meaning:
        return model.file.metadata.meaning, "its metadata says so"
    if max(model.output_shape) != model.outputs:
        return NUMBERS, f"an output of {list(model.output_shape)} is no list of scores"
    if last == "Softmax":
        return PROBABILITIES, ending
    fits = classes == max(2, model.outputs)
    if model.rebuilds_input and not fits:
        return NUMBERS, f"it has as many outputs as inputs, {model.outputs}"
    if _classifies(model):
        return scores, f"its loss is {model.loss}, and {ending}"
    if model.loss and last not in ENDINGS:
        return NUMBERS, f"its loss is {model.loss}, and {ending}"
    if last in ENDINGS:
        return scores, ending
    if classes is not None:
        return LOGITS, f"{ending}, and there are {classes} classes"
    return NUMBERS, f"{ending}, and nothing names classes"
