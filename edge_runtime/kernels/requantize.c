/* int16 from one scale to another; the meaning is defined in requantize.py. */
#include "kernel.h"

#include "fixed_point.h"

static int32_t requantized(int32_t value, const int32_t *params)
{
    const int32_t scaled = ek_rescale_twice(value, params[1], params[2]);
    /* Unsigned, because a huge ratio of the scales may wrap. */
    return ek_clamp((int32_t)((uint32_t)scaled + (uint32_t)params[3]), params[4], params[5]);
}

/* tensors: input int16 [count], output int16 [count]. */
void ek_requantize_int16_twice(const int32_t *params, void *const *tensors)
{
    const int16_t *input = (const int16_t *)tensors[0];
    int16_t *output = (int16_t *)tensors[1];
    for (int32_t i = 0; i < params[0]; i++)
        output[i] = (int16_t)requantized(input[i], params);
}

/* tensors: input int16 [count], output int8 [count]. */
void ek_requantize_int16_int8_twice(const int32_t *params, void *const *tensors)
{
    const int16_t *input = (const int16_t *)tensors[0];
    int8_t *output = (int8_t *)tensors[1];
    const int32_t count = params[0];
    for (int32_t i = 0; i < count; i++)
        output[i] = (int8_t)requantized(input[i], params);
}
