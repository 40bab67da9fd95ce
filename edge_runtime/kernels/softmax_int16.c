/* SOFTMAX of int16; the meaning is defined in softmax.py. */
#include "kernel.h"

#include "fixed_point.h"
#include "flash.h"

typedef struct {
    int32_t rows, depth, multiplier, shift;
} Int16;

/* What an int16 table has for a value, interpolated between its 513 entries. */
static inline int32_t looked_up(int32_t value, const int16_t *table)
{
    value = ek_clamp(value, -32768, 32767);
    const int16_t *base = table + 256 + (value >> 7);
    const int32_t below = ek_flash_int16(base), above = ek_flash_int16(base + 1);
    return below + (((above - below) * (value & 127) + 64) >> 7);
}

/* exp of how far ``value`` is below the largest, 15 fractional bits. */
static inline int32_t power_int16(const Int16 *p, int32_t value, int32_t largest,
                                  const int16_t *table)
{
    const int32_t scaled = ek_rescale_twice(value - largest, p->multiplier, p->shift);
    /* Unsigned, because a large multiplier may wrap. */
    return looked_up((int32_t)((uint32_t)scaled + 32767u), table);
}

/* tensors: input int16 [rows][depth], exponentials and reciprocals int16 [513], output int16
 * [rows][depth]. */
void ek_softmax_int16_twice(const int32_t *params, void *const *tensors)
{
    const int16_t *input = (const int16_t *)tensors[0];
    const int16_t *exponentials = (const int16_t *)tensors[1];
    const int16_t *reciprocals = (const int16_t *)tensors[2];
    int16_t *output = (int16_t *)tensors[3];
    const Int16 *p = (const Int16 *)params;
    for (int32_t row = 0; row < p->rows; row++, input += p->depth, output += p->depth) {
        int16_t largest = INT16_MIN;
        for (int32_t i = 0; i < p->depth; i++)
            largest = input[i] > largest ? input[i] : largest;
        int32_t total = 0; /* 15 fractional bits */
        for (int32_t i = 0; i < p->depth; i++)
            total += power_int16(p, input[i], largest, exponentials);
        /* From 1 to 2 with 16 fractional bits, less 1, less half the table. */
        const int32_t zeros = ek_leading_zeros((uint32_t)total);
        const int64_t above = ((((int64_t)total << (zeros - 1)) + 8192) >> 14) - 65536 - 32768;
        const int64_t factor = looked_up((int32_t)above, reciprocals);
        const int32_t right = 31 - zeros;
        const int64_t half = (int64_t)1 << (right - 1);
        for (int32_t i = 0; i < p->depth; i++) {
            const int64_t power = power_int16(p, input[i], largest, exponentials);
            output[i] = (int16_t)ek_clamp((int32_t)((power * factor + half) >> right), 0, 32767);
        }
    }
}

