/* Matrices times float32 vectors inside recurrent kernels, whose products and sums are all rounded; the
 * order is defined in dense_float32.py. */
#ifndef EK_DENSE_FLOAT32_H
#define EK_DENSE_FLOAT32_H

#include <stdint.h>

#include "flash.h"

/* Partial sums of a dot product; element k goes to sum k % EK_LANES. */
enum { EK_LANES = 16 };

static inline float ek_dot_portable(const float *input, const float *weights, int32_t depth)
{
    float lanes[EK_LANES] = {0};
    const float *const end = input + depth;
    for (; end - input >= EK_LANES; input += EK_LANES, weights += EK_LANES)
        for (int32_t lane = 0; lane < EK_LANES; lane++)
            lanes[lane] += input[lane] * ek_flash_float(&weights[lane]);
    for (int32_t lane = 0; input + lane < end; lane++)
        lanes[lane] += input[lane] * ek_flash_float(&weights[lane]);
    for (int32_t half = EK_LANES / 2; half; half /= 2)
        for (int32_t lane = 0; lane < half; lane++)
            lanes[lane] += lanes[lane + half];
    return lanes[0];
}

/* matrix [rows][depth] times a vector, added to sums. */
static inline void ek_add_product(const float *matrix, const float *vector, int32_t rows,
                                  int32_t depth, float *sums)
{
    for (int32_t row = 0; row < rows; row++, matrix += depth)
        sums[row] = ek_dot_portable(vector, matrix, depth) + sums[row];
}

#endif
