/* DEQUANTIZE; the meaning is defined in dequantize.py. */
#include "kernel.h"

#include "float_bits.h"

/* The scale is the bits of a float. */
typedef struct {
    int32_t count, scale, zero_point;
} Dequantize;

/* tensors: input [count], output float [count]. */
#define DEQUANTIZE(type)                                                                           \
    const type##_t *input = (const type##_t *)tensors[0];                                          \
    float *output = (float *)tensors[1];                                                           \
    const Dequantize *p = (const Dequantize *)params;                                              \
    const float scale = ek_float(&p->scale);                                                       \
    for (int32_t i = 0; i < p->count; i++)                                                         \
        output[i] = (float)(input[i] - p->zero_point) * scale;

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
