"""Products that are added and rounded once: NumPy's and each form in C, compared with fractions."""

import subprocess
import sys
from fractions import Fraction
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import sources
from edge_runtime.kernels.fused import fused

TINY = float(np.finfo(np.float32).smallest_subnormal)
LEAST = float(np.finfo(np.float32).smallest_normal)
LARGEST = float(np.finfo(np.float32).max)
SPECIAL = [0, TINY, LEAST - TINY, LEAST, 1, 1 + 2**-23, 3, LARGEST, np.inf, np.nan]
PROGRAM = """
#include <stdio.h>
#include "fused.h"
int main(void)
{
    for (float x[3]; fread(x, sizeof x, 1, stdin) == 1;) {
        const float result = FORM(x[0], x[1], x[2]);
        fwrite(&result, sizeof result, 1, stdout);
    }
    return 0;
}
"""
FORMS = ["ek_fused", "ek_fused_in_doubles", "ek_fused_in_integers"]
COUNT = 4000
"""Triples of each kind."""


def rounded(exact: Fraction) -> np.float32:
    """The float32 that is nearest to a number, which is not 0; halves go to the even one."""
    size = abs(exact)
    digits = size.numerator.bit_length() - size.denominator.bit_length()  # or one more
    if size >= Fraction(2) ** digits:
        digits += 1
    exponent = max(-149, digits - 24)
    steps = round(size / Fraction(2) ** exponent)  # Python rounds halves to even
    value = Fraction(steps) * Fraction(2) ** exponent
    limit = np.inf if value >= 2**128 else float(value)
    return np.float32(limit if exact > 0 else -limit)


def expected(a: np.float32, b: np.float32, c: np.float32) -> np.float32:
    """a * b + c; NaN stands for any NaN."""
    if not np.isfinite([a, b, c]).all():
        with np.errstate(all="ignore"):
            large = np.float64(a) * np.float64(b)  # infinite only if a or b is
            return np.float32(large + np.float64(c))
    exact = Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c))
    if exact:
        return rounded(exact)
    negative = not c and np.signbit(c) and np.signbit(a) != np.signbit(b)
    return np.float32(-0.0 if negative else 0.0)


def triples() -> npt.NDArray[np.float32]:
    """Return numbers [triples, 3]: special ones, any, halves and their neighbours, what cancels."""
    draw = np.random.default_rng(0)
    signed = [sign * one for one in SPECIAL for sign in (1, -1)]
    parts = [np.array(list(product(signed, repeat=3)), np.float32)]
    patterns = draw.integers(0, 2**32, (COUNT, 3), np.uint32)
    parts.append(patterns.view(np.float32))
    with np.errstate(all="ignore"):
        cancelling = patterns.view(np.float32).copy()
        cancelling[:, 2] = -(cancelling[:, 0].astype(np.float64) * cancelling[:, 1])
        parts.append(cancelling)
        # Of 12 bits each: the product lies at a half of what it is added to, or nearly.
        few = draw.integers(1, 2**12, (COUNT, 3)) * 2.0 ** draw.integers(-12, 13, (COUNT, 3))
        few[:, 2] = draw.integers(2**23, 2**24, COUNT) * 2.0 ** draw.integers(-6, 12, COUNT)
        parts.append(few.astype(np.float32))
        near = 1 + 2.0 ** -draw.integers(1, 24, (COUNT, 3))
        near[:, 1] *= 2.0 ** draw.integers(-26, -22, COUNT)
        near[:, 2] = 1 + draw.integers(0, 9, COUNT) * 2.0**-23
        parts.append(near.astype(np.float32))
        small = near * [2.0**-70, 2.0**-57, 2.0**-127]  # the same among denormal numbers
        parts.append(small.astype(np.float32))
        numbers = np.concatenate(parts)
        numbers[::3, 2] *= -1
    return numbers


@pytest.fixture(scope="module")
def cases() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    numbers = triples()
    return numbers, np.array([expected(*three) for three in numbers], np.float32)


def require_the_same(answers: npt.NDArray[np.float32], wanted: npt.NDArray[np.float32]) -> None:
    nan = np.isnan(wanted)
    np.testing.assert_array_equal(np.isnan(answers), nan)
    np.testing.assert_array_equal(answers[~nan].view(np.uint32), wanted[~nan].view(np.uint32))


def test_numpy_rounds_once(cases):
    numbers, wanted = cases
    with np.errstate(all="ignore"):
        require_the_same(fused(*numbers.T), wanted)


@pytest.mark.parametrize("form", FORMS)
def test_c_rounds_once(cases, tmp_path, form):
    numbers, wanted = cases
    require_the_same(answers_of(["cc"], [], form, numbers, tmp_path), wanted)


@pytest.mark.parametrize("form", FORMS[2:])
def test_c_rounds_once_however_it_is_optimised(cases, tmp_path, form):
    numbers, wanted = cases
    zig = [sys.executable, "-m", "ziglang", "cc"]
    require_the_same(answers_of(zig, ["-O2"], form, numbers, tmp_path), wanted)


def answers_of(
    compiler: list[str], flags: list[str], form: str, numbers: npt.NDArray[np.float32], folder: Path
) -> npt.NDArray[np.float32]:
    """Compile a form for this machine and return what it makes of triples."""
    source, program = folder / "fused.c", folder / "fused"
    source.write_text(PROGRAM)
    warnings = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
    options = [*warnings, *flags, "-ffp-contract=off", f"-DFORM={form}", sources.INCLUDE]
    subprocess.run([*compiler, *options, source, "-o", program], check=True)
    ran = subprocess.run([program], input=numbers.tobytes(), capture_output=True, check=True)
    return np.frombuffer(ran.stdout, np.float32)
