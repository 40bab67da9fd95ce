"""The C extension, whose sources are a glob, which pyproject.toml cannot say."""

import sys
from pathlib import Path

from setuptools import Extension, setup

# CPython's own flags ask for debug information, which would be two thirds of the extension.
GCC = ["-std=c99", "-O3", "-g0", "-ffp-contract=off", "-fvisibility=hidden"]


# Named through src/, or the sdist misses the headers.
KERNELS = Path("src/edge_runtime/kernels")
FOLDERS = (
    Path("src/edge_runtime/native"),
    KERNELS,
    *(KERNELS / x for x in ("packing", "x86", "arm64")),
)


def files(suffix: str) -> list[str]:
    """Return the extension's files; those of kernels/cortex_m are for the export to C alone."""
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
            extra_link_args=["-Wl,-s"] if sys.platform == "linux" else [],
            py_limited_api=True,
            # Where nothing compiles, the backends reference and litert serve.
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
