/* ADD and SUB; the meaning is defined in add.py. */
#define EK_ROLLED
#include "kernel.h"

#include "activation.h"
#include "add.h"
#include "broadcast.h"
#include "fixed_point.h"

static inline int32_t rescaled(AddRescaled p, int32_t a, int32_t b)
{
    const int32_t unit = (int32_t)1 << p.headroom;
    a = ek_rescale_twice((a - p.a_zero_point) * unit, p.a_multiplier, p.a_shift);
    b = ek_rescale_twice((b - p.b_zero_point) * unit, p.b_multiplier, p.b_shift);
    const int32_t total = ek_rescale_twice(a + p.sign * b, p.multiplier, p.shift);
    return ek_clamp(total + p.zero_point, p.lowest, p.highest);
}

typedef struct {
    int32_t bias, a_multiplier, b_multiplier, shift, zero_point, lowest, highest;
} Once;

static inline int32_t rescaled_once(Once p, int32_t a, int32_t b)
{
    const int32_t total = p.bias + a * p.a_multiplier + b * p.b_multiplier;
    return ek_clamp((total >> p.shift) + p.zero_point, p.lowest, p.highest);
}

typedef struct {
    int32_t a_shift, b_shift, sign, lowest, highest;
} Shifted;

static inline int32_t shifted(Shifted p, int32_t a, int32_t b)
{
    const int32_t first = ek_rounding_shift(a, p.a_shift);
    const int32_t second = ek_rounding_shift(b, p.b_shift);
    return ek_clamp(first + p.sign * second, p.lowest, p.highest);
}

typedef struct {
    int32_t sign, lowest, highest;
} Int32;

static inline int32_t sum_int32(Int32 p, int32_t a, int32_t b)
{
    const uint32_t total = (uint32_t)a + (uint32_t)p.sign * (uint32_t)b;
    return ek_clamp((int32_t)total, p.lowest, p.highest);
}

static inline int64_t sum_int64(Int32 p, int64_t a, int64_t b)
{
    const uint64_t total = (uint64_t)a + (uint64_t)(int64_t)p.sign * (uint64_t)b;
    return ek_clamp_int64((int64_t)total, p.lowest, p.highest);
}

typedef struct {
    int32_t sign;
    float lowest, highest;
} Float32;

static inline float sum_float32(Float32 p, float a, float b)
{
    return ek_clamp_float32(a + (float)p.sign * b, p.lowest, p.highest);
}

EK_ELEMENTWISE(EK(add_int8_twice), int8_t, int8_t, AddRescaled, rescaled)
EK_ELEMENTWISE(EK(add_uint8_twice), uint8_t, uint8_t, AddRescaled, rescaled)
EK_ELEMENTWISE(EK(add_int16_twice), int16_t, int16_t, AddRescaled, rescaled)
EK_ELEMENTWISE(EK(add_int8_once), int8_t, int8_t, Once, rescaled_once)
EK_ELEMENTWISE(EK(add_uint8_once), uint8_t, uint8_t, Once, rescaled_once)
EK_ELEMENTWISE(EK(add_int16_shifted_once), int16_t, int16_t, Shifted, shifted)
EK_ELEMENTWISE(EK(add_int32), int32_t, int32_t, Int32, sum_int32)
EK_ELEMENTWISE(EK(add_int64), int64_t, int64_t, Int32, sum_int64)
EK_ELEMENTWISE(EK(add_float32), float, float, Float32, sum_float32)
