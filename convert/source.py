"""A trained model from disk: Keras 3, Keras 2 (.keras, .h5), SavedModel, float .tflite, ONNX."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from edgekit import frameworks
from edgekit.convert import foreign_file, keras_file, onnx_file, qat, saved_model, tflite_file
from edgekit.convert.calibration import Arrays, FloatArray
from edgekit.convert.forward import Forward, trace
from edgekit.convert.graph_forward import GraphForward
from edgekit.convert.opened import FloatFile, Opened, TensorSpec
from edgekit.convert.weights import Weight, require_finite
from edgekit.errors import ModelFileError
from edgekit.files import sha256
from edgekit.folders import below
from edgekit.tasks import FEWEST_REBUILT

CHUNK = 4096
INTEGERS = ("int32", "int64")
"""Types of inputs that are cast to, as an embedding's."""

NOT_IN_NAMES = re.compile(r"\W", re.ASCII)


@dataclass(frozen=True)
class TrainedModel:
    """A trained model whose inputs and outputs are float32.

    Attributes:
        call: the forward pass in inference mode, from a tensor for each input, [N, *shape], to a
            tensor for each output, [N, *output_shape].
        input_specs: its inputs. Their names differ, and all sizes but the batch are known.
        output_specs: its outputs, likewise.
        origin: "Keras 3", "Keras 2", "SavedModel", "TFLite" or "ONNX".
        path: path of the file or folder.
        sha256: digest of the file; of all its files' digests for a SavedModel.
        size: bytes on disk.
        parameters: number of elements of all weights.
        weights: its weights, all of them finite.
        owner: the loaded object, which keeps the variables alive.
        loss: name of the loss that it was compiled with, as "binary_crossentropy"; "" when its file
            does not say.
        learned: the same model with the ranges that quantisation-aware training gave it.
        note: what was chosen where the file leaves a choice; "" otherwise.
        trusted: what ``--trust`` allowed the file to do, a line each.
        file: the float .tflite file that it is, or was made of it; None for the others.
    """

    call: Callable[..., tuple[Any, ...]]
    input_specs: tuple[TensorSpec, ...]
    output_specs: tuple[TensorSpec, ...]
    origin: str
    path: Path
    sha256: str
    size: int
    parameters: int
    weights: tuple[Weight, ...]
    owner: Any
    loss: str = ""
    learned: qat.Learned | None = None
    note: str = ""
    trusted: tuple[str, ...] = ()
    file: FloatFile | None = None

    @property
    def several(self) -> str:
        """Its inputs and outputs in words, if it has several of one; else ""."""
        if len(self.input_specs) == len(self.output_specs) == 1:
            return ""
        return f"{_listed('input', self.input_specs)} and {_listed('output', self.output_specs)}"

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of the inputs without the batch."""
        return tuple(_sizes(spec) for spec in self.input_specs)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the first input without the batch."""
        return self.shapes[0]

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the first output without the batch."""
        return _sizes(self.output_specs[0])

    @property
    def outputs(self) -> int:
        """Number of elements of the first output."""
        return prod(self.output_shape)

    @property
    def batch(self) -> int | None:
        """The only batch size it accepts, where its file fixes one."""
        return next((spec.shape[0] for spec in self.input_specs if spec.shape[0]), None)

    @property
    def rebuilds_input(self) -> bool:
        """Whether it has as many outputs as inputs, as an autoencoder does."""
        return not self.several and self.outputs == prod(self.shape) >= FEWEST_REBUILT

    @cached_property
    def forward(self) -> Forward | GraphForward:
        """The forward pass as a frozen graph, or as that of its file.

        Raises:
            ModelFileError: TensorFlow itself cannot run the model.
        """
        if self.file:
            return GraphForward(self.file.graph)
        try:
            return trace(self.call, *((self.batch or 1, *shape) for shape in self.shapes))
        except Exception as error:
            reason = " ".join(str(error).split())[:300]
            raise ModelFileError(
                f"{self.path}: TensorFlow itself cannot run it: {reason}"
            ) from error

    def predict(self, inputs: FloatArray) -> FloatArray:
        """Return the first output, float32 [N, *output_shape], for inputs [N, *shape]."""
        return self.run((inputs,))[0]

    def run(self, inputs: Arrays) -> Arrays:
        """Return each output, float32 [N, ...], for an array [N, ...] of each input."""
        count, step = len(inputs[0]), self.batch or CHUNK
        missing = -count % step if self.batch else 0
        padded = [
            np.concatenate([array, np.zeros((missing, *array.shape[1:]), np.float32)])
            for array in inputs
        ]
        chunks = [
            self.call(*(array[i : i + step] for array in padded))
            for i in range(0, count + missing, step)
        ]
        return tuple(
            np.concatenate([np.asarray(part, np.float32) for part in parts])[:count]
            for parts in zip(*chunks, strict=True)
        )


def load(path: Path, *, trust: bool = False, verbose: bool = False) -> TrainedModel:
    """Load the model at ``path``: a .keras, .h5, .onnx or float .tflite file, or a SavedModel.

    Args:
        path: path of the model.
        trust: run code that it contains or names, and let it read and write files; otherwise a
            model that does so is refused.
        verbose: show TensorFlow's output.

    Raises:
        ModelFileError: the model is missing, unreadable or unsafe, has weights that are not finite,
            or inputs and outputs that are not float32 of known shapes.
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
        if tflite_file.is_one(path):
            opened = tflite_file.load(path)
        elif path.suffix == foreign_file.ONNX:
            opened = onnx_file.load(path, verbose=verbose)
        else:
            opened = keras_file.load(path, trust=trust, verbose=verbose)
        files, digest = [path], sha256(path)
    opened = _of_float_inputs(opened)
    _require_convertible(path, opened)
    require_finite(path, opened.weights)
    return TrainedModel(
        call=opened.call,
        input_specs=_named(opened.inputs),
        output_specs=_named(opened.outputs),
        origin=opened.origin,
        path=path,
        sha256=digest,
        size=sum(file.stat().st_size for file in files),
        parameters=sum(prod(weight.values.shape) for weight in opened.weights),
        weights=opened.weights,
        owner=opened.owner,
        loss=opened.loss,
        learned=opened.learned,
        note=opened.note,
        trusted=opened.trusted,
        file=opened.file,
    )


def require_one(model: TrainedModel) -> None:
    """Raise ModelFileError unless the model has one input and one output."""
    if model.several:
        raise ModelFileError(
            f"{model.path}: expected one input and one output, but it has {model.several}; cut out "
            "a part: keras.Model(one_input, one_output)"
        )


def _of_float_inputs(opened: Opened) -> Opened:
    """Return the model with float32 inputs that are cast to the integers it reads."""
    kinds = [spec.dtype for spec in opened.inputs]
    if opened.file or not {*kinds} & {*INTEGERS}:
        return opened
    tf = frameworks.tensorflow()

    def call(*tensors: Any) -> tuple[Any, ...]:
        pairs = zip(tensors, kinds, strict=True)
        return opened.call(*(tf.cast(one, to) if to in INTEGERS else one for one, to in pairs))

    whole = [spec for spec in opened.inputs if spec.dtype in INTEGERS]
    said = f"whole numbers are read as float32 and cast: {', '.join(map(str, whole))}"
    return replace(
        opened,
        call=call,
        inputs=tuple(
            replace(spec, dtype="float32") if spec in whole else spec for spec in opened.inputs
        ),
        note=f"{opened.note}; {said}" if opened.note else said,
    )


def _require_convertible(path: Path, opened: Opened) -> None:
    """Raise ModelFileError unless inputs and outputs are float32 of known shapes."""
    for input_ in opened.inputs:
        if input_.dtype != "float32":
            raise ModelFileError(
                f"{path}: input {input_} is {input_.dtype}; only float32 inputs are supported: "
                "declare it as float32 and cast after it, or save the part after a look-up or an "
                "embedding"
            )
        _require_fixed(path, "input", input_)
    for output in opened.outputs:
        if output.dtype != "float32":
            raise ModelFileError(
                f"{path}: output {output} is {output.dtype}; only float32 outputs are supported: "
                "save the model without its last step (an argmax or a decoding)"
            )
        _require_fixed(path, "output", output)


def _require_fixed(path: Path, role: str, spec: TensorSpec) -> None:
    if len(spec.shape) < 2:
        size = ", ".join("?" if length is None else str(length) for length in spec.shape)
        raise ModelFileError(
            f"{path}: {role} {spec}: has no batch dimension; save the model with [1, {size}]"
        )
    if None in spec.shape[1:]:
        raise ModelFileError(
            f"{path}: {role} {spec}: all but the first dimension, the batch, must be known; build "
            "the model with a fixed size, as keras.Input((96, 96, 3))"
        )


def _sizes(spec: TensorSpec) -> tuple[int, ...]:
    """Return a shape without the batch."""
    return tuple(size for size in spec.shape[1:] if size is not None)


def _named(specs: tuple[TensorSpec, ...]) -> tuple[TensorSpec, ...]:
    """Return inputs or outputs with names that a signature can have: identifiers, all different."""
    named: dict[str, TensorSpec] = {}
    for position, spec in enumerate(specs):
        name = NOT_IN_NAMES.sub("_", spec.name)
        while name in named:
            name = f"{name}_{position}"
        named[name] = replace(spec, name=name)
    return tuple(named.values())


def _listed(role: str, specs: tuple[TensorSpec, ...]) -> str:
    plural = "" if len(specs) == 1 else "s"
    return f"{len(specs)} {role}{plural} ({', '.join(map(str, specs))})"
