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
    return multiplier ? (int32_t)((uint32_t)1 << (32 + shift)) : 0;
}

#endif
