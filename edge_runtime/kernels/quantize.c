/* QUANTIZE of float32; the meaning is defined in quantize.py. */
#define EK_ROLLED
#include "kernel.h"

#include "float_bits.h"

/* The scale is the bits of a float: of the output's scale, or of its inverse. */
typedef struct {
    int32_t count, scale, zero_point, lowest, highest;
} Quantize;

/* The same with floats, the bounds in steps from the zero point. */
typedef struct {
    float scale, low, high;
    int32_t zero_point;
} Steps;

static Steps steps_of(const Quantize *p)
{
    const Steps steps = {ek_float(&p->scale), (float)(p->lowest - p->zero_point),
                         (float)(p->highest - p->zero_point), p->zero_point};
    return steps;
}

static float clamped(float value, Steps steps)
{
    return value > steps.low ? value < steps.high ? value : steps.high : steps.low; /* NaN: low */
}

static int32_t divided(float value, Steps steps)
{
    const float number = clamped(value / steps.scale, steps);
    const int32_t whole = (int32_t)number;
    const float rest = number - (float)whole; /* exact */
    return whole + (rest >= 0.5f) - (rest <= -0.5f) + steps.zero_point;
}

static int32_t multiplied(float value, Steps steps)
{
    return ek_nearest_even(clamped(value * steps.scale, steps)) + steps.zero_point;
}

/* tensors: input float [count], output int8 or uint8 [count]. */
void ek_quantize_int8(const int32_t *params, void *const *tensors)
{
    const float *input = (const float *)tensors[0];
    uint8_t *output = (uint8_t *)tensors[1];
    const Quantize *p = (const Quantize *)params;
    const Steps steps = steps_of(p);
    const int32_t count = p->count; /* a copy, because an int8 output could be params */
    for (int32_t i = 0; i < count; i++)
        output[i] = (uint8_t)divided(input[i], steps);
}

void ek_quantize_even_int8(const int32_t *params, void *const *tensors)
{
    const float *input = (const float *)tensors[0];
    uint8_t *output = (uint8_t *)tensors[1];
    const Quantize *p = (const Quantize *)params;
    const Steps steps = steps_of(p);
    const int32_t count = p->count; /* a copy, because an int8 output could be params */
    for (int32_t i = 0; i < count; i++)
        output[i] = (uint8_t)multiplied(input[i], steps);
}

/* tensors: input float [count], output int16 [count]. */
void ek_quantize_int16(const int32_t *params, void *const *tensors)
{
    const float *input = (const float *)tensors[0];
    int16_t *output = (int16_t *)tensors[1];
    const Quantize *p = (const Quantize *)params;
    const Steps steps = steps_of(p);
    for (int32_t i = 0; i < p->count; i++)
        output[i] = (int16_t)divided(input[i], steps);
}

void ek_quantize_even_int16(const int32_t *params, void *const *tensors)
{
    const float *input = (const float *)tensors[0];
    int16_t *output = (int16_t *)tensors[1];
    const Quantize *p = (const Quantize *)params;
    const Steps steps = steps_of(p);
    for (int32_t i = 0; i < p->count; i++)
        output[i] = (int16_t)multiplied(input[i], steps);
}
