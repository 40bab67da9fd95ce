/* A function of one int16 number as a table; the meaning is defined in interpolation.py. */
#include "kernel.h"

#include "flash.h"

typedef struct {
    int32_t count;
} Interpolation;

/* tensors: input int16 [count], table int16 [513], output int16 [count]. */
void ek_interpolation_int16(const int32_t *params, void *const *tensors)
{
    const int16_t *input = (const int16_t *)tensors[0], *table = (const int16_t *)tensors[1];
    int16_t *output = (int16_t *)tensors[2];
    const Interpolation *p = (const Interpolation *)params;
    for (int32_t i = 0; i < p->count; i++) {
        const int32_t place = (int32_t)input[i] + 32768, index = place >> 7;
        const int16_t below = ek_flash_int16(&table[index]);
        /* Like the sum, it wraps. */
        const int16_t slope = (int16_t)(ek_flash_int16(&table[index + 1]) - below);
        output[i] = (int16_t)(below + (((int32_t)slope * (place & 127) + 64) >> 7));
    }
}
