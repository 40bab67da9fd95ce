/* MUL; the meaning is defined in mul.py. */
#define EK_ROLLED
#include "kernel.h"

#include "activation.h"
#include "broadcast.h"
#include "fixed_point.h"
#include "float_bits.h"
#include "mul.h"

static inline int32_t rescaled(MulRescaled p, int32_t a, int32_t b)
{
    const int32_t product = (a - p.a_zero_point) * (b - p.b_zero_point);
    const int32_t scaled = ek_rescale_twice(product, p.multiplier, p.shift);
    /* Unsigned, because a large factor may wrap. */
    const uint32_t moved = (uint32_t)scaled + (uint32_t)p.zero_point;
    return ek_clamp((int32_t)moved, p.lowest, p.highest);
}

typedef struct {
    int32_t a_zero_point, b_zero_point;
    float factor;
    int32_t zero_point, lowest, highest;
} Float;

static inline int32_t rescaled_float(Float p, int32_t a, int32_t b)
{
    const float low = (float)(p.lowest - p.zero_point);
    const float high = (float)(p.highest - p.zero_point);
    const int32_t product = (a - p.a_zero_point) * (b - p.b_zero_point);
    const float scaled = ek_clamp_float32((float)product * p.factor, low, high);
    return ek_nearest_even(scaled) + p.zero_point;
}

typedef struct {
    int32_t lowest, highest;
} Int32;

static inline int32_t product_int32(Int32 p, int32_t a, int32_t b)
{
    return ek_clamp((int32_t)((uint32_t)a * (uint32_t)b), p.lowest, p.highest);
}

static inline int64_t product_int64(Int32 p, int64_t a, int64_t b)
{
    return ek_clamp_int64((int64_t)((uint64_t)a * (uint64_t)b), p.lowest, p.highest);
}

typedef struct {
    float lowest, highest;
} Float32;

static inline float product_float32(Float32 p, float a, float b)
{
    return ek_clamp_float32(a * b, p.lowest, p.highest);
}

EK_ELEMENTWISE(EK(mul_int8_twice), int8_t, int8_t, MulRescaled, rescaled)
EK_ELEMENTWISE(EK(mul_uint8_twice), uint8_t, uint8_t, MulRescaled, rescaled)
EK_ELEMENTWISE(EK(mul_int16_twice), int16_t, int16_t, MulRescaled, rescaled)
EK_ELEMENTWISE(EK(mul_int8_float), int8_t, int8_t, Float, rescaled_float)
EK_ELEMENTWISE(EK(mul_uint8_float), uint8_t, uint8_t, Float, rescaled_float)
EK_ELEMENTWISE(EK(mul_int32), int32_t, int32_t, Int32, product_int32)
EK_ELEMENTWISE(EK(mul_int64), int64_t, int64_t, Int32, product_int64)
EK_ELEMENTWISE(EK(mul_float32), float, float, Float32, product_float32)
