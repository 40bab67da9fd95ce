import json
from pathlib import Path

import pytest

from edgekit.files import replacing, replacing_folder, to_json, write_json, write_text


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


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "a"
    for text in ("first", "second"):
        with replacing_folder(folder) as temporary:
            (temporary / text).write_text(text)
            assert not (folder / text).exists()
        assert [path.name for path in folder.iterdir()] == [text]
        assert list(folder.parent.iterdir()) == [folder]


def test_a_folders_block_that_dies_leaves_the_last_good_one(tmp_path: Path) -> None:
    def die(folder: Path) -> None:
        with replacing_folder(folder) as temporary:
            (temporary / "half").write_text("ba")
            raise KeyboardInterrupt

    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "good").write_text("good")
    for folder in (tmp_path / "a", tmp_path / "new" / "b"):
        with pytest.raises(KeyboardInterrupt):
            die(folder)
    assert sorted(tmp_path.rglob("*")) == [tmp_path / "a", tmp_path / "a" / "good"]


def test_json_has_null_for_what_it_has_no_number_for(tmp_path: Path) -> None:
    document = {"a": float("nan"), "b": [1.5, float("-inf")], "c": ({"d": float("inf")}, True)}
    write_json(tmp_path / "a.json", document)
    read = json.loads((tmp_path / "a.json").read_text())
    assert read == {"a": None, "b": [1.5, None], "c": [{"d": None}, True]}
    assert json.loads(to_json([1.0, "NaN"])) == [1.0, "NaN"]
