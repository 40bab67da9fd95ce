/* QUANTIZE of float32; the meaning is defined in quantize.py. */
#include "kernels.h"

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

static double cut(float steps, Output made)
{
    return steps > made.low ? steps < made.high ? steps : made.high : made.low; /* NaN: low */
}

static int32_t divided(float value, Output made)
{
    const double steps = cut(value / made.scale, made);
    return (int32_t)(steps + (steps < 0 ? -0.5 : 0.5)) + made.zero_point;
}

static int32_t multiplied(float value, Output made)
{
    /* Adding 1.5 * 2^52 leaves no bits for a fraction, and halves go to the even number. */
    const double steps = cut(value * made.scale, made), magic = 6755399441055744.0;
    return (int32_t)(steps + magic - magic) + made.zero_point;
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
