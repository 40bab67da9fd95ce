"""Hide instruction sets from this process, so that libraries use what older processors have.

LiteRT has no option for that, but asks CPUID when it is loaded. Linux lets CPUID fault
(``arch_prctl``, ARCH_SET_CPUID), and ``hide.c`` answers in its place.
"""

import ctypes
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from edgekit.errors import EdgekitError

LEVELS = {"amx": 1, "avx512": 2, "avxvnni": 3}
"""Instruction set -> the level of ``hide.c``, which hides those before it as well."""
SOURCE = Path(__file__).with_name("hide.c")
LIBRARIES = ("ai_edge_litert", "edge_runtime._native")
"""What has asked CPUID already once it is imported."""


def hide(instructions: str) -> None:
    """Hide an instruction set, and those before it in LEVELS, from what is loaded from now on.

    Processes that this one starts see all again.

    Args:
        instructions: one of LEVELS.

    Raises:
        EdgekitError: it is not possible here, or what it is meant for is loaded already.
    """
    where = f"--hide {instructions}"
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise EdgekitError(f"{where}: needs Linux on x86-64")
    if loaded := [name for name in LIBRARIES if name in sys.modules]:
        raise EdgekitError(f"{where}: {', '.join(loaded)} is loaded already")
    with tempfile.TemporaryDirectory(prefix="edgekit-") as folder:
        library = Path(folder) / "hide.so"
        command = [
            os.environ.get("CC", "cc"),
            "-shared",
            "-fPIC",
            "-O1",
            "-o",
            str(library),
            str(SOURCE),
        ]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True)
        except (OSError, subprocess.CalledProcessError) as error:
            reason = getattr(error, "stderr", "") or str(error)
            line = reason.strip().splitlines()[-1]
            raise EdgekitError(f"{where}: needs a C compiler, cc or CC: {line}") from error
        failed = ctypes.CDLL(str(library)).hide(LEVELS[instructions])
    if failed:
        raise EdgekitError(
            f"{where}: needs a processor and a kernel with CPUID faulting (cpuid_fault in "
            f"/proc/cpuinfo): {os.strerror(failed)}"
        )
