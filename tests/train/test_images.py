"""Training on one's own images."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from edgekit.errors import DataError
from edgekit.train.data import load


def draw(kind: str, size: tuple[int, int] = (60, 40), mode: str = "L") -> Image.Image:
    """A dark cross or ring on white paper."""
    image = Image.new("RGB", size, "white")
    pen = ImageDraw.Draw(image)
    box = (size[0] // 4, size[1] // 4, size[0] * 3 // 4, size[1] * 3 // 4)
    if kind == "ring":
        pen.ellipse(box, outline="black", width=4)
    else:
        pen.line(box, fill="black", width=4)
        pen.line((box[2], box[1], box[0], box[3]), fill="black", width=4)
    return image.convert(mode)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    modes = ["L", "RGB", "1", "P", "CMYK", "L"]
    for kind in ("ring", "cross"):
        (tmp_path / kind).mkdir()
        for i, mode in enumerate(modes):
            suffix = "jpg" if mode == "CMYK" else "png"
            draw(kind, (40 + 7 * i, 60 - 3 * i), mode).save(tmp_path / kind / f"{i}.{suffix}")
    return tmp_path


def test_a_folder_of_any_size_and_mode(folder: Path) -> None:
    (folder / ".DS_Store").write_bytes(b"litter")
    (folder / "ring" / "Thumbs.db").write_bytes(b"litter")
    dataset = load(str(folder))
    assert dataset.labels == ("cross", "ring")
    assert dataset.x_train.shape[1:] == (28, 28, 1)
    assert len(dataset.x_train) + len(dataset.x_test) == 12
    assert np.bincount(dataset.y_test).tolist() == [1, 1]
    # Light ink on a dark ground, whatever the paper was.
    assert (dataset.x_train[:, 0, :, 0] == 0).all()
    assert (dataset.x_train.max(axis=(1, 2, 3)) > 200).all()
    assert load(str(folder)).sha256 == dataset.sha256


def test_classes_can_be_chosen(folder: Path) -> None:
    assert load(str(folder), ("ring", "cross")).labels == ("ring", "cross")
    with pytest.raises(DataError, match="no class 'square'; it has cross, ring"):
        load(str(folder), ("ring", "square"))


def test_train_and_test_folders_are_kept_apart(tmp_path: Path) -> None:
    both = tmp_path / "both"
    for part in ("train", "test"):
        for kind in ("ring", "cross"):
            (both / part / kind).mkdir(parents=True)
            for i in range(2 if part == "train" else 1):
                draw(kind).save(both / part / kind / f"{i}.png")
    dataset = load(str(both))
    assert (len(dataset.x_train), len(dataset.x_test)) == (4, 2)
    (both / "test" / "ring").rename(both / "test" / "rong")
    with pytest.raises(DataError, match="do not have the same classes: 'ring'"):
        load(str(both))


def spoil_unreadable(folder: Path) -> None:
    (folder / "ring" / "bad.png").write_bytes(b"no picture")


def spoil_truncated(folder: Path) -> None:
    path = folder / "ring" / "1.png"
    path.write_bytes(path.read_bytes()[:60])


def spoil_empty(folder: Path) -> None:
    (folder / "square").mkdir()


def spoil_stray(folder: Path) -> None:
    (folder / "notes.txt").write_text("hello")


def spoil_single(folder: Path) -> None:
    for file in list((folder / "ring").iterdir())[1:]:
        file.unlink()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_unreadable, "bad.png"),
        (spoil_truncated, "1.png"),
        (spoil_empty, "square: the class has no image"),
        (spoil_stray, "notes.txt: expected one folder"),
        (spoil_single, "class 'ring' needs two images"),
    ],
)
def test_what_is_wrong_is_named(folder: Path, spoil: Callable[[Path], None], message: str) -> None:
    spoil(folder)
    with pytest.raises(DataError, match=message) as raised:
        load(str(folder))
    assert "\n" not in str(raised.value)


def test_a_validation_split_gets_every_class(tmp_path: Path) -> None:
    for part in ("train", "test"):
        for kind in ("cross", "ring"):
            (tmp_path / part / kind).mkdir(parents=True)
            for i in range(20 if part == "train" else 1):
                draw(kind, (40 + i, 60)).save(tmp_path / part / kind / f"{i}.png")
    held_back = load(str(tmp_path)).y_train[-10:]
    assert set(held_back.tolist()) == {0, 1}
    x = np.zeros((40, 28, 28), np.uint8)
    y = np.repeat([0, 1], 20)
    np.savez(tmp_path / "a.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    assert set(load(str(tmp_path / "a.npz")).y_train[-10:].tolist()) == {0, 1}


def test_class_names_of_bytes_are_text(tmp_path: Path) -> None:
    x = np.zeros((4, 28, 28), np.uint8)
    np.savez(tmp_path / "a.npz", x=x, y=np.array([b"cat", b"dog"] * 2))
    assert load(str(tmp_path / "a.npz")).labels == ("cat", "dog")


def test_an_npz_of_ones_own(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (20, 28, 28), np.uint8)
    np.savez(tmp_path / "a.npz", x=x, y=np.array(["b", "a"] * 10))
    dataset = load(str(tmp_path / "a.npz"))
    assert dataset.labels == ("a", "b")
    assert (len(dataset.x_train), len(dataset.x_test)) == (16, 4)
    assert dataset.framing == "resize"
    # Arrays of the right size are taken as they are.
    assert {image.tobytes() for image in dataset.x_train} <= {image.tobytes() for image in x}


def test_an_npz_of_another_size_and_colour(tmp_path: Path) -> None:
    x = np.zeros((6, 50, 40, 3), np.uint8)
    x[:, 10:40, 10:30] = 255
    np.savez(tmp_path / "a.npz", x_train=x, y_train=[0, 1] * 3, x_test=x[:2], y_test=[0, 1])
    dataset = load(str(tmp_path / "a.npz"))
    assert dataset.x_train.shape == (6, 28, 28, 1)
    assert dataset.labels == ("0", "1")
    colour = load(str(tmp_path / "a.npz"), None, (16, 16, 3))
    assert colour.x_test.shape == (2, 16, 16, 3)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": np.zeros(3)}, "expected x_train, y_train"),
        ({"x": np.zeros((4, 28, 28)), "y": np.zeros(4, int)}, "expected uint8"),
        ({"x": np.zeros((4, 28, 28), np.uint8), "y": np.zeros(3, int)}, "4 images but 3 labels"),
        ({"x": np.zeros((4, 28, 28), np.uint8), "y": np.zeros(4)}, "integers or strings"),
        ({"x": np.zeros((4, 28, 28), np.uint8), "y": np.zeros(4, int)}, "needs two classes"),
        ({"x": np.zeros((0, 28, 28), np.uint8), "y": np.zeros(0, int)}, "here is none"),
        (
            {"x": np.zeros((4, 28, 28), np.uint8), "y": np.array(["a\nb", "c"] * 2)},
            "cannot be a label",
        ),
        (
            {
                "x_train": np.zeros((4, 28, 28), np.uint8),
                "y_train": np.array([0, 1, 0, 1]),
                "x_test": np.zeros((2, 28, 28), np.uint8),
                "y_test": np.array([0, 2]),
            },
            "class '2' is not among the training classes",
        ),
    ],
)
def test_an_npz_that_does_not_fit(
    tmp_path: Path, arrays: dict[str, np.ndarray], message: str
) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError, match=message):
        load(str(tmp_path / "a.npz"))
