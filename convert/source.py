"""A trained model from disk: Keras 3, Keras 2 (.keras, .h5) or a SavedModel."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgekit.convert import foreign_file, keras_file, qat, saved_model
from edgekit.convert.forward import Forward, trace
from edgekit.convert.opened import Opened, TensorSpec
from edgekit.convert.weights import Weight, require_finite
from edgekit.errors import ModelFileError
from edgekit.files import sha256
from edgekit.folders import below

FloatArray = npt.NDArray[np.float32]
CHUNK = 4096
FEWEST_REBUILT = 3
"""Fewest outputs of an autoencoder, which has as many as inputs; a classifier of two features may
have two outputs."""


@dataclass(frozen=True)
class TrainedModel:
    """A trained model with one float32 input and one output.

    Attributes:
        call: the forward pass on tensors [N, *shape] -> [N, *output_shape], in inference mode.
        shape: input shape without the batch.
        output_shape: output shape without the batch.
        origin: "Keras 3", "Keras 2" or "SavedModel".
        path: path of the file or folder.
        sha256: digest of the file; of all its files' digests for a SavedModel.
        size: bytes on disk.
        parameters: number of elements of all weights.
        weights: its weights, all of them finite.
        batch: the only batch size it accepts, where its file fixes one.
        owner: the loaded object, which keeps the variables alive.
        loss: name of the loss that it was compiled with, as "binary_crossentropy"; "" when its file
            does not say.
        learned: the same model with the ranges that quantisation-aware training gave it.
        note: what was chosen where the file leaves a choice; "" otherwise.
        trusted: what ``--trust`` allowed the file to do, a line each.
    """

    call: Callable[[Any], Any]
    shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    origin: str
    path: Path
    sha256: str
    size: int
    parameters: int
    weights: tuple[Weight, ...]
    batch: int | None
    owner: Any
    loss: str = ""
    learned: qat.Learned | None = None
    note: str = ""
    trusted: tuple[str, ...] = ()

    @property
    def outputs(self) -> int:
        """Number of output elements."""
        return prod(self.output_shape)

    @property
    def rebuilds_input(self) -> bool:
        """Whether it has as many outputs as inputs, as an autoencoder does."""
        return self.outputs == prod(self.shape) >= FEWEST_REBUILT

    @cached_property
    def forward(self) -> Forward:
        """The forward pass as a frozen graph.

        Raises:
            ModelFileError: TensorFlow itself cannot run the model.
        """
        try:
            return trace(self.call, (self.batch or 1, *self.shape))
        except Exception as error:
            reason = " ".join(str(error).split())[:300]
            raise ModelFileError(
                f"{self.path}: TensorFlow itself cannot run it: {reason}"
            ) from error

    def predict(self, inputs: FloatArray) -> FloatArray:
        """Return the outputs, float32 [N, *output_shape], for model inputs [N, *shape]."""
        step = self.batch or CHUNK
        missing = -len(inputs) % step if self.batch else 0
        padded = np.concatenate([inputs, np.zeros((missing, *self.shape), np.float32)])
        chunks = [
            np.asarray(self.call(padded[i : i + step]), np.float32)
            for i in range(0, len(padded), step)
        ]
        return np.concatenate(chunks)[: len(inputs)]


def load(path: Path, *, trust: bool = False, verbose: bool = False) -> TrainedModel:
    """Load the model at ``path``: a .keras or .h5 file, or a SavedModel folder.

    Args:
        path: path of the model.
        trust: run code that it contains or names, and let it read and write files; otherwise a
            model that does so is refused.
        verbose: show TensorFlow's output.

    Raises:
        ModelFileError: the model is missing, unreadable or unsafe, has weights that are not finite,
            or not exactly one float32 input and one output of known shapes.
    """
    if path.is_dir():
        if reason := foreign_file.folder(path):
            raise ModelFileError(f"{path}: {reason}")
        opened = saved_model.load(path, trust=trust, verbose=verbose)
        files = sorted(file for file in below(path) if file.is_file())
        digest = hashlib.sha256("".join(sha256(file) for file in files).encode()).hexdigest()
    else:
        if not path.is_file():
            raise ModelFileError(f"{path}: no such model; `edgekit train` creates one")
        if reason := foreign_file.file(path):
            raise ModelFileError(f"{path}: {reason}")
        opened = keras_file.load(path, trust=trust, verbose=verbose)
        files, digest = [path], sha256(path)
    _require_convertible(path, opened)
    require_finite(path, opened.weights)
    (input_,), (output,) = opened.inputs, opened.outputs
    return TrainedModel(
        call=opened.call,
        shape=_fixed(path, "input", input_),
        output_shape=_fixed(path, "output", output),
        origin=opened.origin,
        path=path,
        sha256=digest,
        size=sum(file.stat().st_size for file in files),
        parameters=sum(prod(weight.values.shape) for weight in opened.weights),
        weights=opened.weights,
        batch=input_.shape[0],
        owner=opened.owner,
        loss=opened.loss,
        learned=opened.learned,
        note=opened.note,
        trusted=opened.trusted,
    )


def _require_convertible(path: Path, opened: Opened) -> None:
    """Raise ModelFileError unless the model has one float32 input and one output of numbers."""
    if len(opened.inputs) != 1 or len(opened.outputs) != 1:
        raise ModelFileError(
            f"{path}: expected one input and one output, but it has "
            f"{_listed('input', opened.inputs)} and {_listed('output', opened.outputs)}; cut out "
            "the part to convert: keras.Model(one_input, one_output)"
        )
    (input_,), (output,) = opened.inputs, opened.outputs
    if input_.dtype != "float32":
        raise ModelFileError(
            f"{path}: input {input_} is {input_.dtype}; only float32 inputs are supported: declare "
            "it as float32 and cast after it, or save the part after a look-up or an embedding"
        )
    if output.dtype != "float32":
        raise ModelFileError(
            f"{path}: output {output} is {output.dtype}; only float32 outputs are supported: save "
            "the model without its last step (an argmax or a decoding)"
        )


def _fixed(path: Path, role: str, port: TensorSpec) -> tuple[int, ...]:
    """Return the shape without the batch.

    Raises:
        ModelFileError: a dimension is not known.
    """
    shape = tuple(n for n in port.shape[1:] if n is not None)
    if not shape or len(shape) != len(port.shape) - 1:
        raise ModelFileError(
            f"{path}: {role} {port}: all but the first dimension, the batch, must be known; build "
            "the model with a fixed size, as keras.Input((96, 96, 3))"
        )
    return shape


def _listed(role: str, ports: tuple[TensorSpec, ...]) -> str:
    plural = "" if len(ports) == 1 else "s"
    return f"{len(ports)} {role}{plural} ({', '.join(map(str, ports))})"
