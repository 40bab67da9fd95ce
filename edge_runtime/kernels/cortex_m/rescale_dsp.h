/* Sums of int8 layers as outputs, on Cortex-M cores with the DSP extension: ek_rescale_twice in two
 * multiplications, for the numbers that packing/rescale_dsp.h writes.
 *
 * SMMLAR(x, m, a) = a + floor((x * m + 2^31) / 2^32). With f = 2 * multiplier - 2^32, which an
 * int32 holds, SMMLAR(x, f, x) = floor((x * multiplier + 2^30) / 2^31), the first rounding. With
 * p = 2^(32 - right), SMMLAR(y, p, z) = z + y / 2^right, halves up, the second one for y >= 0.
 * Halves of y < 0 go down, as if y were less by 1. */
#ifndef EK_RESCALE_DSP_H
#define EK_RESCALE_DSP_H

#include <stdint.h>

/* In assembly: x becomes the output, clamped to int8. */
#define EK_DSP_OUTPUT(x, factor, power, zero_point)                                                \
    "smmlar " x ", " x ", " factor ", " x "\n\t"                                                   \
    "add " x ", " x ", " x ", asr #31\n\t"                                                         \
    "smmlar " x ", " x ", " power ", " zero_point "\n\t"                                           \
    "ssat " x ", #8, " x "\n\t"

#endif
