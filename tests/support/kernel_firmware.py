"""A kernel as firmware for an emulated core: calls of it, of which all bytes come back.

Its first tensor ends, or begins, where the core's memory does; other tensors that it writes lie
between guards.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

import sources
from edgekit.benchmarks.mcu import emulator, firmware
from edgekit.benchmarks.mcu.cores import CORES
from edgekit.benchmarks.mcu.firmware import Firmware, Library

CALL, RESULT = 49_152, 16_384
"""Most bytes of a call, and of what it writes."""
GUARD, EDGE = 0x5A, 64

INPUTS = {"cortex-m55": (0x20040000, 0x20080000), "rv32imcv": (0x87000000, 0x88000000)}
"""Memory that the board does not use; behind it there is none."""

RUN = """
#include "call.h"
#include "{file}"

static void place(uint8_t *to, const uint8_t *from, uint32_t size)
{{
    for (uint32_t i = 0; i < size; i++)
        to[i] = from[i];
}}

/* The call: at which end the first tensor lies, counts of parameters, tensors, and those of them
 * that are read, sizes of the tensors in bytes, parameters, contents of those read, each padded to
 * 16 bytes. */
int call_run(const int32_t *call, uint8_t *result)
{{
    static uint8_t read[CALL_INPUT_SIZE * 4] __attribute__((aligned(16)));
    const int32_t *sizes = call + 4, *params = sizes + call[2];
    const uint8_t *content = (const uint8_t *)(params + call[1]);
    uint8_t *to = read;
    void *tensors[16];
    for (uint32_t i = 0; i < CALL_OUTPUT_SIZE; i++)
        result[i] = {guard};
    for (int32_t i = 0; i < call[2]; i++) {{
        const uint32_t size = (uint32_t)sizes[i], padded = (size + 15) / 16 * 16;
        if (i >= call[3]) {{
            result += {edge};
            tensors[i] = result;
            result += padded;
            continue;
        }}
        uint8_t *at = i ? to : (uint8_t *)(uintptr_t)(call[0] ? {last}u - size : {first}u);
        place(at, content, size);
        content += padded;
        tensors[i] = at;
        to += padded;
    }}
    ek_{name}(params, tensors);
    return 0;
}}
"""

HEADER = f"""
#include <stdint.h>
typedef int32_t call_input_t;
typedef uint8_t call_output_t;
#define CALL_INPUT_SIZE {CALL // 4}
#define CALL_OUTPUT_SIZE {RESULT}
int call_run(const int32_t *call, uint8_t *result);
"""


@dataclass(frozen=True)
class Call:
    """A call of a kernel.

    Attributes:
        params: its int32 parameters.
        read: bytes of inputs and constants.
        written: sizes of outputs and of scratch memory, in bytes.
    """

    params: Sequence[int]
    read: Sequence[bytes]
    written: Sequence[int]

    def encoded(self, at_end: bool) -> bytes:
        """Return what the firmware reads."""
        sizes = [*map(len, self.read), *self.written]
        head = [at_end, len(self.params), len(sizes), len(self.read), *sizes, *self.params]
        content = struct.pack(f"<{len(head)}i", *head)
        content += b"".join(one.ljust(-(-len(one) // 16) * 16, b"\0") for one in self.read)
        return content.ljust(CALL, b"\0")

    @property
    def fits(self) -> bool:
        """Whether the firmware has memory for the call."""
        written = sum(EDGE + size + 15 for size in self.written)
        return len(self.encoded(True)) <= CALL and written <= RESULT

    def outputs(self, result: npt.NDArray[np.uint8]) -> list[bytes]:
        """Return what the call wrote.

        Raises:
            AssertionError: it wrote beside its tensors.
        """
        content, at, outputs = result.tobytes(), 0, []
        for size in self.written:
            assert content[at : at + EDGE] == bytes([GUARD]) * EDGE
            at += EDGE
            outputs.append(content[at : at + size])
            behind = -(-size // 16) * 16
            assert content[at + size : at + behind] == bytes([GUARD]) * (behind - size)
            at += behind
        assert content[at:] == bytes([GUARD]) * (RESULT - at)
        return outputs


def build(core: str, name: str, file: str, optimisation: str) -> Firmware:
    """Return firmware that calls a kernel.

    Args:
        core: name of the core.
        name: name of the kernel without ``ek_``.
        file: name of its file.
        optimisation: the compiler's option.
    """
    first, last = INPUTS[core]
    values = {"file": file, "name": name, "guard": GUARD, "edge": EDGE, "first": first}
    texts = {
        path.name: path.read_text()
        for path in sources.KERNELS.rglob("*.[ch]")
        if path.parent.name in ("kernels", "cortex_m", "riscv")
    }
    files = {"call.h": HEADER, "call.c": RUN.format(**values, last=last), **texts}
    library = Library("call", files, 0, 0, 10_000_000, ())
    return firmware.build(CORES[core], library, optimisation, labels=False)


def run(built: Firmware, calls: Sequence[Call]) -> list[list[bytes]]:
    """Return the outputs, and scratch memory, of each call; every other one is at the other end."""
    inputs = [call.encoded(number % 2 == 0) for number, call in enumerate(calls)]
    raw = np.frombuffer(b"".join(inputs), np.uint8).reshape(len(calls), CALL)
    results = emulator.answers(built, raw)
    return [call.outputs(one) for call, one in zip(calls, results, strict=True)]
