/* A function of one 8-bit number as a table; the meaning is defined in lookup.py. */
#include "kernel.h"

#include "flash.h"

typedef struct {
    int32_t count;
} Lookup;

/* tensors: input int8 or uint8 [count], table of the output's type [256], output [count]. */
void ek_lookup_int8(const int32_t *params, void *const *tensors)
{
    const int8_t *input = (const int8_t *)tensors[0], *table = (const int8_t *)tensors[1];
    int8_t *output = (int8_t *)tensors[2];
    /* A copy, because an int8 output could be params to the compiler. */
    const int32_t count = ((const Lookup *)params)->count;
    for (int32_t i = 0; i < count; i++)
        output[i] = ek_flash_int8(&table[input[i] + 128]);
}

/* tensors: input int8 or uint8 [count], table int16 [256], output int16 [count]. */
void ek_lookup_int16(const int32_t *params, void *const *tensors)
{
    const int8_t *input = (const int8_t *)tensors[0];
    const int16_t *table = (const int16_t *)tensors[1];
    int16_t *output = (int16_t *)tensors[2];
    const Lookup *p = (const Lookup *)params;
    for (int32_t i = 0; i < p->count; i++)
        output[i] = ek_flash_int16(&table[input[i] + 128]);
}
