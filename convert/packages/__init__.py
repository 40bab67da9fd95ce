"""The folders that `edgekit export` writes: a C library in the packaging of each build system.

A package is one file here, with `files(library)`, and its name in `PACKAGES`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from edgekit.convert.packages import arduino, c, esp_idf, platformio, zephyr

if TYPE_CHECKING:
    from edgekit.convert.c.library import CLibrary

PACKAGES: dict[str, Callable[[CLibrary], dict[str, str]]] = {
    "c": c.files,
    "arduino": arduino.files,
    "platformio": platformio.files,
    "zephyr": zephyr.files,
    "esp-idf": esp_idf.files,
}
"""Package as in ``--package`` -> function that makes its files of a library: POSIX path -> text."""
