import numpy as np

from edgekit.convert.changes import MOST, changed

BEFORE = np.tile([[0.9, 0.1]], (30, 1))


def test_wrong_ones_come_first_then_those_that_change_most() -> None:
    after = BEFORE.copy()
    after[4] = 0.6, 0.4
    after[9] = 0.7, 0.1
    found = changed(BEFORE, after, ["cat", "dog"], wrong=[20, 9])
    assert [one["index"] for one in found] == [20, 9, 4]
    assert found[2] == {
        "index": 4,
        "change": found[2]["change"],
        "before": [["cat", 0.9], ["dog", 0.1]],
        "after": [["cat", 0.6], ["dog", 0.4]],
    }
    assert abs(found[2]["change"] - 0.3) < 1e-12


def test_what_does_not_change_is_not_named_and_there_is_a_limit() -> None:
    assert changed(BEFORE, BEFORE, []) == []
    after = BEFORE + np.arange(30)[:, None]
    found = changed(BEFORE, after, [], wrong=range(30))
    assert [one["index"] for one in found] == [*range(MOST), *range(29, 29 - MOST, -1)]
    assert found[0]["before"] == [["0", 0.9], ["1", 0.1]]


def test_of_many_outputs_the_highest_before_and_after_are_shown() -> None:
    before, after = np.zeros((1, 20)), np.zeros((1, 20))
    before[0, [2, 5, 7]] = 0.5, 0.3, 0.2
    after[0, [5, 7, 11]] = 0.2, 0.3, 0.5
    (one,) = changed(before, after, [])
    assert [name for name, _ in one["before"]] == ["2", "5", "7", "11"]
    assert [value for _, value in one["after"]] == [0, 0.2, 0.3, 0.5]
