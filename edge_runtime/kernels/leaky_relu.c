/* LEAKY_RELU; the meaning is defined in leaky_relu.py. */
#include "kernel.h"

#include <string.h>

#include "fixed_point.h"

/* tensors: input float [count], output float [count]. */
void ek_leaky_relu_float32(const int32_t *params, void *const *tensors)
{
    const float *input = (const float *)tensors[0];
    float *output = (float *)tensors[1], alpha;
    memcpy(&alpha, &params[1], sizeof alpha);
    for (int32_t i = 0; i < params[0]; i++)
        output[i] = input[i] > 0 ? input[i] : input[i] * alpha;
}

/* tensors: input int16 [count], output int16 [count]. */
void ek_leaky_relu_int16_twice(const int32_t *params, void *const *tensors)
{
    const int16_t *input = (const int16_t *)tensors[0];
    int16_t *output = (int16_t *)tensors[1];
    for (int32_t i = 0; i < params[0]; i++) {
        const int32_t *factor = params + (input[i] < 0 ? 3 : 1);
        const int32_t size = ek_rescale_twice(input[i], factor[0], factor[1]);
        /* Unsigned, because a huge factor may wrap. */
        const int32_t scaled =
            input[i] < 0 ? (int32_t)((uint32_t)size * (uint32_t)params[5]) : size;
        output[i] = (int16_t)ek_clamp(scaled, INT16_MIN, INT16_MAX);
    }
}
