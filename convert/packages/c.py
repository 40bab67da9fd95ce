"""Plain C with a CMakeLists.txt: for CMake projects, and for every other build as four files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgekit.convert.packages.readme import readme

if TYPE_CHECKING:
    from edgekit.convert.c.library import CLibrary


def files(library: CLibrary) -> dict[str, str]:
    """Return the folder of target "c": path -> text."""
    name = library.name
    return {
        f"{name}.h": library.header,
        f"{name}.c": library.source,
        f"{name}_selftest.c": library.selftest,
        "main.c": library.example,
        "CMakeLists.txt": _cmake(library),
        "README.md": readme(library, _build(library)),
    }


def _cmake(library: CLibrary) -> str:
    name = library.name
    return f"""\
cmake_minimum_required(VERSION 3.14)
project({name} VERSION {library.version} LANGUAGES C)

add_library({name} STATIC {name}.c {name}_selftest.c)
add_library({name}::{name} ALIAS {name})
target_compile_features({name} PUBLIC c_std_99)
target_include_directories({name} PUBLIC
  $<BUILD_INTERFACE:${{CMAKE_CURRENT_SOURCE_DIR}}> $<INSTALL_INTERFACE:include>)

# What follows is of no use to a project that takes this folder with add_subdirectory.
if(NOT CMAKE_SOURCE_DIR STREQUAL CMAKE_CURRENT_SOURCE_DIR)
  return()
endif()

add_executable({name}_example main.c)
target_link_libraries({name}_example PRIVATE {name})

enable_testing()
add_test(NAME {name}_selftest COMMAND {name}_example)

install(TARGETS {name} EXPORT {name} DESTINATION lib)
install(FILES {name}.h DESTINATION include)
install(EXPORT {name} FILE {name}-config.cmake NAMESPACE {name}:: DESTINATION lib/cmake/{name})
"""


def _build(library: CLibrary) -> str:
    name = library.name
    return f"""\
Any C99 or C++17 compiler takes `{name}.c`, with `{name}.h` beside it. `{name}_selftest.c` is only
needed where `{name}_selftest()` is called.

    cc -O2 main.c {name}.c {name}_selftest.c -o {name} && ./{name}

With CMake, as a part of a project of yours:

```cmake
add_subdirectory({name})  # this folder
target_link_libraries(firmware PRIVATE {name}::{name})
```

or on its own, with the self-test as its test:

    cmake -S . -B ../{name}-build && cmake --build ../{name}-build
    ctest --test-dir ../{name}-build

`cmake --install` makes it a package that `find_package({name})` finds.
"""
