"""edgekit verify: a byte that changed in any file of a run is refused by name."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

import documents
import keys
from edge_runtime.signature import public_key
from edgekit import cli, digests
from edgekit.convert import seal
from edgekit.digests import SUMS
from edgekit.errors import DigestError
from edgekit.files import sha256
from edgekit.sign import sign
from edgekit.verify import Status, verify

Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def run(artifacts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What train, convert, export and (as far as digests go) bench leave behind."""
    folder = tmp_path_factory.mktemp("run") / "artifacts"
    shutil.copytree(artifacts, folder)
    model = str(folder / "model_int8.tflite")
    for package in ("c", "arduino"):
        assert cli.run(["export", model, "--package", package, "--artifacts", str(folder)]) == 0
    subjects = [{"model": name, "sha256": sha256(folder / name)} for name in ("model.keras",)]
    results = [{"subject": subject} for subject in [*subjects, {"model": "", "sha256": ""}]]
    (folder / "bench.json").write_text(json.dumps({"results": results}))
    digests.record(folder, folder / "bench.json")
    return folder


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "artifacts"
    shutil.copytree(run, folder)
    return folder


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def flip(file: Path, position: int) -> bytes:
    """Change a bit of a file; return what it held."""
    content = file.read_bytes()
    file.write_bytes(flipped(content, position))
    return content


def flipped(content: bytes, position: int) -> bytes:
    changed = bytearray(content)
    changed[position] ^= 1
    return bytes(changed)


def failed(path: Path) -> dict[Path, Status]:
    return {finding.file: finding.status for finding in verify(path) if not finding.passed}


def test_what_was_not_touched_is_fine(run: Path, capsys: Captured) -> None:
    found = verify(run)
    assert [finding.file for finding in found] == files(run)
    assert {finding.status for finding in found} == {Status.OK}
    assert len(found) > 20
    assert cli.run(["verify", "--artifacts", str(run)]) == 0
    assert capsys.readouterr().out.endswith(f"\n{len(found)} files, none changed or missing\n")


def test_sha256sum_checks_it_as_well(run: Path) -> None:
    command = ["sha256sum", "--check", "--strict", "--quiet", SUMS]
    subprocess.run(command, cwd=run, check=True)


def test_signatures_cover_all_files_of_a_run(copy: Path, tmp_path: Path) -> None:
    before = files(copy)
    sign(copy, keys.write(tmp_path))
    found = verify(copy, key=public_key(tmp_path / "public.pem"))
    assert [finding.file for finding in found] == before
    assert {finding.status for finding in found} == {Status.OK}


def test_one_bit_in_any_file_is_found_in_that_file(copy: Path) -> None:
    for file in files(copy):
        size = file.stat().st_size
        for position in (0, size // 3, size - 1):
            content = flip(file, position)
            assert failed(copy) == {file: Status.CHANGED}
            file.write_bytes(content)
    assert failed(copy) == {}


def test_every_byte_of_the_list_counts(run: Path, tmp_path: Path) -> None:
    content = (run / SUMS).read_bytes()
    for position in range(len(content)):
        (tmp_path / SUMS).write_bytes(flipped(content, position))
        sums = digests.read(tmp_path / SUMS)
        assert sums is not None
        assert not sums.intact, position


def test_every_byte_of_a_lone_model_counts(float_model: Path, int8_model: Path) -> None:
    for file in (int8_model, float_model):
        content = file.read_bytes()
        assert seal.is_intact(content)
        (start, end) = seal.FIELD.search(content).span()  # type: ignore[union-attr]
        for position in {*range(start, end), *range(0, len(content), 17), len(content) - 1}:
            changed = flipped(content, position)
            assert not (seal.is_sealed(changed) and seal.is_intact(changed)), position


def test_a_lone_model(int8_model: Path, tmp_path: Path) -> None:
    alone = tmp_path / "a.tflite"
    shutil.copy(int8_model, alone)
    (finding,) = verify(alone)
    assert (finding.status, finding.detail) == (Status.OK, "the file itself")
    flip(alone, 5000)
    (finding,) = verify(alone)
    assert finding.status is Status.CHANGED
    assert "says the file itself" in finding.detail


def test_a_file_is_checked_by_all_that_is_said_of_it(run: Path) -> None:
    (finding,) = verify(run / "model.keras")
    assert finding.detail == "SHA256SUMS, metrics.json, bench.json"
    (finding,) = verify(run / "model.tflite")
    assert finding.detail == "SHA256SUMS, the file itself, model.tflite.report.json"
    source = next(run.glob("*_arduino/src/*.c"))
    (finding,) = verify(source)
    assert (finding.file, finding.detail) == (source, "SHA256SUMS")


def test_a_file_that_is_gone(copy: Path, capsys: Captured) -> None:
    (copy / "history.csv").unlink()
    assert failed(copy) == {copy / "history.csv": Status.MISSING}
    assert cli.run(["verify", str(copy), "--json"]) == 1
    document = documents.read(capsys.readouterr().out)
    assert (document["format"], document["version"], document["passed"]) == (
        "edgekit verify",
        1,
        False,
    )
    (gone,) = (one for one in document["files"] if one["status"] != "ok")
    assert gone["file"] == str(copy / "history.csv")
    assert "not there: restore it" in gone["detail"]


def test_documents_about_another_file(copy: Path) -> None:
    """Trained again, and nothing measured since: no file has changed, but what is said has."""
    (copy / "model.keras").write_bytes(b"another")
    digests.record(copy, copy / "model.keras")
    (finding,) = (finding for finding in verify(copy) if not finding.passed)
    assert finding.file == copy / "model.keras"
    assert finding.detail.startswith("not the file that metrics.json and bench.json is about")


def test_an_export_and_its_model(run: Path, capsys: Captured) -> None:
    folder = str(next(run.glob("*_c")))
    own, other = str(run / "model_int8.tflite"), str(run / "model.tflite")
    assert cli.run(["verify", folder, "--model", own]) == 0
    capsys.readouterr()
    assert cli.run(["verify", folder, "--model", other]) == 1
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "changed  " in line)
    assert other in line
    assert "model_int8.h" in line
    assert cli.run(["verify", own, "--model", own]) == 2
    assert "no export there" in capsys.readouterr().err


def test_where_nothing_is_stated(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "foreign.tflite").write_bytes(b"\x1c\x00\x00\x00TFL3")
    (tmp_path / SUMS).write_text(f"{'0' * 64}  foreign.tflite\n")
    (tmp_path / "metrics.json").write_text("[]")
    (tmp_path / "bench.json").write_text('{"results": [1, {"subject": 2}]}')
    (tmp_path / "bench_rv32.json").write_text('{"results": 5}')
    for path in (tmp_path, tmp_path / "foreign.tflite", tmp_path / "nowhere"):
        with pytest.raises(DigestError):
            verify(path)
    assert cli.run(["verify", str(tmp_path)]) == 2
    assert "nothing states a digest" in capsys.readouterr().err


def test_a_foreign_model_beside_ours_is_unknown(copy: Path) -> None:
    foreign = copy / "foreign.tflite"
    foreign.write_bytes(b"\x1c\x00\x00\x00TFL3")
    found = {finding.file: finding for finding in verify(copy)}
    assert (found[foreign].status, found[foreign].passed) == (Status.UNKNOWN, True)


def test_a_list_that_names_what_is_not_below_it(tmp_path: Path) -> None:
    for name in ("../secret", "/etc/passwd"):
        (tmp_path / SUMS).write_bytes(digests.text(digests.MARK, {name: "0" * 64}))
        assert failed(tmp_path) == {tmp_path / SUMS: Status.CHANGED}


def test_a_file_written_again_replaces_its_line(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    digests.record(tmp_path, one)
    assert not (tmp_path / SUMS).exists(), "there is nothing to list"
    one.write_text("1")
    two.write_text("2")
    digests.record(tmp_path, one, two)
    one.write_text("3")
    assert failed(tmp_path) == {one: Status.CHANGED}
    two.unlink()
    digests.record(tmp_path, one, two, tmp_path.parent / "elsewhere")
    assert failed(tmp_path) == {}
    digests.forget(tmp_path, "one")
    assert (tmp_path / SUMS).read_bytes() == digests.text(digests.MARK, {})


def test_the_lists_of_others_are_left_alone(copy: Path, tmp_path: Path) -> None:
    for folder in (next(copy.glob("*_c")), tmp_path):
        (tmp_path / SUMS).write_text("somebody else's\n")
        (folder / "new").write_text("new")
        before = (folder / SUMS).read_bytes()
        digests.record(folder, folder / "new")
        digests.forget(folder, "main.c")
        assert (folder / SUMS).read_bytes() == before


def test_an_export_of_before_has_a_list_without_a_last_line(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text("int a;\n")
    (tmp_path / SUMS).write_text(f"# written by edgekit export\n{sha256(tmp_path / 'a.c')}  a.c\n")
    assert failed(tmp_path) == {}
    flip(tmp_path / "a.c", 0)
    assert failed(tmp_path) == {tmp_path / "a.c": Status.CHANGED}
