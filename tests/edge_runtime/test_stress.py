"""Stress: a hundredth of it beside the other tests, all of it, for a minute, in `make stress`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import hostile
import stress

SCALE = 1.0 if hostile.SANITIZED else 0.01
LIMIT = 300
"""Seconds; the longest takes a tenth."""

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/statm").exists(), reason="memory is measured with Linux' /proc"
)


@pytest.mark.parametrize("name", [one.__name__ for one in stress.STRESSES])
def test_stress(name: str) -> None:
    # AddressSanitizer keeps what was freed for a while, which would look like growth.
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
