/* FULLY_CONNECTED of float32 with any dot product whose order is that of fully_connected.py, and the
 * portable one. */
#ifndef EK_DENSE_FLOAT32_H
#define EK_DENSE_FLOAT32_H

#include <stdint.h>
#include <string.h>

#include "flash.h"
#include "fully_connected.h"

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

typedef float ek_dot_float32(const float *input, const float *weights, int32_t depth);

/* tensors: input float [rows][depth], weights float [outputs][depth], bias float [outputs],
 * output float [rows][outputs]. */
static inline void ek_dense_float32(const int32_t *params, void *const *tensors,
                                    ek_dot_float32 *dot)
{
    FullyConnectedFloat32 layer;
    memcpy(&layer, params, sizeof layer);
    const float *input = (const float *)tensors[0], *bias = (const float *)tensors[2];
    float *output = (float *)tensors[3];

    for (int32_t row = 0; row < layer.rows; row++, input += layer.depth) {
        const float *weights = (const float *)tensors[1];
        for (int32_t o = 0; o < layer.outputs; o++, weights += layer.depth) {
            float sum = dot(input, weights, layer.depth) + ek_flash_float(&bias[o]);
            sum = sum < layer.lowest ? layer.lowest : sum;
            *output++ = sum > layer.highest ? layer.highest : sum;
        }
    }
}

#endif
