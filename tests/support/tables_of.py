"""Write tables, and read them as training does."""

from pathlib import Path

import numpy as np

from edgekit.train import data
from edgekit.train.dataset import Dataset
from edgekit.train.reading import Reading


def load(path: Path, reading: Reading | None = None, numbers: bool | None = None) -> Dataset:
    return data.load(str(path), None, None, numbers=numbers, reading=reading or Reading())


def written(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def sorted_rows(dataset: Dataset) -> np.ndarray:
    rows = np.concatenate((dataset.x_train, dataset.x_test))
    return rows[np.lexsort(rows.T)]
