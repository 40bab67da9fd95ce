"""The portable kernels as C99 and C++17, for every target of the compilers here."""

import re
from pathlib import Path

import pytest

import sources
from machines import BUILDS, LANGUAGES, MACHINES, ZIG, ZIG_AVR, compiled

KERNELS = [*sources.PORTABLE, *sources.CORTEX_M, *sources.RISCV]

INCLUDE = re.compile(r'#include "(\w+\.h)"')


def includes(path: Path) -> set[str]:
    """Return the headers that a kernel includes, or that these include."""
    headers = set(INCLUDE.findall(path.read_text()))
    return headers.union(*(includes(sources.KERNELS / header) for header in headers))


OF_DOUBLE = [path.stem for path in sources.PORTABLE if "double_bits.h" in includes(path)]


@pytest.mark.parametrize(("language", "machine"), BUILDS)
def test_no_compiler_gives_a_warning(language, machine, tmp_path):
    compiler, flags = MACHINES[machine]
    ran = compiled(compiler, [*LANGUAGES[language], *flags, sources.INCLUDE], KERNELS, tmp_path)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert len(list(tmp_path.glob("*.o"))) == (1 if compiler == ZIG else len(KERNELS))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kernel", OF_DOUBLE)
def test_a_double_of_32_bits_is_refused_by_name(language, kernel, tmp_path):
    flags = [*LANGUAGES[language], *ZIG_AVR, sources.INCLUDE]
    ran = compiled(ZIG, flags, [sources.KERNELS / f"{kernel}.c"], tmp_path)
    assert ran.returncode != 0
    errors = [line for line in ran.stderr.splitlines() if " error: " in line]
    assert len(errors) == 1
    assert "double_bits.h" in errors[0]
    assert "ek_double_has_64_bits" in ran.stderr
