"""Groups of arrays and of files: nobody is in both parts, then and in later commands."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

import build
from edge_runtime.metadata import Metadata
from edgekit.benchmarks import dataset as test_inputs
from edgekit.convert.metadata import attach
from edgekit.errors import DataError
from edgekit.train import data, splits
from edgekit.train.dataset import Dataset, Loaded
from edgekit.train.held_out import rows_held_out
from edgekit.train.reading import NOTHING_CHOSEN, Reading

pytestmark = pytest.mark.unsanitized

WHO = np.arange(60) % 6
Y = np.arange(60) // 30
X = np.stack([WHO, np.arange(60)], axis=1).astype(np.float32)
"""Inputs that say whose they are."""

PATTERN = "^([^_]+)_"
SPEAKERS = Reading(group=PATTERN)


def load(path: Path, reading: Reading = NOTHING_CHOSEN) -> Dataset:
    return data.load(str(path), None, None, reading=reading)


def require_apart(train: Any, test: Any) -> None:
    """Both parts have people, none of them the same."""
    assert len(set(train)) > 1
    assert set(test)
    assert not set(train) & set(test)


@pytest.mark.parametrize("dtype", [int, float, str, bytes])
@pytest.mark.parametrize("name", ["groups", "subject"])
def test_an_array_names_the_groups(name: str, dtype: type, tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, x=X, y=Y, **{name: WHO.astype(dtype)})
    chosen = Reading(group=name)
    dataset = load(path, chosen)
    require_apart(dataset.x_train[:, 0], dataset.x_test[:, 0])
    assert dataset.groups is not None
    assert dataset.split["by"] == "group"
    # Each training input has its own group, and so does what is held out of them.
    assert len(set(zip(dataset.groups, dataset.x_train[:, 0], strict=True))) == len(
        set(dataset.groups)
    )
    held = rows_held_out(dataset, 0.2)
    require_apart(dataset.x_train[~held, 0], dataset.x_train[held, 0])
    assert dataset.provenance["reading"] == {"group": name}
    unnamed = load(path)
    if name == "groups":  # as scikit-learn's splitters call it
        assert unnamed.sha256 == dataset.sha256
        assert unnamed.reading == chosen
        assert unnamed.notes == (f"{path}: inputs of one value of 'groups' stay in one part",)
        assert dataset.notes == ()
    else:
        assert unnamed.groups is None
        assert set(unnamed.x_train[:, 0]) & set(unnamed.x_test[:, 0])


def test_groups_of_each_class_are_held_out() -> None:
    """Files of class folders are groups of one class each, those of the last class the last."""
    for sizes in [(3, 3), (2, 5), (10, 2, 4)]:
        group = np.arange(sum(sizes))
        y = np.repeat(np.arange(len(sizes)), sizes)
        zeros = np.zeros((len(y), 1), np.float32)
        labels = tuple("abc"[: len(sizes)])
        data = Dataset(zeros, y, zeros, y, labels, "", "", "", "resize", groups=group)
        for share in 0.05, 0.2, 0.5, 0.99:
            held = rows_held_out(data, share)
            assert set(y[held]) == set(y[~held]) == set(range(len(sizes)))
        assert rows_held_out(replace(data, groups=y), 0.2).tolist() == [False] * len(y)


def test_a_training_part_has_groups_of_its_own(tmp_path: Path) -> None:
    path, test = tmp_path / "a.npz", WHO == 5
    test[0] = True
    parts = {"x_train": X[~test], "y_train": Y[~test], "x_test": X[test], "y_test": Y[test]}
    np.savez(path, **parts, groups_train=WHO[~test], groups_test=WHO[test])
    dataset = load(path)
    assert dataset.split["by"] == "given"
    assert dataset.notes[1:] == ("1 groups of 'groups' are in both parts",)
    held = rows_held_out(dataset, 0.2)
    require_apart(dataset.x_train[~held, 0], dataset.x_train[held, 0])
    np.savez(path, **parts, who_train=WHO[~test])
    alone = load(path, Reading(group="who"))
    assert (alone.notes, alone.groups is not None) == ((), True)


def test_rows_left_out_take_their_groups_with_them(tmp_path: Path) -> None:
    damaged = X.copy()
    damaged[[0, 7, 40], 1] = np.nan
    np.savez(tmp_path / "a.npz", x=damaged, y=Y, groups=WHO)
    dataset = load(tmp_path / "a.npz", Reading(skip_bad=True))
    require_apart(dataset.x_train[:, 0], dataset.x_test[:, 0])
    assert len(dataset.x_train) + len(dataset.x_test) == 57


@pytest.mark.parametrize(
    ("arrays", "group", "problem"),
    [
        ({"who": WHO}, "whom", "--group whom: there is no array 'whom'; it has who, x, y"),
        ({"who": WHO[:9]}, "who", r"who: int64 \[9\] are no groups of 60 inputs"),
        ({"who": WHO.astype(complex)}, "who", r"who: complex128 \[60\] are no groups"),
        ({"who": np.where(WHO, np.nan, WHO)}, "who", "who: contains NaN or infinity"),
        ({"who": np.zeros(60)}, "who", "class '0' needs two groups, one of them to test with"),
        ({"groups": Y}, None, "class '0' needs two groups, one of them to test with"),
    ],
)
def test_arrays_that_are_no_groups(
    arrays: dict[str, Any], group: str | None, problem: str, tmp_path: Path
) -> None:
    np.savez(tmp_path / "a.npz", x=X, y=Y, **arrays)
    with pytest.raises(DataError, match=problem) as raised:
        load(tmp_path / "a.npz", Reading(group=group))
    assert "\n" not in str(raised.value)


def test_an_array_of_another_length_that_nobody_named_is_said_and_not_used(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=X, y=Y, groups=np.arange(3))
    dataset = load(tmp_path / "a.npz")
    assert (dataset.groups, dataset.split["by"]) == (None, "class")
    assert dataset.notes[0].endswith("and not used")


def divided_by(groups: Any, classes: Any) -> tuple[Any, Any]:
    """Which inputs are to train and to test with, of groups [N] and classes [N]."""
    names = tuple(map(str, range(max(classes) + 1)))
    arrays = {"x": np.arange(len(classes)), "y": np.asarray(classes)}
    x_train, _, x_test, _ = splits.split(Loaded(arrays, names, groups=np.asarray(groups)), "data")
    return x_train, x_test


@pytest.mark.parametrize("per_class", [2, 3, 4, 6, 7])
@pytest.mark.parametrize("classes", [2, 3, 5, 10, 20])
@pytest.mark.parametrize("rows", [1, 40])
def test_groups_of_one_class_are_enough_if_there_are_two(
    classes: int, per_class: int, rows: int
) -> None:
    groups = np.repeat(np.arange(classes * per_class), rows)
    y = groups // per_class
    train, test = divided_by(groups, y)
    assert sorted([*train, *test]) == list(range(len(y)))
    assert not set(groups[train]) & set(groups[test])
    assert set(y[train]) == set(y[test]) == set(range(classes))
    # No more than one group of each class, or what is nearest to a fifth.
    assert len(set(groups[test])) <= max(classes, np.ceil(0.2 * classes * per_class))


def test_groups_of_several_classes_cover_the_rare_ones() -> None:
    # Ten rare classes in two large groups each, which also have the common class.
    rare = np.repeat(np.arange(1, 11), 2)
    groups = np.concatenate([np.arange(20), np.arange(20), np.arange(20, 200)])
    y = np.concatenate([rare, np.zeros(200, int)])
    train, test = divided_by(groups, y)
    assert not set(groups[train]) & set(groups[test])
    assert set(y[train]) == set(y[test]) == set(range(11))
    assert len(test) == round(0.2 * len(y))


def test_groups_that_cannot_be_divided_are_refused() -> None:
    # Of three classes each two groups, each two of which share one: one class is always alone.
    with pytest.raises(DataError, match="no division of its 3 groups has every class in both"):
        divided_by([0, 1, 0, 2, 1, 2], [0, 0, 1, 1, 2, 2])


def speech(folder: Path) -> Path:
    """Write words as Speech Commands names them; the level of a tone says who speaks."""
    for word in ("no", "yes"):
        (folder / word).mkdir(parents=True)
        for index, who in enumerate(WHO[:30]):
            tone = np.sin(np.arange(4000) * (0.3 if word == "no" else 0.9))
            path = folder / word / f"{who}a7c2a8d_nohash_{index}.wav"
            soundfile.write(path, tone * 0.7 / 2**who, 8000, "PCM_16")
    return folder


def pictures(folder: Path) -> Path:
    """Write pictures whose first pixel says whose they are."""
    for kind in ("cat", "dog"):
        (folder / kind).mkdir(parents=True)
        for index, who in enumerate(WHO[:30]):
            pixels = np.full((8, 8), 100 * (kind == "dog") + index, np.uint8)
            pixels[0, 0] = who
            Image.fromarray(pixels).save(folder / kind / f"{who}_{index}.png")
    return folder


def test_a_pattern_finds_the_groups_of_pictures(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "pictures")
    dataset = load(folder, SPEAKERS)
    require_apart(dataset.x_train[:, 0, 0, 0], dataset.x_test[:, 0, 0, 0])
    assert dataset.split["by"] == "group"
    assert dataset.provenance["reading"] == {"group": PATTERN}
    held = rows_held_out(dataset, 0.2)
    require_apart(dataset.x_train[~held, 0, 0, 0], dataset.x_train[held, 0, 0, 0])
    # Parts that are there stay, and a group in both is said.
    (folder / "x").mkdir()
    for kind in ("cat", "dog"):
        (folder / kind).rename(folder / "x" / kind)
    (folder / "x").rename(folder / "train")
    for kind in ("cat", "dog"):
        (folder / "test" / kind).mkdir(parents=True)
        for who in (0, 8):
            copied = (folder / "train" / kind / "0_0.png").read_bytes()
            (folder / "test" / kind / f"{who}_0.png").write_bytes(copied)
    given = load(folder, SPEAKERS)
    assert given.notes == (f"1 groups of {PATTERN!r} are in both parts",)
    assert given.groups is not None
    assert len(given.groups) == len(given.x_train) == 60


def test_a_pattern_finds_the_speakers_of_recordings(tmp_path: Path) -> None:
    reading = replace(SPEAKERS, rate=8000, seconds=0.5, bands=20)
    dataset = load(speech(tmp_path / "words"), reading)
    # The loudest band of a frame tells the speakers apart.
    loudest = [
        part.reshape(len(part), -1).max(axis=1) for part in (dataset.x_train, dataset.x_test)
    ]
    require_apart(*loudest)
    assert dataset.split["by"] == "group"


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("^(z+)_", r"no/0a7c2a8d_nohash_0\.wav: --group '\^\(z\+\)_' matches no group in its name"),
        ("^(z*)", r"no/0a7c2a8d_nohash_0\.wav: --group .* matches no group in its name"),
        ("^[^_]+_", "has 0 groups, and needs one, in parentheses"),
        ("(a)(b)", "has 2 groups, and needs one, in parentheses"),
        ("^([^_]+_", "is no regular expression: missing"),
        ("(a{99999999999})", "is no regular expression: .*too large"),
        ("_(nohash)_", "class 'no' needs two groups, one of them to test with"),
    ],
)
def test_patterns_that_find_no_groups(pattern: str, problem: str, tmp_path: Path) -> None:
    folder = speech(tmp_path / "words")
    with pytest.raises(DataError, match=problem) as raised:
        load(folder, Reading(group=pattern, rate=8000))
    assert "\n" not in str(raised.value)


def test_a_file_without_a_group_can_be_left_out(tmp_path: Path) -> None:
    folder = pictures(tmp_path / "pictures")
    (folder / "cat" / "0_0.png").rename(folder / "cat" / "stray.png")
    with pytest.raises(DataError, match=r"cat/stray\.png: --group .* matches no group"):
        load(folder, SPEAKERS)
    dataset = load(folder, replace(SPEAKERS, skip_bad=True))
    require_apart(dataset.x_train[:, 0, 0, 0], dataset.x_test[:, 0, 0, 0])
    assert len(dataset.x_train) + len(dataset.x_test) == 59
    assert "1 pictures are left out" in dataset.notes[-1]


def classifier(path: Path, dataset: Dataset) -> Path:
    """A model that says which data it was trained on, and how they were read."""
    shape = dataset.x_train.shape[1:]
    size = int(np.prod(shape))
    tensors = [
        build.tensor((1, *shape)),
        build.constant([1, size], "int32"),
        build.tensor((1, size)),
        build.constant(np.zeros((2, size)), "float32"),
        build.constant(np.zeros(2), "float32"),
        build.tensor((1, 2)),
    ]
    ops: list[build.Op] = [("RESHAPE", [0, 1], 2, {}), ("FULLY_CONNECTED", [2, 3, 4], 5, {})]
    provenance = {"data": {**dataset.provenance, "source": dataset.source}}
    metadata = Metadata(dataset.labels, provenance=provenance, meaning="logits")
    if dataset.audio:
        metadata = replace(metadata, audio=dataset.audio, mean=(0.0,), std=(255.0,))
    path.write_bytes(attach(build.model(tensors, ops), metadata))
    return path


def test_later_commands_divide_the_same_data_by_the_same_groups(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=X, y=Y, subject=WHO)
    for dataset in (
        load(tmp_path / "a.npz", Reading(group="subject")),
        load(pictures(tmp_path / "pictures"), SPEAKERS),
        load(speech(tmp_path / "words"), replace(SPEAKERS, rate=8000, seconds=0.5)),
    ):
        model = classifier(tmp_path / "m.tflite", dataset)
        found = test_inputs.for_models([model])
        assert found.sha256 == dataset.sha256
        assert (found.reading, found.split["by"]) == (dataset.reading, "group")
    # The same data elsewhere are divided alike; other data have other people.
    other = tmp_path / "other"
    (other / "all").mkdir(parents=True)
    for kind in ("cat", "dog"):
        (tmp_path / "pictures" / kind).rename(other / "all" / kind)
    model = classifier(tmp_path / "m.tflite", load(other / "all", SPEAKERS))
    (other / "more").mkdir()
    for kind in ("cat", "dog"):
        (other / "all" / kind).rename(other / "more" / kind)
    assert test_inputs.for_models([model], str(other / "more")).split["by"] == "group"
    next((other / "more").rglob("*.png")).unlink()
    assert test_inputs.for_models([model], str(other / "more")).split["by"] == "class"
