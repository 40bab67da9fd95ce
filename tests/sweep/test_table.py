import csv
import json
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from statistics import stdev

import pytest

import documents
from edgekit.scoring import wilson_interval
from edgekit.sweep import table
from edgekit.sweep.measurement import Measurement
from edgekit.sweep.summary import accuracy, pareto, points, series, varied

MeasurementOf = Callable[..., Measurement]


def test_what_varies_makes_the_points(row_of: MeasurementOf) -> None:
    rows = [row_of(hidden=h, optimizer=o) for h in (2, 3) for o in ("adam", "sgd")]
    assert varied(rows) == ("hidden", "optimizer")
    assert [point.name for point in points(rows)] == [
        "hidden 2, optimizer adam",
        "hidden 2, optimizer sgd",
        "hidden 3, optimizer adam",
        "hidden 3, optimizer sgd",
    ]
    assert varied([row_of()]) == ("hidden",)


def test_seeds_share_a_point_with_mean_and_spread(row_of: MeasurementOf) -> None:
    rows = [row_of(wrong, seed=seed) for seed, wrong in enumerate((0, 2, 10))]
    (point,) = points(rows)
    found = accuracy(point, "float32")
    shares = [1.0, 0.999, 0.995]
    assert found.mean == pytest.approx(sum(shares) / 3)
    assert found.deviation == pytest.approx(stdev(shares))
    assert (found.lowest, found.highest) == (0.995, 1.0)
    assert found.interval == wilson_interval(1996, 2000)
    assert accuracy(points(rows[:1])[0], "float32").deviation is None
    titles, line = table.cells(rows)
    assert line[titles.index("seeds")] == "3"
    assert line[titles.index("float32 accuracy")] == "0.9980 ± 0.0026 (0.9950)"
    # Seeds 0, 1, 2 ran 10, 11, 12 epochs.
    assert line[titles.index("epochs")] == "11"


def test_columns_are_aligned_and_one_seed_has_its_interval(row_of: MeasurementOf) -> None:
    rows = [row_of(hidden=hidden) for hidden in (2, 14)]
    head, *lines = table.text(rows).splitlines()
    assert {len(line) for line in (head, *lines)} == {len(head)}
    low, high = wilson_interval(1999, 2000)
    assert f"0.9995 ({low:.4f} to {high:.4f})" in lines[0]
    assert lines[1].split()[0] == "14"


def test_what_is_missing_or_failed_is_said(row_of: MeasurementOf) -> None:
    failed = Measurement(row_of(hidden=4).recipe, row_of().basis, failure="training diverged")
    rows = [row_of(hidden=2), row_of(hidden=3, flash=None), failed]
    titles, *lines = table.cells(rows)
    flash = titles.index("flash")
    assert [line[flash] for line in lines] == ["4,000", "absent", "failed"]
    assert table.notes(rows) == [
        "absent: flash, RAM, instructions: unicorn is not installed",
        "failed: hidden 4, seed 42: training diverged",
    ]
    assert all(note in table.text(rows) for note in table.notes(rows))


def test_a_figure_that_no_point_has_is_no_column(row_of: MeasurementOf) -> None:
    failed = Measurement(row_of(hidden=4).recipe, row_of().basis, failure="training diverged")
    rows = [*(row_of(hidden=hidden, flash=None) for hidden in (2, 3)), failed]
    titles, *lines = table.cells(rows)
    assert not {"flash", "RAM", "instr."} & set(titles)
    assert "latency" in titles
    assert {len(line) for line in lines} == {len(titles)}
    assert "absent: flash, RAM, instructions: unicorn is not installed" in table.text(rows)
    assert "flash_bytes" in table.as_csv(rows)
    # With nothing but failures the table still says what would be in it.
    assert "flash" in table.cells([failed])[0]


def test_the_csv_has_a_line_for_each_row(row_of: MeasurementOf) -> None:
    failed = Measurement(row_of(hidden=4).recipe, row_of().basis, failure="training diverged")
    rows = [row_of(hidden=2), row_of(hidden=2, seed=43), row_of(hidden=3, flash=None), failed]
    read = list(csv.DictReader(StringIO(table.as_csv(rows))))
    assert [(one["hidden"], one["seed"]) for one in read] == [
        ("2", "42"),
        ("2", "43"),
        ("3", "42"),
        ("4", "42"),
    ]
    assert [one["flash_bytes"] for one in read] == ["4000", "4000", "", ""]
    assert [one["failure"] for one in read] == ["", "", "", "training diverged"]
    assert float(read[0]["int8_accuracy"]) == 0.999
    assert float(read[0]["int8_low"]) == wilson_interval(1998, 2000)[0]
    assert read[0]["optimizer"] == "adam"


def test_the_csv_holds_no_formula(row_of: MeasurementOf) -> None:
    data = {**row_of().basis.data, "name": '=HYPERLINK(1),\n"\x1b'}
    failed = Measurement(
        row_of(hidden=4).recipe, replace(row_of().basis, data=data), failure="@SUM(1)"
    )
    (read,) = csv.DictReader(StringIO(table.as_csv([failed])))
    assert read["failure"] == "'@SUM(1)"
    assert read["data"] == "'=HYPERLINK(1), \"\\x1b"


def test_the_document_has_points_and_rows(row_of: MeasurementOf) -> None:
    good = row_of(hidden=3)
    failed = Measurement(good.recipe, good.basis, failure="training diverged", worker=good.worker)
    rows = [row_of(hidden=2), row_of(hidden=2, seed=43), failed]
    document = documents.read(json.dumps(table.document(rows, rows[0].basis)))
    assert document["data"]["sha256"] == "ab" * 32
    first, second = document["points"]
    assert first["settings"] == {"hidden": 2}
    assert first["seeds"] == [42, 43]
    assert first["int8"]["mean"] == 0.999
    assert first["flash_bytes"] == 4000
    assert second == {"settings": {"hidden": 3}, "seeds": [], "failed_seeds": [42]}
    assert [row["recipe"]["seed"] for row in document["rows"]] == [42, 43, 42]


def test_the_front_is_what_no_other_point_beats() -> None:
    assert pareto([(0.99, 10), (0.98, 10), (0.99, 20), (1.0, 20), (0.5, 1)]) == [
        True,
        False,
        False,
        True,
        True,
    ]
    assert pareto([(0.99, 10), (0.99, 10)]) == [True, True]


def test_a_series_differs_in_its_key_only(row_of: MeasurementOf) -> None:
    rows = [row_of(hidden=h) for h in (2, 3)] + [row_of(hidden=3, optimizer="sgd")]
    by_hidden = series(points(rows), "hidden")
    assert list(by_hidden) == ["optimizer adam"]
    assert [point.settings["hidden"] for point in by_hidden["optimizer adam"]] == [2, 3]
    by_optimizer = series(points(rows), "optimizer")
    assert list(by_optimizer) == ["hidden 3"]
