/* QUANTIZE of float32; the meaning is defined in quantize.py. */
#include "kernel.h"

#include <string.h>

/* params: count, bits of the scale or its inverse, zero point, lowest, highest. */
typedef struct {
    float scale, low, high;
    int32_t zero_point;
} Output;

static Output output_of(const int32_t *params)
{
    Output made = {0, (float)(params[3] - params[2]), (float)(params[4] - params[2]), params[2]};
    memcpy(&made.scale, &params[1], sizeof made.scale);
    return made;
}

static float cut(float steps, Output made)
{
    return steps > made.low ? steps < made.high ? steps : made.high : made.low; /* NaN: low */
}

static int32_t divided(float value, Output made)
{
    const float steps = cut(value / made.scale, made);
    const int32_t whole = (int32_t)steps;
    const float rest = steps - (float)whole; /* exact */
    return whole + (rest >= 0.5f) - (rest <= -0.5f) + made.zero_point;
}

static int32_t multiplied(float value, Output made)
{
    /* 1.5 * 2^23, at which a float has no fraction: the sum is rounded, halves to even. */
    const float moved = cut(value * made.scale, made) + 12582912.0f;
    int32_t bits;
    memcpy(&bits, &moved, sizeof bits);
    return bits - 0x4b400000 + made.zero_point;
}

/* tensors: input float [count], output int8 or uint8 [count]. */
void ek_quantize_int8(const int32_t *params, void *const *tensors)
{
    const float *input = (const float *)tensors[0];
    uint8_t *output = (uint8_t *)tensors[1];
    const Output made = output_of(params);
    const int32_t count = params[0];
    for (int32_t i = 0; i < count; i++)
        output[i] = (uint8_t)divided(input[i], made);
}

void ek_quantize_even_int8(const int32_t *params, void *const *tensors)
{
    const float *input = (const float *)tensors[0];
    uint8_t *output = (uint8_t *)tensors[1];
    const Output made = output_of(params);
    const int32_t count = params[0];
    for (int32_t i = 0; i < count; i++)
        output[i] = (uint8_t)multiplied(input[i], made);
}

/* tensors: input float [count], output int16 [count]. */
void ek_quantize_int16(const int32_t *params, void *const *tensors)
{
    const float *input = (const float *)tensors[0];
    int16_t *output = (int16_t *)tensors[1];
    const Output made = output_of(params);
    for (int32_t i = 0; i < params[0]; i++)
        output[i] = (int16_t)divided(input[i], made);
}

void ek_quantize_even_int16(const int32_t *params, void *const *tensors)
{
    const float *input = (const float *)tensors[0];
    int16_t *output = (int16_t *)tensors[1];
    const Output made = output_of(params);
    for (int32_t i = 0; i < params[0]; i++)
        output[i] = (int16_t)multiplied(input[i], made);
}
