"""`edgekit bench --layers`."""

from pathlib import Path

import pytest

import build
import documents
from edge_runtime.backends import native
from edgekit import cli

CONVOLUTIONAL = Path(__file__).parents[1] / "golden" / "convolutional.tflite"


def bench(*arguments: object) -> int:
    return cli.run(["bench", "--layers", "--quick", *map(str, arguments)])


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A model with an op that no engine has."""
    path = tmp_path / "odd.tflite"
    tensors = [build.tensor((1, 6)), build.tensor((1, 6))]
    path.write_bytes(build.model(tensors, [("odd", [0], 1, {})]))
    return path


def test_tables_are_printed_and_only_named_files_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(CONVOLUTIONAL, "--html", "layers.html", "--markdown", "layers.md") == 0
    out = capsys.readouterr().out
    assert "1 CONV_2D" in out
    assert "Slowest: " in out
    assert f"report: {(tmp_path / 'layers.html').as_uri()}" in out
    assert "1 CONV_2D" in (tmp_path / "layers.html").read_text()
    assert "Slowest: " in (tmp_path / "layers.md").read_text()
    assert {path.name for path in tmp_path.iterdir()} == {"layers.html", "layers.md"}


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench(CONVOLUTIONAL, "--json", "--samples") == 0
    results = documents.read(capsys.readouterr().out)["results"]
    times = [one for one in results if one["metric"] == "layer_time"]
    assert [one["summary"]["name"] for one in times[:3]] == [
        "QUANTIZE",
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
    ]
    assert all(one["samples"] for one in times)


def test_the_artifacts_folder_has_the_models(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "artifacts"
    folder.mkdir()
    (folder / "a.tflite").write_bytes(CONVOLUTIONAL.read_bytes())
    assert bench() == 0
    assert capsys.readouterr().out.startswith("a.tflite\n")
    assert bench("--artifacts", "empty") == 2
    assert "no .tflite file there" in capsys.readouterr().err


@pytest.mark.parametrize(
    "option",
    [
        *("--data none", "--classes 0,1", "--framing resize", "--input-range 0,1", "--trust"),
        *("--min-accuracy 0.5", "--max-drop 0.5", "--max-latency 1ms", "--max-size 1M"),
        *("--backend native", "--require native", "--baseline b.json", "--update-baseline"),
        *("--tolerance latency=0.5", "--core cortex-m4", "--junit j.xml", "--keras ."),
        *("--max-flash 1M", "--max-ram 1M", "--max-instructions 1M", "--skip-zeros"),
    ],
)
def test_options_about_gates_do_not_go_with_it(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(CONVOLUTIONAL, *option.split()) == 2
    captured = capsys.readouterr()
    assert not captured.out
    assert captured.err.startswith(f"edgekit bench: error: {option.split()[0]}")
    assert captured.err.count("\n") == 1


def test_a_model_that_the_engine_does_not_run_is_an_error(
    odd: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(odd) == 2
    assert f"{odd}: " in capsys.readouterr().err.splitlines()[-1]
    assert bench(odd, CONVOLUTIONAL) == 0
    assert "odd.tflite: No figures for native: " in capsys.readouterr().out


def test_a_file_that_is_no_model_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "text.tflite"
    path.write_text("text")
    assert bench(path) == 2
    assert "text.tflite: not a .tflite file" in capsys.readouterr().err


def test_without_the_engine_it_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(native, "_extension", lambda: None)
    assert bench(CONVOLUTIONAL) == 2
    captured = capsys.readouterr()
    assert not captured.out
    assert captured.err.count("\n") == 1
    assert "C extension is not there" in captured.err
