"""How the user's data are read: what ``--size``, ``--label``, ``--window`` and the like say."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from edge_runtime.front_end import MOST_BANDS
from edge_runtime.metadata import GROUNDS
from edgekit import stored
from edgekit.errors import DataError

DIGITS, PICTURES, ARRAYS = "digits", "pictures", "arrays"
TABLES, RECORDINGS = "tables", "recordings"
"""Kinds of data: MNIST or the synthetic digits; a folder of pictures; an .npz or .npy; CSV or
Parquet; a folder of WAV files."""

LARGEST_SIDE = 4096
"""Most pixels along a side of a model's pictures."""

LARGEST_WINDOW = 1 << 16
"""Most rows of a window."""

SHORTEST, LONGEST = 0.02, 60.0
"""Least and most seconds of a recording."""

RATES = (4000, 96000)
"""Lowest and highest rate of a model's sound, in samples a second."""


@dataclass(frozen=True)
class Reading:
    """The user's choices of how data become inputs and classes; each has "not chosen" as default.

    Attributes:
        size: height and width of pictures; by default what the model needs, or that of the
            pictures themselves.
        ground: what shows where pictures are transparent, one of GROUNDS.
        label: name of the column with the class or the target; several are several targets, or
            classes as one-hot columns. Patterns are allowed.
        features: names and patterns of the input columns; by default all others.
        window: rows of a window of a time series.
        stride: rows from one window to the next; by default half a window.
        group: what inputs of one value stay together by, in training or in test: the name of a
            table's column or of an .npz's array; of a folder of pictures or WAV files a regular
            expression, whose only group is searched in each file's name.
        split: name of the column that says which rows are for training and which for testing.
        seconds: length that recordings are cut or padded to; by default one.
        rate: samples a second that recordings are resampled to; by default 16000.
        bands: mel bands that recordings become; by default 40.
        mfcc: cepstral coefficients that recordings become instead; by default none.
        skip_bad: whether files and rows that cannot be used are left out rather than refused.
    """

    size: tuple[int, int] | None = None
    ground: str | None = None
    label: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    window: int | None = None
    stride: int | None = None
    group: str | None = None
    split: str | None = None
    seconds: float | None = None
    rate: int | None = None
    bands: int | None = None
    mfcc: int | None = None
    skip_bad: bool = False

    @property
    def step(self) -> int:
        """Rows from one window to the next."""
        return self.stride or max(1, (self.window or 0) // 2)

    @property
    def document(self) -> dict[str, Any]:
        """The choices as JSON, without those that were not made."""
        chosen = ((field.name, getattr(self, field.name)) for field in fields(self))
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in chosen
            if value not in (None, (), False)
        }

    @property
    def options(self) -> tuple[str, ...]:
        """The options of the choices that were made."""
        return tuple("--" + NAMES.get(name, name.replace("_", "-")) for name in self.document)

    def completed(self, recorded: "Reading", kind: str, *, same: bool) -> "Reading":
        """Return these choices, and for what they leave open those that a model was trained with.

        Args:
            recorded: the choices that it was trained with.
            kind: the kind of the data to be read, which not all choices are about.
            same: whether these are the data that it was trained on; others need not have the
                same parts and groups, and may be bad where those were not.
        """
        apart = () if same else ("group", "split", "skip_bad")
        usable = [name for name, kinds in KINDS.items() if kind in kinds and name not in apart]
        chosen = self.document
        return replace(
            self, **{name: getattr(recorded, name) for name in usable if name not in chosen}
        )

    def require(self, kind: str, where: str) -> None:
        """Refuse choices that say nothing about data of a kind.

        Raises:
            DataError: there is such a choice.
        """
        for name, option in zip(self.document, self.options, strict=True):
            if kind not in KINDS[name]:
                raise DataError(f"{option} is about {_listed(KINDS[name])}, and {where} is not")
        if self.stride and not self.window:
            raise DataError("--stride is the way from one window to the next: give --window, too")


NOTHING_CHOSEN = Reading()

NAMES = {"ground": "alpha-over"}
"""Choices whose option has another name."""

KINDS: Mapping[str, tuple[str, ...]] = {
    "size": (PICTURES, ARRAYS),
    "ground": (PICTURES, ARRAYS),
    "label": (TABLES,),
    "features": (TABLES,),
    "window": (TABLES,),
    "stride": (TABLES,),
    "group": (TABLES, ARRAYS, PICTURES, RECORDINGS),
    "split": (TABLES,),
    "seconds": (RECORDINGS,),
    "rate": (RECORDINGS,),
    "bands": (RECORDINGS,),
    "mfcc": (RECORDINGS,),
    "skip_bad": (PICTURES, ARRAYS, TABLES, RECORDINGS),
}
"""Kinds of data that each choice is about."""

SHAPE = {
    "size?": [int, int],
    "ground?": str,
    "label?": [str],
    "features?": [str],
    "window?": int,
    "stride?": int,
    "group?": str,
    "split?": str,
    "seconds?": float,
    "rate?": int,
    "bands?": int,
    "mfcc?": int,
    "skip_bad?": bool,
}
"""Types of the entries of a document, for ``edgekit.stored.problem``."""


def from_document(document: object) -> Reading:
    """Return the choices of a document.

    Raises:
        ValueError: it is no such document; the message says where and why.
    """
    if document is None:
        return NOTHING_CHOSEN
    problem = stored.problem(document, SHAPE)
    if not isinstance(document, dict) or (problem := problem or _problem(document)):
        raise ValueError(problem)
    names = {field.name for field in fields(Reading)}
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in document.items()
        if name in names
    }
    return Reading(**values)


def _problem(document: Mapping[str, Any]) -> str:
    """Return which value of a document is out of its range; "" if none is."""
    bounds = {
        "window": (1, LARGEST_WINDOW),
        "stride": (1, LARGEST_WINDOW),
        "rate": RATES,
        "seconds": (SHORTEST, LONGEST),
        "bands": (1, MOST_BANDS),
        "mfcc": (1, MOST_BANDS),
    }
    for name, (least, most) in bounds.items():
        if name in document and not least <= document[name] <= most:
            return f"{name}: expected {least} to {most}"
    if any(not 1 <= side <= LARGEST_SIDE for side in document.get("size", ())):
        return f"size: expected sides of 1 to {LARGEST_SIDE}"
    if document.get("ground", GROUNDS[0]) not in GROUNDS:
        return f"ground: expected one of {', '.join(GROUNDS)}"
    return ""


def _listed(kinds: tuple[str, ...]) -> str:
    names = {
        PICTURES: "a folder of pictures",
        ARRAYS: "an .npz or .npy",
        TABLES: "CSV or Parquet",
        RECORDINGS: "a folder of WAV files",
    }
    return " or ".join(names[kind] for kind in kinds)
