/* A product of float32 numbers added to a third and rounded once, as FMA instructions do it; where a
 * machine has none, the same bits without them. In NumPy fused.py. */
#ifndef EK_FUSED_H
#define EK_FUSED_H

#include <stdint.h>
#include <string.h>

#include "float_bits.h"

#if defined(__FP_FAST_FMAF) || defined(__FMA__) ||                                                 \
    (defined(__ARM_FEATURE_FMA) && defined(__ARM_FP) && !defined(__SOFTFP__)) ||                   \
    (defined(__riscv_flen) && defined(__GNUC__))
static inline float ek_fused(float a, float b, float c)
{
    return __builtin_fmaf(a, b, c);
}
#elif defined(__SSE2__) || defined(_M_X64)
/* The product is exact in double, and the error of the sum is known (Knuth's TwoSum). A sum that is
 * not exact gets an odd last bit, so that it lies at no half of floats: then it is rounded to the
 * float to which the exact one would be (Boldo and Melquiond). */
static inline float ek_fused(float a, float b, float c)
{
    const double product = (double)a * b;
    double sum = product + c;
    const double part = sum - product, error = (product - (sum - part)) + (c - part);
    uint64_t bits;
    memcpy(&bits, &sum, sizeof bits);
    if ((error > 0 || error < 0) && !(bits & 1)) {
        bits += (error > 0) == (sum > 0) ? 1 : UINT64_MAX;
        memcpy(&sum, &bits, sizeof bits);
    }
    return (float)sum;
}
#else
/* The significand of a finite number, whose last bit counts 2^(exponent - 150). */
static inline uint32_t ek_significand(uint32_t bits, int32_t *exponent)
{
    const uint32_t fraction = bits & 0x7fffff;
    *exponent = (int32_t)(bits >> 23 & 0xff);
    if (*exponent)
        return fraction | 0x800000;
    *exponent = 1;
    return fraction;
}

/* Bits shifted to the right, of 0 by anything; the last one says whether any that was lost was set. */
static inline uint64_t ek_jammed(uint64_t value, int32_t shift)
{
    if (!value || shift > 63)
        return value != 0;
    const uint64_t kept = value >> shift;
    return kept | (kept << shift != value);
}

/* Whether the bits are those of an infinity, 1, or NaN, 2. */
static inline int32_t ek_special(uint32_t bits)
{
    const uint32_t size = bits & 0x7fffffff;
    return (size >= 0x7f800000) + (size > 0x7f800000);
}

/* The same where one of the numbers is not finite: x, y and z are their bits. */
static inline uint32_t ek_fused_special(uint32_t x, uint32_t y, uint32_t z)
{
    const uint32_t nan = 0x7fc00000, sign = (x ^ y) & 0x80000000;
    const int32_t infinite = ek_special(x) | ek_special(y);
    if (infinite > 1 || ek_special(z) > 1 || (infinite && (!(x << 1) || !(y << 1))))
        return nan;
    if (!infinite)
        return z;
    return ek_special(z) && (z & 0x80000000) != sign ? nan : sign | 0x7f800000;
}

/* In integers. The product has 62 bits, the addend as many, and bits that are lost on the way to the
 * common exponent lie so far below the rounding that one bit stands for all. */
static inline float ek_fused(float a, float b, float c)
{
    const uint32_t x = ek_bits(a), y = ek_bits(b), z = ek_bits(c);
    int32_t x_exponent, y_exponent, z_exponent;
    uint32_t sign = (x ^ y) & 0x80000000;
    if (ek_special(x) | ek_special(y) | ek_special(z)) {
        const int32_t special = (int32_t)ek_fused_special(x, y, z);
        return ek_float(&special);
    }
    const uint32_t x_part = ek_significand(x, &x_exponent), y_part = ek_significand(y, &y_exponent);
    const uint32_t z_part = ek_significand(z, &z_exponent);
    uint64_t sum = (uint64_t)x_part * y_part << 14, other = (uint64_t)z_part << 38;
    /* The last bit of the sum counts 2^exponent. */
    int32_t exponent = x_exponent + y_exponent - 314;
    const int32_t shift = exponent - (z_exponent - 188);
    if (!sum || (other && shift < 0)) {
        sum = ek_jammed(sum, -shift);
        exponent = z_exponent - 188;
    } else {
        other = ek_jammed(other, shift);
    }
    if (!((sign ^ z) & 0x80000000)) {
        sum += other;
    } else if (sum >= other) {
        sum -= other;
        sign = sum ? sign : 0;
    } else {
        sum = other - sum;
        sign = z & 0x80000000;
    }
    for (; sum && !(sum >> 62); exponent--)
        sum <<= 1;
    /* Of 63 bits 24 stay, or fewer where these would count less than 2^-149. */
    const int32_t lost = exponent + 39 < -149 ? -149 - exponent : 39;
    const uint64_t last = ek_jammed(sum, lost - 2); /* two bits more, by which it is rounded */
    const uint32_t quarters = (uint32_t)last;
    const uint32_t nearest = (quarters + 1 + (quarters >> 2 & 1)) >> 2;
    uint32_t bits = ((uint32_t)(exponent + lost + 149) << 23) + nearest;
    if (exponent + lost > 104 || bits > 0x7f800000)
        bits = 0x7f800000;
    bits = (sum ? bits : 0) | sign;
    const int32_t result = (int32_t)bits;
    return ek_float(&result);
}
#endif

#endif
