/* A function of one int8 number as a table; the meaning is defined in lookup.py. */
#include "kernels.h"

/* tensors: input int8 [count], table int8 [256], output int8 [count]. */
void ek_lookup_int8(const int32_t *params, void *const *tensors)
{
    const int8_t *input = tensors[0], *table = tensors[1];
    int8_t *output = tensors[2];
    for (int32_t i = 0; i < params[0]; i++)
        output[i] = table[input[i] + 128];
}
