/* ADD and SUB; the meaning is defined in add.py. */
#include "kernel.h"

#include "broadcast.h"
#include "fixed_point.h"

typedef struct {
    int32_t headroom, a_zero_point, a_multiplier, a_shift, b_zero_point, b_multiplier, b_shift;
    int32_t sign, multiplier, shift, zero_point, lowest, highest;
} Rescaled;

static inline int32_t rescaled(Rescaled own, int32_t a, int32_t b)
{
    const int32_t one = (int32_t)1 << own.headroom;
    a = ek_rescale_twice((a - own.a_zero_point) * one, own.a_multiplier, own.a_shift);
    b = ek_rescale_twice((b - own.b_zero_point) * one, own.b_multiplier, own.b_shift);
    const int32_t total = ek_rescale_twice(a + own.sign * b, own.multiplier, own.shift);
    return ek_clamp(total + own.zero_point, own.lowest, own.highest);
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
    int32_t bias, a_multiplier, b_multiplier, shift, zero_point, lowest, highest;
} Single;

static inline int8_t single(Single own, int8_t a, int8_t b)
{
    const int32_t total = own.bias + a * own.a_multiplier + b * own.b_multiplier;
    return (int8_t)ek_clamp((total >> own.shift) + own.zero_point, own.lowest, own.highest);
}

typedef struct {
    int32_t a_shift, b_shift, sign, lowest, highest;
} Shifted;

static inline int16_t shifted(Shifted own, int16_t a, int16_t b)
{
    const int32_t first = ek_rounding_shift(a, own.a_shift);
    const int32_t second = ek_rounding_shift(b, own.b_shift);
    return (int16_t)ek_clamp(first + own.sign * second, own.lowest, own.highest);
}

typedef struct {
    int32_t sign, lowest, highest;
} Whole;

static inline int32_t wrapped(Whole own, int32_t a, int32_t b)
{
    const uint32_t total = (uint32_t)a + (uint32_t)own.sign * (uint32_t)b;
    return ek_clamp((int32_t)total, own.lowest, own.highest);
}

typedef struct {
    int32_t sign;
    float lowest, highest;
} Real;

static inline float real(Real own, float a, float b)
{
    const float total = a + (float)own.sign * b;
    return total < own.lowest ? own.lowest : total > own.highest ? own.highest : total;
}

EK_ELEMENTWISE(EK(add_int8_twice), int8_t, Rescaled, rescaled_int8)
EK_ELEMENTWISE(EK(add_int16_twice), int16_t, Rescaled, rescaled_int16)
#ifndef EK_AVX2 /* gains nothing there, or is as fast as it need be */
EK_ELEMENTWISE(EK(add_int8_once), int8_t, Single, single)
EK_ELEMENTWISE(EK(add_int16_shifted_once), int16_t, Shifted, shifted)
EK_ELEMENTWISE(EK(add_int32), int32_t, Whole, wrapped)
EK_ELEMENTWISE(EK(add_float32), float, Real, real)
#endif
