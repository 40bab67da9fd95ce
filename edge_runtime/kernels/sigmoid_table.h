/* The interpolated sigmoid of int16 kernels; the meaning is defined in sigmoid_table.py. */
#ifndef EK_SIGMOID_TABLE_H
#define EK_SIGMOID_TABLE_H

#include <stdint.h>

#include "flash.h"

/* Parameters of the kernels; the multiplier has at most 15 bits. */
typedef struct {
    int32_t count, multiplier, shift;
} SigmoidTable;

/* The input in steps of 1/(3 * 2^12). */
static inline int32_t ek_moved(int32_t value, const SigmoidTable *p)
{
    return (value * p->multiplier + (int32_t)(((int64_t)1 << p->shift) >> 1)) >> p->shift;
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
