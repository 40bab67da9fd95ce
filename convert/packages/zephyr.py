"""A Zephyr module with one sample, which twister checks by the line of the self-test.

Formats: https://docs.zephyrproject.org/latest/develop/modules.html and
https://docs.zephyrproject.org/latest/develop/test/twister.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.convert.c.example import render as render_example
from edgekit.convert.packages.readme import readme

if TYPE_CHECKING:
    from edgekit.convert.c.library import CLibrary

ENTRY = """\
int main(void)
{
    (void)run();
    return 0; /* Zephyr reserves all other values */
}
"""


def files(library: CLibrary) -> dict[str, str]:
    """Return the folder of target "zephyr": path -> text."""
    name = library.name
    sample = f"samples/{name}"
    return {
        f"include/{name}.h": library.header,
        f"src/{name}.c": library.source,
        f"src/{name}_selftest.c": library.selftest,
        "zephyr/module.yml": _module(name),
        "zephyr/CMakeLists.txt": _cmake(name),
        "zephyr/Kconfig": _kconfig(library),
        f"{sample}/CMakeLists.txt": _sample_cmake(name),
        f"{sample}/prj.conf": f"CONFIG_{name.upper()}=y\n",
        f"{sample}/sample.yaml": _sample(name),
        f"{sample}/src/main.c": render_example(
            library,
            f"/* Runs the self-test of {name}, then one inference. */",
            entry=ENTRY,
            say="printk",
            include="<zephyr/sys/printk.h>",
        ),
        "README.md": readme(library, _build(name)),
    }


def _module(name: str) -> str:
    return f"""\
name: {name}
build:
  cmake: zephyr
  kconfig: zephyr/Kconfig
samples:
  - samples
"""


def _cmake(name: str) -> str:
    return f"""\
if(CONFIG_{name.upper()})
  zephyr_include_directories(${{ZEPHYR_CURRENT_MODULE_DIR}}/include)
  zephyr_library_named({name})
  zephyr_library_sources(
    ${{ZEPHYR_CURRENT_MODULE_DIR}}/src/{name}.c
    ${{ZEPHYR_CURRENT_MODULE_DIR}}/src/{name}_selftest.c
  )
endif()
"""


def _kconfig(library: CLibrary) -> str:
    name = library.name
    return (
        f"config {name.upper()}\n"
        f'\tbool "{name}: a neural network as plain C"\n'
        "\thelp\n"
        f"\t  Build the library {name}, which edgekit made of a model: {name}_run()\n"
        f"\t  and {name}_selftest() of {name}.h.\n"
    )


def _sample_cmake(name: str) -> str:
    return f"""\
cmake_minimum_required(VERSION 3.20.0)

get_filename_component(module ../.. ABSOLUTE)
list(APPEND EXTRA_ZEPHYR_MODULES ${{module}})
find_package(Zephyr REQUIRED HINTS $ENV{{ZEPHYR_BASE}})
project({name}_sample LANGUAGES C)

target_sources(app PRIVATE src/main.c)
"""


def _sample(name: str) -> str:
    return f"""\
sample:
  name: {name}
  description: Self-test of the model and one inference
common:
  harness: console
  harness_config:
    type: one_line
    regex:
      - "{name}: self-test passed"
  integration_platforms:
    - native_sim
    - qemu_cortex_m3
tests:
  sample.edgekit.{name}: {{}}
"""


def _build(name: str) -> str:
    return f"""\
This folder is a Zephyr module. Name it in the `CMakeLists.txt` of your application, before
`find_package(Zephyr)`:

```cmake
list(APPEND EXTRA_ZEPHYR_MODULES ${{CMAKE_CURRENT_SOURCE_DIR}}/{name})
```

or list it in your `west.yml`; set `CONFIG_{name.upper()}=y` in `prj.conf`, and
`#include <{name}.h>`.

The sample runs the self-test and an inference:

    west build -b qemu_cortex_m3 -d ../{name}-build samples/{name} -t run
    west twister -T samples -p native_sim -O ../{name}-twister
"""
