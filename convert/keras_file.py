"""A Keras 3 or Keras 2 model from its file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgekit import frameworks, keras_files
from edgekit.convert import qat, unrolling, weights
from edgekit.convert.opened import Opened, TensorSpec
from edgekit.errors import ModelFileError


def load(path: Path, *, trust: bool, verbose: bool) -> Opened:
    """Load the Keras model in the file at ``path``.

    Args:
        path: a .keras or an HDF5 file.
        trust: run code that the file contains or names; otherwise such a file is refused.
        verbose: show TensorFlow's output.

    Raises:
        ModelFileError: the file cannot be loaded, runs code, or its model is not built.
    """
    loaded = keras_files.load(path, trust=trust, verbose=verbose)
    model, description = loaded.model, loaded.description
    if description.keras3:
        # Mixed precision is for training; TFLite has no kernels for its float16 half.
        for layer in _layers(model):
            if layer.dtype_policy.name.startswith("mixed"):
                layer.dtype_policy = "float32"
    inputs, outputs = getattr(model, "inputs", None), getattr(model, "outputs", None)
    if not inputs or not outputs:
        raise ModelFileError(
            f"{path}: was never built, so the shape of its input is not known: begin it with "
            "keras.Input(shape=...), or call it on data before model.save(); a model that is a "
            "class of its own has to be exported with model.export()"
        )
    note = unrolling.unroll(_layers(model))
    tree = frameworks.tensorflow().nest
    structure = getattr(model, "input", inputs[0])

    def call(*tensors: Any) -> tuple[Any, ...]:
        # Where inputs are a dict or a list of one tensor, the model does not accept a bare tensor.
        return tuple(tree.flatten(model(tree.pack_sequence_as(structure, tensors), training=False)))

    return Opened(
        call=call,
        inputs=_ports(inputs, _names(model, "input")),
        outputs=_ports(outputs, _names(model, "output")),
        origin="Keras 3" if description.keras3 else "Keras 2",
        weights=weights.of_variables(model.weights),
        owner=model,
        loss=description.loss,
        learned=(
            qat.load(path, trust=trust) if description.keras3 and description.zipped else None
        ),
        note=note,
        trusted=loaded.trusted,
    )


def _names(model: Any, role: str) -> Any:
    """Return the keys of inputs or outputs in a dict, in the order of its tensors, else names."""
    structure = getattr(model, role, None)
    return sorted(structure) if isinstance(structure, dict) else getattr(model, f"{role}_names", ())


def _ports(tensors: Any, names: Any) -> tuple[TensorSpec, ...]:
    names = list(names) if len(names) == len(tensors) else [tensor.name for tensor in tensors]
    return tuple(
        TensorSpec(str(name), tuple(tensor.shape), str(getattr(tensor.dtype, "name", tensor.dtype)))
        for name, tensor in zip(names, tensors, strict=True)
    )


def _layers(layer: Any) -> Iterator[Any]:
    """Yield the layer and all layers inside it."""
    yield layer
    for inner in getattr(layer, "layers", ()):
        yield from _layers(inner)
