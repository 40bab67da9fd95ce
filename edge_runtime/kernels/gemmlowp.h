/* tanh and the logistic function in gemmlowp's 16-bit fixed-point arithmetic, and the reciprocal in
 * 32 bits; the meaning is defined in gemmlowp.py, in functions of the same names. */
#ifndef EK_GEMMLOWP_H
#define EK_GEMMLOWP_H

#include <stdint.h>

#include "fixed_point.h"

static inline int32_t ek_clamp16(int32_t raw)
{
    return ek_clamp(raw, INT16_MIN, INT16_MAX);
}

static inline int32_t ek_product16(int32_t a, int32_t b)
{
    return ek_clamp16((a * b + (1 << 14)) >> 15);
}

static inline int32_t ek_halved(int32_t raw, int32_t times)
{
    const int32_t mask = (1 << times) - 1;
    return (raw >> times) + ((raw & mask) > (mask >> 1) + (raw < 0));
}

/* e^x without integer bits, for -2^integer_bits <= x <= 0. */
static inline int32_t ek_exp_of_negative16(int32_t raw, int32_t integer_bits)
{
    /* e^-1/4, e^-1/2, e^-1, e^-2, e^-4, e^-8, ... */
    static const int32_t FACTORS[] = {25520, 19875, 12055, 4435, 600, 11, 0, 0, 0};
    const int32_t fraction = 15 - integer_bits, quarter = 1 << (fraction - 2);
    const int32_t part = (raw & (quarter - 1)) - quarter;
    const int32_t x = ek_clamp16(part * (1 << integer_bits)) + (1 << 12);
    const int32_t x2 = ek_product16(x, x);
    const int32_t x3 = ek_product16(x2, x), x4 = ek_product16(x2, x2);
    const int32_t series = ek_halved(ek_product16(ek_halved(x4, 2) + x3, 10923) + x2, 1);
    int32_t result = ek_clamp16(28918 + ek_product16(28918, x + series));
    const int32_t rest = part - raw;
    for (int32_t i = 0; i < integer_bits + 2; i++)
        if (rest >> (fraction - 2 + i) & 1)
            result = ek_product16(result, FACTORS[i]);
    return raw ? result : INT16_MAX;
}

/* 2 / (1 + x) with 2 integer bits, for x in [0, 1) without integer bits. */
static inline int32_t ek_over_one_plus16(int32_t raw)
{
    const int32_t half = (raw + ((int32_t)1 << 15)) >> 1;
    int32_t x = 23130 + ek_product16(half, -15420);
    for (int i = 0; i < 3; i++)
        x += ek_clamp16(ek_product16(x, (1 << 13) - ek_product16(half, x)) * 4);
    return x;
}

static inline int32_t ek_logistic16(int32_t raw, int32_t integer_bits)
{
    const int32_t x = ek_over_one_plus16(ek_exp_of_negative16(raw > 0 ? -raw : raw, integer_bits));
    const int32_t above = ek_clamp16(x * 2);
    return raw > 0 ? above : raw ? INT16_MAX - above : 1 << 14;
}

static inline int32_t ek_tanh16(int32_t raw, int32_t integer_bits)
{
    /* One integer bit more is twice the number. */
    const int32_t x =
        ek_over_one_plus16(ek_exp_of_negative16(raw > 0 ? -raw : raw, integer_bits + 1));
    const int32_t above = ek_clamp16((x - (1 << 13)) * 4);
    return raw > 0 ? above : raw ? -above : 0;
}

/* A product of numbers with 31 fractional bits. */
static inline int32_t ek_product(int32_t a, int32_t b)
{
    return ek_rescale_twice(a, b, 0);
}

static inline int32_t ek_saturated(int64_t value)
{
    return value < INT32_MIN ? INT32_MIN : value > INT32_MAX ? INT32_MAX : (int32_t)value;
}

/* 1 / (1 + x) with 31 fractional bits, for x from 0 to 1: Newton's method in 29 bits. */
static inline int32_t ek_reciprocal(int32_t x)
{
    const int32_t half = (int32_t)(((int64_t)x + ((int64_t)1 << 31)) >> 1);
    int32_t guess = 1515870810 + ek_product(half, -1010580540); /* 48/17 - 32/17 * half */
    for (int i = 0; i < 3; i++) {
        const int32_t rest = ((int32_t)1 << 29) - ek_product(half, guess);
        guess += ek_saturated((int64_t)ek_product(guess, rest) * 4);
    }
    return ek_saturated((int64_t)guess * 2);
}

#endif
