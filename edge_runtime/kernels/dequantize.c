/* DEQUANTIZE; the meaning is defined in dequantize.py. */
#include "kernel.h"

#include "float_bits.h"
#include "unary.h"

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

/* tensors: input float16 [count], output float [count]. */
void ek_dequantize_float16(const int32_t *params, void *const *tensors)
{
    const uint16_t *input = (const uint16_t *)tensors[0];
    float *output = (float *)tensors[1];
    const UnaryCount *p = (const UnaryCount *)params;
    for (int32_t i = 0; i < p->count; i++) {
        const uint32_t size = input[i] & 0x7fffu, sign = (uint32_t)(input[i] & 0x8000u) << 16;
        const float subnormal = (float)(int32_t)size * (1.0f / 16777216); /* 2^-24 */
        /* The exponent is biased by 127 in place of 15; infinity and NaN have the largest. */
        const uint32_t normal = (size << 13) + ((uint32_t)112 << (size < 0x7c00 ? 23 : 24));
        const int32_t bits = (int32_t)(sign | (size < 0x400 ? ek_bits(subnormal) : normal));
        output[i] = ek_float(&bits);
    }
}
