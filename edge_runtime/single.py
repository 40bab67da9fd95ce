"""One input through a model, without NumPy: flat numbers in, floats of Python out."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

from edge_runtime.graph import FORMATS
from edge_runtime.plain import dequantised, encode, flat, float32

if TYPE_CHECKING:
    from edge_runtime.runner import Runner


def encoded(model: Any, values: Any) -> bytes | None:
    """Return one input in the form of a Model's input.

    Args:
        model: the Model, of one input.
        values: what :func:`edge_runtime.plain.flat` accepts; int16 PCM if the model hears.

    Returns:
        The elements of one input; None if ``values`` are something else.

    Raises:
        InputError, MetadataError, ModelError: see :func:`edge_runtime.plain.encode`.
    """
    numbers = flat(values)
    if numbers is None:
        return None
    said = model.metadata
    if said and said.audio and numbers.typecode == "h":
        from edge_runtime.audio import hear_one

        numbers = array("B", hear_one(said.audio, numbers))
    if said is None:
        return encode(numbers, model.input, (), (), features=False)
    return encode(numbers, model.input, said.mean, said.std, features=said.features)


def predict(model: Any, runner: Runner, content: bytes) -> Any:
    """Return what a Model says about one input in its element type; see ``Model.predict``."""
    from edge_runtime.meaning import scores_of_one

    outputs = tuple(model.outputs.values())
    answers = numbers(runner, content, outputs)
    if len(outputs) > 1:
        return dict(zip(model.outputs, map(tuple, answers), strict=True))
    return tuple(scores_of_one(answers[0], outputs[0].shape[-1], model.meaning, model.task))


def score(model: Any, runner: Runner, content: bytes) -> float:
    """Return the error of an input rebuilt by a Model; see ``Model.score``."""
    from edge_runtime.anomaly import error_of_one

    both = zip((model.input, model.output), (content, *runner.run_one(content)), strict=True)
    x, y = (array(FORMATS[tensor.dtype], elements) for tensor, elements in both)
    return error_of_one(x, y, model.input, model.output)


def classify(model: Any, runner: Runner, content: bytes) -> tuple[int, tuple[float, ...]]:
    """Return which class of a Model one input in its element type belongs to, and all scores.

    Args:
        model: the Model, of one output.
        runner: runs it.
        content: the elements of the input.
    """
    from edge_runtime.meaning import margin_of_one, scores_of_one

    output, meaning = model.output, model.meaning
    [answer] = numbers(runner, content, (output,))
    scores = tuple(scores_of_one(answer, output.shape[-1], meaning))
    threshold = model.metadata.threshold
    if threshold is None:
        return scores.index(max(scores)), scores
    return int(margin_of_one(answer, meaning) > float32([threshold])[0]), scores


def numbers(runner: Runner, content: bytes, outputs: tuple[Any, ...]) -> list[Any]:
    """Return the numbers of each output for one input in its element type.

    They are float32, or of several outputs integers as they are where they have no scale.
    """
    raw = runner.run_one(content)
    if len(outputs) == 1:
        return [dequantised(raw[0], outputs[0])]
    return [
        _elements(one, tensor) if tensor.scale is None else dequantised(one, tensor)
        for one, tensor in zip(raw, outputs, strict=True)
    ]


def _elements(content: bytes, tensor: Any) -> list[Any]:
    """Return elements as they are."""
    code: Any = FORMATS[tensor.dtype]
    return memoryview(content).cast(code).tolist()
