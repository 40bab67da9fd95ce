/* A product of float32 numbers added to a third and rounded once, as FMA instructions do it;
 * where a machine has none, the same bits without them. In NumPy fused.py. */
#ifndef EK_FUSED_H
#define EK_FUSED_H

#include <stdint.h>

#include "float_bits.h"

/* The product is exact in double, and the error of the sum is known (Knuth's TwoSum). A sum that is
 * not exact gets an odd last bit, so that it lies at no half of floats: then it is rounded to the
 * float to which the exact one would be (Boldo and Melquiond). */
static inline float ek_fused_in_doubles(float a, float b, float c)
{
    const double product = (double)a * b;
    double sum = product + c;
    const double part = sum - product, error = (product - (sum - part)) + (c - part);
    uint64_t bits = 0;
    EK_COPY(&bits, &sum, sizeof sum);
    if ((error > 0 || error < 0) && !(bits & 1)) {
        bits += (error > 0) == (sum > 0) ? 1 : UINT64_MAX;
        EK_COPY(&sum, &bits, sizeof sum);
    }
    return (float)sum;
}

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

/* 62 bits in words of 32, because small machines shift no others well. */
typedef struct {
    uint32_t high, low;
} EkWide;

/* Shifted to the right by 0 and more; the last bit says whether any that was lost was set. */
static inline EkWide ek_jammed(EkWide value, int32_t shift)
{
    uint32_t lost = 0;
    if (shift > 31) {
        lost = shift > 63 ? value.high | value.low : value.low;
        value.low = shift > 63 ? 0 : value.high;
        value.high = 0;
        shift = shift > 63 ? 0 : shift - 32;
    }
    if (shift) {
        lost |= value.low << (32 - shift);
        value.low = value.low >> shift | value.high << (32 - shift);
        value.high >>= shift;
    }
    value.low |= lost != 0;
    return value;
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

/* The product has 62 bits, the addend as many, and bits that are lost on the way to the common
 * exponent lie so far below the rounding that one bit stands for all. */
static inline float ek_fused_in_integers(float a, float b, float c)
{
    const uint32_t x = ek_bits(a), y = ek_bits(b), z = ek_bits(c), inf = 0x7f800000;
    int32_t x_exponent, y_exponent, z_exponent;
    uint32_t sign = (x ^ y) & 0x80000000, bits = 0;
    if ((x & inf) == inf || (y & inf) == inf || (z & inf) == inf) {
        const int32_t special = (int32_t)ek_fused_special(x, y, z);
        return ek_float(&special);
    }
    if (!(x << 1) || !(y << 1)) {
        const int32_t alone = (int32_t)(z << 1 || sign == (z & 0x80000000) ? z : 0);
        return ek_float(&alone);
    }
    const uint32_t x_part = ek_significand(x, &x_exponent), y_part = ek_significand(y, &y_exponent);
    const uint32_t z_part = ek_significand(z, &z_exponent);
    const uint64_t exact = (uint64_t)x_part * y_part << 14;
    EkWide product = {(uint32_t)(exact >> 32), (uint32_t)exact}, other = {z_part << 6, 0};
    /* The last bit of the sum counts 2^exponent. */
    int32_t exponent = x_exponent + y_exponent - 314;
    const int32_t shift = exponent - (z_exponent - 188);
    if (z_part && shift < 0) {
        product = ek_jammed(product, -shift);
        exponent = z_exponent - 188;
    } else if (z_part) {
        other = ek_jammed(other, shift);
    }
    uint64_t sum = (uint64_t)product.high << 32 | product.low;
    const uint64_t addend = (uint64_t)other.high << 32 | other.low;
    if (!((sign ^ z) & 0x80000000)) {
        sum += addend;
    } else if (sum >= addend) {
        sum -= addend;
    } else {
        sum = addend - sum;
        sign = z & 0x80000000;
    }
    if (sum) {
        EkWide last = {(uint32_t)(sum >> 32), (uint32_t)sum};
        for (; !(last.high >> 30); exponent--) {
            last.high = last.high << 1 | last.low >> 31;
            last.low <<= 1;
        }
        /* Of 63 bits 24 stay, or fewer where these would count less than 2^-149; and 7 by which
         * they are rounded. */
        const int32_t least = exponent + 39 < -149 ? -149 - 39 - exponent : 0;
        if (least)
            last = ek_jammed(last, least);
        const uint32_t rest = last.high | (last.low != 0);
        const uint32_t nearest = (rest + 63 + (rest >> 7 & 1)) >> 7;
        bits = ((uint32_t)(exponent + least + 188) << 23) + nearest;
        if (exponent + least > 65 || bits > inf)
            bits = inf;
        bits |= sign;
    }
    const int32_t result = (int32_t)bits;
    return ek_float(&result);
}

/* In assembly where Clang would call fmaf. */
static inline float ek_fused(float a, float b, float c)
{
    (void)ek_fused_in_doubles; /* or Clang says that it is not used */
    (void)ek_fused_in_integers;
#if defined(__arm__) && defined(__ARM_FEATURE_FMA) && defined(__ARM_FP) && !defined(__SOFTFP__)
    __asm__("vfma.f32 %0, %1, %2" : "+t"(c) : "t"(a), "t"(b));
    return c;
#elif defined(__riscv_flen)
    __asm__("fmadd.s %0, %1, %2, %0" : "+f"(c) : "f"(a), "f"(b));
    return c;
#elif defined(__FP_FAST_FMAF) || defined(__FMA__) || (defined(__aarch64__) && defined(__GNUC__))
    return __builtin_fmaf(a, b, c);
#elif defined(__SSE2__) || defined(_M_X64) || (defined(__ARM_FP) && (__ARM_FP & 8))
    return ek_fused_in_doubles(a, b, c);
#else
    return ek_fused_in_integers(a, b, c);
#endif
}

#endif
