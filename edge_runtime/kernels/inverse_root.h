/* 1 / sqrt(x) of whole numbers, without floats; defined in inverse_root.py. */
#ifndef EK_INVERSE_ROOT_H
#define EK_INVERSE_ROOT_H

#include <stdint.h>

#include "fixed_point.h"
#include "gemmlowp.h"

/* The inverse of a root: a multiplier and a shift to the right. */
typedef struct {
    int32_t multiplier, right;
} Inverse;

static inline Inverse ek_inverse_root(int32_t total)
{
    Inverse inverse = {INT32_MAX, 0};
    if (total <= 1)
        return inverse;
    inverse.right = 11;
    for (; total >= (int32_t)1 << 29; total >>= 2)
        inverse.right++;
    const int32_t pairs = (ek_leading_zeros((uint32_t)total) - 1) / 2 - 1;
    inverse.right -= pairs;
    total = (int32_t)((uint32_t)total << 2 * pairs);
    const int32_t half = ((total >> 1) + 1) >> 1;
    int32_t x = (int32_t)1 << 28; /* 1, in 3 integer bits */
    for (int i = 0; i < 5; i++) {
        const int32_t cube = ek_product(ek_product(x, x), x);
        const int32_t three_halves = ((int32_t)1 << 28) + ((int32_t)1 << 27);
        const int32_t next = ek_product(three_halves, x) -
                             ek_product(half, ek_saturated((int64_t)cube * 64));
        x = ek_saturated((int64_t)next * 8);
    }
    inverse.multiplier = ek_product(x, 1518500250); /* sqrt(1/2) */
    for (; inverse.right < 0; inverse.right++)
        inverse.multiplier = (int32_t)((uint32_t)inverse.multiplier << 1);
    return inverse;
}

#endif
