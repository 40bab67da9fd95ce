from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import build
import foreign
from edge_runtime.errors import ModelError
from edge_runtime.metadata import Metadata
from edgekit.benchmarks import dataset as test_images
from edgekit.benchmarks import model_file, usage
from edgekit.convert.metadata import attach
from edgekit.errors import DataError
from edgekit.train.dataset import Dataset


def relabelled(model: Path, file: Path, metadata: Metadata) -> Path:
    file.write_bytes(attach(model.read_bytes(), metadata))
    return file


def test_model_names_the_data_it_was_trained_on(int8_model: Path, dataset: Dataset) -> None:
    found = test_images.for_models([int8_model])
    assert (found.sha256, found.labels) == (dataset.sha256, ("0", "1"))


def test_models_trained_on_different_data_need_a_choice(int8_model: Path, tmp_path: Path) -> None:
    other = Metadata(
        ("0", "1"),
        mean=(0.0,),
        std=(255.0,),
        framing="digit",
        provenance={"data": {"source": "elsewhere.npz"}},
    )
    file = relabelled(int8_model, tmp_path / "other.tflite", other)
    with pytest.raises(DataError, match=r"other\.tflite on elsewhere\.npz: name one --data"):
        test_images.for_models([int8_model, file])
    with pytest.raises(DataError, match=r"elsewhere\.npz"):
        test_images.for_models([file])


def test_other_number_of_classes_is_refused(int8_model: Path, mnist: Dataset) -> None:
    assert mnist
    with pytest.raises(DataError, match=r"has 2 classes, but the test data have 3"):
        test_images.for_models([int8_model], "mnist", ("0", "1", "2"))


def test_other_order_of_classes_is_refused(int8_model: Path, dataset: Dataset) -> None:
    with pytest.raises(DataError, match=r"its labels are 0, 1, but the test data's are 1, 0"):
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
    shifted = Metadata(("0", "1"), mean=(-25.5,), std=(255.0,), framing="digit", provenance={})
    file = relabelled(int8_model, tmp_path / "shifted.tflite", shifted)
    found = usage.of(file, dataset)
    np.testing.assert_allclose(np.unique(found.scaled(images)), [0.1, 1.1])
    assert found.reason.startswith("its metadata, and ")


def test_pictures_are_framed_as_the_file_says(tmp_path: Path) -> None:
    for name, value in (("dark", 10), ("light", 240)):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for number in range(3):
            picture = Image.new("L", (16, 8), value)
            picture.save(tmp_path / "pictures" / name / f"{number}.png")
    foreign_file = tmp_path / "foreign.tflite"
    foreign_file.write_bytes(foreign.float_model(0.0, 1.0))
    content = attach(
        foreign_file.read_bytes(), Metadata(mean=(0.0,), std=(255.0,), framing="letterbox")
    )
    foreign_file.write_bytes(content)
    file = model_file.load(foreign_file)
    assert file.framing == "letterbox"
    with pytest.raises(DataError, match="has 3 classes"):
        test_images.for_models([file], str(tmp_path / "pictures"))
    (tmp_path / "pictures" / "grey").mkdir()
    for number in range(3):
        Image.new("L", (16, 8), 128).save(tmp_path / "pictures" / "grey" / f"{number}.png")
    found = test_images.for_models([file], str(tmp_path / "pictures"))
    assert found.framing == "letterbox"
    chosen = test_images.for_models([file], str(tmp_path / "pictures"), framing="resize")
    assert chosen.framing == "resize"


@pytest.mark.parametrize(
    ("shape", "outputs", "named"),
    [((28, 28, 1), 10, True), ((28, 28, 1), 5, False), ((32, 32, 3), 10, False), ((10,), 2, False)],
)
def test_mnist_is_assumed_for_its_own_shape_only(
    shape: tuple[int, ...], outputs: int, named: bool, tmp_path: Path, mnist: Dataset
) -> None:
    assert mnist
    size = int(np.prod(shape))
    tensors = [
        build.tensor((1, *shape)),
        build.constant([1, size], "int32"),
        build.tensor((1, size)),
        build.constant(np.zeros((outputs, size)), "float32"),
        build.tensor((1, outputs)),
        build.tensor((1, outputs)),
    ]
    nodes: list[build.Op] = [
        ("RESHAPE", [0, 1], 2, {}),
        ("FULLY_CONNECTED", [2, 3, -1], 4, {}),
        ("SOFTMAX", [4], 5, {"beta": 1.0}),
    ]
    path = tmp_path / "unknown.tflite"
    path.write_bytes(build.model(tensors, nodes))
    found = test_images.for_models([path])
    assert found.source == ("mnist" if named else test_images.NO_DATA)
    assert found.labels == (tuple("0123456789") if named else ())
