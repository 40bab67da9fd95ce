"""edgekit's C beside others' on a microcontroller: who takes part, and what is said of them."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from edgekit.benchmarks import exactness, gate
from edgekit.benchmarks.mcu import builds
from edgekit.benchmarks.mcu.firmware import Library
from edgekit.benchmarks.result import Result
from edgekit.benchmarks.studies import firmware_peers, microcontrollers
from edgekit.benchmarks.studies.microcontrollers import CodeGenerator, measure, report
from edgekit.errors import FirmwareError
from edgekit.train.dataset import Dataset

FEW = builds.Coverage(tensors=50, labelled=2)
OWN, _, PLAIN, _, EMLEARN = microcontrollers.GENERATORS


@pytest.fixture
def models(keras_model: Path, float_model: Path, int8_model: Path) -> dict[str, Path]:
    return {"keras": keras_model, "float32": float_model, "int8": int8_model}


@pytest.fixture
def few(dataset: Dataset) -> Dataset:
    return replace(dataset, x_test=dataset.x_test[:20], y_test=dataset.y_test[:20])


def run(
    models: dict[str, Path], few: Dataset, *generators: CodeGenerator
) -> tuple[list[Result], Sequence[gate.Gate]]:
    results = list(measure(models, few, generators, FEW))
    return results, gate.exact(results, exactness.TO_NATIVE)


def test_ours_and_plain_c_give_the_engines_bytes(models: dict[str, Path], few: Dataset) -> None:
    results, exact = run(models, few, OWN, PLAIN)
    assert [one.verdict for one in exact] == ["passed"] * 4
    assert all("0 of 140 output elements" in one.message for one in exact)
    figures = {(one.subject.backend, one.metric): one.summary for one in results}
    for build in ("edgekit -Os", "edgekit -O2", "plain C -Os", "plain C -O2"):
        weights = 784 * 14 + 14 * 2 + 4 * 16
        assert weights < figures[build, "flash"]["total"] < weights + 2048
        assert 784 + 2 + 14 < figures[build, "ram"]["total"] < 1280
        assert figures[build, "instructions"]["images"] == 20
        assert figures[build, "accuracy"]["total"] == 20
    instructions = figures["plain C -O2", "instructions"]
    assert instructions["macs"] == 11004
    assert instructions["macs"] < instructions["median"] <= instructions["max"]
    title, columns, first, *others = report(results).splitlines()[:6]
    assert title == "Firmware"
    assert columns.split()[:5] == ["model", "backend", "right", "differ", "flash"]
    assert first.split()[-3:] == ["1.00"] * 3
    assert float(others[2].split()[-1]) == pytest.approx(
        instructions["median"] / figures["edgekit -O2", "instructions"]["median"], rel=0.01
    )


def test_a_byte_that_differs_fails(
    models: dict[str, Path],
    few: Dataset,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def not_rounded(path: Path) -> Library:
        library = firmware_peers.plain_c(path)
        source = library.files["plain.c"].replace("((int64_t)1 << (right - 1))", "0")
        return replace(library, files={**library.files, "plain.c": source})

    results, exact = run(models, few, replace(PLAIN, library=not_rounded))
    assert [one.verdict for one in exact] == ["failed"] * 2
    monkeypatch.setattr(microcontrollers, "measure", lambda *_: results)
    monkeypatch.setattr(sys, "argv", ["microcontrollers", "--model", str(models["keras"])])
    with pytest.raises(SystemExit) as caught:
        microcontrollers.main()
    assert caught.value.code == 1
    assert "plain C -O2: exact: " in capsys.readouterr().err


def test_what_does_not_build_has_failed(models: dict[str, Path], few: Dataset) -> None:
    def broken(path: Path) -> Library:
        library = firmware_peers.plain_c(path)
        return replace(library, files={**library.files, "plain.c": "int plain_run = gone;"})

    results, _ = run(models, few, replace(PLAIN, library=broken))
    assert [one.status for one in results] == ["failed"] * 2
    assert "failed: cortex-m4 -Os: " in report(results)


def test_plain_c_is_of_dense_int8_layers(float_model: Path) -> None:
    with pytest.raises(FirmwareError, match="not fully_connected_float32"):
        firmware_peers.plain_c(float_model)


def test_an_export_that_is_refused_says_why(tmp_path: Path) -> None:
    file = tmp_path / "model.tflite"
    file.write_bytes(b"no model")
    with pytest.raises(FirmwareError, match=r"model\.tflite: "):
        microcontrollers.exported(file)


def test_emlearn_is_not_present_where_it_is_not_installed(
    models: dict[str, Path], few: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firmware_peers, "find_spec", lambda _: None)
    results, _ = run(models, few, EMLEARN)
    (absent,) = results
    assert (absent.status, absent.subject.backend) == ("not present", "emlearn")
    assert "pip install emlearn" in report(results)


ANSWERS = """\
#include <eml_net.h>
static int net_regress(const float *features, int n_features, float *out, int out_length)
{
    out[0] = features[0] + (float)n_features;
    out[1] = expf(features[1]) + fabsf((float)-out_length);
    return 0;
}
"""


def test_emlearn_gets_the_dense_layers_and_its_own_headers(
    models: dict[str, Path], few: Dataset, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    converted = []

    def convert(model: Any) -> Any:
        converted.append(model)
        return SimpleNamespace(save=lambda name: ANSWERS if name == "net" else "")

    (tmp_path / "eml_net.h").write_text("#include <math.h>\n#include <stdio.h>\n")
    stub = SimpleNamespace(convert=convert, includedir=str(tmp_path))
    monkeypatch.setitem(sys.modules, "emlearn", stub)
    monkeypatch.setattr(firmware_peers, "find_spec", lambda _: stub)
    results, exact = run(models, few, EMLEARN)
    assert exact == []
    (model,) = converted
    assert [type(layer).__name__ for layer in model.layers] == ["Dense", "Dense"]
    assert model.input_shape == (None, 784)
    figures = {one.metric: one.summary for one in results}
    assert figures["flash"]["weights"] == 4 * (784 * 14 + 14 + 14 * 2 + 2)
    assert figures["instructions"]["macs"] == 11004
    # 0 + 784 and exp(0) + 2 for the corner of each image, which is black.
    assert figures["accuracy"]["correct"] == (few.y_test == 0).sum()
    assert figures[exactness.TO_NATIVE]["images"]["largest_absolute"] == pytest.approx(784, abs=1)


def test_what_emlearn_refuses_is_told(
    models: dict[str, Path], few: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def convert(_: Any) -> Any:
        raise NotImplementedError("Layer type 'X' is not implemented")

    monkeypatch.setitem(sys.modules, "emlearn", SimpleNamespace(convert=convert))
    monkeypatch.setattr(firmware_peers, "find_spec", lambda _: True)
    ((absent,), _) = run(models, few, EMLEARN)
    assert absent.reason == (
        "emlearn refuses the model: NotImplementedError: Layer type 'X' is not implemented"
    )


def test_the_command_names_what_is_wrong(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "edgekit.benchmarks.studies.microcontrollers"]
    done = subprocess.run(
        [*command, "--model", str(tmp_path / "none.keras")], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "none_int8.tflite" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
