"""What pyproject.toml cannot express: the extension's sources, and two archives in the wheel."""

import shutil
import sys
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from setuptools import Extension, setup
from setuptools.command.build_py import build_py

# CPython's flags include debug information, which would be two thirds of the extension; tables to
# unwind the stack and pages that part code from constants would be a twentieth, and so would what
# -O3 does to loops, and aligned ones a thirtieth, which make no kernel faster. A build id would
# name debug information.
GCC = [
    *("-std=c99", "-O2", "-ftree-vectorize", "-g0", "-ffp-contract=off", "-fvisibility=hidden"),
    *("-fno-asynchronous-unwind-tables", "-fno-align-functions"),
    *("-fno-align-loops", "-fno-align-jumps"),
]
LINUX = ["-Wl,-s", "-Wl,-z,noseparate-code", "-Wl,--build-id=none"]
THREADS = [] if sys.platform == "win32" else ["-pthread"]

# Paths through src/, because the sdist would lack the headers otherwise.
KERNELS = Path("src/edge_runtime/kernels")
FOLDERS = (
    Path("src/edge_runtime/native"),
    KERNELS,
    *(KERNELS / folder for folder in ("packing", "x86", "arm64")),
)


def files(suffix: str) -> list[str]:
    """Return the extension's files; those of cortex_m and riscv are only for the export to C."""
    return sorted(path.as_posix() for folder in FOLDERS for path in folder.glob(f"*.{suffix}"))


SELDOM = {
    # What the kernels mean in NumPy: only the backend "reference" runs it.
    "kernels": tuple(sorted(path.stem for path in KERNELS.glob("*.py"))),
    ".": (
        *("anomaly", "audio", "batches", "digit", "flexbuffer", "front_end", "install", "light"),
        *("notebook", "own_process", "resampling", "signature", "unsupported", "worker"),
    ),
    "planner": ("one_arena", "order", "overlap", "parts", "placing", "stages"),
    "planner/passes": ("dilations", "loops", "variables"),
    # Ops that hardly a published network has.
    "ops": (
        *("abs", "add_n", "arg_max", "batch_matmul", "broadcast_to", "cast", "comparison"),
        *("cumsum", "densify", "detection_postprocess", "div", "elu", "embedding_lookup"),
        *("floor_div", "gather_nd", "gelu", "hard_swish", "interpolation", "l2_normalization"),
        *("log", "log_softmax", "logical", "lstm_int8", "mirror_pad", "one_hot", "positions"),
        *("pow", "prelu", "range", "rank", "resize", "reverse_sequence", "roots", "select"),
        *("space_to_batch_nd", "space_to_depth", "split_v", "squared_difference", "svdf"),
        *("tile", "topk_v2", "transpose_conv", "unary"),
        *("unidirectional_sequence_rnn", "zeros_like"),
    ),
}
"""Folder of edge_runtime -> modules that a first answer seldom needs.

A wheel has them in one archive, from which Python imports them like others. They are compiled each
time, in about 0.3 ms a kilobyte; as files they would be there twice, as source and as bytecode,
and take seven times as much of a small device.
"""


class BuildWithArchives(build_py):
    """Moves what is SELDOM used into the archive that ``edge_runtime/__init__.py`` names.

    And the C that is exported into one that ``edgekit/convert/c/blocks.py`` reads. An editable
    install uses the files of the checkout.
    """

    def run(self) -> None:
        """Build the packages."""
        super().run()
        if self.editable_mode:
            return
        runtime = Path(self.build_lib, "edge_runtime")
        seldom = [runtime / place / f"{name}.py" for place in SELDOM for name in SELDOM[place]]
        archived(seldom, runtime, runtime / "seldom.zip")
        kernels = Path(self.build_lib, "edgekit/convert/c/kernels")
        exported = sorted(path for path in kernels.rglob("*") if path.is_file())
        archived(exported, kernels, kernels.with_suffix(".zip"))
        shutil.rmtree(kernels)


def archived(paths: list[Path], root: Path, place: Path) -> None:
    """Move the files into an archive, named from ``root`` on."""
    with ZipFile(place, "w") as archive:
        for path in paths:
            # With a fixed date, so that the same sources give the same archive.
            entry = ZipInfo(path.relative_to(root).as_posix())
            archive.writestr(entry, path.read_bytes(), ZIP_DEFLATED, 9)
            path.unlink()


setup(
    cmdclass={"build_py": BuildWithArchives},
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
