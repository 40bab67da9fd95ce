"""A Keras model file from a stranger: read with bounds, looked through, and only then loaded."""

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
"""The first bytes of a .keras file; those of Keras 2 up to 2.11 are HDF5's."""

WEIGHTS = "model.weights.h5"
"""The weights in a .keras file."""

MOST_METADATA, MOST_CONFIG = 1 << 20, 16 << 20
"""Bytes of metadata.json, which has a few lines, and of config.json, a kilobyte for each layer."""

LOOKUPS = ("StringLookup", "IntegerLookup", "TextVectorization", "Hashing", "HashedCrossing")
"""Layers that look words or numbers up in a table of their own, or in a file that they name."""

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
        # The name of the class, BinaryCrossentropy, as the one of the function.
        return re.sub("(?<=[a-z])(?=[A-Z])", "_", loss.rpartition(">")[2]).lower()


@dataclass(frozen=True)
class Loaded:
    """A loaded model.

    Attributes:
        model: as Keras has it.
        description: what its file says.
        trusted: what it was allowed to do, a line each.
    """

    model: Any
    description: Description
    trusted: tuple[str, ...]


def load(path: Path, *, trust: bool, verbose: bool) -> Loaded:
    """Load the Keras model in the file at ``path``, uncompiled.

    Args:
        path: a .keras or an HDF5 file.
        trust: run the code that the file brings along or names; else such a file is refused.
        verbose: show what TensorFlow says.

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
    # What a foreign, damaged or newer file makes of it is open.
    except Exception as error:
        raise ModelFileError(f"{path}: {_why(description, risks, library, error)}") from error
    return Loaded(model, description, _lines(path, risks))


def trusted(path: Path) -> tuple[str, ...]:
    """Return what ``load`` does with ``trust`` and would refuse without it, a line each.

    Raises:
        ModelFileError: the file is no Keras model.
    """
    description = describe(path)
    return _lines(path, keras_code.risks(description.architecture, _library(description)))


def _lines(path: Path, risks: list[keras_code.Risk]) -> tuple[str, ...]:
    return tuple(f"--trust: {one.does} of {path}" for one in risks)


def _library(description: Description, *, verbose: bool = False) -> Any:
    return (frameworks.keras if description.keras3 else frameworks.tf_keras)(verbose=verbose)


def describe(path: Path) -> Description:
    """Return what a file says about its model; nothing of it is loaded.

    Raises:
        ModelFileError: it is damaged, holds no model, or unpacks to far more than its size.
    """
    try:
        with path.open("rb") as file:
            zipped = file.read(len(ZIP)) == ZIP
        description = _describe_zip(path) if zipped else _describe_hdf5(path)
    except ModelFileError:
        raise
    # What a foreign, damaged or encrypted file makes of it is open.
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
                # A deflated member would be unpacked anew for each step back in it.
                with h5py.File(io.BytesIO(file.read(name)), "r") as held:
                    _refuse_hdf5(path, held)
            if name.endswith(".npz"):
                # The weights in Keras' other form, an archive in the archive.
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
    """Refuse weights that are in other files, or that a few bytes are to unpack to.

    Raises:
        ModelFileError: so it is.
    """
    import h5py

    waiting, seen, unpacked = [file["/"]], set(), 0
    while waiting:
        group = waiting.pop()
        for name in group:
            link = group.get(name, getlink=True)
            where = repr(f"{group.name.rstrip('/')}/{name}")
            if not isinstance(link, h5py.HardLink):
                raise ModelFileError(
                    f"{path}: {where} is a link to what lies elsewhere, which weights never are; "
                    "it is not followed"
                )
            one = group[name]
            # Two names may be of one object, and a group be inside itself.
            address = h5py.h5o.get_info(one.id).addr
            if address in seen:
                continue
            seen.add(address)
            if isinstance(one, h5py.Group):
                waiting.append(one)
            elif isinstance(one, h5py.Dataset):
                if one.external or one.is_virtual:
                    raise ModelFileError(
                        f"{path}: {where} takes its numbers from another file, which is not read; "
                        "save the model again with model.save()"
                    )
                unpacked += one.nbytes
    if reason := archives.refusal(unpacked, path.stat().st_size):
        raise ModelFileError(f"{path}: {reason}")


def _refuse_lookups(path: Path, description: Description) -> None:
    for entry in keras_code.objects(description.architecture):
        if entry["class_name"] in LOOKUPS:
            raise ModelFileError(
                f"{path}: layer {keras_code.name_of(entry)!r} is a {entry['class_name']}, a "
                "look-up table, which devices do not have: look up before the model, and save the "
                "part behind it, which takes numbers"
            )


def _refusal(description: Description, risks: list[keras_code.Risk]) -> str:
    """Return what is refused, the first of it, and the ways out."""
    if any(one.own for one in risks):
        return _own(description, risks) + (
            "" if description.keras3 else "; or --trust, which lets Keras import it here"
        )
    more = f" ({len(risks) - 1} more like it)" if len(risks) > 1 else ""
    return f"{risks[0].why}{more}, or {AS_SAVED_MODEL}{EXPORT}; or trust the file: --trust"


def _own(description: Description, risks: list[keras_code.Risk]) -> str:
    names = ", ".join(one.own for one in risks if one.own)
    export = EXPORT if description.keras3 else "tf.saved_model.save(model, folder)"
    return f"uses {names}, not of Keras but of the code that trained it; {AS_SAVED_MODEL}{export}"


def _why(
    description: Description, risks: list[keras_code.Risk], library: Any, error: Exception
) -> str:
    """Return why the file could not be loaded, and the way out."""
    # Keras puts the whole configuration before what went wrong.
    reason = " ".join(str(error).rpartition("Exception encountered: ")[2].split())
    written = description.version
    newer = f"; Keras {written} wrote it, and this is {library.__version__}"
    reason = reason[:300] or type(error).__name__
    if any(one.own for one in risks):
        return f"cannot be loaded ({reason}): it {_own(description, risks)}"
    return f"cannot be loaded ({reason}){newer if written != library.__version__ else ''}"


@contextmanager
def _loadable(path: Path, description: Description) -> Iterator[Path]:
    """Yield a path that Keras can load: its suffix says what it is, its names have slashes.

    So Keras reads as the same format what was looked through as one. Keras up to 2.11 wrote HDF5
    into .keras; 2.13 to 2.15 wrote backslashes on Windows.
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
        with h5py.File(io.BytesIO(file.read(WEIGHTS)), "r") as held:
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
