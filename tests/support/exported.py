"""Exported C, compiled for this machine and called."""

import ctypes
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from edgekit.convert.c import library as c_library
from edgekit.convert.c.library import CLibrary

WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror")
C99 = ("-std=c99", *WARNINGS)
CXX17 = ("-x", "c++", "-std=c++17", *WARNINGS)


def write(library: CLibrary, folder: Path) -> list[Path]:
    """Write the library's files, and return those to compile."""
    texts = {
        f"{library.name}.h": library.header,
        f"{library.name}.c": library.source,
        f"{library.name}_selftest.c": library.selftest,
        "main.c": library.example,
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text)
    return [folder / name for name in texts if name.endswith(".c")]


def of_rows(content: bytes, model: str, name: str, *, skip_zeros: bool = False) -> CLibrary:
    """Export a model whose first dimension is no number of images, as that of the small models."""
    with any_batch():
        return c_library.library(content, model, name, skip_zeros=skip_zeros)


@contextmanager
def any_batch() -> Iterator[None]:
    """Export models of any first dimension."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(c_library, "_require_one_image", lambda _: None)
        yield


def compiled(folder: Path, sources: Sequence[Path], *flags: str) -> ctypes.CDLL:
    """Compile for this machine and load."""
    target = folder / "library.so"
    command = ["cc", *C99, "-O2", "-shared", "-fPIC", *flags, "-o", target, *sources]
    subprocess.run(command, check=True)
    return ctypes.CDLL(str(target))


class Exported:
    """An exported model on this machine."""

    def __init__(self, library: CLibrary, folder: Path, *flags: str) -> None:
        self._library = library
        self.functions = compiled(folder, write(library, folder)[:2], *flags)
        self._run = getattr(self.functions, f"{library.name}_run")

    def run(self, tensor: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Run a model of one input and one output, which is flat."""
        (output,) = self.run_all([tensor])
        return output

    def run_all(self, tensors: Sequence[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        """Run the inputs; the outputs are flat."""
        inputs = [np.ascontiguousarray(tensor) for tensor in tensors]
        outputs = [np.zeros(port.elements, port.dtype) for port in self._library.outputs]
        pointers = (array.ctypes.data_as(ctypes.c_void_p) for array in (*inputs, *outputs))
        assert self._run(*pointers) == 0
        return outputs

    def selftest(self) -> int:
        """Return what the self-test says."""
        return int(getattr(self.functions, f"{self._library.name}_selftest")())
