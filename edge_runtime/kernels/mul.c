/* MUL; the meaning is defined in mul.py. */
#include "kernel.h"

#include "broadcast.h"
#include "fixed_point.h"

typedef struct {
    int32_t a_zero_point, b_zero_point, multiplier, shift, zero_point, lowest, highest;
} Rescaled;

static inline int32_t rescaled(Rescaled own, int32_t a, int32_t b)
{
    const int32_t product = (a - own.a_zero_point) * (b - own.b_zero_point);
    const int32_t scaled = ek_rescale_twice(product, own.multiplier, own.shift);
    /* Unsigned, because a large factor may wrap. */
    const uint32_t moved = (uint32_t)scaled + (uint32_t)own.zero_point;
    return ek_clamp((int32_t)moved, own.lowest, own.highest);
}

static inline int8_t rescaled_int8(Rescaled own, int8_t a, int8_t b)
{
    return (int8_t)rescaled(own, a, b);
}

static inline int16_t rescaled_int16(Rescaled own, int16_t a, int16_t b)
{
    return (int16_t)rescaled(own, a, b);
}

typedef struct {
    int32_t a_zero_point, b_zero_point;
    float factor;
    int32_t zero_point, lowest, highest;
} Single;

static inline int8_t single(Single own, int8_t a, int8_t b)
{
    const float low = (float)(own.lowest - own.zero_point);
    const float high = (float)(own.highest - own.zero_point);
    const int32_t product = (a - own.a_zero_point) * (b - own.b_zero_point);
    float scaled = (float)product * own.factor;
    scaled = scaled < low ? low : scaled > high ? high : scaled;
    /* 1.5 * 2^23, at which a float has no fraction: the sum is rounded, halves to even. */
    scaled += 12582912.0f;
    int32_t bits;
    memcpy(&bits, &scaled, sizeof bits);
    return (int8_t)(bits - 0x4b400000 + own.zero_point);
}

typedef struct {
    int32_t lowest, highest;
} Whole;

static inline int32_t wrapped(Whole own, int32_t a, int32_t b)
{
    return ek_clamp((int32_t)((uint32_t)a * (uint32_t)b), own.lowest, own.highest);
}

typedef struct {
    float lowest, highest;
} Real;

static inline float real(Real own, float a, float b)
{
    const float product = a * b;
    return product < own.lowest ? own.lowest : product > own.highest ? own.highest : product;
}

EK_ELEMENTWISE(EK(mul_int8_twice), int8_t, Rescaled, rescaled_int8)
EK_ELEMENTWISE(EK(mul_int16_twice), int16_t, Rescaled, rescaled_int16)
#ifndef EK_AVX2 /* gains nothing there, or is as fast as it need be */
EK_ELEMENTWISE(EK(mul_int8_float), int8_t, Single, single)
EK_ELEMENTWISE(EK(mul_int32), int32_t, Whole, wrapped)
EK_ELEMENTWISE(EK(mul_float32), float, Real, real)
#endif
