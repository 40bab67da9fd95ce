"""CSV and Parquet in batches of rows, through pyarrow."""

import csv
import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import StringIO
from itertools import chain, islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgekit import archives
from edgekit.errors import DataError, MissingExtraError
from edgekit.train.reading import NOTHING_CHOSEN, Reading

DELIMITERS = {".csv": ",;\t|", ".tsv": "\t"}
"""Suffix -> what may separate the columns, most usual first."""
PARQUET = (".parquet", ".pq")
SUFFIXES = (*DELIMITERS, *PARQUET)

LABELS = ("label", "class", "target", "y")
"""Names of the column with the label, in any case, where the user names none; the first that a
table has."""

ROW_NUMBERS = re.compile(r"__index_level_[0-9]+__|Unnamed: [0-9]+(\.[0-9]+)?")
"""Columns that pandas wrote, or read, as the index of its rows."""

SNIFFED = 1 << 20
"""Bytes of a text that its delimiter and header are determined from."""
BLOCK = 1 << 22
"""Bytes of CSV that are read at once; a row must fit into one."""
ROWS = 1 << 16
"""Rows of Parquet that are read at once."""
SMALLEST = 4
"""Bytes of a number as a feature."""


@dataclass(frozen=True)
class TableFile:
    """A file of rows and columns.

    Attributes:
        path: the file.
        columns: their names; "0", "1", ... where the file has no header.
        delimiter: what separates columns; "" for Parquet.
        header: whether the first row is the names.
        index: the columns that are the index of pandas, such as row numbers.
    """

    path: Path
    columns: tuple[str, ...]
    delimiter: str
    header: bool
    index: tuple[str, ...] = ()

    @property
    def first_row(self) -> int:
        """The number of the first row that is not the header, as ``Batch.places`` counts."""
        return 1 + int(self.header) if self.delimiter else 0


@dataclass(frozen=True)
class Batch:
    """Some rows of a file.

    Attributes:
        columns: arrays of pyarrow by the names of their columns; those of CSV are text.
        places: for each row its number in the file: for CSV as in an editor, where the header is
            row 1; for Parquet from 0.
    """

    columns: Mapping[str, Any]
    places: npt.NDArray[np.int64]


@dataclass
class Refused:
    """Rows of CSV with more or fewer columns than the header.

    Attributes:
        places: their numbers, in order.
        first: what is wrong with the first of them.
    """

    places: list[int] = field(default_factory=list)
    first: str = ""


def opened(
    path: Path, reading: Reading = NOTHING_CHOSEN, like: TableFile | None = None
) -> TableFile:
    """Look at the beginning of a file for its columns.

    Args:
        path: the file.
        reading: the user's choices; a row with the names of columns in them is a header.
        like: the first file of several; a row that counts is a header only if it is one there.

    Raises:
        DataError: it cannot be read as CSV or Parquet, or has a column twice.
        MissingExtraError: pyarrow is not installed.
    """
    arrow()
    if path.suffix.lower() in PARQUET:
        with _readable(path):
            import pyarrow.parquet as pq

            about = pq.read_metadata(path)
            schema = about.schema.to_arrow_schema()
            names = tuple(schema.names)
        if reason := archives.refusal(SMALLEST * about.num_rows * len(names), path.stat().st_size):
            raise DataError(f"{path}: {reason}")
        file = TableFile(path, names, "", header=True, index=_index(names, schema.metadata))
    else:
        file = _of_text(path, reading, like)
    if doubled := [name for name, times in Counter(file.columns).items() if times > 1]:
        raise DataError(f"{path}: has the column {doubled[0]!r} twice")
    return file


def arrow() -> Any:
    """Return pyarrow.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import pyarrow
    except ModuleNotFoundError:
        raise MissingExtraError("pyarrow", "data", "CSV and Parquet") from None
    return pyarrow


def batches(file: TableFile, names: Sequence[str], refused: Refused) -> Iterator[Batch]:
    """Yield the rows of some columns, in order.

    Args:
        file: the file.
        names: the columns to read.
        refused: gets the rows of CSV that are left out because they have too few or too many
            columns.

    Raises:
        DataError: the file cannot be read.
    """
    with _readable(file.path):
        if not file.delimiter:
            yield from _of_parquet(file, names)
        else:
            yield from _of_csv(file, names, refused)


def _of_parquet(file: TableFile, names: Sequence[str]) -> Iterator[Batch]:
    import pyarrow.parquet as pq

    first = 0
    with pq.ParquetFile(file.path) as content:
        for batch in content.iter_batches(ROWS, columns=list(names), use_threads=False):
            columns = dict(zip(batch.schema.names, batch.columns, strict=True))
            yield Batch(columns, np.arange(first, first + len(batch)))
            first += len(batch)


def _of_csv(file: TableFile, names: Sequence[str], refused: Refused) -> Iterator[Batch]:
    import pyarrow as pa
    from pyarrow import csv as reader

    def refuse(row: Any) -> str:
        if not row.text.strip():
            blank.append(row.number)
        else:
            refused.places.append(row.number)
            refused.first = refused.first or (
                f"{file.path}: row {row.number}: has {row.actual_columns} columns, and "
                f"{row.expected_columns} were expected"
            )
        return "skip"

    blank: list[int] = []
    stream = reader.open_csv(
        file.path,
        read_options=reader.ReadOptions(
            use_threads=False,
            block_size=BLOCK,
            column_names=list(file.columns),
            skip_rows=int(file.header),
        ),
        parse_options=reader.ParseOptions(
            delimiter=file.delimiter,
            newlines_in_values=True,
            ignore_empty_lines=False,
            invalid_row_handler=refuse,
        ),
        convert_options=reader.ConvertOptions(
            include_columns=list(names),
            column_types={name: pa.string() for name in file.columns},
            strings_can_be_null=False,
        ),
    )
    first = file.first_row
    with stream:
        for batch in stream:
            columns = dict(zip(batch.schema.names, batch.columns, strict=True))
            places = _places(first, len(batch), sorted(refused.places + blank))
            first += len(batch)
            yield _without_blank(Batch(columns, places))


def _without_blank(batch: Batch) -> Batch:
    """Return the rows that are not empty in every column."""
    import pyarrow.compute as pc

    empty = np.ones(len(batch.places), bool)
    for column in batch.columns.values():
        empty &= pc.equal(column, "").to_numpy(zero_copy_only=False)
        if not empty.any():
            return batch
    columns = {name: column.filter(~empty) for name, column in batch.columns.items()}
    return Batch(columns, batch.places[~empty])


def _places(first: int, count: int, left_out: list[int]) -> npt.NDArray[np.int64]:
    """Return the numbers in the file of ``count`` rows.

    Args:
        first: the number that the first one would have if none had been left out.
        count: number of rows.
        left_out: numbers of the rows left out, in order.
    """
    # The k-th row left out moves every row behind it: a row is behind it if, moved by the k rows
    # before, it has that number or a larger one.
    thresholds = [place - k for k, place in enumerate(left_out)]
    rows = np.arange(first, first + count)
    return rows + np.searchsorted(np.array(thresholds, np.int64), rows, side="right")


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn pyarrow's errors into one line."""
    pyarrow = arrow()
    try:
        yield
    except (pyarrow.ArrowException, UnicodeDecodeError, OSError) as error:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise DataError(f"{path}: cannot be read: {reason}") from error


def _index(names: Sequence[str], metadata: Mapping[bytes, bytes] | None) -> tuple[str, ...]:
    """Return the columns that are the index of pandas, by its metadata and by their names."""
    try:
        stated = json.loads((metadata or {})[b"pandas"])["index_columns"]
        written = {name for name in stated if isinstance(name, str)}
    except (KeyError, TypeError, ValueError, RecursionError):
        written = set()
    return tuple(name for name in names if name in written or ROW_NUMBERS.fullmatch(name))


def _of_text(path: Path, reading: Reading, like: TableFile | None) -> TableFile:
    with path.open("rb") as file:
        start = file.read(SNIFFED)
    try:
        # The end may be amid a character.
        text = start.decode("utf-8-sig", "strict" if len(start) < SNIFFED else "ignore")
    except UnicodeDecodeError:
        raise DataError(f"{path}: is not text in UTF-8") from None
    line = text.partition("\n")[0]
    among = DELIMITERS[path.suffix.lower()]
    delimiter = max(among, key=line.count)
    reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter)
    try:
        rows = list(islice(reader, 2))
        named = _named(rows[0], chain(rows[1:], reader), reading) if rows else ()
    except csv.Error as error:
        raise DataError(f"{path}: cannot be read: {error}") from None
    if not rows or not any(rows[0]):
        raise DataError(f"{path}: is empty, or begins with an empty row")
    first, second = rows[0], rows[1] if len(rows) > 1 else []
    names = tuple(name.strip() for name in first)
    if like and counts(first):
        header = like.header and names == like.columns
    else:
        header = is_header(first, second, named)
    names = names if header else tuple(map(str, range(len(first))))
    return TableFile(path, names, delimiter, header, _index(names, None))


def _named(first: Sequence[str], others: Iterator[list[str]], reading: Reading) -> tuple[str, ...]:
    """Return the cells of the first row that name a column by the user's choices, or by LABELS.

    Args:
        first: the row.
        others: rows further down; a label's name that occurs there again is a value, as "y" is
            where it means yes.
        reading: the user's choices.
    """
    if not any(map(is_number, first)):
        return ()  # a header without them
    chosen = {*reading.label, *reading.features, reading.group, reading.split}
    named = [cell for cell in first if cell.strip() in chosen]
    usual = [index for index, cell in enumerate(first) if cell.strip().lower() in LABELS]
    for row in others if usual else ():
        usual = [index for index in usual if row[index : index + 1] != [first[index]]]
    return (*named, *(first[index] for index in usual))


def is_header(first: Sequence[str], second: Sequence[str], named: Collection[str] = ()) -> bool:
    """Return whether the first row of a text is the names of the columns.

    It is if it has no number, or text where the second row has a number, or text in ``named``. It
    is, too, if it counts, as the names that pandas gives, and the second row does not: few data
    begin so.
    """
    if not any(map(is_number, first)):
        return True
    pairs = zip(first, second, strict=False)
    if any(one.strip() and not is_number(one) and is_number(other) for one, other in pairs):
        return True
    if any(cell in named and not is_number(cell) for cell in first):
        return True
    # Two small numbers, such as 0 and 1, may well be data above others like them.
    tells = len(first) > 2 or not first[0] or (len(first) == 2 and not set(second) <= set(first))
    return any(second) and tells and counts(first) and not _ascend(second)


def counts(first: Sequence[str]) -> bool:
    """Return whether a row counts from 0 or 1; before that pandas leaves the index without name."""
    cells = [cell.strip() for cell in first]
    cells = cells[1:] if cells[:1] == [""] else cells
    return bool(cells) and any(cells == [str(n + k) for k in range(len(cells))] for n in (0, 1))


def _ascend(row: Sequence[str]) -> bool:
    """Return whether each number of a row is one more than that before."""
    if not all(map(is_number, row)):
        return False
    return all(float(b) - float(a) == 1 for a, b in pairwise(row))


def is_number(text: str) -> bool:
    """Return whether a cell is a number; NaN and infinity are."""
    if "_" in text:  # float() takes 1_000
        return False
    try:
        float(text)
    except ValueError:
        return False
    return True
