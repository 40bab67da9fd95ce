"""The C extension, whose sources are a glob, which pyproject.toml cannot say."""

import sys
from pathlib import Path

from setuptools import Extension, setup

# CPython's own flags ask for debug information, which would be two thirds of the extension.
GCC = ["-std=c99", "-O3", "-g0", "-ffp-contract=off", "-fvisibility=hidden"]


def files(suffix: str) -> list[str]:
    """Return the extension's files, named through src/, or the sdist misses the headers."""
    folders = Path("src/edge_runtime"), Path("src/edge_runtime/ops")
    return sorted(path.as_posix() for folder in folders for path in folder.glob(f"*.{suffix}"))


setup(
    ext_modules=[
        Extension(
            "edge_runtime._native",
            sources=files("c"),
            depends=files("h"),
            include_dirs=["src/edge_runtime"],
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
