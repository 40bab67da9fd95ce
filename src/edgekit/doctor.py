"""Checks of the installation: what is there, what is wrong, and the command that fixes it.

Which versions are compatible is not written here: the installed packages, edgekit among them, say
so in their own metadata.
"""

import ctypes
import os
import platform
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from importlib import metadata
from operator import and_

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from edge_runtime.errors import BackendError
from edge_runtime.install import DISTRIBUTION, editable_folder, install_line, pip_line

TENSORFLOW_PYTHONS = ((3, 11), (3, 13))
"""First and last Python supported by both edgekit and the wheels of TensorFlow 2.21."""

EXTRAS = {
    "host": ("tensorflow", "edgekit train and edgekit convert need it"),
    "litert": (
        "ai-edge-litert",
        "models beyond our engine need it, and edgekit bench compares it",
    ),
    "quantizer": (
        "litert-quantizer",
        "edgekit convert quantises .tflite files and compares quantisers with it",
    ),
    "mcu": ("unicorn", "edgekit bench --core runs models on emulated microcontrollers with it"),
    "data": ("pyarrow", "CSV, Parquet and WAV files as --data need it"),
    "distributed": ("distributed", "edgekit sweep --scheduler hands points to a Dask cluster"),
    "sign": ("cryptography", "edgekit sign, verify --key and load(public_key=) need it"),
    "peers": ("onnx", "edgekit bench measures ONNX Runtime beside ours with it"),
}
"""Extra -> package whose presence means that the extra is installed, and its purpose."""

COMPILERS = ("cc", "gcc", "clang")
CROSS_COMPILER = "arm-none-eabi-gcc"


class Level(StrEnum):
    """Result of a check."""

    OK = "ok"
    NOTE = "note"
    """Something optional is missing, or worth knowing."""
    WRONG = "wrong"
    """Something that the installed extras need is missing or broken."""


@dataclass(frozen=True)
class Check:
    """A check of the installation.

    Attributes:
        subject: a package, a program or a variable.
        status: result of the check.
        detail: version or path, or what is wrong.
        fix: command that fixes the problem; None when there is none.
    """

    subject: str
    status: Level
    detail: str
    fix: str | None = None


def diagnose() -> tuple[Check, ...]:
    """Run all checks, in about a second and without importing TensorFlow or Keras."""
    return (
        python(),
        *packages(),
        *namesakes(),
        *legacy_keras(),
        engine(),
        *litert(),
        *edge_tpu(),
        compiler(),
        cross_compiler(),
        mnist(),
    )


def python() -> Check:
    """Check that TensorFlow can be installed for this Python."""
    description = f"{platform.python_version()}, {sys.executable}"
    lowest, highest = TENSORFLOW_PYTHONS
    if lowest <= sys.version_info[:2] <= highest or _version("tensorflow"):
        return Check("Python", Level.OK, description)
    first, last = (f"{major}.{minor}" for major, minor in TENSORFLOW_PYTHONS)
    return Check(
        "Python",
        Level.NOTE,
        f"{description}; there is no TensorFlow for it: training and converting need {first} to "
        f"{last}",
        f"python{last} -m venv .venv && . .venv/bin/activate",
    )


def packages() -> Iterator[Check]:
    """Check that edgekit's packages are installed and compatible.

    A package is compared with all requirements on it: those of edgekit and its installed extras,
    and those of edgekit's packages that have a right version themselves.
    """
    if (version := _version(DISTRIBUTION)) is None:
        detail = "not installed, so nothing says which packages it needs"
        yield Check("edgekit", Level.WRONG, detail, install_line())
        return
    folder = editable_folder()
    if folder and not folder.exists():
        detail = f"{version}, installed from {folder}, which no longer exists"
        yield Check("edgekit", Level.WRONG, detail, install_line())
    else:
        yield Check("edgekit", Level.OK, version)
    absent = [extra for extra, (package, _) in EXTRAS.items() if _version(package) is None]
    installed = [extra for extra in EXTRAS if extra not in absent]
    direct = dict.fromkeys(_requirements(DISTRIBUTION, "", *installed))
    needs = {
        canonicalize_name(requirement.name): [("edgekit", requirement)] for requirement in direct
    }
    for requirement in direct:
        if _satisfied(requirement):
            for need in _requirements(requirement.name, ""):
                name = canonicalize_name(need.name)
                needs.setdefault(name, []).append((requirement.name, need))
    for by in needs.values():
        check = _package(by)
        if check.status is Level.WRONG or by[0][0] == "edgekit":
            yield check
    for extra in absent:
        package, purpose = EXTRAS[extra]
        if canonicalize_name(package) not in needs:
            yield Check(package, Level.NOTE, f"not installed; {purpose}", install_line(extra))


def namesakes() -> Iterator[Check]:
    """Check that nothing is installed under the name edgekit, which is another project's.

    Its files have the same paths as ours. Earlier copies of this package had that name, too.
    """
    for other in metadata.distributions(name="edgekit"):
        # The remains of a build in a checkout have no RECORD and are not installed.
        if other.read_text("RECORD") is not None:
            about = other.metadata["Summary"] or "without a description"
            detail = (
                f"{other.version} is installed, which is not this package ({DISTRIBUTION}) but has "
                f"the same import name: {about}"
            )
            again = install_line("", "--force-reinstall", "--no-deps")
            fix = f"{pip_line('uninstall', '--yes', 'edgekit')} && {again}"
            yield Check("the package edgekit", Level.WRONG, detail, fix)


def legacy_keras() -> Iterator[Check]:
    """Check that tf.keras is not turned into Keras 2 for every program.

    Source of the accepted values: tensorflow/python/util/lazy_loader.py.
    """
    if os.environ.get("TF_USE_LEGACY_KERAS") in ("true", "True", "1"):
        yield Check(
            "TF_USE_LEGACY_KERAS",
            Level.NOTE,
            "is set, so tf.keras is Keras 2 and cannot load edgekit's .keras files; edgekit sets "
            "it itself where it is needed",
            "unset TF_USE_LEGACY_KERAS",
        )


def engine() -> Check:
    """Check that edge_runtime's own engine is built, and report its instruction sets."""
    from edge_runtime.backends import native

    try:
        names = native.instructions()
    except BackendError as error:
        fix = install_line("", "--force-reinstall", "--no-deps")
        return Check("edge_runtime's engine", Level.WRONG, str(error), fix)
    return Check("edge_runtime's engine", Level.OK, ", ".join(names))


def litert() -> Iterator[Check]:
    """Check that an installed LiteRT loads: its libraries may not match the system's."""
    if version := _version("ai-edge-litert"):
        run = [sys.executable, "-c", "from ai_edge_litert.interpreter import Interpreter"]
        process = subprocess.run(run, capture_output=True, text=True, check=False)
        if process.returncode == 0:
            yield Check("LiteRT interpreter", Level.OK, "loads")
        else:
            last = (process.stderr.strip() or f"ended with {process.returncode}").splitlines()[-1]
            fix = pip_line("install", "--force-reinstall", f"ai-edge-litert=={version}")
            yield Check("LiteRT interpreter", Level.WRONG, f"does not load: {last}", fix)


def edge_tpu() -> Iterator[Check]:
    """Check that the Edge TPU's library loads and, if so, that a device is connected."""
    from edge_runtime.backends import edgetpu

    named = os.environ.get("EDGEKIT_EDGETPU_LIB")
    try:
        ctypes.CDLL(named or edgetpu.LIBRARY)
    except OSError as error:
        if named or platform.system() != "Linux":
            fix = f"export EDGEKIT_EDGETPU_LIB=/path/to/{edgetpu.LIBRARY}"
        else:
            source = "github.com/feranick/libedgetpu/releases"
            fix = f"sudo apt-get install ./libedgetpu1-std_*.deb  # from {source}"
        yield Check("libedgetpu", Level.WRONG if named else Level.NOTE, str(error), fix)
    else:
        yield Check("libedgetpu", Level.OK, named or edgetpu.LIBRARY)
        reason = edgetpu.unavailable()
        yield Check("Edge TPU", Level.NOTE if reason else Level.OK, reason or "connected")


def compiler() -> Check:
    """Check for a C compiler, which builds exported models on this machine."""
    for name in COMPILERS:
        if path := shutil.which(name):
            return Check("C compiler", Level.OK, path)
    mac = platform.system() == "Darwin"
    fix = "xcode-select --install" if mac else "sudo apt-get install gcc"
    return Check("C compiler", Level.NOTE, f"none of {', '.join(COMPILERS)} found", fix)


def cross_compiler() -> Check:
    """Check for a C compiler for Cortex-M."""
    if path := shutil.which(CROSS_COMPILER):
        return Check(CROSS_COMPILER, Level.OK, path)
    mac = platform.system() == "Darwin"
    fix = f"brew install {CROSS_COMPILER}" if mac else "sudo apt-get install gcc-arm-none-eabi"
    return Check(CROSS_COMPILER, Level.NOTE, "not found; it builds for Cortex-M boards", fix)


def mnist() -> Check:
    """Check that MNIST is on this machine and has the right content."""
    if _version("numpy") is None:
        return Check("MNIST", Level.NOTE, "not checked, because numpy is missing")
    from edgekit.errors import DataError
    from edgekit.train import mnist

    named, cached = os.environ.get("EDGEKIT_MNIST"), mnist.cached()
    if not named and not cached.exists():
        return Check(
            "MNIST",
            Level.NOTE,
            f"not in EDGEKIT_MNIST or {cached}; edgekit train downloads it (or --data synthetic)",
            "export EDGEKIT_MNIST=/path/to/mnist.npz",
        )
    try:
        mnist.load()
    except DataError as error:
        fix = "unset EDGEKIT_MNIST" if named else f"rm {shlex.quote(str(cached))}"
        return Check("MNIST", Level.WRONG, str(error), fix)
    return Check("MNIST", Level.OK, named or str(cached))


def _package(needs: list[tuple[str, Requirement]]) -> Check:
    """Compare a package with all requirements on it: pairs of the requiring package and what."""
    name = needs[0][1].name
    version = _version(name) or "not installed"
    unmet = [(user, need.specifier or "it") for user, need in needs if not _satisfied(need)]
    if not unmet:
        return Check(name, Level.OK, version)
    detail = f"{version}, but " + " and ".join(
        f"{user} needs {specifier}" for user, specifier in unmet
    )
    together = reduce(and_, (need.specifier for _, need in needs))
    return Check(name, Level.WRONG, detail, pip_line("install", f"{name}{together}"))


def _requirements(package: str, *extras: str) -> list[Requirement]:
    """Return an installed package's requirements on this machine; the extra "" means no extra."""
    requirements: list[Requirement] = []
    for requirement in map(Requirement, metadata.requires(package) or ()):
        marker = requirement.marker
        if not any(marker is None or marker.evaluate({"extra": extra}) for extra in extras):
            continue
        if requirement.name == package:  # an extra made of other extras
            requirements += _requirements(package, *requirement.extras)
        else:
            requirements.append(requirement)
    return requirements


def _satisfied(requirement: Requirement) -> bool:
    version = _version(requirement.name)
    return version is not None and requirement.specifier.contains(version, prereleases=True)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
