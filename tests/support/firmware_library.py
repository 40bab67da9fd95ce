"""C libraries written by hand for tests of firmware, whose outputs are easy to calculate."""

from edgekit.benchmarks.mcu.firmware import Library

HEADER = """\
#ifndef TINY_H
#define TINY_H
#include <stdint.h>
typedef int8_t tiny_input_t;
typedef int8_t tiny_output_t;
#define TINY_INPUT_SIZE 16
#define TINY_OUTPUT_SIZE 2
int tiny_run(const tiny_input_t input[TINY_INPUT_SIZE], tiny_output_t output[TINY_OUTPUT_SIZE]);
#endif
"""

DENSE = """\
#include "tiny.h"

#ifndef EK_STEP
#define EK_STEP(index)
#endif

static const int8_t hidden_weights[8][16] = {
    {1, -2, 3, -4, 5, -6, 7, -8, 9, -10, 11, -12, 13, -14, 15, -16}, {1}, {0, 1}, {0, 0, -1},
    {2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2}, {-5, 5}, {0}, {3, 0, 0, 3},
};
static const int8_t output_weights[2][8] = {{1, 2, 3, 4, 5, 6, 7, 8}, {-1, 1, -1, 1, -1, 1, -1, 1}};

/* Not inlined, as a kernel of some length is not. Negative inputs count as 0: those at the end are
 * left out, so that what runs depends on the input, and others are a condition in the loop. */
__attribute__((noinline)) static void dense(const int8_t *input, const int8_t *weights,
                                            int8_t *output, int32_t depth, int32_t outputs)
{
    int32_t used = depth;
    while (used > 0 && input[used - 1] <= 0)
        used--;
    for (int32_t o = 0; o < outputs; o++) {
        int32_t sum = 0;
        for (int32_t i = 0; i < used; i++)
            if (input[i] > 0)
                sum += input[i] * weights[o * depth + i];
        sum >>= 4;
        output[o] = (int8_t)(sum < -128 ? -128 : sum > 127 ? 127 : sum);
    }
}

int tiny_run(const int8_t input[16], int8_t output[2])
{
    static int8_t hidden[8];
    EK_STEP(0)
    dense(input, hidden_weights[0], hidden, 16, 8);
    EK_STEP(1)
    dense(hidden, output_weights[0], output, 8, 2);
    EK_STEP(2)
    return 0;
}
"""

HIDDEN_WEIGHTS = [
    [1, -2, 3, -4, 5, -6, 7, -8, 9, -10, 11, -12, 13, -14, 15, -16],
    [1] + [0] * 15,
    [0, 1] + [0] * 14,
    [0, 0, -1] + [0] * 13,
    [2] * 16,
    [-5, 5] + [0] * 14,
    [0] * 16,
    [3, 0, 0, 3] + [0] * 12,
]
OUTPUT_WEIGHTS = [[1, 2, 3, 4, 5, 6, 7, 8], [-1, 1, -1, 1, -1, 1, -1, 1]]


def library(source: str = DENSE, *, macs: int = 144) -> Library:
    """Return a library whose C file is ``source``."""
    return Library(
        name="tiny",
        files={"tiny.h": HEADER, "tiny.c": source},
        arena=8,
        weights=144,
        macs=macs,
        ops=("FULLY_CONNECTED", "FULLY_CONNECTED"),
    )


def doing(body: str, before: str = "") -> Library:
    """Return a library that does ``body`` when the first input is 3; the outputs stay 0."""
    return library(
        f'#include "tiny.h"\n{before}\n'
        "int tiny_run(const int8_t input[16], int8_t output[2])\n"
        f"{{\n    (void)output;\n    if (input[0] == 3) {{ {body} }}\n    return 0;\n}}\n",
        macs=0,
    )
