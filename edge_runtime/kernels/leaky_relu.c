/* LEAKY_RELU; the meaning is defined in leaky_relu.py. */
#include "kernel.h"

#include "fixed_point.h"
#include "float_bits.h"

/* Alpha is the bits of a float. */
typedef struct {
    int32_t count, alpha;
} Float32;

/* tensors: input float [count], output float [count]. */
void ek_leaky_relu_float32(const int32_t *params, void *const *tensors)
{
    const float *input = (const float *)tensors[0];
    float *output = (float *)tensors[1];
    const Float32 *p = (const Float32 *)params;
    const float alpha = ek_float(&p->alpha);
    for (int32_t i = 0; i < p->count; i++)
        output[i] = input[i] > 0 ? input[i] : input[i] * alpha;
}

typedef struct {
    int32_t count, multiplier, shift, negative_multiplier, negative_shift, negative_sign;
} Int16;

/* tensors: input int16 [count], output int16 [count]. */
void ek_leaky_relu_int16_twice(const int32_t *params, void *const *tensors)
{
    const int16_t *input = (const int16_t *)tensors[0];
    int16_t *output = (int16_t *)tensors[1];
    const Int16 *p = (const Int16 *)params;
    for (int32_t i = 0; i < p->count; i++) {
        const int negative = input[i] < 0;
        const int32_t multiplier = negative ? p->negative_multiplier : p->multiplier;
        const int32_t shift = negative ? p->negative_shift : p->shift;
        const int32_t size = ek_rescale_twice(input[i], multiplier, shift);
        /* Unsigned, because a huge factor may wrap. */
        const int32_t scaled =
            negative ? (int32_t)((uint32_t)size * (uint32_t)p->negative_sign) : size;
        output[i] = (int16_t)ek_clamp(scaled, INT16_MIN, INT16_MAX);
    }
}
