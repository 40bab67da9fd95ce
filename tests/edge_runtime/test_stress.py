"""Stress tests at a hundredth of their length; `make stress` runs all of them, for a minute."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import hostile
import stress

SCALE = 1.0 if hostile.SANITIZED else 0.01
LIMIT = 300
"""Timeout in seconds; the longest test needs a tenth."""

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="memory is measured with Linux' /proc"
)


@pytest.mark.slow
@pytest.mark.parametrize("name", [one.__name__ for one in stress.STRESSES])
def test_stress(name: str) -> None:
    # AddressSanitizer keeps freed memory for a while, which would look like growth.
    sanitizer = os.environ.get("ASAN_OPTIONS", "")
    growing = name in ("runs", "loads", "interpreters")
    if growing and hostile.SANITIZED:
        sanitizer += ":quarantine_size_mb=1:thread_local_quarantine_size_kb=64"
    done = subprocess.run(
        [sys.executable, "-X", "faulthandler", stress.__file__, name, str(SCALE)],
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
        env={**hostile.environment(), "ASAN_OPTIONS": sanitizer},
    )
    assert done.returncode == 0, done.stderr[-3000:]
