"""An ESP-IDF component with one example project.

Formats: https://docs.espressif.com/projects/esp-idf/en/stable/esp32/api-guides/build-system.html
and https://docs.espressif.com/projects/idf-component-manager/en/latest/reference/manifest_file.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit import escape
from edgekit.convert.c.example import render as render_example
from edgekit.convert.packages.readme import readme

if TYPE_CHECKING:
    from edgekit.convert.c.library import CLibrary

ENTRY = """\
void app_main(void)
{
    (void)run();
}
"""


def files(library: CLibrary) -> dict[str, str]:
    """Return the folder of target "esp-idf": path -> text."""
    name = library.name
    example = f"examples/{name}_example"
    return {
        f"include/{name}.h": library.header,
        f"src/{name}.c": library.source,
        f"src/{name}_selftest.c": library.selftest,
        "CMakeLists.txt": _cmake(name),
        "idf_component.yml": _manifest(library),
        f"{example}/CMakeLists.txt": _project(name),
        f"{example}/main/CMakeLists.txt": 'idf_component_register(SRCS "main.c")\n',
        f"{example}/main/idf_component.yml": _dependency(name),
        f"{example}/main/main.c": render_example(
            library, f"/* Runs the self-test of {name}, then one inference. */", entry=ENTRY
        ),
        "README.md": readme(library, _build(name, example)),
    }


def _cmake(name: str) -> str:
    return f"""\
idf_component_register(
  SRCS "src/{name}.c" "src/{name}_selftest.c"
  INCLUDE_DIRS "include"
)
"""


def _manifest(library: CLibrary) -> str:
    description = escape.yaml(f"{library.model} as plain C, without interpreter and heap")
    return f"""\
version: "{library.version}"
description: {description}
dependencies:
  idf: ">=4.4"
"""


def _dependency(name: str) -> str:
    return f"""\
dependencies:
  {name}:
    version: "*"
    override_path: ../../..
"""


def _project(name: str) -> str:
    return f"""\
cmake_minimum_required(VERSION 3.16)

include($ENV{{IDF_PATH}}/tools/cmake/project.cmake)
project({name}_example)
"""


def _build(name: str, example: str) -> str:
    return f"""\
This folder is a component. ESP-IDF takes a component's name from its folder, so this one has to be
called `{name}`; put it into the `components` folder of your project, and `#include "{name}.h"`.

The example runs the self-test and an inference:

    idf.py -C {example} set-target esp32
    idf.py -C {example} -p PORT flash monitor
"""
