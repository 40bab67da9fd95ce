"""Kernels built for a Cortex-M core and run on the emulator, one call at a time.

Every tensor of a call ends, or begins, at a page that cannot be accessed.
"""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import unicorn
from elftools.elf.elffile import ELFFile
from unicorn import arm_const

import sources
from machines import FREESTANDING

PAGE = 4096
STOP = 0x0FF0_0000
STACK, STACK_SIZE = 0x1000_0000, PAGE
CALL = 0x1100_0000
TENSORS, APART = 0x2000_0000, 0x0010_0000
MODELS = {
    "cortex_m0": arm_const.UC_CPU_ARM_CORTEX_M0,
    "cortex_m4": arm_const.UC_CPU_ARM_CORTEX_M4,
    "cortex_m7": arm_const.UC_CPU_ARM_CORTEX_M7,
    # For this core the DSP extension is optional.
    "cortex_m33+dsp": arm_const.UC_CPU_ARM_CORTEX_M33,
    # With their FPU; this emulator supports single precision only.
    "cortex_m4+vfp4d16sp": arm_const.UC_CPU_ARM_CORTEX_M4,
    "cortex_m7+fp_armv8d16sp": arm_const.UC_CPU_ARM_CORTEX_M7,
    "cortex_m33+dsp+fp_armv8d16sp": arm_const.UC_CPU_ARM_CORTEX_M33,
}
STRICT = "-std=c99 -Wall -Wextra -Wpedantic -Wconversion -Werror".split()


def target(cpu: str) -> list[str]:
    """Return zig's options for the core and the path of string.h."""
    abi = "eabihf" if "fp" in cpu else "eabi"
    picked = ["-target", f"thumb-freestanding-{abi}", f"-mcpu={cpu}"]
    return [*picked, "-idirafter", str(FREESTANDING), sources.INCLUDE]


def build(folder: Path, cpu: str, optimisation: str, sources: Sequence[Path]) -> Path:
    """Link kernels, and functions of the compiler's library that they call, to an ELF file."""
    program = folder / f"{cpu}{optimisation}.elf"
    command = [
        *(sys.executable, "-m", "ziglang", "cc", *target(cpu)),
        *(*STRICT, optimisation, "-g", "-fno-unwind-tables"),
        *("-Wl,-e,0", "-Wl,--no-gc-sections", "-o", str(program)),
        *map(str, sources),
    ]
    subprocess.run(command, check=True)
    return program


class Core:
    """An emulated core with the kernels of an ELF file in its flash."""

    def __init__(self, cpu: str, path: Path) -> None:
        self.engine = unicorn.Uc(
            unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS
        )
        self.engine.ctl_set_cpu_model(MODELS[cpu])
        self.sizes: dict[int, int] = {}
        with path.open("rb") as file:
            elf = ELFFile(file)
            self.symbols = {
                symbol.name: symbol["st_value"]
                for symbol in elf.get_section_by_name(".symtab").iter_symbols()
            }
            for segment in elf.iter_segments("PT_LOAD"):
                self._map(segment["p_vaddr"], segment["p_memsz"], unicorn.UC_PROT_EXEC)
                self.engine.mem_write(segment["p_vaddr"], segment.data())
        self._map(STOP, PAGE, unicorn.UC_PROT_EXEC)
        self._map(STACK, STACK_SIZE)
        self._map(CALL, PAGE)

    def _map(self, address: int, size: int, also: int = 0) -> None:
        start = address // PAGE * PAGE
        end = -(-(address + size) // PAGE) * PAGE
        mapped = [(low, high + 1) for low, high, _ in self.engine.mem_regions()]
        for page in range(start, end, PAGE):
            if not any(low <= page < high for low, high in mapped):
                access = unicorn.UC_PROT_READ | (also or unicorn.UC_PROT_WRITE)
                self.engine.mem_map(page, PAGE, access)

    def place(self, slot: int, content: bytes, at_end: bool = True) -> int:
        """Put a tensor right before, or after, an unmapped page; return its address."""
        middle = TENSORS + slot * APART + APART // 2
        address = middle - len(content) if at_end else middle + PAGE
        self._map(address, len(content))
        self.engine.mem_write(address, content)
        return address

    def call(self, name: str, params: Iterable[int], addresses: Sequence[int]) -> None:
        """Run ``ek_<name>``; any access outside its tensors is an error."""
        values = list(params)
        content = struct.pack(f"<{len(values)}i", *values)
        pointers = struct.pack(f"<{len(addresses)}I", *addresses)
        self.engine.mem_write(CALL, content + pointers)
        kept = [*(f"R{n}" for n in range(4, 12)), *(f"S{n}" for n in range(16, 32))]
        registers = [getattr(arm_const, f"UC_ARM_REG_{name}") for name in kept]
        saved = {register: 0x1234_5600 + n for n, register in enumerate(registers)}
        for register, value in saved.items():
            self.engine.reg_write(register, value)
        self.engine.mem_write(STACK, b"\xa5" * STACK_SIZE)
        self.engine.reg_write(arm_const.UC_ARM_REG_SP, STACK + STACK_SIZE)
        self.engine.reg_write(arm_const.UC_ARM_REG_LR, STOP | 1)
        self.engine.reg_write(arm_const.UC_ARM_REG_R0, CALL)
        self.engine.reg_write(arm_const.UC_ARM_REG_R1, CALL + len(content))
        self.engine.emu_start(self.symbols[f"ek_{name}"] | 1, STOP)
        assert self.engine.reg_read(arm_const.UC_ARM_REG_SP) == STACK + STACK_SIZE
        assert {register: self.engine.reg_read(register) for register in saved} == saved

    def stack(self) -> int:
        """Return the number of bytes of stack that the last call wrote to."""
        content = np.frombuffer(self.engine.mem_read(STACK, STACK_SIZE), np.uint8)
        return int(STACK_SIZE - np.argmax(content != 0xA5))
