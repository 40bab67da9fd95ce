/* Multipliers and shifts as cortex_m/rescale_dsp.h reads them: a factor and a power of two. */
#ifndef EK_PACKING_RESCALE_DSP_H
#define EK_PACKING_RESCALE_DSP_H

#include <stdint.h>

/* Whether both are int32: multipliers are those of factors below 1/4, normalised, or 0. */
static inline int ek_dsp_can_rescale(const int32_t *multiplier, const int32_t *shift, int32_t count)
{
    for (int32_t o = 0; o < count; o++)
        if (multiplier[o] && (multiplier[o] < 1 << 30 || shift[o] < -31 || shift[o] > -2))
            return 0;
    return 1;
}

/* Of a multiplier of 0 both are 0, and so is what a sum becomes. */
static inline int32_t ek_dsp_factor(int32_t multiplier)
{
    const int64_t factor = 2 * (int64_t)multiplier - ((int64_t)1 << 32);
    return multiplier ? (int32_t)factor : 0;
}

static inline int32_t ek_dsp_power(int32_t multiplier, int32_t shift)
{
    return multiplier ? (int32_t)1 << (32 + shift) : 0;
}

/* Whether halves of sums up to "most", of either sign, go away from zero, and no others, with a power
 * that is 1 more. Of y that adds y / 2^32, which must be less than 1 / 2^right, what halves are apart
 * from others. It is where the output, y / 2^right, is in reach of int8, if right is 11 or less. */
static inline int ek_dsp_can_raise(int32_t shift, int64_t most)
{
    return shift >= -11 || most < (int64_t)1 << (32 + shift);
}

#endif
