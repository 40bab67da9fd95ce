/* Exact functions of one number; the meaning is defined in unary.py. */
#define EK_ROLLED
#include "kernel.h"

#include "float_bits.h"
#include "unary.h"

static inline float negative_float32(float x)
{
    return -x;
}

static inline int16_t negative_int16(int16_t x)
{
    return (int16_t)-x;
}

static inline int32_t negative_int32(int32_t x)
{
    return (int32_t)(0 - (uint32_t)x);
}

static inline int64_t negative_int64(int64_t x)
{
    return (int64_t)(0 - (uint64_t)x);
}

EK_UNARY(EK(unary_neg_float32), float, negative_float32)
EK_UNARY(EK(unary_neg_int16), int16_t, negative_int16)
EK_UNARY(EK(unary_neg_int32), int32_t, negative_int32)
EK_UNARY(EK(unary_neg_int64), int64_t, negative_int64)

static inline float size_float32(float x)
{
    const int32_t bits = (int32_t)(ek_bits(x) & 0x7fffffffu);
    return ek_float(&bits);
}

static inline int32_t size_int32(int32_t x)
{
    return x < 0 ? negative_int32(x) : x;
}

EK_UNARY(EK(unary_abs_float32), float, size_float32)
EK_UNARY(EK(unary_abs_int32), int32_t, size_int32)

static inline float sign_float32(float x)
{
    return x > 0 ? 1.0f : x < 0 ? -1.0f : x == 0 ? 0.0f : x; /* NaN stays */
}

static inline int32_t sign_int32(int32_t x)
{
    return (x > 0) - (x < 0);
}

EK_UNARY(EK(unary_sign_float32), float, sign_float32)
EK_UNARY(EK(unary_sign_int32), int32_t, sign_int32)

static inline float square_float32(float x)
{
    return x * x;
}

EK_UNARY(EK(unary_square_float32), float, square_float32)

/* Below 2^23, from where on all floats are whole; not NaN. */
static inline int has_fraction(float x)
{
    return x > -8388608.0f && x < 8388608.0f;
}

static inline float with_sign(float size, float x)
{
    const int32_t bits = (int32_t)(ek_bits(size) | (ek_bits(x) & 0x80000000u));
    return ek_float(&bits);
}

static inline float floor_float32(float x)
{
    const float whole = (float)(int32_t)(has_fraction(x) ? x : 0.0f);
    return has_fraction(x) ? with_sign(whole - (whole > x ? 1.0f : 0.0f), x) : x;
}

static inline float ceil_float32(float x)
{
    const float whole = (float)(int32_t)(has_fraction(x) ? x : 0.0f);
    return has_fraction(x) ? with_sign(whole + (whole < x ? 1.0f : 0.0f), x) : x;
}

static inline float round_float32(float x)
{
    const float below = floor_float32(x), rest = x - below;
    const int32_t odd = (int32_t)(has_fraction(x) ? below : 0.0f) & 1;
    return rest < 0.5f || (rest == 0.5f && !odd) ? below : below + 1.0f;
}

EK_UNARY(EK(unary_floor_float32), float, floor_float32)
EK_UNARY(EK(unary_ceil_float32), float, ceil_float32)
EK_UNARY(EK(unary_round_float32), float, round_float32)

static inline uint8_t not_bool(uint8_t x)
{
    return x == 0;
}

EK_UNARY(EK(unary_logical_not_bool), uint8_t, not_bool)
