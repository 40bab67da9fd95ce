/* FLOOR_DIV and FLOOR_MOD; the meaning is defined in floor_div.py. */
#define EK_SMALL
#include "kernel.h"

#include "broadcast.h"
#include "exponential.h"

typedef struct {
    int32_t remainder;
} FloorDiv;

static inline int64_t floor_whole(FloorDiv p, int64_t a, int64_t b)
{
    if (b == 0 || b == -1) /* unsigned, because the least number has no negative */
        return p.remainder || b == 0 ? 0 : (int64_t)(0 - (uint64_t)a);
    const int64_t left = a % b, down = left != 0 && (left < 0) != (b < 0);
    return p.remainder ? left + (down ? b : 0) : a / b - down;
}

static inline float float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t bits_of_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* The exact rest of a division of positive numbers by their bits, a finite and b not 0. */
static inline uint32_t rest_of_bits(uint32_t a, uint32_t b)
{
    if (a < b)
        return a;
    const uint32_t one = (uint32_t)1 << 23;
    uint32_t exponent = a >> 23, until = b >> 23;
    uint32_t rest = exponent ? (a & (one - 1)) | one : a;
    const uint32_t divisor = until ? (b & (one - 1)) | one : b;
    exponent += exponent == 0;
    until += until == 0;
    rest %= divisor;
    for (; exponent > until; exponent--)
        rest = (rest << 1) % divisor;
    for (; rest < one && until > 1; until--)
        rest <<= 1;
    return rest == 0 ? 0 : ((until - 1) << 23) + rest;
}

static inline float floor_float32(FloorDiv p, float a, float b)
{
    const uint32_t infinity = 0x7f800000, sign = 0x80000000u, nan = 0x7fc00000;
    const uint32_t a_bits = bits_of_float(a), b_bits = bits_of_float(b);
    if ((a_bits & ~sign) > infinity || (b_bits & ~sign) > infinity)
        return float_of_bits(nan);
    if (p.remainder) {
        if ((a_bits & ~sign) == infinity || (b_bits & ~sign) == 0)
            return float_of_bits(nan);
        const uint32_t rest = rest_of_bits(a_bits & ~sign, b_bits & ~sign);
        const float left = float_of_bits(rest | (a_bits & sign));
        return rest != 0 && ((a_bits ^ b_bits) & sign) ? left + b : left;
    }
    double quotient = (double)a / (double)b;
    (void)sizeof(ek_double_has_64_bits);
    if (quotient != quotient)
        return float_of_bits(nan);
    if (quotient != 0 && quotient > -4503599627370496.0 && quotient < 4503599627370496.0) {
        const double whole = (double)(int64_t)quotient;
        quotient = whole > quotient ? whole - 1 : whole;
    }
    return (float)quotient;
}

EK_ELEMENTWISE_SMALL(EK(floor_div_int8), int8_t, int8_t, FloorDiv, floor_whole)
EK_ELEMENTWISE_SMALL(EK(floor_div_int16), int16_t, int16_t, FloorDiv, floor_whole)
EK_ELEMENTWISE_SMALL(EK(floor_div_int32), int32_t, int32_t, FloorDiv, floor_whole)
EK_ELEMENTWISE_SMALL(EK(floor_div_int64), int64_t, int64_t, FloorDiv, floor_whole)
EK_ELEMENTWISE_SMALL(EK(floor_div_float32), float, float, FloorDiv, floor_float32)
