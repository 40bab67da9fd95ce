"""The size of the extension by family and level."""

import subprocess
from pathlib import Path

import pytest

from edgekit.benchmarks.studies.extension_size import SMALL, Part, built, parts, report
from edgekit.errors import EdgekitError

SOURCES = {
    "kernels/mul.c": "const int ek_table[1000] = {1};",
    "kernels/x86/mul_avx2.c": "int ek_room[5000]; const char ek_bytes[64] = {1};",
    "kernels/packing/gemm.c": "const char ek_order[16] = {1};",
    "native/_native.c": "int ek_started = 1;",
}


@pytest.mark.compiler
def test_parts_are_what_the_linker_takes(tmp_path: Path) -> None:
    for name, text in SOURCES.items():
        source = tmp_path / name
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text(text)
        command = ["cc", "-c", "-fno-asynchronous-unwind-tables", "-o", source.with_suffix(".o")]
        subprocess.run([*command, source], check=True)
    found = {(one.family, one.level): one.size for one in parts(tmp_path)}
    # Some compilers note in each file which properties it has.
    notes = found["_native", "module"] - 4
    assert 0 <= notes <= 64
    assert found == {
        ("mul", "portable"): 4000 + notes,
        ("mul", "avx2"): 64 + notes,  # what is zero at the start takes no room in the file
        ("gemm", "packing"): 16 + notes,
        ("_native", "module"): 4 + notes,
    }


def test_what_is_no_elf_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mul.o").write_bytes(b"Mach-O, say")
    with pytest.raises(EdgekitError, match=r"mul.o: .*only ELF files are read"):
        parts(tmp_path)


def test_a_wheel_is_no_checkout(tmp_path: Path) -> None:
    with pytest.raises(EdgekitError, match="is not edgekit's checkout"):
        built(tmp_path, tmp_path)


def test_a_compiler_that_fails_is_quoted(tmp_path: Path) -> None:
    (tmp_path / "setup.py").write_text("raise SystemExit('no such compiler')")
    with pytest.raises(EdgekitError, match="cannot be built: no such compiler"):
        built(tmp_path, tmp_path)


def test_report_sums_small_families_and_leaves_empty_levels_out() -> None:
    found = [
        Part("mul", "portable", SMALL),
        Part("mul", "avx2", 500),
        Part("mul", "neon", 0),
        Part("abs", "portable", 20),
        Part("gemm", "packing", 100),
    ]
    assert report(found, 5000).splitlines()[:6] == [
        "| | portable | avx2 | packing | total |",
        "|---|--:|--:|--:|--:|",
        "| `mul` | 4,000 | 500 |  | 4,500 |",
        "| 2 others | 20 |  | 100 | 120 |",
        "| **all** | 4,020 | 500 | 100 | 4,620 |",
        "| **linked** |  |  |  | 5,000 |",
    ]
