import re
import shutil
from dataclasses import replace
from importlib import util
from pathlib import Path

import pytest

from edgekit.benchmarks.mcu import firmware
from edgekit.benchmarks.mcu.cores import CORES
from edgekit.errors import FirmwareError, MissingExtraError, TargetError
from firmware_library import DENSE, doing, library

M4 = CORES["cortex-m4"]
AVR = CORES["atmega328p"]
needs_avr_gcc = pytest.mark.skipif(shutil.which("avr-gcc") is None, reason="needs avr-gcc")
EMPTY = doing("")


def holding(declaration: str) -> firmware.Library:
    return doing("output[1] = held[(uint8_t)input[1]];", declaration)


@pytest.mark.parametrize(
    ("declaration", "constants", "data"),
    [
        ("static const int8_t held[100] = {1, 2, 3};", 100, 0),
        ("static const int8_t held[200] = {1, 2, 3};", 200, 0),
        ("static int8_t volatile held[100] = {1, 2, 3};", 100, 100),
        ("static int8_t volatile held[100];", 0, 100),
    ],
)
@pytest.mark.parametrize("name", ["cortex-m0", "cortex-m4", "rv32imc"])
def test_sizes_are_told_apart(name: str, declaration: str, constants: int, data: int) -> None:
    plain = firmware.build(CORES[name], doing("output[1] = input[1];"), "-Os")
    built = firmware.build(CORES[name], holding(declaration), "-Os")
    assert built.constants - plain.constants == pytest.approx(constants, abs=3)
    assert built.data - plain.data == data
    assert 0 < built.code - plain.code < 32
    assert built.flash == built.code + built.constants
    assert built.flash == max(at + len(content) for at, content in built.image.items())


def test_ram_is_the_buffers_and_what_the_library_has() -> None:
    assert firmware.build(M4, EMPTY, "-Os").data == 16 + 4
    assert firmware.build(M4, library(), "-Os").data == 16 + 4 + 8


@needs_avr_gcc
def test_avr_code_is_told_apart_from_the_constants_among_it() -> None:
    read = "output[1] = (int8_t)pgm_read_byte(&held[(uint8_t)input[1]]);"
    sizes = [
        firmware.build(
            AVR,
            doing(
                read, f"#include <avr/pgmspace.h>\nstatic const int8_t held[{n}] PROGMEM = {{1}};"
            ),
            "-Os",
        )
        for n in (100, 200)
    ]
    assert sizes[1].constants - sizes[0].constants == 100
    assert sizes[0].code == sizes[1].code
    assert sizes[0].data == sizes[1].data == 16 + 2


@pytest.mark.parametrize("optimisation", ["-Os", "-O2"])
def test_labels_are_no_instructions(optimisation: str) -> None:
    labelled = firmware.build(M4, library(), optimisation)
    plain = firmware.build(M4, library(), optimisation, labels=False)
    assert labelled.image == plain.image
    assert [step for _, step in labelled.steps] == [0, 1, 2]
    assert plain.steps == ()


def test_the_same_is_built_twice() -> None:
    assert firmware.build(M4, library(), "-O2") == firmware.build(M4, library(), "-O2")


@pytest.mark.parametrize(
    ("names", "condition"),
    [
        ("cortex-m4 cortex-m7 cortex-m33", "!defined(__ARM_FEATURE_DSP) || !defined(__ARM_FP)"),
        ("cortex-m0", "defined(__ARM_FEATURE_DSP) || defined(__ARM_FP)"),
        ("rv32imc", "!defined(__riscv_mul) || !defined(__riscv_compressed)"),
        ("rv32imc", "defined(__riscv_atomic) || defined(__riscv_flen)"),
    ],
)
def test_a_core_has_what_its_boards_have(names: str, condition: str) -> None:
    source = f"#if {condition}\n#error not this core\n#endif\n{DENSE}"
    for name in names.split():
        firmware.build(CORES[name], library(source), "-Os")


def test_what_does_not_compile_is_one_line() -> None:
    with pytest.raises(FirmwareError, match=r"^cortex-m4 -Os: .*tiny\.c:2:\d+: error: .*'gone'"):
        firmware.build(M4, doing("", "int there = gone;"), "-Os")
    with pytest.raises(FirmwareError, match="undefined symbol: missing"):
        firmware.build(M4, doing("missing();", "void missing(void);"), "-Os")


@needs_avr_gcc
def test_what_does_not_fit_is_one_line() -> None:
    huge = holding("static volatile int8_t held[3000];")
    with pytest.raises(FirmwareError, match=r"^atmega328p -Os: .*not within region") as caught:
        firmware.build(AVR, huge, "-Os")
    assert "\n" not in str(caught.value)


def test_missing_tools_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    firmware.require_tools(M4)
    monkeypatch.setenv("PATH", str(tmp_path))
    firmware.require_tools(M4)
    with pytest.raises(TargetError, match="install avr-gcc"):
        firmware.require_tools(AVR)
    find = util.find_spec
    for module, package in {
        "elftools": "pyelftools",
        "ziglang": "ziglang",
        "unicorn": "unicorn",
    }.items():
        monkeypatch.setattr(
            firmware, "find_spec", lambda name, gone=module: None if name == gone else find(name)
        )
        with pytest.raises(MissingExtraError, match=re.escape(f"{package} is not installed")):
            firmware.require_tools(M4)
    firmware.require_tools(replace(M4, emulated=""))


def test_firmware_knows_its_functions() -> None:
    built = firmware.build(M4, library(), "-Os")
    symbol = built.symbols["tiny_run"]
    assert built.function(symbol.address + symbol.size - 2) == "tiny_run()"
    assert built.function(0x70000000) == "the core"


KERNELS = """\
__attribute__((always_inline)) static inline int tiny_helper(int x)
{
    return x * x + 7;
}
__attribute__((always_inline)) static inline void tiny_ek_inner(int8_t *output)
{
    output[0] = (int8_t)(output[0] * 5 + 9);
}
__attribute__((always_inline)) static inline void tiny_ek_inlined(int8_t *output)
{
    for (int i = 0; i < output[1]; i++)
        tiny_ek_inner(output);
}
__attribute__((noinline)) static void tiny_ek_called(int8_t *output)
{
    for (int i = 0; i < output[1]; i++)
        tiny_ek_inner(output);
}
void tiny_removed(int8_t *output);
void tiny_removed(int8_t *output)
{
    tiny_ek_inlined(output);
}
"""


@pytest.mark.parametrize("name", ["cortex-m0", "cortex-m4", "rv32imc"])
@pytest.mark.parametrize("optimisation", ["-Os", "-O2"])
def test_kernels_that_are_inlined_have_their_bytes(name: str, optimisation: str) -> None:
    calls = (
        "output[1] = (int8_t)tiny_helper(input[1]); tiny_ek_called(output); tiny_ek_called(output);"
    )
    plain = firmware.build(CORES[name], doing(calls, KERNELS), optimisation)
    built = firmware.build(
        CORES[name], doing(f"{calls} tiny_ek_inlined(output);", KERNELS), optimisation
    )
    assert set(built.functions) - set(plain.functions) == {"tiny_ek_inlined in tiny_run"}
    assert {"tiny_run", "tiny_ek_called", "ek_reset"} < set(plain.functions)
    assert list(built.functions.values()) == sorted(built.functions.values(), reverse=True)
    inlined = built.functions["tiny_ek_inlined in tiny_run"]
    assert 8 <= inlined <= built.symbols["tiny_run"].size - built.functions["tiny_run"]
    grown = built.symbols["tiny_run"].size - plain.symbols["tiny_run"].size
    assert inlined == pytest.approx(grown, abs=24)
    for one in (plain, built):
        sizes = {symbol.address: symbol.size for symbol in one.symbols.values() if symbol.is_code}
        assert sum(one.functions.values()) == sum(sizes.values())
