"""A PlatformIO library, with an example for this computer and one for an Arduino board.

Format: https://docs.platformio.org/en/latest/manifests/library-json/index.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from edgekit.convert.packages.arduino import sketch
from edgekit.convert.packages.readme import readme
from edgekit.escape import line

if TYPE_CHECKING:
    from edgekit.convert.c.library import CLibrary


def files(library: CLibrary) -> dict[str, str]:
    """Return the folder of target "platformio": path -> text."""
    name = library.name
    return {
        f"include/{name}.h": library.header,
        f"src/{name}.c": library.source,
        f"src/{name}_selftest.c": library.selftest,
        "examples/native/platformio.ini": _project(library, "native", "platform = native"),
        "examples/native/src/main.c": library.example,
        "examples/arduino/platformio.ini": _project(
            library, "uno", "platform = atmelavr\nboard = uno\nframework = arduino"
        ),
        "examples/arduino/src/main.cpp": f"#include <Arduino.h>\n\n{sketch(library)}",
        "library.json": _manifest(library),
        "README.md": readme(library, _build(library)),
    }


def _manifest(library: CLibrary) -> str:
    manifest = {
        "name": library.name,
        "version": library.version,
        "description": f"{line(library.model)} as plain C, without interpreter and heap",
        "keywords": ["machine learning", "neural network", "tflite"],
        "frameworks": "*",
        "platforms": "*",
        "headers": f"{library.name}.h",
        "examples": [
            {"name": name, "base": f"examples/{name}", "files": ["platformio.ini", source]}
            for name, source in (("native", "src/main.c"), ("arduino", "src/main.cpp"))
        ],
    }
    return json.dumps(manifest, indent=2) + "\n"


def _project(library: CLibrary, environment: str, settings: str) -> str:
    return f"""\
[env:{environment}]
{settings}
lib_deps = {library.name}=symlink://../..
"""


def _build(library: CLibrary) -> str:
    return f"""\
Put this folder into the `lib` folder of your project, or name it in `platformio.ini`:

```ini
lib_deps = {library.name}=symlink://path/to/{library.name}
```

Then `#include <{library.name}.h>`. Two examples run the self-test and an inference:

    pio run --project-dir examples/native --target exec    # on this computer
    pio run --project-dir examples/arduino --target upload  # on an Arduino Uno, or another board
"""
