"""QEMU's programs, which emulate the cores that unicorn does not have."""

import shutil
import subprocess

from edgekit.errors import TargetError

PROGRAMS = {"arm": "qemu-system-arm", "riscv": "qemu-system-riscv32"}
PACKAGES = {"arm": "qemu-system-arm", "riscv": "qemu-system-misc"}
"""Debian's packages of the programs."""


def require(emulated: str) -> None:
    """Check that QEMU is installed.

    Args:
        emulated: "arm" or "riscv".

    Raises:
        TargetError: it is not on the PATH.
    """
    program = PROGRAMS[emulated]
    if shutil.which(program) is None:
        raise TargetError(
            f"{program} is not on the PATH: install QEMU (Debian: {PACKAGES[emulated]})"
        )


def version(emulated: str) -> dict[str, str]:
    """Return the program's name and version.

    Args:
        emulated: "arm" or "riscv".
    """
    program = PROGRAMS[emulated]
    command = [program, "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return {program: done.stdout.split()[3]}
