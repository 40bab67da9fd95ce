/* LOGISTIC in float32; the meaning is defined in logistic.py. */
#include "kernels.h"

#include "exponential.h"

/* tensors: input float [count], output float [count]. */
void ek_logistic_float32(const int32_t *params, void *const *tensors)
{
    const float *input = tensors[0];
    float *output = tensors[1];
    for (int32_t i = 0; i < params[0]; i++)
        output[i] = (float)(1 / (1 + ek_exp(-(double)input[i])));
}
