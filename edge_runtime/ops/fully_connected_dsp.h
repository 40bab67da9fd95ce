/* FULLY_CONNECTED of int8 on Cortex-M cores with the DSP extension: what its two forms share.
 *
 * Their weights are packed by convert/packing.py: a halfword P = 256 * b + a holds the weights of
 * two outputs for one depth, a word those of the depths k and k + 2. SMLAD by such words sums up
 * T = 256 * B + A, by the words' low bytes, sign-extended, A alone; then B = (T - A) / 256, exact
 * whatever T has wrapped to, as long as B fits into 24 bits. That is three instructions for four
 * multiply-accumulates. The packer knows for how many words of depth B fits, whatever the input:
 * the parameter chunk. */
#ifndef EK_FULLY_CONNECTED_DSP_H
#define EK_FULLY_CONNECTED_DSP_H

#include <stdint.h>

#include "fixed_point.h"

/* t += x * P and a += x * low bytes; the word is lost. */
#define EK_DSP_MAC(t, a, x, word)                                                                  \
    "smlad " t ", " x ", " word ", " t "\n\t"                                                      \
    "sxtb16 " word ", " word "\n\t"                                                                \
    "smlad " a ", " x ", " word ", " a "\n\t"

/* Adds A and B of the sums t and a to two totals. */
#define EK_DSP_ADD(total_a, total_b, t, a)                                                         \
    "add " total_a ", " a "\n\t"                                                                   \
    "sub " t ", " a "\n\t"                                                                         \
    "add " total_b ", " total_b ", " t ", asr #8\n\t"

/* A word of the fewer than 4 inputs that are left, the others as in fill. */
static inline uint32_t ek_dsp_rest(const int8_t *input, int32_t count, uint32_t fill)
{
    while (count-- > 0)
        fill = fill << 8 | (uint8_t)input[count];
    return fill;
}

/* Makes outputs of totals. Not inline: the kernels have no registers left for it. */
__attribute__((noinline)) static void ek_dsp_finish(const int32_t *params, const int32_t *totals,
                                                    const int32_t *multiplier,
                                                    const int32_t *shift, int32_t count,
                                                    int8_t *output)
{
    const int32_t zero_point = params[3], lowest = params[4], highest = params[5];
    for (int32_t i = 0; i < count; i++) {
        const uint32_t scaled = (uint32_t)ek_rescale(totals[i], multiplier[i], shift[i]);
        output[i] = (int8_t)ek_clamp((int32_t)(scaled + (uint32_t)zero_point), lowest, highest);
    }
}

#endif
