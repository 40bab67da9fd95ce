/* gemmlowp's arithmetic of 32 bits; the meaning is defined in gemmlowp32.py, in functions of the same
 * names. A number with i integer bits is raw * 2^(i - 31). */
#ifndef EK_GEMMLOWP32_H
#define EK_GEMMLOWP32_H

#include <stdint.h>

#include "fixed_point.h"

/* The product, whose integer bits are those of both. */
static inline int32_t ek_product32(int32_t a, int32_t b)
{
    return ek_rescale_twice(a, b, 0);
}

static inline int32_t ek_saturated32(int64_t value)
{
    return value < INT32_MIN ? INT32_MIN : value > INT32_MAX ? INT32_MAX : (int32_t)value;
}

/* 1 / (1 + x) without integer bits, for x in [0, 1): Newton's method in 2 integer bits. */
static inline int32_t ek_reciprocal32(int32_t x)
{
    const int32_t half = (int32_t)(((int64_t)x + ((int64_t)1 << 31)) >> 1);
    int32_t guess = 1515870810 + ek_product32(half, -1010580540); /* 48/17 - 32/17 * half */
    for (int i = 0; i < 3; i++) {
        const int32_t rest = ((int32_t)1 << 29) - ek_product32(half, guess);
        guess += ek_saturated32((int64_t)ek_product32(guess, rest) * 4);
    }
    return ek_saturated32((int64_t)guess * 2);
}

#endif
