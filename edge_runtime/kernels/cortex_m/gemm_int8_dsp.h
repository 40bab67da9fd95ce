/* FULLY_CONNECTED of int8 on Cortex-M cores with the DSP extension: the common part of its two forms.
 *
 * Their weights are packed by packing/gemm_int8_dsp.c: a halfword P = 256 * b + a holds the weights
 * of two outputs for one depth, a word those of the depths k and k + 2. SMLAD with such words sums
 * T = 256 * B + A, and with their low bytes, sign-extended, A alone; then B = (T - A) / 256, exact
 * even if T has wrapped, as long as B fits into 24 bits. That is three instructions for four
 * multiply-accumulates. The packer calculates for how many words of depth B fits with any input:
 * the parameter chunk. */
#ifndef EK_FULLY_CONNECTED_DSP_H
#define EK_FULLY_CONNECTED_DSP_H

#include <stdint.h>

#include "fixed_point.h"
#include "fully_connected.h"

/* t += x * P and a += x * low bytes; overwrites the word. */
#define EK_DSP_MAC(t, a, x, word)                                                                  \
    "smlad " t ", " x ", " word ", " t "\n\t"                                                      \
    "sxtb16 " word ", " word "\n\t"                                                                \
    "smlad " a ", " x ", " word ", " a "\n\t"

/* Adds A and B of the sums t and a to two totals. */
#define EK_DSP_ADD(total_a, total_b, t, a)                                                         \
    "add " total_a ", " a "\n\t"                                                                   \
    "sub " t ", " a "\n\t"                                                                         \
    "add " total_b ", " total_b ", " t ", asr #8\n\t"

/* In a loop's body: hides the number of rounds from compilers, so that -O3 does not unroll a loop
 * that accounts for a hundredth of the time. */
#define EK_DSP_ROLLED(end) __asm__("" : "+r"(end))

/* Converts totals to outputs; returns the address of the next output. Not inline, because the
 * kernels have no registers left. */
__attribute__((noinline)) static int8_t *ek_dsp_finish(const int32_t *params, void *const *tensors,
                                                       int32_t first, int32_t count,
                                                       const int32_t *totals, int8_t *output)
{
    const FullyConnectedInt8 *const layer = (const FullyConnectedInt8 *)params;
    const int32_t zero_point = layer->output_zero_point;
    const int32_t lowest = layer->lowest, highest = layer->highest;
    const int32_t *multiplier = (const int32_t *)tensors[3] + first;
    const int32_t *shift = (const int32_t *)tensors[4] + first;
    int8_t *end = output + count;
    do {
        const uint32_t scaled = (uint32_t)ek_rescale_once(*totals++, *multiplier++, *shift++);
        *output++ = (int8_t)ek_clamp((int32_t)(scaled + (uint32_t)zero_point), lowest, highest);
        EK_DSP_ROLLED(end);
    } while (output < end);
    return output;
}

#endif
