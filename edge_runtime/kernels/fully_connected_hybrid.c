/* FULLY_CONNECTED of float32 with int8 weights; the meaning is defined in
 * fully_connected_hybrid.py. */
#include "kernel.h"

#include <string.h>

#include "activation.h"
#include "flash.h"
#include "hybrid.h"

typedef struct {
    int32_t rows, depth, outputs, asymmetric;
    float lowest, highest;
} FullyConnectedHybrid;

size_t ek_fully_connected_hybrid_scratch(const int32_t *params)
{
    const FullyConnectedHybrid *const layer = (const FullyConnectedHybrid *)params;
    return (size_t)layer->depth * sizeof(int16_t);
}

static inline int32_t dot_hybrid(const int16_t *input, const int8_t *weights, int32_t depth)
{
    int32_t sum = 0;
    for (int32_t k = 0; k < depth; k++)
        sum += (int32_t)input[k] * ek_flash_int8(&weights[k]);
    return sum;
}

/* tensors: input float [rows][depth], weights int8 [outputs][depth], bias, scale float [outputs],
 * output float [rows][outputs], scratch int16 [depth]. */
void ek_fully_connected_hybrid(const int32_t *params, void *const *tensors)
{
    FullyConnectedHybrid layer;
    memcpy(&layer, params, sizeof layer);
    const float *input = (const float *)tensors[0];
    const float *bias = (const float *)tensors[2], *scale = (const float *)tensors[3];
    float *output = (float *)tensors[4];
    int16_t *quantized = (int16_t *)tensors[5];

    for (int32_t row = 0; row < layer.rows; row++, input += layer.depth) {
        const int8_t *weights = (const int8_t *)tensors[1];
        const float step = ek_quantize_hybrid(input, layer.depth, layer.asymmetric, quantized);
        for (int32_t o = 0; o < layer.outputs; o++, weights += layer.depth) {
            const float sum = (float)dot_hybrid(quantized, weights, layer.depth);
            const float value = ek_flash_float(&bias[o]) + sum * (step * ek_flash_float(&scale[o]));
            *output++ = ek_clamp_float32(value, layer.lowest, layer.highest);
        }
    }
}
