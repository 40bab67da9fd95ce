"""MNIST: the places to look for it, and the digests that prove its content.

Source: Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten digits".
"""

import gzip
import hashlib
import os
import struct
import sys
import zlib
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgekit import frameworks
from edgekit.errors import DataError
from edgekit.train.arrays import read_npz
from edgekit.train.dataset import Arrays

SHA256 = {
    "x_train": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
    "y_train": "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
    "x_test": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
    "y_test": "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
}
"""Digests of the four arrays' bytes, uint8, as Keras' mnist.npz holds them."""

MOST_UNPACKED = 64 << 20
"""Limit on the bytes of an IDX file, unpacked; the training images have 47 million."""

IDX_FILES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}


def load() -> Arrays:
    """Return MNIST, all ten digits, images uint8 [N, 28, 28, 1].

    Looks in EDGEKIT_MNIST (an .npz or a folder with the four IDX files, gzipped or not), then in
    Keras' cache, then lets Keras download it.

    Raises:
        DataError: it is in none of the three, or the content is not MNIST's.
    """
    named = os.environ.get("EDGEKIT_MNIST")
    if named:
        path = Path(named)
        arrays = _from_idx(path) if path.is_dir() else _from_npz(path)
    elif (path := cached()).exists():
        arrays = _from_npz(path)
    else:
        arrays = _download()
    for key, expected in SHA256.items():
        if hashlib.sha256(np.ascontiguousarray(arrays[key]).data).hexdigest() != expected:
            raise DataError(f"{path}: {key} is not MNIST's (its SHA-256 differs); get it again")
    return (
        arrays["x_train"][..., None].astype(np.uint8, copy=False),
        arrays["y_train"].astype(np.int64),
        arrays["x_test"][..., None].astype(np.uint8, copy=False),
        arrays["y_test"].astype(np.int64),
    )


def cached() -> Path:
    """Return the path of Keras' own download, which need not exist."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras") / "datasets" / "mnist.npz"


def _download() -> dict[str, npt.NDArray[np.generic]]:
    try:
        keras = frameworks.keras()
        # Keras prints its progress on stdout, which is for results.
        with redirect_stdout(sys.stderr):
            (x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
    except Exception as error:
        raise DataError(
            f"MNIST is neither in EDGEKIT_MNIST nor in {cached()}, and the download failed "
            f"({error}); set EDGEKIT_MNIST to an mnist.npz, or use --data synthetic"
        ) from error
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}


def _from_npz(path: Path) -> dict[str, npt.NDArray[np.generic]]:
    arrays = read_npz(path)
    if missing := SHA256.keys() - arrays.keys():
        raise DataError(f"{path}: not an MNIST .npz: it has no {min(missing)}")
    return {key: arrays[key] for key in SHA256}


def _from_idx(folder: Path) -> dict[str, npt.NDArray[np.generic]]:
    return {key: _read_idx(folder, name) for key, name in IDX_FILES.items()}


def _read_idx(folder: Path, name: str) -> npt.NDArray[np.generic]:
    """Read an IDX file: magic 0x0000_08_<dimensions>, big-endian sizes, unsigned bytes."""
    path = next((p for p in (folder / name, folder / f"{name}.gz") if p.is_file()), None)
    if path is None:
        raise DataError(f"{folder}: has neither {name} nor {name}.gz")
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            raw = file.read(MOST_UNPACKED)
        shape = struct.unpack_from(f">{raw[3]}I", raw, 4)
        return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(shape)
    except (OSError, EOFError, IndexError, ValueError, struct.error, zlib.error) as error:
        raise DataError(f"{path}: not an IDX file ({error})") from error
