from edgekit.benchmarks.report import svg


def test_scales_keep_a_margin() -> None:
    scale = svg.linear(0.5, 1.0)
    assert (scale(0.5), scale(0.75), scale(1.0)) == (2.0, 50.0, 98.0)
    scale = svg.logarithmic(1e-6, 1e-2)
    assert [round(scale(x), 6) for x in (1e-6, 1e-4, 1e-2)] == [2.0, 50.0, 98.0]
    assert svg.linear(1.0, 1.0)(1.0) == 2.0


def test_ticks_are_round_and_few() -> None:
    assert svg.linear_ticks(0.99, 1.0) == [0.99, 0.992, 0.994, 0.996, 0.998, 1.0]
    assert svg.linear_ticks(0.0, 1.0) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert svg.powers_of_ten(2e-6, 3e-2) == [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1]
    assert svg.powers_of_ten(1e-3, 1e-3) == [1e-3, 1e-2]


def test_labels_are_escaped() -> None:
    assert 'aria-label="&lt;&quot;&gt;"' in svg.strip([], '<">')
    assert "&lt;b&gt;" in svg.axis([50.0], ["<b>"])
