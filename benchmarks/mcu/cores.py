"""The microcontroller cores that a model can be built for, and how each one is emulated."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Core:
    """A core.

    Attributes:
        name: name of the core on the command line.
        triple: zig's target triple; "" if zig has no run-time library for it and avr-gcc builds.
        cpu: the compiler's name of the core.
        emulated: "arm" or "riscv", as unicorn or QEMU emulates it; "" if neither does and only
            sizes are measured.
        model: unicorn's name of the core, a constant of ``unicorn.arm_const``; "" for the only one.
        machine: QEMU's options that choose a machine, for a core that unicorn does not have.
        memory: addresses of flash and RAM, and of what QEMU's machine has for the host beside them.
    """

    name: str
    triple: str
    cpu: str
    emulated: str = ""
    model: str = ""
    machine: tuple[str, ...] = ()
    memory: tuple[int, int, int] = (0, 0x20000000, 0x30000000)


CORES = {
    core.name: core
    for core in (
        Core("cortex-m0", "thumb-freestanding-eabi", "cortex_m0", "arm", "UC_CPU_ARM_CORTEX_M0"),
        Core(
            "cortex-m4",
            "thumb-freestanding-eabihf",
            "cortex_m4+vfp4d16sp",
            "arm",
            "UC_CPU_ARM_CORTEX_M4",
        ),
        Core(
            "cortex-m7",
            "thumb-freestanding-eabihf",
            # A Cortex-M7 can have an FPU for doubles, but unicorn's has not.
            "cortex_m7+fp_armv8d16sp",
            "arm",
            "UC_CPU_ARM_CORTEX_M7",
        ),
        Core(
            "cortex-m33",
            "thumb-freestanding-eabihf",
            "cortex_m33+dsp+fp_armv8d16sp",
            "arm",
            "UC_CPU_ARM_CORTEX_M33",
        ),
        Core("rv32imc", "riscv32-freestanding-none", "generic_rv32+m+c", "riscv"),
        Core(
            "cortex-m55",
            "thumb-freestanding-eabihf",
            "cortex_m55+mve_fp",
            "arm",
            machine=("-M", "mps3-an547"),
            memory=(0, 0x20000000, 0x01000000),
        ),
        Core(
            "rv32imcv",
            "riscv32-freestanding-none",
            # Vectors of integers as the smallest extension for microcontrollers has them.
            "generic_rv32+m+c+zve32x+zvl128b",
            "riscv",
            machine=("-M", "virt", "-cpu", "rv32,v=true,vlen=128,elen=32", "-bios", "none"),
            memory=(0x80000000, 0x80200000, 0x800C0000),
        ),
        Core("atmega328p", "", "atmega328p"),
    )
}
