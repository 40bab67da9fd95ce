from pathlib import Path

import pytest

from edgekit.files import replacing, write_text


def test_a_file_appears_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.json"
    with replacing(path) as temporary:
        temporary.write_text("half")
        assert not path.exists()
        assert temporary.suffix == ".json"
    assert path.read_text() == "half"
    assert list(path.parent.iterdir()) == [path]


def test_a_block_that_dies_leaves_the_last_good_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "good")

    def die() -> None:
        with replacing(path) as temporary:
            temporary.write_text("ba")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        die()
    assert path.read_text() == "good"
    assert list(tmp_path.iterdir()) == [path]
