/* CONCATENATION; the meaning is defined in concatenation.py. */
#include "kernel.h"

#include <string.h>

#include "flash.h"

typedef struct {
    int32_t rows, inputs;
} Concatenation;

/* tensors: the inputs, int32 [inputs] bytes of a row of each, output. */
void ek_concatenation(const int32_t *params, void *const *tensors)
{
    const Concatenation *p = (const Concatenation *)params;
    const int32_t *lengths = (const int32_t *)tensors[p->inputs];
    char *output = (char *)tensors[p->inputs + 1];

    for (int32_t row = 0; row < p->rows; row++)
        for (int32_t i = 0; i < p->inputs; i++) {
            const size_t length = (size_t)ek_flash_int32(&lengths[i]);
            memcpy(output, (const char *)tensors[i] + (size_t)row * length, length);
            output += length;
        }
}

/* The same of uint8. tensors: the inputs, int32 [inputs] lengths, uint8 [256] a table for each
 * input, output. */
void ek_concatenation_lookup(const int32_t *params, void *const *tensors)
{
    const Concatenation p = *(const Concatenation *)params; /* a copy: the output could be params */
    const int32_t *lengths = (const int32_t *)tensors[p.inputs];
    void *const *tables = &tensors[p.inputs + 1];
    uint8_t *output = (uint8_t *)tensors[2 * p.inputs + 1];

    for (int32_t row = 0; row < p.rows; row++)
        for (int32_t i = 0; i < p.inputs; i++) {
            const int32_t length = ek_flash_int32(&lengths[i]);
            const uint8_t *input = (const uint8_t *)tensors[i] + (size_t)row * (size_t)length;
            const int8_t *table = (const int8_t *)tables[i];
            for (int32_t j = 0; j < length; j++)
                *output++ = (uint8_t)ek_flash_int8(&table[input[j]]);
        }
}
