"""The choices of how data are read: as JSON, and completed by those of a model."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from edgekit.train.data import load
from edgekit.train.reading import (
    ARRAYS,
    KINDS,
    NOTHING_CHOSEN,
    PICTURES,
    SHAPE,
    TABLES,
    Reading,
    from_document,
)

pytestmark = pytest.mark.unsanitized

ALL = Reading(
    size=(96, 64),
    ground="white",
    label=("kind",),
    features=("acc_*", "v"),
    window=128,
    stride=64,
    group="subject",
    split="part",
    seconds=1.5,
    rate=8000,
    bands=20,
    mfcc=13,
    skip_bad=True,
)


def test_choices_survive_a_document() -> None:
    names = [field.name for field in fields(Reading)]
    assert list(ALL.document) == names == list(KINDS)
    assert [name.removesuffix("?") for name in SHAPE] == names
    assert from_document(ALL.document) == ALL
    assert NOTHING_CHOSEN.document == {}
    assert from_document({}) == from_document(None) == NOTHING_CHOSEN


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ([], "expected an object"),
        ({"window": "8"}, "window: expected a whole number, not text '8'"),
        ({"window": 0}, "window: expected 1 to 65536"),
        ({"size": [8, 0]}, "size: expected sides of 1 to 4096"),
        ({"size": [8]}, "size: expected a list of 2"),
        ({"ground": "green"}, "ground: expected one of contrasting, white, black"),
        ({"seconds": 1e9}, "seconds: expected 0.02 to 60.0"),
        ({"bands": 0}, "bands: expected 1 to 128"),
        ({"mfcc": 129}, "mfcc: expected 1 to 128"),
        ({"label": [1]}, r"label\[0\]: expected text"),
    ],
)
def test_a_damaged_document_is_named(document: object, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        from_document(document)


def test_what_is_left_open_is_as_a_model_was_trained() -> None:
    chosen = Reading(window=32)
    same = chosen.completed(ALL, TABLES, same=True)
    assert same == Reading(
        label=("kind",),
        features=("acc_*", "v"),
        window=32,
        stride=64,
        group="subject",
        split="part",
        skip_bad=True,
    )
    # Other data have other people, and need not be bad.
    other = chosen.completed(ALL, TABLES, same=False)
    assert (other.group, other.split, other.skip_bad) == (None, None, False)
    assert (other.label, other.stride) == (("kind",), 64)
    assert NOTHING_CHOSEN.completed(ALL, PICTURES, same=False) == Reading((96, 64), "white")
    assert NOTHING_CHOSEN.completed(ALL, ARRAYS, same=False) == Reading((96, 64), "white")


def test_choices_are_in_the_provenance(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("v,kind\n" + "".join(f"{i},{'ab'[i % 2]}\n" for i in range(10)))
    dataset = load(str(path), None, None, reading=Reading(label=("kind",)))
    assert dataset.provenance["reading"] == {"label": ["kind"], "features": ["v"]}
    np.savez(tmp_path / "a.npz", x=np.zeros((10, 2)), y=[0, 1] * 5)
    assert "reading" not in load(str(tmp_path / "a.npz"), None, None).provenance
