"""The estimate of a Cortex-M4's cycles: blocks whose cycles the manual states."""

from itertools import pairwise

import numpy as np
import pytest

from edgekit.benchmarks.mcu import blocks, cortex_m4, emulator, firmware, thumb
from edgekit.benchmarks.mcu.cores import CORES
from edgekit.benchmarks.mcu.firmware import Library
from firmware_library import library

M4 = CORES["cortex-m4"]
ALL = 1 << 60


def spent(code: str) -> list[int]:
    """Cycles of each instruction of hexadecimal code."""
    content = bytes.fromhex(code)
    ends = [*blocks.instructions(content, arm=True), len(content)]
    return cortex_m4.cycles(thumb.decode(content[start:end]) for start, end in pairwise(ends))


@pytest.mark.parametrize(
    ("code", "cycles"),
    [
        # The examples of 3.3.2: LDRs that are pipelined, one that needs what the first loads.
        ("0868 1168", [2, 1]),  # ldr r0,[r1]; ldr r1,[r2]
        ("4859 1168 5a68", [2, 1, 1]),  # ldr r0,[r1,r5]; ldr r1,[r2]; ldr r2,[r3,#4]
        ("0868 0168", [2, 2]),  # ldr r0,[r1]; ldr r1,[r0]
        ("0868 1060", [2, 1]),  # ldr r0,[r1]; str r0,[r2]
        ("0868 8850", [2, 1]),  # ldr r0,[r1]; str r0,[r1,r2]
        ("8850", [2]),  # str r0,[r1,r2]
        ("0860 1368", [1, 2]),  # str r0,[r1]; ldr r3,[r2]: nothing is pipelined after a store
        ("d1e90023", [3]),  # ldrd r2,r3,[r1]
        ("0868 d1e90045", [2, 3]),  # ldr r0,[r1]; ldrd r4,r5,[r1]
        ("c1e90023", [3]),  # strd r2,r3,[r1]
        ("0ec9", [4]),  # ldmia r1!,{r1,r2,r3}
        ("b1e8fc00", [7]),  # ldmia r1!,{r2-r7}
        ("f0b5", [6]),  # push {r4-r7,lr}
        ("f0bd", [6]),  # pop {r4-r7,pc}
        ("2de9f04f", [10]),  # push {r4-r11,lr}
        ("dff80402 00bf", [2, 1]),  # ldr r0,[pc,#516]; nop
        # An address that the instruction before calculates is a cycle late.
        ("4918 0868", [1, 3]),  # adds r1,r1,r1; ldr r0,[r1]
        ("4918 1068", [1, 2]),  # adds r1,r1,r1; ldr r0,[r2]
        ("4918 0860", [1, 2]),  # adds r1,r1,r1; str r0,[r1]
        ("4918 0968", [1, 3]),
        ("0a29 0868", [1, 2]),  # cmp r1,#10; ldr r0,[r1]
        # Multiplications of any kind take one cycle, divisions up to twelve.
        ("4843 00fb0120 00fb1120", [1, 1, 1]),  # muls; mla; mls
        ("80fb0123 a0fb0123 c0fb0123", [1, 1, 1]),  # smull; umull; smlal
        ("20fb0132 50fb11f0", [1, 1]),  # smlad; smmulr
        ("90fbf1f0 b0fbf1f0", [12, 12]),  # sdiv; udiv
        # IT takes nothing after sixteen bits.
        ("0028 08bf 0120", [1, 0, 1]),  # cmp r0,#0; it eq; moveq r0,#1
        ("b0f1000f 08bf 0120", [1, 1, 1]),  # cmp.w r0,#0; it eq; moveq r0,#1
        # Branches that are not taken.
        ("00d0 00b1 00f00080 00e0", [1, 1, 1, 1]),  # beq; cbz; beq.w; b
        ("7047 00f000f8", [1, 1]),  # bx lr; bl
        ("dfe800f0", [3]),  # tbb [pc,r0]
        ("dff800f0", [2]),  # ldr pc,[pc]
        # The FPU.
        ("30ee200a 20ee200a 00ee200a a0ee200a", [1, 1, 3, 3]),  # vadd; vmul; vmla; vfma
        ("80ee200a b1eec00a", [14, 14]),  # vdiv; vsqrt
        ("90ed000a 90ed000b 80ed000a", [2, 3, 2]),  # vldr of 32 and 64 bits; vstr
        ("2ded048a b0ec040a", [5, 5]),  # vpush {s16-s19}; vldmia r0!,{s0-s3}
        ("10ee100a f1ee10fa", [2, 1]),  # vmov r0,s0; vmrs
    ],
)
def test_cycles_are_those_of_the_manual(code: str, cycles: list[int]) -> None:
    assert spent(code) == cycles


@pytest.mark.parametrize(
    ("code", "refill"),
    [
        ("00d0", 1),  # beq
        ("00b1", 1),  # cbz
        ("00e0", 1),  # b
        ("00f000f8", 1),  # bl
        ("00f00080", 1),  # beq.w
        ("7047", 3),  # bx lr
        ("8847", 3),  # blx r1
        ("f0bd", 3),  # pop {r4-r7,pc}
        ("bde8f08f", 3),  # pop.w {r4-r11,pc}
        ("dff800f0", 3),  # ldr pc,[pc]
        ("dfe800f0", 3),  # tbb [pc,r0]
        ("f0b5", 0),  # push {r4-r7,lr}
        ("0868", 0),  # ldr r0,[r1]
        ("bff36f8f", 0),  # isb
        ("4918", 0),  # adds
    ],
)
def test_what_branches_refills_the_pipeline(code: str, refill: int) -> None:
    assert cortex_m4.refill(thumb.decode(bytes.fromhex(code))) == refill


def asm(lines: str) -> Library:
    """A library that runs these lines of assembly and nothing else."""
    text = "".join(f'"{line.strip()}\\n"' for line in lines.split(";"))
    return library(
        '#include "tiny.h"\n__attribute__((naked)) int tiny_run(const int8_t *input, '
        f"int8_t *output)\n{{\n    __asm__ volatile({text});\n}}\n"
    )


def run(lines: str) -> emulator.Profile:
    return emulator.profile(firmware.build(M4, asm(lines), "-Os"), np.zeros((1, 16), np.uint8), ALL)


def cycles(lines: str) -> int:
    found = run(lines).cycles
    assert found is not None
    return int(found.sum())


LOOPS = {
    # 3 cycles: what delays of boards with this core are made of, 32 rounds a microsecond at 96 MHz.
    "delay": ("", "subs r1, #1", 3),
    # The target is in two words, which takes a cycle more.
    "target across words": ("nop; ", "add.w r2, r2, #1; subs r1, #1", 5),
    "target in a word": ("", "add.w r2, r2, #1; subs r1, #1", 4),
    "not taken": ("", "cmp r1, #0; beq 2f; nop; 2:; subs r1, #1", 6),
    "taken": ("", "cmp r1, #0; bne 2f; nop; 2:; subs r1, #1", 6),
    "by a register": ("", "adr r2, 2f; adds r2, #1; bx r2; .balign 4; 2:; subs r1, #1", 9),
    # Four multiply-accumulates: two loads that are pipelined, extensions, products.
    "smlad": (
        "",
        "ldr r4, [r0, #0]; ldr r5, [r0, #4]; sxtb16 r6, r4; sxtb16 r4, r4, ror #8; "
        "smlad r2, r6, r5, r2; smlad r2, r4, r5, r2; subs r1, #1",
        10,
    ),
}


@pytest.mark.parametrize("name", LOOPS)
def test_a_round_of_a_loop(name: str) -> None:
    before, body, expected = LOOPS[name]
    loop = f".balign 4; push {{r4-r7}}; movs r1, #%d; {before}1:; {body}; bne 1b; "
    ten, twenty = (cycles(f"{loop % rounds}pop {{r4-r7}}; bx lr") for rounds in (10, 20))
    assert twenty - ten == 10 * expected


def test_steps_add_up_to_the_cycles_of_the_inference() -> None:
    inputs = np.random.default_rng(5).integers(-128, 128, (4, 16)).astype(np.int8)
    found = emulator.profile(firmware.build(M4, library(), "-Os"), inputs.view(np.uint8), ALL)
    assert found.cycles is not None
    assert found.waits is not None
    assert found.cycles.shape == found.steps.shape == (4, 3)
    assert (found.cycles > found.steps).all()
    assert (found.cycles < 3 * found.steps).all()
    # The input has another length in each, and the layer of eight outputs is the larger one.
    assert len({int(one) for one in found.cycles.sum(axis=1)}) > 1
    assert (found.cycles[:, 0] > found.cycles[:, 1]).all()
    assert found.waits.shape == (3,)


def test_other_cores_have_no_estimate() -> None:
    inputs = np.zeros((1, 16), np.uint8)
    for name in ("cortex-m0", "cortex-m7", "cortex-m33", "rv32imc"):
        found = emulator.profile(firmware.build(CORES[name], library(), "-Os"), inputs, ALL)
        assert found.cycles is None
        assert found.waits is None


def waits(lines: str) -> int:
    found = run(lines).waits
    assert found is not None
    return int(found.sum())


def test_data_in_flash_wait_once_for_each_word_that_the_cache_does_not_hold() -> None:
    # From address 0 on; the last words of 256 bytes are still there, those of 264 are not.
    walk = "movs r3, #{rounds}; 2:; movs r1, #0; 1:; ldr r2, [r1]; adds r1, #4; cmp r1, #{bytes}; "
    walk += "bne 1b; subs r3, #1; bne 2b; bx lr"
    for size, again in ((64, 0), (256, 0), (264, 33)):
        two, three = (waits(walk.format(bytes=size, rounds=rounds)) for rounds in (2, 3))
        assert three - two == again * cortex_m4.WAIT_STATES
    shorter, longer = (waits(walk.format(bytes=size, rounds=2)) for size in (64, 128))
    assert longer - shorter == 8 * cortex_m4.WAIT_STATES


def test_what_was_used_longest_ago_gives_way() -> None:
    caches = cortex_m4.Accelerator()
    words = [cortex_m4.FLASH_WORD * number for number in range(33)]
    assert [cortex_m4.read(caches, word) for word in words[:32]] == [5] * 32
    assert cortex_m4.read(caches, words[0] + 4) == 0
    assert cortex_m4.read(caches, words[32]) == 5
    assert cortex_m4.read(caches, words[0]) == 0
    assert cortex_m4.read(caches, words[1]) == 5
    # Of code: what is prefetched does not wait, and is held all the same.
    assert cortex_m4.enter(caches, 0, 600, branched=True) == 5
    assert cortex_m4.enter(caches, 600, 400, branched=False) == 0
    held = [(0, 600), (600, 400), (0, 600)]
    assert [cortex_m4.enter(caches, *one, branched=True) for one in held] == [0, 0, 0]
    assert cortex_m4.enter(caches, 2000, 100, branched=True) == 5
    assert cortex_m4.enter(caches, 0, 600, branched=True) == 0
    assert cortex_m4.enter(caches, 600, 400, branched=True) == 5


def test_ram_does_not_wait() -> None:
    read = "mov r1, sp; sub r1, #64; movs r2, #{}; 1:; ldr r3, [r1]; adds r1, #4; subs r2, #1; "
    few, many = (waits(f"{read.format(count)}bne 1b; bx lr") for count in (2, 16))
    assert few == many


def test_code_waits_where_it_branches_to_what_the_cache_does_not_hold() -> None:
    # A loop of blocks of 44 bytes, each left by a branch to the next one: 23 of them fit.
    part = "{n}:; " + "nop; " * 21 + "b {after}f; .balign 64; "
    for count, again in ((20, 0), (30, 30)):
        body = "".join(part.format(n=n, after=n + 1) for n in range(2, 2 + count))
        loop = f"movs r1, #%d; .balign 64; 1:; {body}{2 + count}:; subs r1, #1; bne.w 1b; bx lr"
        two, three = (waits(loop % rounds) for rounds in (2, 3))
        # The end of the loop is a block more.
        assert three - two == (again + bool(again)) * cortex_m4.WAIT_STATES
