"""The C extension: its sources are a glob, which pyproject.toml cannot express."""

import sys
from pathlib import Path

from setuptools import Extension, setup

# CPython's flags include debug information, which would be two thirds of the extension; tables to
# unwind the stack and pages that part code from constants would be a twentieth.
GCC = [
    *("-std=c99", "-O3", "-g0", "-ffp-contract=off", "-fvisibility=hidden"),
    "-fno-asynchronous-unwind-tables",
]
LINUX = ["-Wl,-s", "-Wl,-z,noseparate-code"]
THREADS = [] if sys.platform == "win32" else ["-pthread"]

# Paths through src/, because the sdist would lack the headers otherwise.
KERNELS = Path("src/edge_runtime/kernels")
FOLDERS = (
    Path("src/edge_runtime/native"),
    KERNELS,
    *(KERNELS / folder for folder in ("packing", "x86", "arm64")),
)


def files(suffix: str) -> list[str]:
    """Return the extension's files; those of kernels/cortex_m are only for the export to C."""
    return sorted(path.as_posix() for folder in FOLDERS for path in folder.glob(f"*.{suffix}"))


setup(
    ext_modules=[
        Extension(
            "edge_runtime._native",
            sources=files("c"),
            depends=files("h"),
            include_dirs=[KERNELS.as_posix()],
            define_macros=[("Py_LIMITED_API", "0x030B0000")],
            extra_compile_args=["/O2", "/fp:precise"] if sys.platform == "win32" else GCC,
            extra_link_args=[*(LINUX if sys.platform == "linux" else []), *THREADS],
            py_limited_api=True,
            # Without a compiler, the backends reference and litert remain.
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
