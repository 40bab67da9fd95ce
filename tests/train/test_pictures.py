"""Pictures of a user's own when no model says their shape, and those that cannot be read."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from edgekit.errors import DataError
from edgekit.train import data
from edgekit.train.class_folders import found
from edgekit.train.dataset import Dataset
from edgekit.train.reading import PICTURES, RECORDINGS, TABLES, Reading

pytestmark = pytest.mark.unsanitized

RED, GREY, CLEAR = (200, 20, 20), (90, 90, 90), (0, 0, 0, 0)


def load(path: Path, framing: str = "resize", **choices: object) -> Dataset:
    reading = Reading(**choices)  # type: ignore[arg-type]
    return data.load(str(path), None, None, framing=framing, reading=reading)


def fill(folder: Path, colours: dict[str, tuple[int, ...]], size: tuple[int, int]) -> Path:
    for kind, colour in colours.items():
        (folder / kind).mkdir(parents=True)
        for i in range(5):
            mode = "RGBA" if len(colour) == 4 else "RGB"
            Image.new(mode, size, colour).save(folder / kind / f"{i}.png")
    return folder


def test_real_digits_keep_their_size_and_their_pixels(tmp_path: Path) -> None:
    digits = load_digits()
    pixels = (digits.images[:100] * 255 / 16).astype(np.uint8)
    for i, (picture, digit) in enumerate(zip(pixels, digits.target[:100], strict=True)):
        folder = tmp_path / str(digit)
        folder.mkdir(exist_ok=True)
        Image.fromarray(picture).save(folder / f"{i}.png")
    dataset = load(tmp_path)
    assert dataset.labels == tuple("0123456789")
    assert dataset.x_train.shape[1:] == (8, 8, 1)
    read = np.concatenate((dataset.x_train, dataset.x_test))
    assert {picture.tobytes() for picture in read} == {picture.tobytes() for picture in pixels}
    np.savez(tmp_path / "digits.npz", x=pixels, y=digits.target[:100])
    arrays = load(tmp_path / "digits.npz")
    assert arrays.x_train.shape[1:] == (8, 8, 1)
    assert arrays.pixels


@pytest.mark.parametrize(("colours", "channels"), [((RED, GREY), 3), ((GREY, (9, 9, 9)), 1)])
def test_one_coloured_picture_makes_all_of_them_rgb(
    tmp_path: Path, colours: tuple[tuple[int, ...], ...], channels: int
) -> None:
    fill(tmp_path, dict(zip("ab", colours, strict=True)), (12, 10))
    dataset = load(tmp_path)
    assert dataset.x_train.shape[1:] == (10, 12, channels)
    of_a = dataset.x_train[dataset.y_train == 0]
    expected = colours[0][:channels]
    assert (of_a == np.array(expected, np.uint8)).all()


def test_pictures_of_different_sizes_need_one(tmp_path: Path) -> None:
    fill(tmp_path, {"a": RED, "b": GREY}, (12, 10))
    Image.new("RGB", (20, 10), RED).save(tmp_path / "b" / "wide.png")
    with pytest.raises(DataError, match=r"wide\.png: is 10×20 pixels, and .*0\.png is 10×12"):
        load(tmp_path)
    assert load(tmp_path, size=(8, 9)).x_train.shape[1:] == (8, 9, 3)
    with pytest.raises(DataError, match=r"--size 8x9: the model needs 28×28×1"):
        data.load(str(tmp_path), reading=Reading(size=(8, 9)))
    with pytest.raises(DataError, match="--label is about CSV or Parquet"):
        load(tmp_path, label=("kind",))


@pytest.mark.parametrize("content", ["cut", "text"])
def test_a_file_that_is_no_picture_is_named_with_and_without_a_size(
    content: str, tmp_path: Path
) -> None:
    fill(tmp_path, {"a": RED, "b": GREY}, (12, 10))
    bad = tmp_path / "b" / "notes.txt"
    whole = (tmp_path / "a" / "0.png").read_bytes()
    bad.write_bytes(whole[:50] if content == "cut" else b"from the first camera")
    for size in (None, (8, 9)):
        with pytest.raises(DataError) as raised:
            load(tmp_path, size=size)
        assert str(raised.value).startswith(f"{bad}: ")
        assert str(raised.value).count(str(bad)) == 1
    assert (
        load(tmp_path, skip_bad=True)
        .notes[-1]
        .startswith(f"1 pictures are left out; the first: {bad}: ")
    )


def test_the_middle_or_the_whole(tmp_path: Path) -> None:
    fill(tmp_path, {"a": RED, "b": GREY}, (30, 10))
    picture = np.zeros((10, 30, 3), np.uint8)
    picture[:, 10:20] = 255
    Image.fromarray(picture).save(tmp_path / "a" / "0.png")
    files = found(tmp_path).parts[0].files
    middle = load(tmp_path, "centre-crop", size=(10, 10))
    whole = load(tmp_path, "resize", size=(10, 10))
    assert len(files) == 10
    assert [(x == 255).all(axis=(1, 2, 3)).sum() for x in (middle.x_train, middle.x_test)] in (
        [1, 0],
        [0, 1],
    )
    assert not any((x == 255).all(axis=(1, 2, 3)).any() for x in (whole.x_train, whole.x_test))


@pytest.mark.parametrize(("ground", "level"), [("white", 255), ("black", 0), (None, 255)])
def test_what_is_transparent_gets_a_ground(tmp_path: Path, ground: str | None, level: int) -> None:
    fill(tmp_path, {"a": CLEAR, "b": (*GREY, 255)}, (8, 8))
    dataset = load(tmp_path, ground=ground)
    assert (dataset.x_train[dataset.y_train == 0] == level).all()
    assert (dataset.x_train[dataset.y_train == 1] == 90).all()
    assert dataset.reading.document == ({"ground": ground} if ground else {})


def test_rgba_arrays_become_rgb(tmp_path: Path) -> None:
    x = np.zeros((10, 9, 8, 4), np.uint8)
    x[..., 0] = 200
    x[..., 3] = 128
    np.savez(tmp_path / "a.npz", x=x, y=[0, 1] * 5)
    dataset = load(tmp_path / "a.npz", ground="black")
    assert dataset.x_train.shape[1:] == (9, 8, 3)
    assert (dataset.x_train == (100, 0, 0)).all()
    assert load(tmp_path / "a.npz", size=(6, 5), ground="white").x_train.shape[1:] == (6, 5, 3)


def test_bad_pictures_are_left_out_and_counted(tmp_path: Path) -> None:
    fill(tmp_path, {"a": RED, "b": GREY}, (8, 8))
    (tmp_path / "a" / "0.png").write_bytes(b"no picture")
    (tmp_path / "b" / "3.png").write_bytes((tmp_path / "b" / "2.png").read_bytes()[:40])
    (tmp_path / "b" / "inner").mkdir()
    (tmp_path / "c").mkdir()
    with pytest.raises(DataError, match="inner: a folder where the pictures of"):
        load(tmp_path)
    dataset = load(tmp_path, skip_bad=True)
    assert dataset.labels == ("a", "b")
    assert len(dataset.x_train) + len(dataset.x_test) == 8
    assert all(
        (x[..., 0] != x[..., 1]).any() == (y == 0)
        for x, y in zip(dataset.x_train, dataset.y_train, strict=True)
    )
    notes = " ".join(dataset.notes)
    assert f"2 pictures are left out; the first: {tmp_path / 'a' / '0.png'}: " in notes
    assert f"{tmp_path / 'c'}: the class has no image: is left out" in notes
    assert f"{tmp_path / 'b' / 'inner'}: a folder where the pictures" in notes


def test_bad_rows_of_arrays_are_left_out_and_counted(tmp_path: Path) -> None:
    x = np.arange(60, dtype=np.float64).reshape(20, 3)
    x[4, 1], x[9] = np.nan, np.inf
    test = {"x_test": x[10:], "y_test": np.array([*"abc", *"ab" * 3, "c"])}
    np.savez(tmp_path / "a.npz", x_train=x[:10], y_train=np.array([*"ab"] * 5), **test)
    with pytest.raises(DataError, match="class 'c' is not among the training classes"):
        load(tmp_path / "a.npz")
    dataset = load(tmp_path / "a.npz", skip_bad=True)
    assert (len(dataset.x_train), len(dataset.x_test)) == (8, 8)
    assert [note.partition(": ")[2] for note in dataset.notes] == [
        "2 of y_test are no training class, and left out",
        "x_train: 2 rows with NaN or infinity are left out, first row 4",
    ]
    assert sorted(dataset.x_test[:, 0]) == [30, 33, 39, 42, 45, 48, 51, 54]


def test_arrays_of_any_shape_say_their_own(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros((10, 6, 5, 4), np.float32), y=[0, 1] * 5)
    assert load(tmp_path / "a.npz").x_train.shape == (8, 6, 5, 4)
    np.save(tmp_path / "b.npy", np.zeros((10, 7), np.uint8))
    alone = load(tmp_path / "b.npy")
    assert (alone.x_train.shape, alone.x_train.dtype) == ((8, 7), np.float32)
    parts = {"x_train": np.zeros((4, 3)), "x_test": np.zeros((4, 2))}
    np.savez(tmp_path / "c.npz", **parts)
    with pytest.raises(DataError, match=r"x_train has inputs of shape \[3\], and x_test of \[2\]"):
        load(tmp_path / "c.npz")


def test_what_most_files_are_decides(tmp_path: Path) -> None:
    for name, files in {
        "sounds": ["1.wav", "2.WAV", "license.md"],
        "tables": ["1.csv", "2.parquet", "plot.png"],
        "photos": ["1.jpg", "2.webp", "all.csv"],
        "empty": [],
    }.items():
        for kind in ("a", "b"):
            folder = tmp_path / name / "train" / kind
            folder.mkdir(parents=True)
            for file in files:
                (folder / file).touch()
    kinds = [data.kind_of(str(tmp_path / name)) for name in ("sounds", "tables", "photos", "empty")]
    assert kinds == [RECORDINGS, TABLES, PICTURES, PICTURES]
