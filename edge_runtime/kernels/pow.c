/* POW; the meaning is defined in pow.py. */
#define EK_SMALL
#include "kernel.h"

#include "broadcast.h"
#include "exponential.h"
#include "logarithm.h"

static inline int32_t power_int32(Elements p, int32_t a, int32_t b)
{
    (void)p;
    if (b < 0)
        return a == 1 ? 1 : a == -1 ? 1 - 2 * (b & 1) : 0;
    uint32_t power = 1, square = (uint32_t)a;
    for (; b; b >>= 1, square *= square)
        if (b & 1)
            power *= square;
    return (int32_t)power;
}

static inline float special_float32(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline float power_float32(Elements p, float a, float b)
{
    (void)p;
    const uint32_t infinity = 0x7f800000, nan = 0x7fc00000;
    uint32_t a_bits, b_bits;
    memcpy(&a_bits, &a, sizeof a_bits);
    memcpy(&b_bits, &b, sizeof b_bits);
    const uint32_t a_size = a_bits & 0x7fffffff, b_size = b_bits & 0x7fffffff;
    if (b_size == 0 || a == 1)
        return 1;
    if (a_size > infinity || b_size > infinity)
        return special_float32(nan);
    /* From 2^24 on all floats are even whole numbers, and these may leave int32. */
    const int whole = b_size >= 0x4b800000 || (float)(int32_t)b == b;
    const int odd = b_size < 0x4b800000 && whole && ((int32_t)b & 1);
    if (a < 0 && a_size < infinity && !whole)
        return special_float32(nan);
    const float size = special_float32(a_size);
    float power;
    if (a_size != 0 && a_size < infinity && b_size < infinity)
        power = (float)ek_exp((double)b * ek_log((double)size));
    else if (size == 1)
        power = 1;
    else
        power = special_float32((size > 1) == (b > 0) ? infinity : 0);
    return (a_bits >> 31) && odd ? -power : power;
}

EK_ELEMENTWISE_SMALL(EK(pow_int32), int32_t, int32_t, Elements, power_int32)
EK_ELEMENTWISE_SMALL(EK(pow_float32), float, float, Elements, power_float32)
