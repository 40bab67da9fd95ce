/* RELU and its bounded relatives in float32; the meaning is defined in relu.py. */
#include "kernel.h"

#include <string.h>

/* tensors: input float [count], output float [count]. */
void ek_relu_float32(const int32_t *params, void *const *tensors)
{
    const float *input = (const float *)tensors[0];
    float *output = (float *)tensors[1], lowest, highest;
    memcpy(&lowest, &params[1], sizeof lowest);
    memcpy(&highest, &params[2], sizeof highest);
    for (int32_t i = 0; i < params[0]; i++) {
        const float value = input[i];
        output[i] = value < lowest ? lowest : value > highest ? highest : value;
    }
}
