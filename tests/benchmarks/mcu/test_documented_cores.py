"""What is promised of the documented model in int8 on an emulated Cortex-M4 and an ATmega328P."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from edgekit import cli

pytestmark = pytest.mark.mnist


def bench(
    core: str, model: Path, folder: Path, capsys: pytest.CaptureFixture[str], *options: str
) -> dict[str, dict[str, Any]]:
    """Summaries by build and metric, of all test images."""
    shutil.copy(model.with_name("metrics.json"), folder)
    arguments = ["--core", core, "--artifacts", str(folder), "--json", *options, str(model)]
    assert cli.run(["bench", *arguments]) == 0
    summaries: dict[str, dict[str, Any]] = {}
    for one in json.loads(capsys.readouterr().out)["results"]:
        summaries.setdefault(one["subject"]["backend"], {})[one["metric"]] = one["summary"]
    return summaries


@pytest.mark.parametrize("options", [[], ["--skip-zeros"]], ids=["dense", "skip zeros"])
def test_on_a_cortex_m4(
    options: list[str], int8_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    builds = bench("cortex-m4", int8_model, tmp_path, capsys, *options)
    assert len(builds) == 2
    for summary in builds.values():
        assert summary["accuracy"]["total"] == 2115
        assert summary["accuracy"]["accuracy"] >= 0.99
        difference = summary["difference_to_native"]
        assert difference["images"] == {**difference["images"], "tensors": 2115, "differ": 0}
        assert difference["random"] == {**difference["random"], "tensors": 10_000, "differ": 0}
        weights = 784 * 14 + 14 * 2 + (14 + 2) * 4
        assert summary["flash"]["weights"] == weights
        assert summary["flash"]["total"] <= weights + 2048
        assert summary["ram"]["total"] <= 1280
        counts = summary["instructions"]
        assert counts["images"] == 2115
        if options:
            assert counts["median"] <= 7_700
        else:
            assert counts["max"] <= 17_600


def test_it_fits_an_atmega328p(
    int8_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if shutil.which("avr-gcc") is None:
        pytest.skip("needs avr-gcc (Debian: gcc-avr and avr-libc)")
    for summary in bench("atmega328p", int8_model, tmp_path, capsys).values():
        assert summary["flash"]["total"] <= 32 << 10
        # The stack comes on top; it takes some 150 bytes.
        assert summary["ram"]["total"] <= (2 << 10) - 512
