/* RELU and its bounded relatives in float32; the meaning is defined in relu.py. */
#include "kernel.h"

#include "activation.h"
#include "float_bits.h"

/* The bounds are the bits of floats. */
typedef struct {
    int32_t count, lowest, highest;
} Relu;

/* tensors: input float [count], output float [count]. */
void ek_relu_float32(const int32_t *params, void *const *tensors)
{
    const float *input = (const float *)tensors[0];
    float *output = (float *)tensors[1];
    const Relu *p = (const Relu *)params;
    const float lowest = ek_float(&p->lowest), highest = ek_float(&p->highest);
    for (int32_t i = 0; i < p->count; i++)
        output[i] = ek_clamp_float32(input[i], lowest, highest);
}
