"""The engine's C files, by who compiles them."""

import re
from pathlib import Path

ENGINE = Path(__file__).parents[2] / "edge_runtime"
KERNELS = ENGINE / "kernels"
TABLE = KERNELS / "table.h"
PORTABLE = sorted(KERNELS.glob("*.c"))
"""What every machine compiles."""
HOST = sorted(
    path for folder in (".", "packing", "x86", "arm64") for path in KERNELS.glob(f"{folder}/*.c")
)
"""What the extension is made of, but for the extension itself."""
CORTEX_M = sorted(KERNELS.glob("cortex_m/*.c"))
RISCV = sorted(KERNELS.glob("riscv/*.c"))
"""What only exported C has."""
EXTENSION = ENGINE / "native/_native.c"
INCLUDE = f"-I{KERNELS}"


def variants() -> list[tuple[str, str, str]]:
    """Return the rows of the table: who compiles it ("all": everybody), kernel and level."""
    rows = re.findall(r"^    (\w+)\((\w+), (\w+), \w+, \w+\)", TABLE.read_text(), re.MULTILINE)
    assert rows
    return rows


def kernels() -> list[str]:
    """Return the names of the portable kernels."""
    return re.findall(r"^    X\((\w+)[,)]", TABLE.read_text().split("EK_LEVELS")[0], re.MULTILINE)
