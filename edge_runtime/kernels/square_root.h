/* The square root for the float kernels, correctly rounded, without libm. */
#ifndef EK_SQUARE_ROOT_H
#define EK_SQUARE_ROOT_H

#include <stdint.h>
#include <string.h>

/* The square root of a number that is not negative; of NaN and infinity these themselves. Digit by
 * digit: the significand's root has 25 bits, the last of which rounds; a tie has no root. */
static inline float ek_square_root(float value)
{
    if (!(value > 0 && value <= 3.402823466e38f))
        return value;
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    int32_t exponent = (int32_t)(bits >> 23);
    uint32_t significand = bits & 0x7fffff;
    if (exponent)
        significand |= 0x800000;
    for (exponent += !exponent; !(significand >> 23); exponent--)
        significand <<= 1;
    uint64_t rest = (uint64_t)significand << (exponent & 1 ? 25 : 26); /* 49 or 50 bits */
    uint64_t root = 0;
    for (uint64_t bit = (uint64_t)1 << 48; bit; bit >>= 2) {
        const uint64_t next = root + bit;
        root >>= 1;
        if (rest >= next) {
            rest -= next;
            root += bit;
        }
    }
    /* The significand's highest bit, 2^23, adds 1 to the exponent. */
    bits = ((uint32_t)((exponent + 127) / 2 - 1) << 23) + (((uint32_t)root + 1) >> 1);
    memcpy(&value, &bits, sizeof value);
    return value;
}

#endif
