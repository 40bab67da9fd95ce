"""A trained model from disk: Keras 3, Keras 2 (.keras, .h5) or a SavedModel."""

import hashlib
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgekit import frameworks
from edgekit.convert import qat
from edgekit.convert.forward import Forward, trace
from edgekit.errors import ModelFileError
from edgekit.files import sha256

FloatArray = npt.NDArray[np.float32]
CHUNK = 4096
FEWEST_REBUILT = 3
"""Outputs from which a model with as many outputs as inputs is taken for an autoencoder; two
features may well tell two classes apart."""


@dataclass(frozen=True)
class TrainedModel:
    """A trained model with one float32 input and one output.

    Attributes:
        call: the forward pass on tensors [N, *shape] -> [N, *output_shape], in inference mode.
        shape: input shape without the batch.
        output_shape: output shape without the batch.
        origin: what it was loaded as: "Keras 3", "Keras 2" or "SavedModel".
        path: where it was loaded from.
        sha256: digest of the file; of all its files' digests for a SavedModel.
        size: bytes on disk.
        parameters: number of weights.
        batch: the only batch size it takes, where its file fixes one.
        owner: the loaded object, which keeps the variables alive.
        loss: name of the loss that it was compiled with, as "binary_crossentropy"; "" when its file
            does not say.
        learned: the same model with the ranges that quantisation-aware training gave it.
    """

    call: Callable[[Any], Any]
    shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    origin: str
    path: Path
    sha256: str
    size: int
    parameters: int
    batch: int | None
    owner: Any
    loss: str = ""
    learned: qat.Learned | None = None

    @property
    def outputs(self) -> int:
        """Number of output elements."""
        return prod(self.output_shape)

    @property
    def rebuilds_input(self) -> bool:
        """Whether it gives as many numbers as it takes, as an autoencoder does."""
        return self.outputs == prod(self.shape) >= FEWEST_REBUILT

    @cached_property
    def forward(self) -> Forward:
        """The forward pass as a frozen graph."""
        return trace(self.call, (self.batch or 1, *self.shape))

    def predict(self, inputs: FloatArray) -> FloatArray:
        """Model inputs [N, *shape] -> outputs float32 [N, *output_shape]."""
        step = self.batch or CHUNK
        missing = -len(inputs) % step if self.batch else 0
        padded = np.concatenate([inputs, np.zeros((missing, *self.shape), np.float32)])
        chunks = [
            np.asarray(self.call(padded[i : i + step]), np.float32)
            for i in range(0, len(padded), step)
        ]
        return np.concatenate(chunks)[: len(inputs)]


def load(path: Path, *, verbose: bool = False) -> TrainedModel:
    """Load the model at ``path``: a .keras or .h5 file, or a SavedModel folder.

    Raises:
        ModelFileError: not there, not readable, or without exactly one float32 input and one
            output of known shapes.
    """
    if path.is_dir():
        return _load_saved_model(path, verbose=verbose)
    if not path.is_file():
        raise ModelFileError(f"{path}: no such model; `edgekit train` makes one")
    if path.suffix not in (".keras", ".h5", ".hdf5"):
        raise ModelFileError(f"{path}: expected a .keras or .h5 file or a SavedModel folder")
    return _load_keras(path, verbose=verbose)


def _load_keras(path: Path, *, verbose: bool) -> TrainedModel:
    keras3 = _keras_version(path).startswith("3")
    library = frameworks.keras(verbose=verbose) if keras3 else frameworks.tf_keras(verbose=verbose)
    try:
        with frameworks.native_stderr_silenced(unless=verbose):
            model = library.models.load_model(path, compile=False)
    except Exception as error:
        raise ModelFileError(
            f"{path}: cannot be loaded ({' '.join(str(error).split())[:300]}); a model with layers "
            "of its own can be exported as a SavedModel, which needs none of their code"
        ) from error
    if keras3:
        # Mixed precision is for training; TFLite has no kernels for its float16 half.
        for layer in _layers(model):
            if layer.dtype_policy.name.startswith("mixed"):
                layer.dtype_policy = "float32"
    # A Sequential that was never built has neither.
    inputs, outputs = getattr(model, "inputs", None), getattr(model, "outputs", None)
    if not inputs or not outputs or len(inputs) != 1 or len(outputs) != 1:
        raise ModelFileError(f"{path}: expected one input and one output")
    return _checked(
        path,
        call=lambda x: model(x, training=False),
        input_shape=tuple(inputs[0].shape),
        output_shape=tuple(outputs[0].shape),
        dtype=getattr(inputs[0].dtype, "name", inputs[0].dtype),
        origin="Keras 3" if keras3 else "Keras 2",
        digest=sha256(path),
        size=path.stat().st_size,
        parameters=int(model.count_params()),
        owner=model,
        loss=_compiled_loss(path),
        learned=qat.load(path) if keras3 and path.suffix == ".keras" else None,
    )


def _layers(layer: Any) -> Iterator[Any]:
    """Yield the layer and all layers inside it."""
    yield layer
    for inner in getattr(layer, "layers", ()):
        yield from _layers(inner)


def _keras_version(path: Path) -> str:
    """The Keras that wrote the file; "2" when an .h5 file does not say."""
    try:
        if path.suffix == ".keras":
            with zipfile.ZipFile(path) as file:
                return str(json.loads(file.read("metadata.json"))["keras_version"])
        import h5py

        with h5py.File(path) as file:
            version = file.attrs.get("keras_version", "2")
            return version.decode() if isinstance(version, bytes) else str(version)
    # What a foreign, damaged or encrypted file makes of it is open.
    except Exception as error:
        raise ModelFileError(f"{path}: not a Keras model file ({_first_line(error)})") from error


def _compiled_loss(path: Path) -> str:
    """Return the name of the loss in the file, "" where it has none or several.

    Source: keras/src/saving/serialization_lib.py and the training_config of .h5 files.
    """
    try:
        if path.suffix == ".keras":
            with zipfile.ZipFile(path) as file:
                config = json.loads(file.read("config.json")).get("compile_config") or {}
        else:
            import h5py

            with h5py.File(path) as file:
                config = json.loads(file.attrs.get("training_config", "{}"))
    # Nothing needs it; what is damaged says so where it is loaded.
    except Exception:
        return ""
    loss = config.get("loss")
    if isinstance(loss, dict):
        loss = loss.get("registered_name") or loss.get("class_name")
    return _snake_case(loss.rpartition(">")[2]) if isinstance(loss, str) else ""


def _snake_case(name: str) -> str:
    """Return Keras' name of a loss as a function, for its class: BinaryCrossentropy."""
    return re.sub("(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _load_saved_model(path: Path, *, verbose: bool) -> TrainedModel:
    tf = frameworks.tensorflow(verbose=verbose)
    if not (path / "saved_model.pb").is_file():
        raise ModelFileError(f"{path}: not a SavedModel (no saved_model.pb in it)")
    try:
        with frameworks.native_stderr_silenced(unless=verbose):
            loaded = tf.saved_model.load(str(path))
        signature = loaded.signatures["serving_default"]
    except Exception as error:
        raise ModelFileError(f"{path}: cannot be loaded ({_first_line(error)})") from error
    inputs, outputs = signature.structured_input_signature[1], signature.structured_outputs
    if len(inputs) != 1 or len(outputs) != 1:
        raise ModelFileError(f"{path}: expected one input and one output")
    ((input_name, given),), ((output_name, result),) = inputs.items(), outputs.items()
    files = sorted(file for file in path.rglob("*") if file.is_file())
    digests = "".join(sha256(file) for file in files)
    return _checked(
        path,
        call=lambda x: signature(**{input_name: tf.convert_to_tensor(x)})[output_name],
        input_shape=tuple(given.shape),
        output_shape=tuple(result.shape),
        dtype=given.dtype.name,
        origin="SavedModel",
        digest=hashlib.sha256(digests.encode()).hexdigest(),
        size=sum(file.stat().st_size for file in files),
        parameters=sum(int(np.prod(v.shape)) for v in signature.variables),
        owner=loaded,
    )


def _checked(
    path: Path,
    *,
    call: Callable[[Any], Any],
    input_shape: tuple[int | None, ...],
    output_shape: tuple[int | None, ...],
    dtype: str,
    origin: str,
    digest: str,
    size: int,
    parameters: int,
    owner: Any,
    loss: str = "",
    learned: qat.Learned | None = None,
) -> TrainedModel:
    """Build the TrainedModel, or say what keeps the model from being one."""
    shape, outputs = (
        tuple(n for n in one[1:] if n is not None) for one in (input_shape, output_shape)
    )
    for what, own, known in (("input", input_shape, shape), ("output", output_shape, outputs)):
        if len(known) != len(own) - 1 or not known:
            raise ModelFileError(
                f"{path}: {what} shape {_shown(own)}: all but the first dimension, the batch, must "
                "be known"
            )
    if dtype != "float32":
        raise ModelFileError(f"{path}: input is {dtype}; only float32 inputs are supported")
    return TrainedModel(
        call=call,
        shape=shape,
        output_shape=outputs,
        origin=origin,
        path=path,
        sha256=digest,
        size=size,
        parameters=parameters,
        batch=input_shape[0],
        owner=owner,
        loss=loss,
        learned=learned,
    )


def _shown(shape: tuple[int | None, ...]) -> str:
    return f"[{', '.join('?' if n is None else str(n) for n in shape)}]"


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
