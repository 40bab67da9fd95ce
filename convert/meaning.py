"""What a trained model's output means: decided from --task, its last operator and its loss."""

from dataclasses import dataclass

from edge_runtime.meaning import LOGITS, NUMBERS, PROBABILITIES
from edgekit.convert.source import TrainedModel
from edgekit.errors import ModelFileError

ENDINGS = {"Softmax": PROBABILITIES, "Sigmoid": PROBABILITIES, "LogSoftmax": LOGITS}
"""TensorFlow's operator -> what its output means as the scores of classes."""

CLASSIFYING = ("crossentropy", "hinge")
"""Parts of the names of Keras' losses for classifiers; the alias "bce" has neither."""


@dataclass(frozen=True)
class Meaning:
    """What an output means.

    Attributes:
        name: one of ``edge_runtime.meaning.MEANINGS``.
        reason: why, as the end of a sentence.
    """

    name: str
    reason: str


def decide(model: TrainedModel, task: str | None, classes: int | None) -> Meaning:
    """Decide what the output of ``model`` means.

    Args:
        model: the model.
        task: one of ``conversion.TASKS``, None when not chosen.
        classes: how many classes the user or the data names; None when neither does.

    Raises:
        ModelFileError: ``task`` is classification and the output is not one score for each class,
            or any with several outputs.
    """
    if (count := len(model.output_specs)) > 1:
        if task:
            raise ModelFileError(
                f"{model.path}: --task {task}: it has {count} outputs, which are numbers; leave "
                "--task out"
            )
        return Meaning(NUMBERS, f"it has {count} outputs")
    last = model.forward.last_op
    scores = ENDINGS.get(last, LOGITS)
    one_dimension = max(model.output_shape) == model.outputs
    ending = f"it ends in {last}" if last in ENDINGS else "it ends without softmax or sigmoid"
    if task == "classification":
        if not one_dimension:
            raise ModelFileError(
                f"{model.path}: --task classification: an output of {list(model.output_shape)} is "
                "not one score for each class"
            )
        return Meaning(scores, f"--task classification, and {ending}")
    if task is not None:
        return Meaning(NUMBERS, f"--task {task}")
    if model.file and model.file.metadata and model.file.metadata.meaning:
        return Meaning(model.file.metadata.meaning, "its metadata says so")
    if not one_dimension:
        return Meaning(NUMBERS, f"an output of {list(model.output_shape)} is no list of scores")
    if last == "Softmax":
        return Meaning(PROBABILITIES, ending)
    fits = classes == max(2, model.outputs)
    if model.rebuilds_input and not fits:
        return Meaning(NUMBERS, f"it has as many outputs as inputs, {model.outputs}")
    if model.loss == "bce" or any(kind in model.loss for kind in CLASSIFYING):
        return Meaning(scores, f"its loss is {model.loss}, and {ending}")
    if model.loss and last not in ENDINGS:
        return Meaning(NUMBERS, f"its loss is {model.loss}, and {ending}")
    if last in ENDINGS:
        return Meaning(scores, ending)
    if classes is not None:
        return Meaning(LOGITS, f"{ending}, and there are {classes} classes")
    return Meaning(NUMBERS, f"{ending}, and nothing names classes")
