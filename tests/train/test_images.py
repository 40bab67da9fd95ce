"""Training on the user's own images."""

import os
import shutil
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
    dataset = load(str(folder), framing="digit")
    assert dataset.labels == ("cross", "ring")
    assert dataset.framing == "digit"
    assert dataset.x_train.shape[1:] == (28, 28, 1)
    assert len(dataset.x_train) + len(dataset.x_test) == 12
    assert np.bincount(dataset.y_test).tolist() == [1, 1]
    # Light ink on a dark ground, whatever the paper was.
    assert (dataset.x_train[:, 0, :, 0] == 0).all()
    assert (dataset.x_train.max(axis=(1, 2, 3)) > 200).all()
    assert load(str(folder), framing="digit").sha256 == dataset.sha256


def test_pictures_are_resized_unless_digits_are_asked_for(folder: Path) -> None:
    dataset = load(str(folder), shape=(32, 24, 3))
    assert dataset.framing == "resize"
    assert dataset.x_train.shape == (10, 32, 24, 3)
    # The paper stays white.
    assert (dataset.x_train[:, 0, :, 0] == 255).all()


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


def parts_of(folder: Path, *parts: str) -> Path:
    """A folder of parts with two classes of two pictures each."""
    for part in parts:
        for kind in ("ring", "cross"):
            (folder / part / kind).mkdir(parents=True)
            for i in range(2):
                draw(kind, (40 + i, 60)).save(folder / part / kind / f"{i}.png")
    return folder


@pytest.mark.parametrize(
    ("parts", "note"),
    [
        (("train", "validation"), ""),
        (("train", "validation", "test"), "validation is left out, test is used"),
        (("Training", "val"), ""),
        (("train", "test", "docs"), "docs, beside train, is left out"),
    ],
)
def test_folders_as_people_unzip_them(tmp_path: Path, parts: tuple[str, ...], note: str) -> None:
    both = parts_of(tmp_path / "lamps" / "lamps", *parts)
    (tmp_path / "lamps" / "__MACOSX" / "train").mkdir(parents=True)
    (both / parts[0] / ".DS_Store").write_bytes(b"litter")
    (both / parts[0] / "README.txt").write_text("hello")
    dataset = load(str(tmp_path / "lamps"))
    assert (len(dataset.x_train), len(dataset.x_test)) == (4, 4)
    assert dataset.labels == ("cross", "ring")
    stray = f"{both / parts[0] / 'README.txt'}: a file beside the class folders, is left out"
    left_out = {note for note in dataset.notes if not note.startswith("pictures lose")}
    assert left_out == {stray, *([note] if note else [])}


def spoil_unreadable(folder: Path) -> None:
    (folder / "ring" / "bad.png").write_bytes(b"no picture")


def spoil_truncated(folder: Path) -> None:
    path = folder / "ring" / "1.png"
    path.write_bytes(path.read_bytes()[:60])


def spoil_empty(folder: Path) -> None:
    (folder / "square").mkdir()


def spoil_nested(folder: Path) -> None:
    (folder / "ring" / "inner").mkdir()


def spoil_single(folder: Path) -> None:
    for file in list((folder / "ring").iterdir())[1:]:
        file.unlink()


def spoil_by_a_loop(folder: Path) -> None:
    for kind in ("ring", "cross"):
        shutil.rmtree(folder / kind)
    (folder / "inner").mkdir()
    (folder / "inner" / "loop").symlink_to(folder)


def spoil_by_a_link_to_itself(folder: Path) -> None:
    (folder / "ring" / "7.png").symlink_to("7.png")


def spoil_by_a_link_to_the_whole(folder: Path) -> None:
    (folder / "all").symlink_to(folder)


def spoil_by_a_pipe(folder: Path) -> None:
    os.mkfifo(folder / "ring" / "pipe.png")


def spoil_by_an_animation(folder: Path) -> None:
    frames = [draw("ring"), draw("cross")]
    frames[0].save(folder / "ring" / "7.gif", save_all=True, append_images=frames[1:])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_by_a_loop, "loop: a link that leads back to a folder above it"),
        (spoil_by_a_link_to_itself, "7.png: neither a file nor a link to one"),
        (spoil_by_a_link_to_the_whole, "a folder where the pictures of class 'all' should be"),
        (spoil_by_a_pipe, "pipe.png: neither a file nor a link to one"),
        (spoil_by_an_animation, "7.gif: it has several frames or pages"),
        (spoil_unreadable, "bad.png"),
        (spoil_truncated, "1.png"),
        (spoil_empty, "square: the class has no image"),
        (spoil_single, "class 'ring' needs two inputs"),
        (spoil_nested, "inner: a folder where the pictures of class 'ring' should be"),
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
        ({"x": np.zeros((4, 9, 9)), "y": [0, 1, 0, 1]}, r"float64 inputs of shape \[9, 9\]"),
        ({"x": np.full((4, 28, 28), np.nan), "y": [0, 1] * 2}, "NaN or infinity in 4 rows"),
        ({"x": np.array(["a", "b"]), "y": np.zeros(2, int)}, r"expected numbers \[N, ...\]"),
        (
            {"x_train": np.zeros((4, 9)), "x_test": np.zeros((4, 9)), "y_test": [1] * 4},
            "no y_train",
        ),
        ({"x": np.zeros((4, 28, 28), np.uint8), "y": np.zeros(3, int)}, "4 inputs but 3 labels"),
        ({"x": np.zeros((4, 28, 28), np.uint8), "y": np.zeros((4, 3), int)}, "one-hot rows"),
        ({"x": np.zeros((4, 28, 28), np.uint8), "y": np.zeros(4, int)}, "needs two classes"),
        ({"x": np.zeros((0, 28, 28), np.uint8), "y": np.zeros(0, int)}, "expected numbers"),
        (
            {"x": np.zeros((4, 28, 28), np.uint8), "y": np.array(["a\nb", "c"] * 2)},
            "cannot be a label",
        ),
        (
            {"x": np.zeros((4, 28, 28), np.uint8), "y": np.array(["a ", " a"] * 2)},
            "look the same",
        ),
        (
            {"x": np.zeros((4, 28, 28), np.uint8), "y": np.array(["\xe9", "e\u0301"] * 2)},
            "look the same",
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


def test_floats_are_inputs_of_any_shape(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(0, 40, (20, 12, 9))
    np.savez(tmp_path / "a.npz", x=x, y=np.array(["walk", "run"] * 10))
    dataset = load(str(tmp_path / "a.npz"), shape=(12, 9))
    assert not dataset.pixels
    assert dataset.x_train.dtype == np.float32
    assert (dataset.x_train.shape, dataset.x_test.shape) == ((16, 12, 9), (4, 12, 9))
    assert {row.tobytes() for row in dataset.x_train} <= {
        row.tobytes() for row in x.astype(np.float32)
    }
    # Bytes are numbers too where no picture fits.
    np.savez(tmp_path / "b.npz", x=np.arange(200, dtype=np.uint8).reshape(20, 10), y=[0, 1] * 10)
    assert not load(str(tmp_path / "b.npz"), shape=(10,)).pixels


def test_one_hot_rows_are_classes(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros((6, 4)), y=np.eye(3)[[0, 1, 2, 2, 1, 0]])
    assert load(str(tmp_path / "a.npz"), shape=(4,)).labels == ("0", "1", "2")
    np.savez(tmp_path / "b.npz", x=np.zeros((6, 4)), y=np.array([[0.0], [1.0]] * 3))
    assert load(str(tmp_path / "b.npz"), shape=(4,), numbers=False).labels == ("0", "1")


def test_floats_are_targets_unless_the_model_gives_classes(tmp_path: Path) -> None:
    x = np.arange(80, dtype=np.float32).reshape(20, 4)
    np.savez(tmp_path / "a.npz", x=x, y=x.sum(axis=1) / 7)
    dataset = load(str(tmp_path / "a.npz"), shape=(4,))
    assert dataset.labels == ()
    assert dataset.y_train.shape == (16, 1)
    assert dataset.y_train[:, 0] == pytest.approx(dataset.x_train.sum(axis=1) / 7)
    with pytest.raises(DataError, match="leave --classes out"):
        load(str(tmp_path / "a.npz"), ("a", "b"), (4,))
    with pytest.raises(DataError, match="classes are integers"):
        load(str(tmp_path / "a.npz"), shape=(4,), numbers=False)


def test_inputs_alone_have_no_targets(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((10, 6), np.float32))
    dataset = load(str(tmp_path / "a.npy"), shape=(6,))
    assert (dataset.labels, dataset.y_train.shape) == ((), (8, 0))


def test_digits_teach_an_autoencoder_without_their_classes() -> None:
    dataset = load("synthetic", shape=(784,), numbers=True)
    assert (dataset.labels, dataset.y_test.shape) == ((), (2115, 0))


def test_a_pickle_is_never_loaded(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.array([print] * 4), y=[0, 1, 0, 1])
    with pytest.raises(DataError, match=r"not a readable \.npz"):
        load(str(tmp_path / "a.npz"))
