"""CSV and Parquet in batches of rows, through pyarrow."""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edgekit import archives
from edgekit.errors import DataError, MissingExtraError

DELIMITERS = {".csv": ",;\t|", ".tsv": "\t"}
"""Suffix -> what may separate the columns, most usual first."""
PARQUET = (".parquet", ".pq")
SUFFIXES = (*DELIMITERS, *PARQUET)

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
    """

    path: Path
    columns: tuple[str, ...]
    delimiter: str
    header: bool


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


def opened(path: Path) -> TableFile:
    """Look at the beginning of a file for its columns.

    Raises:
        DataError: it cannot be read as CSV or Parquet, or has a column twice.
        MissingExtraError: pyarrow is not installed.
    """
    arrow()
    if path.suffix.lower() in PARQUET:
        with _readable(path):
            import pyarrow.parquet as pq

            about = pq.read_metadata(path)
            names = tuple(about.schema.to_arrow_schema().names)
        if reason := archives.refusal(SMALLEST * about.num_rows * len(names), path.stat().st_size):
            raise DataError(f"{path}: {reason}")
        file = TableFile(path, names, "", header=True)
    else:
        file = _of_text(path)
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
    first = 1 + int(file.header)
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


def _of_text(path: Path) -> TableFile:
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
        rows = [row for row, _ in zip(reader, range(2), strict=False)]
    except csv.Error as error:
        raise DataError(f"{path}: cannot be read: {error}") from None
    if not rows or not any(rows[0]):
        raise DataError(f"{path}: is empty, or begins with an empty row")
    first, second = rows[0], rows[1] if len(rows) > 1 else []
    header = is_header(first, second)
    names = tuple(name.strip() for name in first) if header else tuple(map(str, range(len(first))))
    return TableFile(path, names, delimiter, header)


def is_header(first: Sequence[str], second: Sequence[str]) -> bool:
    """Return whether the first row of a text is the names of the columns.

    It is if it has no number, or text where the second row has a number.
    """
    if not any(map(is_number, first)):
        return True
    pairs = zip(first, second, strict=False)
    return any(one.strip() and not is_number(one) and is_number(other) for one, other in pairs)


def is_number(text: str) -> bool:
    """Return whether a cell is a number; NaN and infinity are."""
    try:
        float(text)
    except ValueError:
        return False
    return True
