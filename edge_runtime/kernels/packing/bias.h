/* The bias of int8 layers, as packers change it. */
#ifndef EK_PACKING_BIAS_H
#define EK_PACKING_BIAS_H

#include <stddef.h>
#include <stdint.h>

/* The bias plus factor times the sum of the weights; it wraps, as the kernel's sums do. */
static inline int32_t ek_shifted_bias(int32_t bias, int32_t factor, const int8_t *weights,
                                      size_t depth)
{
    int32_t sum = 0;
    for (size_t k = 0; k < depth; k++)
        sum += weights[k];
    return (int32_t)((uint32_t)bias + (uint32_t)factor * (uint32_t)sum);
}

#endif
