"""What the C extension consists of: bytes of each family of kernels and each instruction set.

    python -m edgekit.benchmarks.studies.extension_size [--json]

Builds the extension in a temporary folder, as `pip install` does, and adds up what the linker takes
of each object file. It needs edgekit's checkout, a C compiler that writes ELF, and pyelftools.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

from edgekit.benchmarks.report.units import whole
from edgekit.errors import EdgekitError, MissingExtraError

ROOT = Path(__file__).resolve().parents[2]
SMALL = 4000
"""Families with fewer bytes share a row."""

PORTABLE, PACKING, MODULE = "portable", "packing", "module"
BY_LEVEL = ("x86", "arm64")
"""Folders whose files end in the name of an instruction set."""

NOTE = """\
Code and constants of the object files, in bytes; packing: the constants of variants, packed for
every machine; module: the functions that Python calls. Linking adds what the loader reads: symbols,
and the addresses in tables."""


@dataclass(frozen=True)
class Part:
    """An object file of the extension.

    Attributes:
        family: its kernels: the name of the file without an instruction set.
        level: "portable", an instruction set, "packing" or "module".
        size: bytes of code and constants.
    """

    family: str
    level: str
    size: int


def built(root: Path, folder: Path) -> tuple[list[Part], int]:
    """Build the extension of a checkout, and return its parts and the size of its file.

    Args:
        root: the checkout.
        folder: for what is built.

    Raises:
        EdgekitError: there is no checkout, or the compiler failed.
    """
    if not (root / "setup.py").exists():
        raise EdgekitError(f"{root} is not edgekit's checkout, from which the extension is built")
    command = [sys.executable, "setup.py", "--quiet", "build_ext"]
    command += ["--build-temp", str(folder / "objects"), "--build-lib", str(folder / "library")]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    libraries = [path for path in (folder / "library").rglob("_native.*") if path.is_file()]
    if done.returncode or not libraries:
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        raise EdgekitError(f"the extension cannot be built: {last}")
    return parts(folder / "objects"), libraries[0].stat().st_size


def parts(folder: Path) -> list[Part]:
    """Return the object files below a folder.

    Raises:
        EdgekitError: they are not ELF.
    """
    return [part(path) for path in sorted(folder.rglob("*.o"))]


def part(path: Path) -> Part:
    """Return an object file's family, level and size; see ``parts``."""
    from elftools.common.exceptions import ELFError
    from elftools.elf.constants import SH_FLAGS
    from elftools.elf.elffile import ELFFile

    try:
        with path.open("rb") as file:
            sections = [section.header for section in ELFFile(file).iter_sections()]
    except ELFError as error:
        raise EdgekitError(f"{path.name}: {error}: only ELF files are read") from error
    size = sum(
        section["sh_size"]
        for section in sections
        if section["sh_flags"] & SH_FLAGS.SHF_ALLOC and section["sh_type"] != "SHT_NOBITS"
    )
    family, level = path.stem, PORTABLE
    if path.parent.name in BY_LEVEL:
        family, _, level = path.stem.rpartition("_")
    elif path.parent.name == "packing":
        level = PACKING
    elif path.parent.name == "native":
        level = MODULE
    return Part(family, level, size)


def report(found: Sequence[Part], extension: int) -> str:
    """Return the table in Markdown: families by size, the sums of all, the extension's file."""
    families: Counter[str] = Counter()
    levels: Counter[str] = Counter()
    cells: Counter[tuple[str, str]] = Counter()
    for one in found:
        families[one.family] += one.size
        levels[one.level] += one.size
    small = [family for family, size in families.items() if size < SMALL]
    others = f"{len(small)} others"
    for one in found:
        cells[others if one.family in small else one.family, one.level] += one.size
    columns = [level for level, size in levels.most_common() if size]
    rows = [family for family, _ in families.most_common() if family not in small]
    lines = [f"| | {' | '.join(columns)} | total |", f"|---|{'--:|' * (len(columns) + 1)}"]
    for row in (*rows, *([others] if small else [])):
        sizes = [cells[row, level] for level in columns]
        lines.append(_line(f"`{row}`" if row in families else row, [*sizes, sum(sizes)]))
    total = sum(levels.values())
    lines.append(_line("**all**", [*(levels[level] for level in columns), total]))
    lines.append(_line("**linked**", [*(0 for _ in columns), extension]))
    return "\n".join(lines) + f"\n\n{NOTE}"


def _line(name: str, sizes: Sequence[int]) -> str:
    return f"| {name} | {' | '.join(whole(size) if size else '' for size in sizes)} |"


def main() -> None:
    """Build, and print a table, or all parts with ``--json``."""
    parser = argparse.ArgumentParser(description="Bytes of the C extension by family and level.")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    try:
        if find_spec("elftools") is None:
            raise MissingExtraError("pyelftools", "mcu", "this study")
        with tempfile.TemporaryDirectory() as scratch:
            found, extension = built(ROOT, Path(scratch))
    except (EdgekitError, OSError) as error:
        parser.error(str(error))
    document = {"extension": extension, "parts": [asdict(one) for one in found]}
    print(json.dumps(document) if arguments.json else report(found, extension))


if __name__ == "__main__":
    main()
