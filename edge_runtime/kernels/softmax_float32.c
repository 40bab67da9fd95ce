/* SOFTMAX of float32; the meaning is defined in softmax.py. */
#include "kernel.h"

#include "exponential.h"
#include "float_bits.h"
#include "softmax_float32.h"

/* tensors: input float [rows][depth], output float [rows][depth]. */
void ek_softmax_float32(const int32_t *params, void *const *tensors)
{
    const float *input = (const float *)tensors[0];
    float *output = (float *)tensors[1];
    const SoftmaxFloat32 *p = (const SoftmaxFloat32 *)params;
    const int32_t rows = p->rows, depth = p->depth;
    const double beta = (double)ek_float(&p->beta);
    for (int32_t row = 0; row < rows; row++, input += depth, output += depth) {
        double largest = -3.4028234663852886e38, total = 0; /* the least finite float */
        for (int32_t i = 0; i < depth; i++)
            largest = (double)input[i] > largest ? (double)input[i] : largest;
        for (int32_t i = 0; i < depth; i++) {
            const double power = ek_exp(((double)input[i] - largest) * beta);
            output[i] = (float)power;
            total += power;
        }
        for (int32_t i = 0; i < depth; i++)
            output[i] = (float)((double)output[i] / total);
    }
}
