/* Fixed-point arithmetic that kernels share. */
#ifndef EK_FIXED_POINT_H
#define EK_FIXED_POINT_H

#include <stdint.h>

/* total * multiplier * 2^(shift - 31), rounded once, halves up: MultiplyByQuantizedMultiplier of
 * TFLite with TFLITE_SINGLE_ROUNDING. The shift is in [-31, 30]; what leaves int32 wraps. */
static inline int32_t ek_rescale(int32_t total, int32_t multiplier, int32_t shift)
{
    const int32_t right = 31 - shift;
#if UINTPTR_MAX > 0xffffffff
    const int64_t product = (int64_t)total * multiplier + ((int64_t)1 << (right - 1));
    return (int32_t)(uint32_t)(uint64_t)(product >> right);
#else
    /* The same without shifting 64 bits, which takes long here: half is twice the result. */
    const int64_t product = (int64_t)total * multiplier;
    const int32_t high = (int32_t)(product >> 32);
    if (right > 32) {
        const int32_t half = high >> (right - 33);
        return (half >> 1) + (half & 1);
    }
    const uint32_t half = (uint32_t)(uint64_t)product >> (right - 1);
    return (int32_t)(((uint32_t)high << (32 - right)) + (half >> 1) + (half & 1));
#endif
}

/* value / 2^right, halves away from zero: gemmlowp's RoundingDivideByPOT. right is in [0, 31]. */
static inline int32_t ek_rounding_shift(int32_t value, int32_t right)
{
    const int32_t mask = (int32_t)(((int64_t)1 << right) - 1);
    return (value >> right) + ((value & mask) > (mask >> 1) + (value < 0));
}

/* ek_rescale, rounded twice as gemmlowp and TFLite Micro do: halves up in the product's
 * high word (SaturatingRoundingDoublingHighMul), then in the shift (RoundingDivideByPOT). */
static inline int32_t ek_rescale_double(int32_t total, int32_t multiplier, int32_t shift)
{
    const int32_t left = shift > 0 ? shift : 0, right = shift > 0 ? 0 : -shift;
    const int32_t moved = (int32_t)((uint32_t)total << left);
    /* What the source does by a truncating division is this floor, for either sign. */
    const int32_t high = (int32_t)(((int64_t)moved * multiplier + ((int64_t)1 << 30)) >> 31);
    return ek_rounding_shift(high, right);
}

static inline int32_t ek_clamp(int32_t value, int32_t lowest, int32_t highest)
{
    return value < lowest ? lowest : value > highest ? highest : value;
}

#endif
