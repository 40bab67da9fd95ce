"""A model's C library built into whole firmware: start-up code, buffers and the model."""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from edgekit.benchmarks import environment
from edgekit.benchmarks.mcu import programs
from edgekit.benchmarks.mcu.cores import Core
from edgekit.benchmarks.mcu.functions import functions
from edgekit.errors import FirmwareError, MissingExtraError, TargetError

ELF = "firmware.elf"
BOARD = (
    *("main.c", "semihosting.c", "board.ld", "steps.h"),
    *("freestanding/string.h", "freestanding/math.h"),
)
"""Files of the package's folder ``board`` that are built into every firmware."""

COMPILE = (
    "-std=c99",
    "-g",  # keeps the symbols, which name the steps' addresses; not loaded into flash
    "-ffunction-sections",
    "-fdata-sections",
    "-ffp-contract=off",  # the native engine's arithmetic, on the FPU as well
    "-fno-unwind-tables",
    "-fno-asynchronous-unwind-tables",
    "-Wl,--gc-sections",
)
MEMORY = """\
MEMORY
{{
  FLASH (rx) : ORIGIN = {}, LENGTH = 1M
  RAM (rw) : ORIGIN = {}, LENGTH = 256K
  HOST (rwx) : ORIGIN = {}, LENGTH = 128K
}}
"""
"""What board.ld includes: addresses of a core's memory."""
HOST = ".host"
"""Section of semihosting.c, which is no part of the firmware that is measured."""
ZIG = ("-Ifreestanding", "-Wl,--build-id=none", "-Wl,--entry=ek_reset", "-Tboard.ld")
STEP = re.compile(r"ek_step_(\d+)_\d+")
PATIENCE = 200
"""Most instructions per multiply-accumulate; software floats on a Cortex-M0 take 100."""
PATIENCE_AT_LEAST = 1_000_000

AVR_GCC = "avr-gcc"


@dataclass(frozen=True)
class Library:
    """A model as C.

    Attributes:
        name: prefix of its public names; "digits" for ``digits_run`` in digits.h and digits.c.
        files: name and text of digits.h and digits.c.
        arena: RAM of ``digits_run`` for activations, in bytes.
        places: of "input" and "output" those that the arena has room for: offset and size in bytes.
            The board has buffers for the others.
        weights: size of the model file's weights and biases, in bytes.
        macs: multiply-accumulates of one inference.
        ops: names of the steps, in order.
        op_macs: multiply-accumulates of each step; None for one that has none.
        multipliers: size of the channels' multipliers and shifts, an int32 each, in bytes.
    """

    name: str
    files: Mapping[str, str]
    arena: int
    weights: int
    macs: int
    ops: tuple[str, ...]
    op_macs: tuple[int | None, ...] = ()
    multipliers: int = 0
    places: Mapping[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Symbol:
    """A symbol of the firmware: its address, without the Thumb bit, and its size in bytes."""

    address: int
    size: int
    is_code: bool


@dataclass(frozen=True)
class Firmware:
    """A library that is compiled and linked for a core.

    Attributes:
        core: the core that it runs on.
        optimisation: "-Os" or "-O2".
        image: address -> content of flash.
        code: size of the instructions in flash with the vector table, in bytes.
        constants: size of the constants in flash with initial values of variables, in bytes.
        data: size of the variables in RAM without the stack, in bytes.
        symbols: symbols by name.
        steps: address and number of each ``EK_STEP``, in the order of addresses.
        limit: instructions after which an inference counts as an endless loop.
        functions: bytes of each function by name, the largest first, see ``functions``.
    """

    core: Core
    optimisation: str
    image: Mapping[int, bytes]
    code: int
    constants: int
    data: int
    symbols: Mapping[str, Symbol]
    steps: tuple[tuple[int, int], ...]
    limit: int
    functions: Mapping[str, int]

    @property
    def flash(self) -> int:
        """Flash use, in bytes."""
        return self.code + self.constants

    @property
    def outside(self) -> int:
        """Number of the last ``EK_STEP``, which marks the end of the steps; 0 without labels."""
        return max((step for _, step in self.steps), default=0)

    def content(self, address: int, size: int) -> bytes:
        """Return ``size`` bytes of flash."""
        for start, content in self.image.items():
            if start <= address < start + len(content):
                return content[address - start :][:size]
        return b""

    def function(self, address: int) -> str:
        """Return the name of the function with the instruction at ``address``."""
        for name, symbol in self.symbols.items():
            if symbol.is_code and symbol.address <= address < symbol.address + symbol.size:
                return f"{name}()"
        return "the core"


def build(core: Core, library: Library, optimisation: str, *, labels: bool = True) -> Firmware:
    """Compile and link a library.

    Args:
        core: the core to compile for.
        library: the model.
        optimisation: the compiler's option, "-Os" or "-O2".
        labels: name the steps' addresses by symbols.

    Raises:
        FirmwareError: the compiler fails; the message contains its first error.
    """
    compiler = _compiler(core)
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder), core, library, labels)
        sources = ["main.c", "under_test.c"]
        if core.machine:
            sources += ["semihosting.c", "-DEK_SEMIHOSTED"]
        command = [*compiler, optimisation, *COMPILE, *sources, "-o", ELF]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise FirmwareError(f"{core.name} {optimisation}: {_first_error(done.stderr)}")
        limit = PATIENCE * library.macs + PATIENCE_AT_LEAST
        built = _read(core, optimisation, Path(folder, ELF), limit)
    return replace(built, symbols={**built.symbols, **_places(library, built.symbols)})


def require_tools(core: Core) -> None:
    """Check that the tools to build firmware for ``core``, to read it and to run it are installed.

    Raises:
        MissingExtraError: a package of the extra [mcu] is not installed.
        TargetError: the core needs a compiler that is not on the PATH.
    """
    needed = {"elftools": "pyelftools"}
    if core.triple:
        needed["ziglang"] = "ziglang"
    elif shutil.which(AVR_GCC) is None:
        raise TargetError(
            f"{core.name}: zig's run-time library does not compile for AVR: install {AVR_GCC} and "
            "put it on the PATH"
        )
    if core.machine:
        programs.require(core.emulated)
    elif core.emulated:
        needed["unicorn"] = "unicorn"
    for module, package in needed.items():
        if find_spec(module) is None:
            raise MissingExtraError(package, "mcu", "bench --core")


def versions(core: Core) -> dict[str, str]:
    """Return the versions of the tools that build and run firmware for ``core``."""
    if core.machine:
        return environment.versions(("ziglang",)) | programs.version(core.emulated)
    if core.triple:
        return environment.versions(("ziglang", "unicorn"))
    done = subprocess.run([AVR_GCC, "-dumpversion"], capture_output=True, text=True, check=True)
    return {AVR_GCC: done.stdout.strip()}


def _compiler(core: Core) -> list[str]:
    """Return the compiler's command with the options for ``core``."""
    if core.triple:
        zig = [sys.executable, "-m", "ziglang", "cc"]
        return [*zig, "-target", core.triple, f"-mcpu={core.cpu}", *ZIG]
    return [AVR_GCC, f"-mmcu={core.cpu}"]


def _write(folder: Path, core: Core, library: Library, labels: bool) -> None:
    """Write the source files to compile."""
    board = files("edgekit.benchmarks.mcu").joinpath("board")
    folder.joinpath("freestanding").mkdir()
    for name in BOARD:
        folder.joinpath(name).write_bytes(board.joinpath(name).read_bytes())
    folder.joinpath("memory.ld").write_text(MEMORY.format(*core.memory))
    for name, text in library.files.items():
        folder.joinpath(name).write_text(text, encoding="utf-8")
    name = library.name
    header = f'#include "{name}.h"\n#define EK_RUN {name}_run\n'
    for macro, value in {
        "EK_INPUT": f"{name}_input_t",
        "EK_INPUT_SIZE": f"{name.upper()}_INPUT_SIZE",
        "EK_OUTPUT": f"{name}_output_t",
        "EK_OUTPUT_SIZE": f"{name.upper()}_OUTPUT_SIZE",
        "EK_STEPS": str(len(library.ops) + 1),
    }.items():
        header += f"#define {macro} {value}\n"
    for port in library.places:
        header += f"#define EK_{port.upper()}_PLACE {name}_{port}()\n"
    folder.joinpath("under_test.h").write_text(header, encoding="utf-8")
    steps = '#include "steps.h"\n' if labels else ""
    folder.joinpath("under_test.c").write_text(f'{steps}#include "{name}.c"\n', encoding="utf-8")


def _places(library: Library, symbols: Mapping[str, Symbol]) -> dict[str, Symbol]:
    """Return the symbols ``ek_input`` and ``ek_output`` of buffers that lie in the arena."""
    arena = symbols.get(f"{library.name}_ek_arena")
    return {
        f"ek_{port}": Symbol(arena.address + offset, size, is_code=False)
        for port, (offset, size) in library.places.items()
        if arena is not None
    }


def _first_error(errors: str) -> str:
    """Return the most informative line: an error of the compiler or the linker."""
    lines = [line.strip() for line in errors.splitlines() if not line.startswith("collect2:")]
    messages = [line for line in lines if "error:" in line] or lines[-1:] or ["no message"]
    return messages[0]


def _read(core: Core, optimisation: str, path: Path, limit: int) -> Firmware:
    """Read sizes, symbols and flash content from the linked file."""
    from elftools.elf.constants import SH_FLAGS
    from elftools.elf.elffile import ELFFile

    with path.open("rb") as file:
        elf = ELFFile(file)
        image = {
            segment["p_paddr"]: segment.data()
            for segment in elf.iter_segments("PT_LOAD")
            if segment["p_filesz"]
        }
        sections = list(elf.iter_sections())
        code = data = 0
        for section in sections:
            if section.name == HOST:
                continue
            if section["sh_flags"] & SH_FLAGS.SHF_EXECINSTR or section.name == ".vectors":
                code += section["sh_size"]
            elif section["sh_flags"] & SH_FLAGS.SHF_WRITE:
                data += section["sh_size"]
        symbols, steps = {}, []
        for symbol in elf.get_section_by_name(".symtab").iter_symbols():
            address, kind = symbol["st_value"], symbol["st_info"]["type"]
            if match := STEP.fullmatch(symbol.name):
                steps.append((address, int(match[1])))
                continue
            is_code = kind == "STT_FUNC"
            if is_code and core.emulated == "arm":
                address &= ~1
            symbols[symbol.name] = Symbol(address, symbol["st_size"], is_code)
            # On AVR, constants lie among the instructions.
            if kind == "STT_OBJECT" and sections[symbol["st_shndx"]].name == ".text":
                code -= symbol["st_size"]
        sizes = {one.address: (name, one.size) for name, one in symbols.items() if one.is_code}
        named = functions(elf, sizes)
    start, _, host = core.memory
    flash = max(
        address + len(content) - start
        for address, content in image.items()
        if address < host or not core.machine
    )
    return Firmware(
        core=core,
        optimisation=optimisation,
        image=image,
        code=code,
        constants=flash - code,
        data=data,
        symbols=symbols,
        steps=tuple(sorted(steps)),
        limit=limit,
        functions=named,
    )
