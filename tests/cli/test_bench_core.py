"""`edgekit bench --core` as somebody calls it, with real firmware on the emulator."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import documents
from edge_runtime.errors import ModelError
from edge_runtime.install import install_line
from edgekit import cli
from edgekit.benchmarks.mcu import firmware
from edgekit.benchmarks.mcu.cores import Core
from edgekit.benchmarks.mcu.firmware import Firmware, Library
from edgekit.commands import bench_core
from edgekit.train.dataset import Dataset
from pages import widths

Bench = Callable[..., int]
BUILDS = ["cortex-m4 -Os", "cortex-m4 -O2"]


@pytest.fixture
def bench(dataset: Dataset, int8_model: Path, tmp_path: Path) -> Bench:
    """Run the command on twenty images in a folder of its own, which is the working directory."""
    images = np.concatenate([dataset.x_test[dataset.y_test == i][:10] for i in (0, 1)])
    labels = np.repeat([0, 1], 10)
    data = tmp_path / "few.npz"
    np.savez(data, x_train=images, y_train=labels, x_test=images, y_test=labels)
    shutil.copy(int8_model, tmp_path)

    def run(*arguments: object, core: str = "cortex-m4") -> int:
        common = ("--core", core, "--artifacts", tmp_path, "--data", data, "--quick")
        return cli.run(["bench", *map(str, (*common, *arguments))])

    return run


def read(folder: Path, core: str = "cortex-m4") -> Any:
    return documents.read((folder / f"bench_{core}.json").read_text())


def results_of(document: Any) -> dict[tuple[str, str], Any]:
    return {(one["subject"]["backend"], one["metric"]): one for one in document["results"]}


def figure(folder: Path, backend: str, metric: str) -> Any:
    core = "_".join(part for part in backend.split() if part[0] != "-")
    return results_of(read(folder, core))[backend, metric]["summary"]


def failed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    lines = capsys.readouterr().err.splitlines()
    return [line.removeprefix("edgekit bench: model_int8.tflite on ") for line in lines]


def test_both_builds_are_measured_and_reported(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = ("--junit", tmp_path / "j.xml", "--markdown", tmp_path / "m.md")
    assert bench("--samples", *written) == 0
    shown = capsys.readouterr().out
    document = read(tmp_path)
    assert document["passed"] is True
    assert document["environment"]["ziglang"]
    assert document["environment"]["unicorn"]
    found = results_of(document)
    assert list(dict.fromkeys(backend for backend, _ in found)) == BUILDS
    for backend in BUILDS:
        summary = {
            metric: one["summary"] for (name, metric), one in found.items() if name == backend
        }
        assert summary["accuracy"]["total"] == 20
        flash, ram, counts = summary["flash"], summary["ram"], summary["instructions"]
        assert flash["total"] == flash["code"] + flash["constants"]
        assert flash["constants"] >= flash["weights"] == 784 * 14 + 14 * 4 + 14 * 2 + 2 * 4
        assert flash["multipliers"] == (14 + 2) * (4 + 4)
        assert flash["beyond"] == flash["total"] - flash["weights"] - flash["multipliers"]
        functions = {one["name"]: one["bytes"] for one in flash["functions"]}
        assert functions["ek_reset"] > 0
        assert list(functions.values()) == sorted(functions.values(), reverse=True)
        assert 0.9 * flash["code"] - 64 < sum(functions.values()) <= flash["code"] - 64
        assert ram["total"] == ram["data"] + ram["arena"] + ram["stack"]
        assert ram["arena"] >= 784 + 14
        assert 0 <= ram["data"] < 64
        assert ram["stack"] > 0
        assert counts["min"] <= counts["median"] <= counts["p90"] <= counts["max"]
        assert len(found[backend, "instructions"]["samples"]) == counts["images"] == 20
        ops = [step["op"] for step in counts["steps"]]
        assert ops == ["FULLY_CONNECTED", "FULLY_CONNECTED", "LOGISTIC", "outside"]
        assert counts["steps"][0]["median"] > 0.8 * counts["median"]
        assert [step["macs"] for step in counts["steps"]] == [784 * 14, 14 * 2, None, None]
        stacks = [step["stack"] for step in counts["steps"]]
        assert 0 < stacks[-1] < max(stacks) <= ram["stack"]
        estimate, steps = counts["estimate"], counts["steps"]
        assert counts["median"] < estimate["cycles"]["median"] < 3 * counts["median"]
        assert sum(step["cycles"] for step in steps) == estimate["cycles"]["median"]
        assert sum(step["flash_waits"] for step in steps) == estimate["flash_waits"] > 0
        spent = estimate["cycles"]["median"] + estimate["flash_waits"]
        assert estimate["seconds"] == spent / estimate["clock"]
        difference = summary["difference_to_native"]
        assert difference["images"]["differ"] == difference["random"]["differ"] == 0
        assert difference["random"]["tensors"] == 1000
        verdicts = {
            gate["name"]: gate["verdict"]
            for gate in document["gates"]
            if backend in gate["subject"]
        }
        assert verdicts == {"accuracy": "passed", "exact": "passed"}
        flash_text = f"{flash['total']:,}"
        for report in (
            shown,
            *((tmp_path / name).read_text() for name in ("m.md", "report_cortex-m4.html")),
        ):
            assert flash_text in report
    first = found[BUILDS[0], "instructions"]["summary"]["steps"][:-1]
    shares = [100 * step["median"] / first[0]["median"] for step in first]
    drawn = widths((tmp_path / "report_cortex-m4.html").read_text())
    assert drawn == [pytest.approx(max(share, 0.6), abs=0.01) for share in shares]
    assert (tmp_path / "j.xml").read_text().count("<testcase") == 4
    assert (tmp_path / "bench_cortex-m4.jsonl").read_text().count("\n") == 1 + len(found)


def test_skipping_zeros_is_its_own_build_with_the_same_bytes(bench: Bench, tmp_path: Path) -> None:
    assert bench() == 0
    dense = figure(tmp_path, "cortex-m4 -Os", "instructions")["median"]
    assert bench("--skip-zeros") == 0
    assert figure(tmp_path, "cortex-m4 -Os skip-zeros", "instructions")["median"] < dense
    difference = figure(tmp_path, "cortex-m4 -O2 skip-zeros", "difference_to_native")
    assert difference["random"]["differ"] == 0


def test_the_least_ram_is_its_own_build_with_the_same_bytes(bench: Bench, tmp_path: Path) -> None:
    assert bench("--min-ram") == 0
    difference = figure(tmp_path, "cortex-m4 -O2 min-ram", "difference_to_native")
    assert difference["random"]["differ"] == 0
    page = (tmp_path / "report_cortex-m4_min-ram.html").read_text()
    assert len(widths(page)) == 3
    arena = figure(tmp_path, "cortex-m4 -Os min-ram", "ram")["arena"]
    assert f"Arena of {arena:,} bytes" in page
    assert 'class="block activation"' in page


def test_budgets_gate_and_say_what_is_over(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    within = ("--max-flash", "16K", "--max-ram", "2k", "--max-instructions", "1M")
    assert bench(*within) == 0
    names = [gate["name"] for gate in read(tmp_path)["gates"] if "-Os" in gate["subject"]]
    assert names == ["accuracy", "exact", "flash", "ram", "instructions"]
    total = figure(tmp_path, "cortex-m4 -Os", "flash")["total"]
    capsys.readouterr()
    assert bench("--max-flash", total - 1, "--max-ram", "64", "--max-instructions", "9K") == 1
    lines = failed(capsys)
    assert f"cortex-m4 -Os: flash: {total:,} bytes of {total - 1:,}, over by 1" in lines
    assert sum(": ram: " in line and "over by" in line for line in lines) == 2
    assert sum(": instructions: " in line and "of 9,216" in line for line in lines) == 2


def test_a_wrong_byte_fails(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    export = bench_core.exported

    def wrong(path: Path, skip_zeros: bool, min_ram: bool) -> Library:
        library = export(path, skip_zeros, min_ram)
        source = library.files["model.c"]
        call = "int model_run(const model_input_t"
        assert source.count(call) == 1
        source = source.replace(call, call.replace("model_run", "right_run"))
        source += (
            "int model_run(const model_input_t *input, model_output_t *output)\n"
            "{ int failed = right_run(input, output); output[1] ^= 1; return failed; }\n"
        )
        return replace(library, files={**library.files, "model.c": source})

    monkeypatch.setattr(bench_core, "exported", wrong)
    assert bench("--min-accuracy", "0") == 1
    lines = [line for line in failed(capsys) if ": exact: " in line]
    assert len(lines) == 2
    # 20 images and 1000 random tensors of two outputs each, one of them wrong.
    assert "exact: 1020 of 2040 output elements differ from the engine native" in lines[0]


def test_labels_that_change_the_code_only_serve_to_count_the_steps(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bench() == 0
    plain = {metric: figure(tmp_path, BUILDS[0], metric) for metric in ("flash", "instructions")}
    assert plain["instructions"]["steps_same_code"] is True
    assert plain["instructions"]["steps_total"]["max"] == plain["instructions"]["max"]
    build = firmware.build

    def other(core: Core, library: Library, optimisation: str, *, labels: bool = True) -> Firmware:
        return build(core, library, "-O2" if labels else optimisation, labels=labels)

    monkeypatch.setattr(firmware, "build", other)
    assert bench() == 0
    assert figure(tmp_path, BUILDS[0], "flash") == plain["flash"]
    counts = figure(tmp_path, BUILDS[0], "instructions")
    assert counts["steps_same_code"] is False
    assert counts["max"] == plain["instructions"]["max"] != counts["steps_total"]["max"]
    assert counts["steps_images"] == 10
    assert sum(step["max"] for step in counts["steps"]) == counts["steps_total"]["max"]


def test_a_fault_fails_that_build_and_is_told(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    def faulty(_path: Path, *_: bool) -> Library:
        header = (
            "#include <stdint.h>\ntypedef int8_t model_input_t;\ntypedef int8_t model_output_t;\n"
            "#define MODEL_INPUT_SIZE 784\n#define MODEL_OUTPUT_SIZE 2\n"
            "int model_run(const int8_t *input, int8_t *output);\n"
        )
        source = (
            '#include "model.h"\nint model_run(const int8_t *input, int8_t *output)\n'
            "{ (void)output; *(volatile int8_t *)8 = input[0]; return 0; }\n"
        )
        return Library("model", {"model.h": header, "model.c": source}, 0, 0, 0, ())

    monkeypatch.setattr(bench_core, "exported", faulty)
    assert bench() == 1
    captured = capsys.readouterr()
    assert "writes to flash at 0x00000008" in captured.out
    assert "Traceback" not in captured.err
    assert results_of(read(tmp_path))["cortex-m4 -O2", "accuracy"]["status"] == "failed"


def test_a_model_that_cannot_be_exported_fails(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_path: Path, *_: bool) -> Library:
        raise ModelError("op 0, ABS 'y', is not supported")

    monkeypatch.setattr(bench_core, "exported", refuse)
    assert bench() == 1
    document = read(tmp_path)
    assert {one["status"] for one in document["results"]} == {"not present"}
    (runs,) = (gate for gate in document["gates"] if gate["name"] == "runs")
    assert runs["verdict"] == "failed"
    assert "ABS 'y'" in runs["message"]


def test_figures_that_grew_since_the_baseline_fail(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench() == 0
    baseline = tmp_path / "baseline.json"
    shutil.copy(tmp_path / "bench_cortex-m4.json", baseline)
    assert bench("--baseline", baseline) == 0
    assert sum("against the baseline" in gate["name"] for gate in read(tmp_path)["gates"]) == 10
    document = json.loads(baseline.read_text())
    result = results_of(document)["cortex-m4 -Os", "flash"]
    result["summary"]["total"] -= 1
    baseline.write_text(json.dumps(document))
    capsys.readouterr()
    assert bench("--baseline", baseline) == 1
    (line,) = (line for line in failed(capsys) if "against the baseline" in line)
    assert line.startswith("cortex-m4 -Os: flash against the baseline: was ")
    document["environment"]["ziglang"] = "0.0.0"
    baseline.write_text(json.dumps(document))
    assert bench("--baseline", baseline) == 0


@pytest.mark.skipif(shutil.which("avr-gcc") is None, reason="needs avr-gcc")
def test_the_model_fits_an_atmega328p(bench: Bench, tmp_path: Path) -> None:
    assert bench("--max-flash", "32K", "--max-ram", "2K", core="atmega328p") == 0
    found = results_of(read(tmp_path, "atmega328p"))
    assert {metric for _, metric in found} == {"flash", "ram"}
    ram = found["atmega328p -Os", "ram"]["summary"]
    assert ram["stack"] is None
    # The weights stay in flash.
    assert 784 < ram["total"] < 1024


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--core", "cortex-m4", "--backend", "native"), "--backend is about this machine"),
        (("--core", "cortex-m4", "--require", "native"), "--require is about this machine"),
        (("--max-flash", "16K"), "--max-flash is about a microcontroller"),
        (("--max-ram", "16K"), "--max-ram is about a microcontroller"),
        (("--max-instructions", "0"), "--max-instructions is about a microcontroller"),
        (("--skip-zeros",), "--skip-zeros is about a microcontroller"),
        (("--core", "cortex-m4", "--max-ram", "2KB"), "'2KB' is not a size"),
        (("--core", "cortex-m4", "--max-ram", "-1"), "'-1' is not a size"),
        (("--core", "atmega328p", "--max-instructions", "1"), "atmega328p is not emulated"),
        (("--core", "z80"), "'z80' is not one of"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    arguments: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["bench", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line


def test_a_missing_extra_is_named(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(firmware, "find_spec", lambda name: None if name == "ziglang" else name)
    assert bench() == 2
    assert "ziglang is not installed" in (said := capsys.readouterr().err)
    assert install_line("mcu") in said
