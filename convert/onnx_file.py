"""An ONNX file as the float .tflite file that the program onnx2tf makes of it."""

import os
import shutil
import subprocess
import weakref
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp

from edgekit.convert import tflite_file
from edgekit.convert.opened import Opened
from edgekit.errors import ModelFileError

ORIGIN = "ONNX"
PROGRAM = "onnx2tf"
OF_THIS_PYTHON = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
"""Variables that would lead another Python to this one's packages."""


def load(path: Path, *, verbose: bool = False) -> Opened:
    """Convert the ONNX file at ``path`` and open the result.

    onnx2tf is a program and not a package of ours, because it pins versions of NumPy and LiteRT
    that exclude ours.

    Args:
        path: path of the model.
        verbose: show the program's output.

    Raises:
        ModelFileError: the program is not there, or fails.
    """
    program = shutil.which(PROGRAM)
    if program is None:
        raise ModelFileError(
            f"{path}: is an ONNX model, which the program {PROGRAM} makes a .tflite file of: "
            f"install {PROGRAM} 2 in an environment of its own (it pins other versions than "
            "edgekit and needs Python 3.12), with the program on PATH"
        )
    folder = Path(mkdtemp(prefix="edgekit-"))
    try:
        opened = tflite_file.load(_run(program, path, folder, verbose=verbose))
    except BaseException:
        shutil.rmtree(folder)
        raise
    # The forward pass reads the file there.
    weakref.finalize(opened.call, shutil.rmtree, folder, ignore_errors=True)
    shapes = ", ".join(map(str, opened.inputs))
    note = f"{PROGRAM} made a .tflite file of it, with channels last: {shapes}"
    return replace(opened, origin=ORIGIN, note=note)


def _run(program: str, path: Path, folder: Path, *, verbose: bool) -> Path:
    """Return the float .tflite file that the program writes into ``folder``."""
    environment = {name: text for name, text in os.environ.items() if name not in OF_THIS_PYTHON}
    done = subprocess.run(
        [program, "-i", str(path.resolve()), "-o", str(folder)],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=2 if verbose else subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    found = sorted(folder.glob("*_float32.tflite"))
    if done.returncode == 0 and len(found) == 1:
        return found[0]
    lines = [line.strip() for line in (done.stdout or "").splitlines() if line.strip()]
    reason = lines[-1][:200] if lines else f"exit code {done.returncode}"
    raise ModelFileError(f"{path}: {PROGRAM} cannot convert it ({reason}); -v shows its output")
