"""Many inputs through a model, with NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from edge_runtime import anomaly
from edge_runtime.meaning import class_scores
from edge_runtime.quantize import dequantize, encoded, encoded_inputs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edge_runtime.runner import Runner


def predict(model: Any, runner: Runner, batch: Any) -> Any:
    """Return what a Model says about a batch; see ``Model.predict``."""
    chunks = (_answers(model, runner, one) for one in _encoded(model, runner, batch))
    parts = zip(*chunks, strict=True)
    answers = [np.concatenate(part) for part in parts]
    return answers[0] if len(answers) == 1 else dict(zip(model.outputs, answers, strict=True))


def score(model: Any, runner: Runner, batch: Any) -> npt.NDArray[np.float64]:
    """Return the errors of inputs rebuilt by a Model; see ``Model.score``."""
    ports = model.input, model.output
    raw = [
        anomaly.raw_scores(one[0], runner.run_padded(one)[0], *ports)
        for one in _encoded(model, runner, batch)
    ]
    return anomaly.errors(np.concatenate(raw), *ports)


def numbers(model: Any, runner: Runner, batch: Any) -> npt.NDArray[np.float32]:
    """Return what a Model's only output says about a batch before it becomes scores."""
    raw = [runner.run_padded(one)[0] for one in _encoded(model, runner, batch)]
    return dequantize(np.concatenate(raw), model.output)


def _encoded(model: Any, runner: Runner, batch: Any) -> Iterable[list[npt.NDArray[Any]]]:
    """Return a batch in the element types of the inputs, chunk by chunk."""
    if len(model.inputs) > 1:
        return encoded_inputs(runner.values(batch), model.inputs)
    said = model.metadata
    if said and said.audio:
        from edge_runtime.audio import hear

        batch = hear(said.audio, batch, model.input.shape[1:])
    [value] = runner.values(batch) if isinstance(batch, dict) else [batch]
    return ([chunk] for chunk in encoded(value, model.input, said))


def _answers(model: Any, runner: Runner, batches: list[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
    """Return what each output says about batches in the element types of the inputs."""
    raw, outputs = runner.run_padded(batches), tuple(model.outputs.values())
    if len(outputs) == 1:
        return [class_scores(dequantize(raw[0], outputs[0]), model.meaning, model.task)]
    return [
        one if tensor.scale is None else dequantize(one, tensor)
        for one, tensor in zip(raw, outputs, strict=True)
    ]
