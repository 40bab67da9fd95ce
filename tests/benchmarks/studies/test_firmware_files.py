"""Files as firmware: each byte is LiteRT's, or there is a reason."""

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

import build
import seeded
from edge_runtime.ops.window import VALID
from edgekit.benchmarks import exactness
from edgekit.benchmarks.mcu.cores import CORES
from edgekit.benchmarks.mcu.firmware import Library
from edgekit.benchmarks.result import Result
from edgekit.benchmarks.studies import firmware_files, microcontrollers, published


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder: a network, two that are too large, a file that is none, two outputs, floats."""
    (tmp_path / "dense.tflite").write_bytes(seeded.network())
    (tmp_path / "broken.tflite").write_bytes(b"none")
    two = [build.tensor((1, 6), "int8", 0.1, 3) for _ in range(3)]
    ops = [("RELU", [0], 1, {}), ("RELU", [0], 2, {})]
    (tmp_path / "two.tflite").write_bytes(build.model(two, ops, inputs=[0], outputs=[1, 2]))
    large = [build.tensor((1, 1 << 19), "int8", 0.1, 3) for _ in range(2)]
    (tmp_path / "large.tflite").write_bytes(build.model(large, [("RELU", [0], 1, {})]))
    wide = [
        build.tensor((1, 96, 96, 1), "int8", 0.1, 3),
        build.constant([[[[1]]]] * 32, "int8", 0.1),
        build.constant([0] * 32, "int32", 0.01),
        build.tensor((1, 96, 96, 32), "int8", 0.1, 3),
        build.tensor((1, 6, 6, 32), "int8", 0.1, 3),
    ]
    pool = {"strideH": 16, "strideW": 16, "filterHeight": 16, "filterWidth": 16}
    ops = [
        ("CONV_2D", [0, 1, 2], 3, {"padding": VALID, "strideH": 1, "strideW": 1}),
        ("MAX_POOL_2D", [3], 4, {"padding": VALID, **pool}),
    ]
    (tmp_path / "wide.tflite").write_bytes(build.model(wide, ops))
    floats = [build.tensor((1, 6), "float32") for _ in range(2)]
    (tmp_path / "floats.tflite").write_bytes(build.model(floats, [("RELU", [0], 1, {})]))
    return tmp_path


def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: object
) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["microcontrollers", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        microcontrollers.main()
    shown = capsys.readouterr()
    return int(caught.value.code or 0), shown.out, shown.err


def test_a_folder_has_a_row_or_a_reason_for_each_file_of_integers(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code, shown, _ = run(monkeypatch, capsys, "--models", folder)
    assert code == 0
    columns, row, wide, *_ = shown.splitlines()
    assert columns.split()[:4] == ["file", "build", "differ", "flash"]
    # Three inputs of two scores.
    assert row.split()[:4] == ["dense.tflite", "cortex-m4", "-Os", "0/6"]
    assert row.endswith(" µs")
    # 294,912 bytes between its layers fit row by row.
    assert wide.split()[:5] == ["wide.tflite", "cortex-m4", "-Os", "min-ram", "0/3456"]
    refused = dict(
        line.removeprefix("not present: ").split(" on cortex-m4 ")
        for line in shown.splitlines()
        if line.startswith("not present: ")
    )
    assert set(refused) == {"broken.tflite", "two.tflite", "large.tflite"}
    assert "one input and one output" in refused["two.tflite"]
    assert "RAM" in refused["large.tflite"]
    assert "floats.tflite" not in shown


def test_another_core_has_no_estimate(folder: Path) -> None:
    core = CORES["cortex-m0"]
    results = list(firmware_files.measure([folder / "dense.tflite"], [core], ["-Os"]))
    (_, row, *_) = firmware_files.report(results).splitlines()
    assert row.split()[:4] == ["dense.tflite", "cortex-m0", "-Os", "0/6"]
    assert row.split()[-3:] == ["–"] * 3
    metrics = {one.metric: one.summary for one in results}
    assert metrics["instructions"]["estimate"] is None
    assert metrics["ram"]["stack"] > 0


def test_a_byte_that_differs_fails(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def wrong(export: Callable[..., Library], path: Path, *options: str) -> Library:
        library = export(path, *options)
        source = library.files["model.c"].replace("int model_run(", "int right_run(")
        source += (
            "int model_run(const model_input_t *input, model_output_t *output)\n"
            "{ int failed = right_run(input, output); output[1] ^= 1; return failed; }\n"
        )
        return replace(library, files={**library.files, "model.c": source})

    monkeypatch.setattr(firmware_files, "exported", partial(wrong, firmware_files.exported))
    code, _, said = run(monkeypatch, capsys, "--models", folder / "dense.tflite")
    assert code == 1
    assert "3 of 6 output elements differ from LiteRT BUILTIN_REF" in said


def test_networks_are_beside_what_is_published(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content = (folder / "dense.tflite").read_bytes()
    monkeypatch.setattr(microcontrollers, "MLPERF_TINY", {"kws": None})
    monkeypatch.setattr(microcontrollers, "converted", lambda *_: content)
    code, shown, _ = run(monkeypatch, capsys, "--core", "cortex-m4")
    assert code == 0
    builds = [line.split("  ")[1] for line in shown.splitlines() if line.startswith("kws.tflite")]
    assert builds == ["cortex-m4 -Os", "cortex-m4 -O2", "cortex-m4 -Os min-ram"]
    assert shown.endswith(f"{published.report()}\n")
    assert "ST X-CUBE-AI 9" in shown
    assert "MLPerf Tiny, closed division" in shown


def test_inputs_are_random_and_their_outputs_too(folder: Path) -> None:
    results = list(firmware_files.measure([folder / "dense.tflite"], [CORES["cortex-m4"]], ["-Os"]))
    compared = next(one for one in results if one.metric == firmware_files.TO_LITERT)
    assert compared.summary["random"]["tensors"] == firmware_files.INPUTS
    assert compared.summary["random"]["differ"] == 0


def test_a_process_that_ends_is_a_reason(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ends(*_: object) -> list[Result]:
        raise SystemExit(7)

    monkeypatch.setattr(firmware_files, "measured", ends)
    (one,) = firmware_files.measure([folder / "dense.tflite"], [CORES["cortex-m4"]], ["-Os"])
    assert (one.status, one.reason) == ("not present", "the process ended with exit code 7")
    assert exactness.select([one]) == []
