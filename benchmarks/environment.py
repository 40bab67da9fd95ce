"""The environment of a measurement: machine, operating system, versions."""

import os
import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from edgekit.version import __version__

PACKAGES = (
    "numpy",
    "ai-edge-litert",
    "pillow",
    "tensorflow",
    "keras",
    "onnxruntime",
)
GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")


def describe() -> dict[str, str]:
    """Return facts about machine, system and versions, without the unknown ones."""
    facts = {
        "CPU": cpu(),
        "cores": str(os.cpu_count() or ""),
        "governor": GOVERNOR.read_text().strip() if GOVERNOR.exists() else "",
        "load": load(),
        "architecture": platform.machine(),
        "OS": operating_system(),
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "edgekit": __version__,
        **versions(PACKAGES),
    }
    return {name: value for name, value in facts.items() if value}


def cpu() -> str:
    """Return the processor's name, or the board's if the kernel names no processor."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = (line.partition(":") for line in cpuinfo.read_text().splitlines())
        fields = {key.strip(): value.strip() for key, _, value in lines}
        # x86 has "model name"; a Raspberry Pi has only the board, as "Model".
        for key in ("model name", "Model", "Hardware"):
            if fields.get(key):
                return fields[key]
    return platform.processor() or platform.machine()


def load() -> str:
    """Return the load average of the minute before the measurement."""
    return f"{os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else ""


def operating_system() -> str:
    """Return the distribution's name and the kernel's version, or Python's platform string."""
    try:
        return f"{platform.freedesktop_os_release()['PRETTY_NAME']}, {platform.release()}"
    except (OSError, KeyError):
        return platform.platform()


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the version of each installed distribution."""
    installed = {}
    for package in packages:
        try:
            installed[package] = version(package)
        except PackageNotFoundError:
            continue
    return installed
