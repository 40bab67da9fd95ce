/* LOG_SOFTMAX of float32; the meaning is defined in log_softmax.py. */
#include "kernel.h"

#include "exponential.h"

/* The natural logarithm of a positive, normal double. */
static inline double natural(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof(ek_double_has_64_bits));
    int32_t power = (int32_t)(bits >> 52) - 1022;
    bits = (bits & 0xfffffffffffff) | (uint64_t)1022 << 52;
    memcpy(&x, &bits, sizeof(ek_double_has_64_bits));
    if (x < 0.75) {
        x *= 2;
        power--;
    }
    const double s = (x - 1) / (x + 1), square = s * s;
    double total = 2.0 / 21;
    for (int32_t n = 19; n > 0; n -= 2)
        total = total * square + 2.0 / n;
    return power * 0.6931471805599453 + total * s;
}

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
        const double log = natural(total);
        for (int32_t i = 0; i < p.depth; i++)
            output[i] = (float)((double)input[i] - largest - log);
    }
}
