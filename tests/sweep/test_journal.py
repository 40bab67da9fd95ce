import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from edgekit.errors import ResultError
from edgekit.sweep import journal
from edgekit.sweep.measurement import Measurement

MeasurementOf = Callable[..., Measurement]


def test_rows_come_back_as_they_were(row_of: MeasurementOf, tmp_path: Path) -> None:
    rows = [
        row_of(hidden=2),
        row_of(hidden=3, flash=None),
        Measurement(row_of().recipe, row_of().basis, failure="it diverged", worker=row_of().worker),
    ]
    with journal.opened(tmp_path / "sweep" / "rows.jsonl") as file:
        for row in rows:
            journal.append(file, row)
        assert journal.rows(file) == rows


@pytest.mark.parametrize("left", [1, 20, -1])
def test_a_torn_last_line_is_dropped_and_the_next_row_stands_alone(
    row_of: MeasurementOf, tmp_path: Path, left: int
) -> None:
    path = tmp_path / "rows.jsonl"
    first, second, third = (row_of(hidden=hidden) for hidden in (2, 3, 4))
    with journal.opened(path) as file:
        journal.append(file, first)
        size = path.stat().st_size
        journal.append(file, second)
    whole = path.read_bytes()
    path.write_bytes(whole[: size + left] if left > 0 else whole[:left])
    with journal.opened(path) as file:
        assert journal.rows(file) == [first]
        journal.append(file, third)
        assert journal.rows(file) == [first, third]


def test_a_damaged_line_is_named(row_of: MeasurementOf, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    with journal.opened(path) as file:
        journal.append(file, row_of())
        for line in (b"{}", b'{"recipe": {"hiden": 2}, "basis": {}}', b"[]", b"nonsense"):
            path.write_bytes(path.read_bytes().splitlines(keepends=True)[0] + line + b"\n")
            with pytest.raises(ResultError, match="line 2 is damaged"):
                journal.rows(file)


def test_a_second_sweep_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    with (
        journal.opened(path),
        pytest.raises(ResultError, match="another edgekit sweep"),
        journal.opened(path),
    ):
        pass
    with journal.opened(path) as file:
        assert journal.rows(file) == []


def test_a_key_changes_with_recipe_data_and_versions_only(row_of: MeasurementOf) -> None:
    row = row_of()
    assert row.key == replace(row, seconds=7.0, worker={}).key
    data, versions = dict(row.basis.data), dict(row.basis.versions)
    others = [
        row_of(seed=43),
        row_of(optimizer="sgd"),
        replace(row, basis=replace(row.basis, data=data | {"sha256": "ef"})),
        replace(row, basis=replace(row.basis, versions=versions | {"unicorn": "2.1.4"})),
    ]
    assert len({row.key, *(other.key for other in others)}) == 5


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("accuracy", "int8", "correct"), 2001, "2001 of 2000 right"),
        (("accuracy", "int8", "total"), 0, "1998 of 0 right"),
        (("accuracy", "int8", "interval"), [0.5], "expected a list of 2, not of 1"),
        (("accuracy", "int8", "accuracy"), 1.5, "a share that is not from 0 to 1"),
        (("accuracy", "int8", "confusion"), [[1]], "no counts of class by class"),
        (("accuracy", "int8"), None, "accuracy.int8: expected an object, not null"),
        (("sizes",), {}, "sizes.keras is missing"),
        (("seconds",), 5e-324, "a figure that is negative, tiny or huge"),
        (("firmware", "ram"), "900", "firmware.ram: expected a number, not text '900'"),
    ],
)
def test_figures_that_cannot_be_are_named(
    row_of: MeasurementOf, tmp_path: Path, path: tuple[str, ...], value: object, said: str
) -> None:
    document = row_of().to_dict()
    *parents, last = path
    holder = document
    for key in parents:
        holder = holder[key]
    holder[last] = value
    (tmp_path / "rows.jsonl").write_text(json.dumps(document) + "\n")

    with journal.opened(tmp_path / "rows.jsonl") as file, pytest.raises(ResultError) as raised:
        journal.rows(file)
    assert "line 1 is damaged" in str(raised.value)
    assert said in str(raised.value)
