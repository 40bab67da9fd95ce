/* FULLY_CONNECTED of float32 with anything that adds up a part of a sum, and the portable one. */
#ifndef EK_FULLY_CONNECTED_FLOAT32_H
#define EK_FULLY_CONNECTED_FLOAT32_H

#include <stdint.h>
#include <string.h>

#include "activation.h"
#include "flash.h"
#include "fully_connected.h"
#include "fused.h"

typedef float ek_part_float32(const float *input, const float *weights, int32_t count);

static inline float ek_part_portable(const float *input, const float *weights, int32_t count)
{
    float sum = 0;
    for (int32_t k = 0; k < count; k++)
        sum = ek_fused(input[k], ek_flash_float(&weights[k]), sum);
    return sum;
}

/* tensors: input float [rows][depth], weights float [outputs][depth], bias float [outputs],
 * output float [rows][outputs]. */
static inline void ek_fully_connected_by_parts(const int32_t *params, void *const *tensors,
                                               ek_part_float32 *part)
{
    FullyConnectedFloat32 layer;
    memcpy(&layer, params, sizeof layer);
    const float *input = (const float *)tensors[0], *bias = (const float *)tensors[2];
    float *output = (float *)tensors[3];
    const int32_t most = EK_PART;

    for (int32_t row = 0; row < layer.rows; row++, input += layer.depth) {
        const float *weights = (const float *)tensors[1];
        for (int32_t o = 0; o < layer.outputs; o++, weights += layer.depth) {
            int32_t k = layer.depth < most ? layer.depth : most;
            float sum = part(input, weights, k);
            for (; k < layer.depth; k += most) {
                const int32_t left = layer.depth - k;
                sum += part(input + k, weights + k, left < most ? left : most);
            }
            sum += ek_flash_float(&bias[o]);
            *output++ = ek_clamp_float32(sum, layer.lowest, layer.highest);
        }
    }
}

#endif
