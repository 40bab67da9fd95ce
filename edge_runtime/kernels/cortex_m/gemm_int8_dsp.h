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

/* Makes b's total of t: what it was before, and B. */
#define EK_DSP_B(t, a, before)                                                                     \
    "sub " t ", " a "\n\t"                                                                         \
    "add " t ", " before ", " t ", asr #8\n\t"

/* In a loop's body: hides from compilers what a variable is in the next round, so that -O2 and -O3
 * neither unroll nor peel a loop that accounts for a hundredth of the time. */
#define EK_DSP_ROLLED(end) __asm__("" : "+r"(end))

/* Converts totals to outputs; returns the address of the next output. Not inline, because the
 * kernels have no registers left. The shifts are those of packing/finish_dsp.h. */
__attribute__((noinline)) static int8_t *ek_dsp_finish(const int32_t *params, void *const *tensors,
                                                       int32_t first, int32_t count,
                                                       const int32_t *totals, int8_t *output)
{
    const FullyConnectedInt8 *const layer = (const FullyConnectedInt8 *)params;
    const int32_t zero_point = layer->output_zero_point;
    const int32_t lowest = layer->lowest, highest = layer->highest;
    const int32_t *multiplier = (const int32_t *)tensors[3] + first;
    const int8_t *const shifts = (const int8_t *)tensors[4], *shift = shifts + 1 + first;
    int8_t *end = output + count;
    if (shifts[0]) {
        /* floor((x * multiplier + 2^(32 + shift)) / 2^(33 + shift)) + zero_point, of which SMMLA
         * divides by 2^32. */
        const int32_t half = 2 * zero_point + 1;
        do {
            int32_t x = *totals++, rounding;
            __asm__("lsl %1, %3, %4\n\t"
                    "smmla %0, %0, %2, %1\n\t"
                    "asr %0, %4\n\t"
                    "ssat %0, #8, %0, asr #1"
                    : "+r"(x), "=&r"(rounding)
                    : "r"(*multiplier++), "r"(half), "r"((int32_t)*shift++));
            *output++ = (int8_t)x;
            EK_DSP_ROLLED(end);
        } while (output < end);
        return output;
    }
    do {
        const uint32_t scaled = (uint32_t)ek_rescale_once(*totals++, *multiplier++, *shift++);
        *output++ = (int8_t)ek_clamp((int32_t)(scaled + (uint32_t)zero_point), lowest, highest);
        EK_DSP_ROLLED(end);
    } while (output < end);
    return output;
}

#endif
