from pathlib import Path

import numpy as np
import pytest

from edge_runtime.errors import ModelError
from edge_runtime.metadata import Metadata
from edgekit.benchmarks import dataset as test_images
from edgekit.benchmarks import usage
from edgekit.convert.metadata import attach
from edgekit.errors import DataError
from edgekit.train.data import Dataset


def relabelled(model: Path, file: Path, metadata: Metadata) -> Path:
    file.write_bytes(attach(model.read_bytes(), metadata))
    return file


def test_model_names_the_data_it_was_trained_on(int8_model: Path, dataset: Dataset) -> None:
    found = test_images.for_models([int8_model])
    assert (found.sha256, found.labels) == (dataset.sha256, ("0", "1"))


def test_models_trained_on_different_data_need_a_choice(int8_model: Path, tmp_path: Path) -> None:
    other = Metadata(("0", "1"), (0.0,), (255.0,), "digit", {"data": {"source": "elsewhere.npz"}})
    file = relabelled(int8_model, tmp_path / "other.tflite", other)
    with pytest.raises(DataError, match=r"other\.tflite on elsewhere\.npz: name one --data"):
        test_images.for_models([int8_model, file])
    with pytest.raises(DataError, match=r"elsewhere\.npz"):
        test_images.for_models([file])


def test_other_number_of_classes_is_refused(int8_model: Path, mnist: Dataset) -> None:
    assert mnist
    with pytest.raises(DataError, match=r"tells 2 classes apart, but the test images have 3"):
        test_images.for_models([int8_model], "mnist", ("0", "1", "2"))


def test_other_order_of_classes_is_refused(int8_model: Path, dataset: Dataset) -> None:
    with pytest.raises(DataError, match=r"its labels are 0, 1, but the test images' are 1, 0"):
        test_images.for_models([int8_model], dataset.source, ("1", "0"))


def test_file_that_says_nothing_is_measured_on_what_one_names(
    int8_model: Path, tmp_path: Path, dataset: Dataset
) -> None:
    silent = relabelled(int8_model, tmp_path / "silent.tflite", Metadata())
    found = test_images.for_models([silent], dataset.source, ("1", "0"))
    assert found.labels == ("1", "0")


@pytest.mark.parametrize("content", [b"", b"not a model", b"PK\x03\x04 a zip"])
def test_foreign_file_is_refused_by_its_name(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "foreign.tflite"
    file.write_bytes(content)
    with pytest.raises(ModelError, match=r"foreign\.tflite: "):
        test_images.for_models([file])


def test_pixels_become_what_the_model_file_says(
    int8_model: Path, tmp_path: Path, dataset: Dataset
) -> None:
    images = np.zeros((1, 28, 28, 1), np.uint8)
    images[:, 14:] = 255
    # The int8 input is made for 0 to 1, which 0.1 to 1.1 does not contradict.
    shifted = Metadata(("0", "1"), (-25.5,), (255.0,), "digit", {})
    file = relabelled(int8_model, tmp_path / "shifted.tflite", shifted)
    found = usage.of(file, dataset)
    np.testing.assert_allclose(np.unique(found.scaled(images)), [0.1, 1.1])
    assert found.reason == "its metadata"
