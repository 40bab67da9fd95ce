"""A Keras 3 or Keras 2 model from its file."""

import json
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgekit import frameworks
from edgekit.convert import qat, weights
from edgekit.convert.foreign_file import ZIP
from edgekit.convert.opened import Opened, Port
from edgekit.errors import ModelFileError

WEIGHTS = "model.weights.h5"
"""The weights in a .keras file."""

LOOKUPS = ("StringLookup", "IntegerLookup", "TextVectorization", "Hashing", "HashedCrossing")
"""Layers that look words or numbers up in a table of their own."""

ONLY_WEIGHTS = (
    "has weights and no architecture, as model.save_weights() writes it; build the model in "
    "Python, load_weights() into it, and save all of it with model.save()"
)
AS_SAVED_MODEL = "where its code is, export the model as a SavedModel, which needs none of it: "
EXPORT = "model.export(folder)"


@dataclass(frozen=True)
class Description:
    """What the file says about the model before it is loaded.

    Attributes:
        version: the Keras that wrote it; "2" when an HDF5 file does not say.
        architecture: its layers and their arguments, as Keras serialises them.
        training: how it was compiled; empty when it was not.
        zipped: whether it is a zip, and not an HDF5 file.
    """

    version: str
    architecture: dict[str, Any]
    training: dict[str, Any]
    zipped: bool

    @property
    def loss(self) -> str:
        """Name of the loss that it was compiled with; "" where it has none or several.

        Source: keras/src/saving/serialization_lib.py and the training_config of .h5 files.
        """
        loss = self.training.get("loss")
        if isinstance(loss, dict):
            loss = loss.get("registered_name") or loss.get("class_name")
        if not isinstance(loss, str):
            return ""
        # The name of the class, BinaryCrossentropy, as the one of the function.
        return re.sub("(?<=[a-z])(?=[A-Z])", "_", loss.rpartition(">")[2]).lower()


def load(path: Path, *, verbose: bool) -> Opened:
    """Load the Keras model in the file at ``path``; no code that the file brings along is run.

    Raises:
        ModelFileError: it cannot be loaded, or it is more or less than a model of Keras' own
            layers.
    """
    description = _describe(path)
    _refuse_layers(path, description)
    keras3 = description.version.startswith("3")
    library = frameworks.keras(verbose=verbose) if keras3 else frameworks.tf_keras(verbose=verbose)
    try:
        with (
            _loadable(path, description) as file,
            frameworks.native_stderr_silenced(unless=verbose),
        ):
            model = library.models.load_model(file, compile=False)
    # What a foreign, damaged or newer file makes of it is open.
    except Exception as error:
        raise ModelFileError(f"{path}: {_why(description, library, error)}") from error
    if keras3:
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
    tree = frameworks.tensorflow().nest
    # Where inputs are a dict or a list of one tensor, the model takes no bare tensor.
    structure = getattr(model, "input", None) if len(inputs) == 1 else None
    bare = structure is None or not tree.is_nested(structure)

    def call(x: Any) -> Any:
        packed = x if bare else tree.pack_sequence_as(structure, [x])
        return tree.flatten(model(packed, training=False))[0]

    return Opened(
        call=call,
        inputs=_ports(inputs, getattr(model, "input_names", ())),
        outputs=_ports(outputs, getattr(model, "output_names", ())),
        origin="Keras 3" if keras3 else "Keras 2",
        weights=weights.of_variables(model.weights),
        owner=model,
        loss=description.loss,
        learned=qat.load(path) if keras3 and description.zipped else None,
    )


def _describe(path: Path) -> Description:
    with path.open("rb") as file:
        zipped = file.read(len(ZIP)) == ZIP
    try:
        return _describe_zip(path) if zipped else _describe_hdf5(path)
    except ModelFileError:
        raise
    # What a foreign, damaged or encrypted file makes of it is open.
    except Exception as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ModelFileError(
            f"{path}: not a Keras model file ({reason}); copy or download it again if it was one"
        ) from error


def _describe_zip(path: Path) -> Description:
    with zipfile.ZipFile(path) as file:
        names = file.namelist()
        if "config.json" not in names:
            if any(name.endswith("weights.h5") for name in names):
                raise ModelFileError(f"{path}: {ONLY_WEIGHTS}")
            if any(name.endswith("data.pkl") for name in names):
                raise ModelFileError(f"{path}: is a PyTorch model: edgekit starts from Keras")
            raise ModelFileError(f"{path}: not a Keras model file (no config.json in it)")
        version = str(json.loads(file.read("metadata.json"))["keras_version"])
        architecture = json.loads(file.read("config.json"))
    training = architecture.pop("compile_config", None) or {}
    return Description(version, architecture, training, zipped=True)


def _describe_hdf5(path: Path) -> Description:
    import h5py

    with h5py.File(path) as file:
        version = file.attrs.get("keras_version", "2")
        architecture = file.attrs.get("model_config")
        training = json.loads(file.attrs.get("training_config", "{}"))
    if architecture is None:
        raise ModelFileError(f"{path}: {ONLY_WEIGHTS}")
    text = version.decode() if isinstance(version, bytes) else str(version)
    return Description(text, json.loads(architecture), training, zipped=False)


def _refuse_layers(path: Path, description: Description) -> None:
    """Refuse what must not or cannot be loaded.

    Raises:
        ModelFileError: a layer is Python code, or a table of words.
    """
    if description.version.startswith(("0", "1")):
        raise ModelFileError(
            f"{path}: written by Keras {description.version}; load it with a Keras 2 and save it "
            "again"
        )
    for entry in _objects(description.architecture):
        kind, name = entry["class_name"], _name(entry)
        if kind == "Lambda":
            raise ModelFileError(
                f"{path}: layer {name!r} is a Lambda: Python code in the file, which is not run; "
                "replace it by layers of Keras (keras.ops on the tensors, Rescaling), or "
                f"{AS_SAVED_MODEL}{EXPORT}"
            )
        if argument := _lambda_argument(entry):
            raise ModelFileError(
                f"{path}: the {argument} of layer {name!r} is a lambda: Python code in the file, "
                f"which is not run; use a function of Keras, or {AS_SAVED_MODEL}{EXPORT}"
            )
        if kind in LOOKUPS:
            raise ModelFileError(
                f"{path}: layer {name!r} is a {kind}, a look-up table, which devices do not have: "
                "look up before the model, and save the part behind it, which takes numbers"
            )


def _why(description: Description, library: Any, error: Exception) -> str:
    """Return why the file could not be loaded, and the way out."""
    keras3 = description.version.startswith("3")
    export = EXPORT if keras3 else "tf.saved_model.save(model, folder)"
    # Keras puts the whole configuration before what went wrong.
    reason = " ".join(str(error).rpartition("Exception encountered: ")[2].split())
    if own := _own_classes(description.architecture, library):
        return (
            f"uses {', '.join(own)}, not of Keras but of the code that trained it; {AS_SAVED_MODEL}"
            f"{export}"
        )
    written = description.version
    newer = f"; Keras {written} wrote it, and this is {library.__version__}"
    reason = reason[:300] or type(error).__name__
    return f"cannot be loaded ({reason}){newer if written != library.__version__ else ''}"


def _own_classes(architecture: dict[str, Any], library: Any) -> list[str]:
    """Return the names of classes and functions that are not Keras' own, each once."""
    found: dict[str, None] = {}
    for entry in _objects(architecture):
        name = entry["class_name"]
        module = entry.get("module")
        if name.startswith("__"):
            continue
        if name == "function":
            # Keras' own functions are stored as plain names.
            found.setdefault(f"the function {entry['config']}")
            continue
        places = ("layers", "models", "initializers", "regularizers", "constraints")
        known = any(hasattr(getattr(library, place, None), name) for place in places)
        inside = str(module or "").partition(".")[0] in ("keras", "tf_keras")
        if not known and not inside and name not in ("Functional", "TFOpLambda", "SlicingOpLambda"):
            found.setdefault(f"the class {name}")
    return list(found)


def _objects(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every serialised object: the model, its layers, what is in their arguments."""
    waiting = [node]
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, dict):
            if isinstance(node.get("class_name"), str) and "config" in node:
                yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _lambda_argument(entry: dict[str, Any]) -> str | None:
    """Return the name of an argument that is a lambda: marshalled code, its defaults and closure.

    Source: python_utils.func_dump of Keras 2 and 3.
    """
    config = entry["config"]
    for name, value in config.items() if isinstance(config, dict) else ():
        if isinstance(value, dict) and (
            value.get("class_name") == "__lambda__" or (list(value) == ["value"] and value["value"])
        ):
            return str(name)
    return None


def _name(entry: dict[str, Any]) -> str:
    config = entry["config"]
    own = config.get("name") if isinstance(config, dict) else None
    return str(own or entry.get("name") or entry["class_name"])


@contextmanager
def _loadable(path: Path, description: Description) -> Iterator[Path]:
    """Yield a path that Keras can load: its suffix says what it is, its names have slashes.

    Keras up to 2.11 wrote HDF5 into .keras; 2.13 to 2.15 wrote backslashes on Windows.
    """
    suffix = ".keras" if description.zipped else ".h5"
    windows = description.zipped and _has_backslashes(path)
    if not windows and (path.suffix == ".keras") == description.zipped:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="edgekit-") as folder:
        copy = Path(folder) / f"model{suffix}"
        if windows:
            _with_slashes(path, copy)
        else:
            shutil.copyfile(path, copy)
        yield copy


def _has_backslashes(path: Path) -> bool:
    import h5py

    with zipfile.ZipFile(path) as file:
        names = file.namelist()
        if any("\\" in name for name in names):
            return True
        if WEIGHTS not in names:
            return False
        with file.open(WEIGHTS) as opened, h5py.File(opened) as held:
            return any("\\" in name for name in held)


def _with_slashes(path: Path, copy: Path) -> None:
    """Write a .keras file again with forward slashes in the names of its members and groups."""
    import h5py

    with zipfile.ZipFile(path) as old, zipfile.ZipFile(copy, "w") as new:
        for info in old.infolist():
            name, content = info.filename.replace("\\", "/"), old.read(info)
            if name == WEIGHTS:
                file = copy.with_name(WEIGHTS)
                file.write_bytes(content)
                with h5py.File(file, "a") as held:
                    # Shorter names first: a group is there before what goes into it.
                    for group in sorted(one for one in held if "\\" in one):
                        held.move(group, group.replace("\\", "/"))
                content = file.read_bytes()
            new.writestr(name, content)


def _ports(tensors: Any, names: Any) -> tuple[Port, ...]:
    names = list(names) if len(names) == len(tensors) else [tensor.name for tensor in tensors]
    return tuple(
        Port(str(name), tuple(one.shape), str(getattr(one.dtype, "name", one.dtype)))
        for name, one in zip(names, tensors, strict=True)
    )


def _layers(layer: Any) -> Iterator[Any]:
    """Yield the layer and all layers inside it."""
    yield layer
    for inner in getattr(layer, "layers", ()):
        yield from _layers(inner)
