/* LOG_SOFTMAX of float32; the meaning is defined in log_softmax.py. */
#define EK_SMALL
#include "kernel.h"

#include "exponential.h"
#include "logarithm.h"

typedef struct {
    int32_t rows, depth;
} Float32;

/* tensors: input float [rows][depth], output float [rows][depth]. */
void ek_log_softmax_float32(const int32_t *params, void *const *tensors)
{
    const float *input = (const float *)tensors[0];
    float *output = (float *)tensors[1];
    const Float32 p = *(const Float32 *)params;
    for (int32_t row = 0; row < p.rows; row++, input += p.depth, output += p.depth) {
        double largest = -3.4028234663852886e38, total = 0; /* the least finite float */
        for (int32_t i = 0; i < p.depth; i++)
            largest = (double)input[i] > largest ? (double)input[i] : largest;
        for (int32_t i = 0; i < p.depth; i++)
            total += ek_exp((double)input[i] - largest);
        const double log = ek_log(total);
        for (int32_t i = 0; i < p.depth; i++)
            output[i] = (float)((double)input[i] - largest - log);
    }
}
