/* The bits of float32 numbers, in which kernels have them among their int32 parameters. */
#ifndef EK_FLOAT_BITS_H
#define EK_FLOAT_BITS_H

#include <stdint.h>
#include <string.h>

/* Freestanding code would call memcpy for four bytes. */
#ifdef __GNUC__
#define EK_COPY __builtin_memcpy
#else
#define EK_COPY memcpy
#endif

static inline float ek_float(const int32_t *bits)
{
    float value;
    EK_COPY(&value, bits, sizeof value);
    return value;
}

static inline uint32_t ek_bits(float value)
{
    uint32_t bits;
    EK_COPY(&bits, &value, sizeof bits);
    return bits;
}

/* The nearest whole number, halves to the even one, of a number below 2^22: at 1.5 * 2^23 a float
 * has no bits left for a fraction, and its last bits are the sum's. */
static inline int32_t ek_nearest_even(float value)
{
    const float moved = value + 12582912.0f;
    int32_t bits;
    EK_COPY(&bits, &moved, sizeof bits);
    return bits - 0x4b400000;
}

#endif
