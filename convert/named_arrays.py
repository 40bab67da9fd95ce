"""Data for a model of several inputs: an .npz with an array for each, by name."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgekit.convert.calibration import Arrays
from edgekit.convert.source import TrainedModel
from edgekit.errors import DataError
from edgekit.train.arrays import fitted, read_npz
from edgekit.train.dataset import Loaded, digest
from edgekit.train.splits import split


@dataclass(frozen=True)
class NamedArrays:
    """Inputs of a model of several, on its own scale.

    Attributes:
        train: for each input float32 [N, *shape].
        test: as train, [M, *shape].
        name: name of the file.
        source: its absolute path.
        sha256: digest of the arrays.
    """

    train: Arrays
    test: Arrays
    name: str
    source: str
    sha256: str

    @property
    def provenance(self) -> dict[str, Any]:
        """What a model file records about the data, as ``Dataset.provenance``."""
        return {"source": None, "name": self.name, "classes": [], "sha256": self.sha256}


def load(source: str, model: TrainedModel) -> NamedArrays:
    """Read the arrays and split them as ``train.splits.split`` does.

    Raises:
        DataError: see ``read``, or there are fewer than two rows.
    """
    arrays = read(source, model)
    rows = np.arange(len(arrays[0]))[:, None]
    nothing = np.zeros((len(rows), 0), np.float32)
    train, _, test, _ = split(Loaded({"x": rows, "y": nothing}, ()), source)
    return NamedArrays(
        train=tuple(array[train[:, 0]] for array in arrays),
        test=tuple(array[test[:, 0]] for array in arrays),
        name=Path(source).resolve().name,
        source=str(Path(source).resolve()),
        sha256=digest(arrays, ()),
    )


def read(source: str, model: TrainedModel) -> Arrays:
    """Return an array for each input of ``model``, float32 [N, *shape] in its order.

    Raises:
        DataError: ``source`` is not an .npz with exactly these arrays, with as many rows each.
    """
    path, specs = Path(source), model.input_specs
    expected = (
        f"{model.path} has {len(specs)} inputs: expected an .npz with an array for each "
        f"({', '.join(map(str, specs))}), without labels or targets"
    )
    if path.suffix != ".npz" or not path.is_file():
        raise DataError(f"data {source!r}: {expected}")
    content = read_npz(path)
    if content.keys() != {spec.name for spec in specs}:
        has = ", ".join(sorted(content)) or "nothing"
        raise DataError(f"{path}: has {has}, but {expected}")
    arrays = []
    for spec, shape in zip(specs, model.shapes, strict=True):
        array, where = content[spec.name], f"{path}: {spec.name}"
        if array.dtype.kind not in "iuf" or array.dtype == np.uint8 or not array.size:
            raise DataError(
                f"{where}: expected numbers [N, ...] on the model's scale, got {array.dtype} "
                f"{list(array.shape)}" + ("; normalise pixels first" * (array.dtype == np.uint8))
            )
        arrays.append(fitted(array, shape, where))
    if len({len(array) for array in arrays}) > 1:
        counts = ", ".join(
            f"{len(array)} of {spec.name}" for array, spec in zip(arrays, specs, strict=True)
        )
        raise DataError(f"{path}: expected as many rows in each array, got {counts}")
    return tuple(arrays)
