"""The state of a training run after each epoch, so that a run that was killed can go on."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgekit import stored
from edgekit.errors import DataError
from edgekit.files import replacing
from edgekit.train.arrays import read_npz

CHECKPOINT = "checkpoint.npz"
STATE = "state"
"""The array of the JSON document: what is trained, and its history."""

EPOCH = {
    "number": int,
    "loss": float,
    "accuracy": (float, None),
    "held_out_loss": float,
    "held_out_accuracy": (float, None),
    "seconds": float,
    "stage": str,
}
SHAPE = {"run": {str: object}, "history": [EPOCH]}


@dataclass(frozen=True)
class Checkpoint:
    """A run after some epochs.

    Attributes:
        history: the epochs so far, each as ``fit.Epoch``'s fields.
        variables: the values of all variables of the run, in its order.
    """

    history: tuple[dict[str, Any], ...]
    variables: tuple[npt.NDArray[Any], ...]


def write(
    path: Path, run: Mapping[str, Any], history: Sequence[Any], variables: Sequence[Any]
) -> None:
    """Write a checkpoint in place of the last one.

    Args:
        path: the file.
        run: what is trained on what, so that nothing else is resumed from it.
        history: the epochs, ``fit.Epoch``.
        variables: Keras variables: weights, the optimiser's state, seeds.
    """
    document = {"run": dict(run), "history": [asdict(epoch) for epoch in history]}
    arrays: dict[str, Any] = {f"v{i}": np.asarray(value) for i, value in enumerate(variables)}
    arrays[STATE] = np.frombuffer(json.dumps(document).encode(), np.uint8)
    with replacing(path) as staged, staged.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def read(path: Path, run: Mapping[str, Any]) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        DataError: there is none, it is damaged, or it is of another run.
    """
    if not path.is_file():
        raise DataError(f"--resume: {path} does not exist; train without --resume")
    arrays = read_npz(path)
    try:
        document = stored.parse(arrays.pop(STATE, np.zeros(0, np.uint8)).tobytes())
        problem = stored.problem(document, SHAPE)
    except ValueError as error:
        problem = str(error)
    if problem:
        raise DataError(f"{path}: damaged: {problem}; train without --resume")
    for name, value in run.items():
        if document["run"].get(name) != value:
            raise DataError(
                f"--resume: {path} is of a run with another {name}; give the same options and "
                "data, or train without --resume"
            )
    names = [f"v{i}" for i in range(len(arrays))]
    if not document["history"] or names != [name for name in names if name in arrays]:
        raise DataError(f"{path}: damaged: variables are missing; train without --resume")
    return Checkpoint(tuple(document["history"]), tuple(arrays[name] for name in names))
