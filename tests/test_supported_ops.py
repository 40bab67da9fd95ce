"""docs/SUPPORTED_OPS.md is what the engine's ops say about themselves today."""

from pathlib import Path

import pytest

from edge_runtime import ops
from edgekit import supported_ops

PAGE = Path(__file__).parents[1] / "docs" / "SUPPORTED_OPS.md"


def test_the_page_is_not_stale() -> None:
    assert PAGE.read_text(encoding="utf-8") == supported_ops.render(), (
        f"{PAGE.name} is stale: run `make docs` and commit what it writes"
    )


def test_every_op_has_its_limits_on_the_page() -> None:
    page = supported_ops.render()
    for name in (*ops.OPS, *ops.CUSTOM):
        module = ops.find(name, custom=name in ops.CUSTOM)
        assert module is not None
        assert f"| {name}" in page or f", {name}" in page
        for constraint in module.CONSTRAINTS:
            assert f"- {' '.join(constraint.__doc__.split())}" in page


def test_a_new_op_is_picked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ops.OPS, "A_NEW_ONE", "logistic")
    page = supported_ops.render()
    assert "| A_NEW_ONE, LOGISTIC | runs | Input and output are both" in page
    assert "## A_NEW_ONE, LOGISTIC" in page


def test_the_effect_of_an_op_is_told() -> None:
    lines = supported_ops.render().splitlines()
    effects = {line.split(" | ")[0][2:]: line.split(" | ")[1] for line in lines if " | " in line}
    assert effects["RESHAPE"] == "moves nothing"
    assert effects["SHAPE"] == "folded away"
    assert effects["FULLY_CONNECTED"] == "runs"


def test_the_command_writes_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = tmp_path / "page.md"
    monkeypatch.setattr("sys.argv", ["supported_ops", str(page)])
    supported_ops.main()
    assert page.read_text(encoding="utf-8") == supported_ops.render()
    monkeypatch.setattr("sys.argv", ["supported_ops"])
    with pytest.raises(SystemExit, match="usage"):
        supported_ops.main()
