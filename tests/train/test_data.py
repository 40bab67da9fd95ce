"""Sources of images, and the errors of bad ones."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from edgekit.errors import DataError
from edgekit.train import mnist as mnist_files
from edgekit.train.data import load, parse_classes
from edgekit.train.dataset import Dataset, image_shape, scaled


def test_scaling_is_to_the_unit_interval() -> None:
    pixels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    result = scaled(pixels)
    assert result.dtype == np.float32
    assert result.min() == 0
    assert result.max() == 1
    assert result.ravel()[51] == np.float32(51) / np.float32(255)


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("0,1", ("0", "1")),
        ("1,0", ("1", "0")),
        ("0-9", tuple("0123456789")),
        ("0-2, 7", ("0", "1", "2", "7")),
        ("cat,dog", ("cat", "dog")),
        ("semi-open,closed", ("semi-open", "closed")),
    ],
)
def test_class_lists(text: str, classes: tuple[str, ...]) -> None:
    assert parse_classes(text) == classes


@pytest.mark.parametrize("text", ["", "1", "0,0", "3-2", "1-3,2", "²-3", "0-99999999"])
def test_bad_class_lists(text: str) -> None:
    with pytest.raises(DataError, match="at least two different"):
        parse_classes(text)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((28, 28, 1), (28, 28, 1)),
        ((32, 24, 3), (32, 24, 3)),
        ((28, 28), (28, 28, 1)),
        ((784,), (28, 28, 1)),
    ],
)
def test_image_shapes(shape: tuple[int, ...], expected: tuple[int, int, int]) -> None:
    assert image_shape(shape, "model") == expected


@pytest.mark.parametrize("shape", [(10,), (28, 28, 2), (1, 2, 3, 4)])
def test_shapes_that_fit_no_image(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="no image fits an input"):
        image_shape(shape, "model")


@pytest.mark.mnist
def test_mnist_is_the_documented_one(mnist: Dataset) -> None:
    assert mnist.x_train.shape == (12665, 28, 28, 1)
    assert mnist.x_test.shape == (2115, 28, 28, 1)
    assert mnist.labels == ("0", "1")
    assert mnist.name == mnist.source == "mnist"
    assert mnist.framing == "digit"


@pytest.mark.mnist
def test_other_classes_and_their_order(mnist: Dataset) -> None:
    every = load("mnist", tuple("0123456789"))
    assert len(every.x_train) == 60000
    assert len(every.x_test) == 10000
    turned = load("mnist", ("1", "0"))
    assert np.bincount(turned.y_test).tolist() == [1135, 980]
    assert turned.sha256 != mnist.sha256


@pytest.mark.mnist
def test_idx_files_are_the_same_data(
    mnist: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    x_train, y_train, x_test, y_test = mnist_files.load()
    arrays = {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}
    for key, name in mnist_files.IDX_FILES.items():
        array = arrays[key].astype(np.uint8)
        array = array[..., 0] if array.ndim == 4 else array
        head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
        if key == "x_train":
            (tmp_path / f"{name}.gz").write_bytes(gzip.compress(head + array.tobytes(), 1))
        else:
            (tmp_path / name).write_bytes(head + array.tobytes())
    monkeypatch.setenv("EDGEKIT_MNIST", str(tmp_path))
    assert load("mnist").sha256 == mnist.sha256
    (tmp_path / mnist_files.IDX_FILES["y_test"]).unlink()
    with pytest.raises(DataError, match="has neither t10k-labels"):
        load("mnist")


@pytest.mark.mnist
def test_a_changed_pixel_is_not_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    x_train, y_train, x_test, y_test = mnist_files.load()
    changed = x_test.copy()
    changed[0, 0, 0, 0] ^= 1
    path = tmp_path / "mnist.npz"
    np.savez(
        path,
        x_train=x_train[..., 0],
        y_train=y_train.astype(np.uint8),
        x_test=changed[..., 0],
        y_test=y_test.astype(np.uint8),
    )
    monkeypatch.setenv("EDGEKIT_MNIST", str(path))
    with pytest.raises(DataError, match="x_test is not MNIST's"):
        load("mnist")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no", b"nonsense"])
def test_a_foreign_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    path = tmp_path / "mnist.npz"
    path.write_bytes(content)
    monkeypatch.setenv("EDGEKIT_MNIST", str(path))
    with pytest.raises(DataError, match=r"mnist\.npz: not a readable \.npz"):
        load("mnist")


def test_a_missing_file_is_no_silent_fallback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEKIT_MNIST", str(tmp_path / "none.npz"))
    with pytest.raises(DataError, match=r"none\.npz"):
        load("mnist")


def test_synthetic_is_a_dataset_of_its_own_name(synthetic: Dataset) -> None:
    assert synthetic.name == "synthetic"
    assert len(synthetic.x_train) == 12665
    assert len(synthetic.x_test) == 2115
    with pytest.raises(DataError, match="no class '7'"):
        load("synthetic", ("0", "7"))


def test_an_unknown_source_lists_what_there_is() -> None:
    with pytest.raises(DataError, match="neither mnist, synthetic, a folder"):
        load("mnits")


def test_a_download_that_fails_says_what_else_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from edgekit import frameworks

    def load_data() -> None:
        print("Downloading data")
        raise OSError("no network")

    monkeypatch.delenv("EDGEKIT_MNIST", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(frameworks.keras().datasets.mnist, "load_data", load_data)
    with pytest.raises(DataError, match=r"failed \(no network\); set EDGEKIT_MNIST .*synthetic"):
        load("mnist")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "Downloading data" in shown.err


def test_a_damaged_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mnist.npz"
    np.savez_compressed(path, x_train=np.arange(50_000) % 251)
    damaged = bytearray(path.read_bytes())
    damaged[100:140] = bytes(byte ^ 0xFF for byte in damaged[100:140])
    path.write_bytes(damaged)
    monkeypatch.setenv("EDGEKIT_MNIST", str(path))
    with pytest.raises(DataError, match=r"mnist\.npz: not a readable"):
        load("mnist")
    folder = tmp_path / "idx"
    folder.mkdir()
    packed = bytearray(gzip.compress(bytes(1000) + bytes(range(256)) * 40))
    packed[20:60] = b"\xff" * 40
    (folder / "train-images-idx3-ubyte.gz").write_bytes(packed)
    monkeypatch.setenv("EDGEKIT_MNIST", str(folder))
    with pytest.raises(DataError, match="not an IDX file"):
        load("mnist")
