/* The interpolated sigmoid of int16 kernels; the meaning is defined in sigmoid_table.py. */
#ifndef EK_SIGMOID_TABLE_H
#define EK_SIGMOID_TABLE_H

#include <stdint.h>

#include "flash.h"

/* The input in steps of 1/(3 * 2^12); params: count, multiplier of at most 15 bits, shift. */
static inline int32_t ek_moved(int32_t value, const int32_t *params)
{
    return (value * params[1] + (int32_t)(((int64_t)1 << params[2]) >> 1)) >> params[2];
}

static inline int32_t ek_interpolated(int32_t size, const uint16_t *table, int32_t bits,
                                      int32_t greatest)
{
    const int32_t index = size >> bits;
    if (index >= 255)
        return greatest;
    const int32_t below = ek_flash_uint16(&table[index]);
    const int32_t above = ek_flash_uint16(&table[index + 1]);
    return below * (1 << bits) + (size & ((1 << bits) - 1)) * (above - below);
}

#endif
