/* Fixed-point arithmetic that kernels share. */
#ifndef EK_FIXED_POINT_H
#define EK_FIXED_POINT_H

#include <stdint.h>

/* total * multiplier * 2^(shift - 31), rounded once, halves up: MultiplyByQuantizedMultiplier of
 * TFLite with TFLITE_SINGLE_ROUNDING. The shift is in [-31, 30]; what leaves int32 wraps. */
static inline int32_t ek_rescale(int32_t total, int32_t multiplier, int32_t shift)
{
    const int right = 31 - shift;
    const int64_t product = (int64_t)total * multiplier + ((int64_t)1 << (right - 1));
    return (int32_t)(uint32_t)(uint64_t)(product >> right);
}

static inline int32_t ek_clamp(int32_t value, int32_t lowest, int32_t highest)
{
    return value < lowest ? lowest : value > highest ? highest : value;
}

#endif
