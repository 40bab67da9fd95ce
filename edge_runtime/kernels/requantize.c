/* int16 from one scale to another; the meaning is defined in requantize.py. */
#include "kernel.h"

#include "fixed_point.h"

typedef struct {
    int32_t count, multiplier, shift, zero_point, lowest, highest;
} Requantize;

static int32_t requantized(int32_t value, const Requantize *p)
{
    const int32_t scaled = ek_rescale_twice(value, p->multiplier, p->shift);
    /* Unsigned, because a huge ratio of the scales may wrap. */
    return ek_clamp((int32_t)((uint32_t)scaled + (uint32_t)p->zero_point), p->lowest, p->highest);
}

/* tensors: input int16 [count], output int16 [count]. */
void ek_requantize_int16_twice(const int32_t *params, void *const *tensors)
{
    const int16_t *input = (const int16_t *)tensors[0];
    int16_t *output = (int16_t *)tensors[1];
    const Requantize *p = (const Requantize *)params;
    for (int32_t i = 0; i < p->count; i++)
        output[i] = (int16_t)requantized(input[i], p);
}

/* tensors: input int16 [count], output int8 [count]. */
void ek_requantize_int16_int8_twice(const int32_t *params, void *const *tensors)
{
    const int16_t *input = (const int16_t *)tensors[0];
    int8_t *output = (int8_t *)tensors[1];
    const Requantize *p = (const Requantize *)params;
    const int32_t count = p->count; /* a copy, because an int8 output could be params */
    for (int32_t i = 0; i < count; i++)
        output[i] = (int8_t)requantized(input[i], p);
}
