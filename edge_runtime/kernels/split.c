/* A tensor cut into several; the meaning is defined in split.py. */
#include "kernel.h"

#include <string.h>

#include "flash.h"

typedef struct {
    int32_t rows, outputs;
} Split;

/* tensors: input, int32 [outputs] bytes of a row of each output, the outputs. */
void ek_split(const int32_t *params, void *const *tensors)
{
    Split p; /* a copy, because an output could be params to the compiler */
    memcpy(&p, params, sizeof p);
    const char *input = (const char *)tensors[0];
    const int32_t *lengths = (const int32_t *)tensors[1];

    for (int32_t row = 0; row < p.rows; row++)
        for (int32_t i = 0; i < p.outputs; i++) {
            const size_t length = (size_t)ek_flash_int32(&lengths[i]);
            memcpy((char *)tensors[2 + i] + (size_t)row * length, input, length);
            input += length;
        }
}
