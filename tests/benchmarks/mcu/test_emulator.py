from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import unicorn
from unicorn import arm_const, riscv_const

from edgekit.benchmarks.mcu import blocks, emulator, firmware
from edgekit.benchmarks.mcu.cores import CORES
from edgekit.benchmarks.mcu.firmware import Firmware
from edgekit.errors import FirmwareError
from firmware_library import HIDDEN_WEIGHTS, OUTPUT_WEIGHTS, doing, library

ALL = 1 << 60
EMULATED = [name for name, core in CORES.items() if core.emulated]
BUILDS = [
    ("cortex-m0", "-Os"),
    ("cortex-m4", "-Os"),
    ("cortex-m4", "-O2"),
    ("cortex-m7", "-O2"),
    ("cortex-m33", "-O2"),
    ("rv32imc", "-Os"),
    ("rv32imc", "-O2"),
]
EMPTY = doing("")
THREES = np.array([[0] * 16, [1] * 16, [3] * 16, [0] * 16], np.uint8)


@pytest.fixture(scope="module")
def inputs() -> npt.NDArray[np.int8]:
    return np.random.default_rng(5).integers(-128, 128, (6, 16)).astype(np.int8)


@pytest.fixture(scope="module", params=BUILDS, ids=" ".join)
def built(request: pytest.FixtureRequest) -> Firmware:
    name, optimisation = request.param
    return firmware.build(CORES[name], library(), optimisation)


def dense(values: npt.NDArray[Any], weights: list[list[int]]) -> npt.NDArray[np.int64]:
    positive = np.maximum(values.astype(np.int64), 0)
    return np.clip(positive @ np.array(weights).T >> 4, -128, 127)


def stepped(built: Firmware, inputs: npt.NDArray[np.int8]) -> tuple[int, list[list[int]]]:
    """Count one instruction at a time: until the first input, and in each step of each input.

    The hook is not called for an instruction whose condition fails, so those of an IT block are
    counted with the IT instruction.
    """
    core = built.core
    if core.emulated == "arm":
        mode = unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS
        uc = unicorn.Uc(unicorn.UC_ARCH_ARM, mode, cpu=getattr(arm_const, core.model))
        link, thumb = arm_const.UC_ARM_REG_LR, 1
    else:
        uc = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV32)
        link, thumb = riscv_const.UC_RISCV_REG_RA, 0
    for address, size in ((0, 1 << 20), (0x20000000, 1 << 18), (0xE000E000, 1 << 12)):
        uc.mem_map(address, size)
    for address, content in built.image.items():
        uc.mem_write(address, content)
    start = 0
    if thumb:
        uc.reg_write(arm_const.UC_ARM_REG_SP, int.from_bytes(uc.mem_read(0, 4), "little"))
        start = int.from_bytes(uc.mem_read(4, 4), "little")
    labels = dict(built.steps)
    step = built.outside
    counts = [0] * (step + 1)
    conditional: set[int] = set()

    def executed(uc: Any, address: int, _size: int, _data: Any) -> None:
        nonlocal step
        step = labels.get(address, step)
        if address in conditional:
            return
        counts[step] += 1
        half = int.from_bytes(uc.mem_read(address, 2), "little")
        if thumb and half & 0xFF00 == 0xBF00 and (mask := half & 15):
            at = address + 2
            for _ in range(4 - (mask & -mask).bit_length() + 1):
                assert at not in labels
                conditional.add(at)
                counts[step] += 1
                at += 4 if uc.mem_read(at + 1, 1)[0] >> 3 >= 0b11101 else 2

    uc.hook_add(unicorn.UC_HOOK_CODE, executed)
    target = built.symbols["ek_next"].address
    uc.emu_start(start, target)
    at_reset, found = sum(counts), []
    for one in inputs:
        counts[:] = [0] * len(counts)
        uc.mem_write(built.symbols["ek_input"].address, one.tobytes())
        uc.emu_start(uc.reg_read(link) | thumb, target)
        found.append(list(counts))
    return at_reset, found


def test_counts_are_those_of_single_steps(built: Firmware, inputs: npt.NDArray[np.int8]) -> None:
    profile = emulator.profile(built, inputs.view(np.uint8), ALL)
    at_reset, counts = stepped(built, inputs)
    assert profile.start == at_reset
    assert profile.steps.tolist() == counts
    assert profile.instructions.tolist() == [sum(one) for one in counts]
    assert len(set(profile.instructions.tolist())) > 1
    assert (profile.steps > 0).all()


def test_answers_are_right_with_and_without_counting(
    built: Firmware, inputs: npt.NDArray[np.int8]
) -> None:
    expected = dense(dense(inputs, HIDDEN_WEIGHTS), OUTPUT_WEIGHTS)
    raw = inputs.view(np.uint8)
    assert emulator.answers(built, raw).view(np.int8).tolist() == expected.tolist()
    assert emulator.profile(built, raw, ALL).outputs.view(np.int8).tolist() == expected.tolist()


def test_counting_ends_with_the_budget(inputs: npt.NDArray[np.int8]) -> None:
    built = firmware.build(CORES["cortex-m4"], library(), "-Os")
    whole = emulator.profile(built, inputs.view(np.uint8), ALL)
    budget = int(whole.instructions[:3].sum())
    part = emulator.profile(built, inputs.view(np.uint8), budget)
    assert part.instructions.tolist() == whole.instructions[:3].tolist()
    assert len(part.outputs) == 3


@pytest.mark.parametrize("name", EMULATED)
def test_instructions_are_told_apart(name: str) -> None:
    arm = CORES[name].emulated == "arm"
    # 16 bits, 32 bits, 16 bits: nop, bl, nop; c.nop, addi, c.nop.
    code = "00bffff7feff00bf" if arm else "0100130505000100"
    assert blocks.instructions(bytes.fromhex(code), arm) == [0, 2, 6]


# Each is 400 bytes deep from the call on: reset has no frame of its own.
FRAMES = {
    "cortex-m4": {
        "moved": "sub sp, sp, #400\nadd sp, sp, #400\nmovs r0, #0\nbx lr",
        "moved, wide": "sub.w sp, sp, #400\nadd.w sp, sp, #400\nmovs r0, #0\nbx lr",
        "moved by a register": "mov r2, #400\nsub.w sp, sp, r2\nadd sp, r2\nmovs r0, #0\nbx lr",
        "copied": "mov r2, sp\nmov r3, sp\nsub r2, #400\nmov sp, r2\nmov sp, r3\nbx lr",
        "pushed": "push.w {r4-r11}\nsub sp, #368\nadd sp, #368\npop.w {r4-r11}\nbx lr",
        "written": "movs r0, #1\nsub sp, sp, #400\nstr r0, [sp]\nadd sp, sp, #400\nbx lr",
        "on the third input": "ldrb r0, [r0]\ncmp r0, #3\nbne 1f\nsub sp, sp, #400\n"
        "str r0, [sp]\nadd sp, sp, #400\n1:\nbx lr",
    },
    "rv32imc": {
        "moved": "addi sp, sp, -400\naddi sp, sp, 400\nret",
        "moved, wide": ".option norvc\naddi sp, sp, -400\naddi sp, sp, 400\nret",
        "moved by a register": "li t0, 400\nsub sp, sp, t0\nadd sp, sp, t0\nret",
        "copied": "mv t0, sp\naddi t1, sp, -400\nmv sp, t1\nmv sp, t0\nret",
    },
}


@pytest.mark.parametrize(
    ("core", "frame"), [(core, one) for core in FRAMES for one in FRAMES[core]]
)
def test_the_peak_of_the_stack_is_measured(core: str, frame: str) -> None:
    lines = "".join(f'"{line}\\n"' for line in FRAMES[core][frame].splitlines())
    naked = library(
        '#include "tiny.h"\n__attribute__((naked)) int tiny_run(const int8_t *input, '
        f"int8_t *output)\n{{\n    __asm__ volatile({lines});\n}}\n"
    )
    built = firmware.build(CORES[core], naked, "-Os")
    own = emulator.profile(firmware.build(CORES[core], EMPTY, "-Os"), THREES, ALL).stack
    assert emulator.profile(built, THREES, ALL).stack == own + 400


@pytest.mark.parametrize(
    ("core", "by"),
    [
        ("cortex-m4", "push {{r0-r7}}; sub sp, #{0}; add sp, #{0}; pop {{r0-r7}}"),
        ("cortex-m4", "vpush {{s0-s7}}; sub.w sp, sp, #{0}; add sp, #{0}; vpop {{s0-s7}}"),
        ("cortex-m4", "str r0, [sp, #-32]!; sub sp, #{0}; add sp, #{0}; add sp, #32"),
        ("cortex-m4", "strd r0, r1, [sp, #-32]!; sub sp, #{0}; add sp, #{0}; add sp, #32"),
        ("cortex-m0", "push {{r0-r7}}; sub sp, #{0}; add sp, #{0}; pop {{r0-r7}}"),
        ("rv32imc", "addi sp, sp, -32; addi sp, sp, -{0}; addi sp, sp, {0}; addi sp, sp, 32"),
    ],
)
def test_each_step_has_its_own_stack(core: str, by: str) -> None:
    # A step's push alone is seen, and the depth before a label is that of the step before.
    parts = by.split("; ")
    alone = "; ".join((parts[0], parts[-1])).format()
    source = (
        '#include "tiny.h"\nint tiny_run(const int8_t *input, int8_t *output)\n{\n'
        "    (void)input;\n    (void)output;\n"
        f'    EK_STEP(0)\n    __asm__ volatile("{by.format(400)}");\n'
        f'    EK_STEP(1)\n    __asm__ volatile("{alone}");\n'
        '    EK_STEP(2)\n    __asm__ volatile("nop");\n'
        "    EK_STEP(3)\n    return 0;\n}\n"
    )
    found = emulator.profile(firmware.build(CORES[core], library(source), "-Os"), THREES[:1], ALL)
    first, second, third, outside = found.step_stacks.tolist()
    assert first - second == 400
    assert second - third == 32
    assert third == outside
    assert found.stack == first


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("*(volatile int *)0x100 = 1;", "writes to flash at 0x00000100"),
        ("*(volatile int *)0x60000000 = 1;", "writes to 0x60000000"),
        ("(void)*(volatile int *)0x60000000;", "reads from 0x60000000"),
        ("((void (*)(void))0x70000001)();", "runs into 0x70000000"),
        ("((void (*)(void))0x20000001)();", "runs into 0x20000000"),
        ('for (;;) __asm__ volatile("");', "still runs after 1000000 instructions"),
        ("__builtin_trap();", "Invalid instruction"),
    ],
)
@pytest.mark.parametrize("counting", [False, True])
def test_a_fault_is_one_clear_line(body: str, message: str, counting: bool) -> None:
    built = firmware.build(CORES["cortex-m4"], doing(body), "-Os")
    run = partial(emulator.profile, budget=ALL) if counting else emulator.answers
    with pytest.raises(FirmwareError, match=message) as caught:
        run(built, THREES)
    assert str(caught.value).startswith("cortex-m4 -Os: on input 2 ")
    assert "\n" not in str(caught.value)
