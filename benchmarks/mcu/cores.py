"""The microcontroller cores that a model can be built for, and how each one is emulated."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Core:
    """A core.

    Attributes:
        name: name of the core on the command line.
        triple: zig's target triple; "" if zig has no run-time library for it and avr-gcc builds.
        cpu: the compiler's name of the core.
        emulated: unicorn's architecture, "arm" or "riscv"; "" if it has none and only sizes are
            measured.
        model: unicorn's name of the core, a constant of ``unicorn.arm_const``; "" for the only one.
    """

    name: str
    triple: str
    cpu: str
    emulated: str = ""
    model: str = ""


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
        Core("atmega328p", "", "atmega328p"),
    )
}
