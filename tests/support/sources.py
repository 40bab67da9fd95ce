"""The engine's C files, by who compiles them."""

from pathlib import Path

ENGINE = Path(__file__).parents[2] / "edge_runtime"
KERNELS = ENGINE / "kernels"
PORTABLE = sorted(KERNELS.glob("*.c"))
"""What every machine compiles."""
HOST = sorted(
    path for folder in (".", "packing", "x86", "arm64") for path in KERNELS.glob(f"{folder}/*.c")
)
"""What the extension is made of, but for the extension itself."""
CORTEX_M = sorted(KERNELS.glob("cortex_m/*.c"))
"""What only exported C has."""
EXTENSION = ENGINE / "native/_native.c"
INCLUDE = f"-I{KERNELS}"
