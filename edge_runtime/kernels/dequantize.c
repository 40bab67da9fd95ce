/* DEQUANTIZE; the meaning is defined in dequantize.py. */
#include "kernel.h"

#include <string.h>

/* params: count, bits of the scale, zero point; tensors: input [count], output float [count]. */
#define DEQUANTIZE(type)                                                                           \
    const type##_t *input = (const type##_t *)tensors[0];                                          \
    float *output = (float *)tensors[1], scale;                                                    \
    memcpy(&scale, &params[1], sizeof scale);                                                      \
    for (int32_t i = 0; i < params[0]; i++)                                                        \
        output[i] = (float)(input[i] - params[2]) * scale;

void ek_dequantize_int8(const int32_t *params, void *const *tensors)
{
    DEQUANTIZE(int8)
}

void ek_dequantize_uint8(const int32_t *params, void *const *tensors)
{
    DEQUANTIZE(uint8)
}

void ek_dequantize_int16(const int32_t *params, void *const *tensors)
{
    DEQUANTIZE(int16)
}
