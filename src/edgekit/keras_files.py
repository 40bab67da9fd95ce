"""An untrusted Keras model file: read with limits, checked, and only then loaded."""

import io
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

from edgekit import archives, frameworks, keras_code
from edgekit.errors import ModelFileError

ZIP = b"PK\x03\x04"
"""First bytes of a .keras file; Keras 2 up to 2.11 wrote HDF5."""

WEIGHTS = "model.weights.h5"
"""Name of the weights in a .keras file."""

MOST_METADATA, MOST_CONFIG = 1 << 20, 16 << 20
"""Most bytes of metadata.json, which has a few lines, and of config.json, a kilobyte a layer."""

LOOKUPS = ("StringLookup", "IntegerLookup", "TextVectorization", "Hashing", "HashedCrossing")
"""Layers that look words or numbers up in their own table, or in a file that they name."""

ONLY_WEIGHTS = (
    "has weights and no architecture, as model.save_weights() writes it; build the model in "
    "Python, load_weights() into it, and save all of it with model.save()"
)
AS_SAVED_MODEL = "where its code is, export the model as a SavedModel, which needs none of it: "
EXPORT = "model.export(folder)"


@dataclass(frozen=True)
class Description:
    """A file's description of its model, read before the model is loaded.

    Attributes:
        version: the Keras that wrote it; "2" when an HDF5 file does not say.
        architecture: its layers and their arguments, as Keras serialises them.
        training: how it was compiled; empty when it was not.
        zipped: whether the file is a zip; otherwise it is HDF5.
    """

    version: str
    architecture: dict[str, Any]
    training: dict[str, Any]
    zipped: bool

    @property
    def keras3(self) -> bool:
        """Whether Keras 3 wrote it."""
        return self.version.startswith("3")

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
        # The name of a class, BinaryCrossentropy, becomes that of the function.
        return re.sub("(?<=[a-z])(?=[A-Z])", "_", loss.rpartition(">")[2]).lower()


@dataclass(frozen=True)
class LoadedKeras:
    """A loaded model.

    Attributes:
        model: the Keras model.
        description: the description in its file.
        trusted: what ``trust`` allowed it to do, a line each.
    """

    model: Any
    description: Description
    trusted: tuple[str, ...]


def load(path: Path, *, trust: bool, verbose: bool) -> LoadedKeras:
    """Load the Keras model in the file at ``path``, uncompiled.

    Args:
        path: a .keras or an HDF5 file.
        trust: run code that the file contains or names; otherwise such a file is refused.
        verbose: show TensorFlow's output.

    Raises:
        ModelFileError: it cannot be loaded, runs code, or unpacks to far more than its size.
    """
    description = describe(path)
    library = _library(description, verbose=verbose)
    risks = keras_code.risks(description.architecture, library)
    if risks and not trust:
        raise ModelFileError(f"{path}: {_refusal(description, risks)}")
    _refuse_lookups(path, description)
    try:
        with (
            _loadable(path, description) as file,
            frameworks.native_stderr_silenced(unless=verbose),
        ):
            model = library.models.load_model(file, compile=False, safe_mode=not trust)
    # Keras may raise anything on a foreign, damaged or newer file.
    except Exception as error:
        raise ModelFileError(f"{path}: {_why(description, risks, library, error)}") from error
    return LoadedKeras(model, description, _lines(path, risks))


def trusted(path: Path) -> tuple[str, ...]:
    """Return what ``load`` does with ``trust`` and would refuse without it, a line each.

    Raises:
        ModelFileError: the file is not a Keras model.
    """
    description = describe(path)
    return _lines(path, keras_code.risks(description.architecture, _library(description)))


def _lines(path: Path, risks: list[keras_code.Risk]) -> tuple[str, ...]:
    return tuple(f"--trust: {risk.does} of {path}" for risk in risks)


def _library(description: Description, *, verbose: bool = False) -> Any:
    return (frameworks.keras if description.keras3 else frameworks.tf_keras)(verbose=verbose)


def describe(path: Path) -> Description:
    """Return a file's description of its model, without loading it.

    Raises:
        ModelFileError: it is damaged, holds no model, or unpacks to far more than its size.
    """
    try:
        with path.open("rb") as file:
            zipped = file.read(len(ZIP)) == ZIP
        description = _describe_zip(path) if zipped else _describe_hdf5(path)
    except ModelFileError:
        raise
    # A foreign, damaged or encrypted file may raise anything.
    except Exception as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise ModelFileError(
            f"{path}: not a Keras model file ({reason}); copy or download it again if it was one"
        ) from error
    if description.version.startswith(("0", "1")):
        raise ModelFileError(
            f"{path}: written by Keras {description.version}; load it with a Keras 2 and save it "
            "again"
        )
    return description


def _describe_zip(path: Path) -> Description:
    import h5py

    with zipfile.ZipFile(path) as file:
        if reason := archives.bomb(file, path):
            raise ModelFileError(f"{path}: {reason}")
        names = file.namelist()
        if "config.json" not in names:
            if any(name.endswith("weights.h5") for name in names):
                raise ModelFileError(f"{path}: {ONLY_WEIGHTS}")
            if any(name.endswith("data.pkl") for name in names):
                raise ModelFileError(f"{path}: is a PyTorch model: edgekit starts from Keras")
            raise ModelFileError(f"{path}: not a Keras model file (no config.json in it)")
        metadata = json.loads(archives.read(file, "metadata.json", MOST_METADATA))
        architecture = json.loads(archives.read(file, "config.json", MOST_CONFIG))
        for name in names:
            if name.endswith(".h5"):
                # Seeking back in a deflated member would unpack it again each time.
                with h5py.File(io.BytesIO(file.read(name)), "r") as weights:
                    _refuse_hdf5(path, weights)
            if name.endswith(".npz"):
                # Keras' other form of the weights, an archive in the archive.
                with zipfile.ZipFile(io.BytesIO(file.read(name))) as inner:
                    if reason := archives.bomb(inner, path):
                        raise ModelFileError(f"{path}: {reason}")
    training = architecture.pop("compile_config", None)
    version = str(metadata["keras_version"])
    return Description(version, architecture, _as_dict(training), zipped=True)


def _describe_hdf5(path: Path) -> Description:
    import h5py

    with h5py.File(path, "r") as file:
        version = file.attrs.get("keras_version", "2")
        architecture = file.attrs.get("model_config")
        training = json.loads(file.attrs.get("training_config", "{}"))
        if architecture is None:
            raise ModelFileError(f"{path}: {ONLY_WEIGHTS}")
        _refuse_hdf5(path, file)
    text = version.decode() if isinstance(version, bytes) else str(version)
    return Description(text, json.loads(architecture), _as_dict(training), zipped=False)


def _as_dict(node: Any) -> dict[str, Any]:
    return node if isinstance(node, dict) else {}


def _refuse_hdf5(path: Path, file: Any) -> None:
    """Refuse weights that are in other files, or that unpack to far more than the file's size.

    Raises:
        ModelFileError: the weights are such.
    """
    import h5py

    waiting, visited, unpacked = [file["/"]], set(), 0
    while waiting:
        group = waiting.pop()
        for name in group:
            link = group.get(name, getlink=True)
            place = repr(f"{group.name.rstrip('/')}/{name}")
            if not isinstance(link, h5py.HardLink):
                raise ModelFileError(
                    f"{path}: {place} is a link to somewhere else, which weights never are; it "
                    "is not followed"
                )
            member = group[name]
            # Two names may belong to one object, and a group may contain itself.
            address = h5py.h5o.get_info(member.id).addr
            if address in visited:
                continue
            visited.add(address)
            if isinstance(member, h5py.Group):
                waiting.append(member)
            elif isinstance(member, h5py.Dataset):
                if member.external or member.is_virtual:
                    raise ModelFileError(
                        f"{path}: {place} has its numbers in another file, which is not read; "
                        "save the model again with model.save()"
                    )
                unpacked += member.nbytes
    if reason := archives.refusal(unpacked, path.stat().st_size):
        raise ModelFileError(f"{path}: {reason}")


def _refuse_lookups(path: Path, description: Description) -> None:
    for entry in keras_code.objects(description.architecture):
        if entry["class_name"] in LOOKUPS:
            raise ModelFileError(
                f"{path}: layer {keras_code.name_of(entry)!r} is a {entry['class_name']}, a "
                "look-up table, which devices do not have: look up before the model, and save the "
                "part after it, whose input is numbers"
            )


def _refusal(description: Description, risks: list[keras_code.Risk]) -> str:
    """Return the first thing that is refused, and the ways out."""
    if any(risk.custom for risk in risks):
        return _custom(description, risks) + (
            "" if description.keras3 else "; or --trust, which lets Keras import it here"
        )
    more = f" ({len(risks) - 1} more like it)" if len(risks) > 1 else ""
    return f"{risks[0].why}{more}, or {AS_SAVED_MODEL}{EXPORT}; or trust the file: --trust"


def _custom(description: Description, risks: list[keras_code.Risk]) -> str:
    names = ", ".join(risk.custom for risk in risks if risk.custom)
    export = EXPORT if description.keras3 else "tf.saved_model.save(model, folder)"
    return f"uses {names}, not of Keras but of the code that trained it; {AS_SAVED_MODEL}{export}"


def _why(
    description: Description, risks: list[keras_code.Risk], library: Any, error: Exception
) -> str:
    """Return why the file could not be loaded, and the way out."""
    # Keras puts the whole configuration before what went wrong.
    reason = " ".join(str(error).rpartition("Exception encountered: ")[2].split())
    writer = description.version
    newer = f"; Keras {writer} wrote it, and this is {library.__version__}"
    reason = reason[:300] or type(error).__name__
    if any(risk.custom for risk in risks):
        return f"cannot be loaded ({reason}): it {_custom(description, risks)}"
    return f"cannot be loaded ({reason}){newer if writer != library.__version__ else ''}"


@contextmanager
def _loadable(path: Path, description: Description) -> Iterator[Path]:
    """Yield a path that Keras can load: its suffix states the format, its names have slashes.

    So Keras reads the file in the format that was checked. Keras up to 2.11 wrote HDF5 into .keras;
    2.13 to 2.15 wrote backslashes on Windows.
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
        with h5py.File(io.BytesIO(file.read(WEIGHTS)), "r") as weights:
            return any("\\" in name for name in weights)


def _with_slashes(path: Path, copy: Path) -> None:
    """Write a .keras file again with forward slashes in the names of its members and groups."""
    import h5py

    with zipfile.ZipFile(path) as old, zipfile.ZipFile(copy, "w") as new:
        for info in old.infolist():
            name, content = info.filename.replace("\\", "/"), old.read(info)
            if name == WEIGHTS:
                file = copy.with_name(WEIGHTS)
                file.write_bytes(content)
                with h5py.File(file, "a") as weights:
                    # Shorter names first: a group exists before its members.
                    for group in sorted(name for name in weights if "\\" in name):
                        weights.move(group, group.replace("\\", "/"))
                content = file.read_bytes()
            new.writestr(name, content)
