/* FULLY_CONNECTED of weights that have a zero point, or are computed; the meaning is defined in
 * fully_connected_offset.py. */
#include "kernel.h"

#include <string.h>

#include "activation.h"
#include "fixed_point.h"
#include "flash.h"

typedef struct {
    int32_t rows, depth, outputs, input_zero_point, weights_zero_point;
    int32_t output_zero_point, lowest, highest;
} FullyConnectedOffset;

typedef struct {
    int32_t rows, depth, outputs;
    float lowest, highest;
} FullyConnectedComputed;

static inline int32_t weight_uint8(const uint8_t *from)
{
    return (uint8_t)ek_flash_int8((const int8_t *)from);
}

static inline int32_t weight_int8(const int8_t *from)
{
    return *from;
}

/* Defines a kernel whose sums are unsigned, because they may wrap. tensors: input [rows][depth],
 * weights [outputs][depth], bias, multiplier, shift int32 [outputs], output [rows][outputs]. */
#define EK_DENSE_OFFSET(kernel, type, weight, rescale)                                             \
    EK_TARGET void kernel(const int32_t *params, void *const *tensors)                             \
    {                                                                                              \
        FullyConnectedOffset layer;                                                                \
        memcpy(&layer, params, sizeof layer);                                                      \
        const type *input = (const type *)tensors[0];                                              \
        const int32_t *bias = (const int32_t *)tensors[2];                                         \
        const int32_t *multiplier = (const int32_t *)tensors[3];                                   \
        const int32_t *shift = (const int32_t *)tensors[4];                                        \
        type *output = (type *)tensors[5];                                                         \
        const int32_t depth = layer.depth;                                                         \
        const int32_t x_zero = layer.input_zero_point, w_zero = layer.weights_zero_point;          \
        for (int32_t row = 0; row < layer.rows; row++, input += depth) {                           \
            const type *weights = (const type *)tensors[1];                                        \
            for (int32_t o = 0; o < layer.outputs; o++, weights += depth) {                        \
                uint32_t sum = (uint32_t)ek_flash_int32(&bias[o]);                                 \
                for (int32_t k = 0; k < depth; k++) {                                              \
                    const int16_t x = (int16_t)(input[k] - x_zero);                                \
                    const int16_t w = (int16_t)(weight(&weights[k]) - w_zero);                     \
                    sum += (uint32_t)((int32_t)x * w);                                             \
                }                                                                                  \
                const int32_t factor = ek_flash_int32(&multiplier[o]);                             \
                const int32_t left = ek_flash_int32(&shift[o]);                                    \
                const uint32_t scaled = (uint32_t)rescale((int32_t)sum, factor, left);             \
                const int32_t moved = (int32_t)(scaled + (uint32_t)layer.output_zero_point);       \
                *output++ = (type)ek_clamp(moved, layer.lowest, layer.highest);                    \
            }                                                                                      \
        }                                                                                          \
    }

EK_DENSE_OFFSET(EK(fully_connected_offset_uint8_once), uint8_t, weight_uint8, ek_rescale_once)
EK_DENSE_OFFSET(EK(fully_connected_offset_int8_once), int8_t, weight_int8, ek_rescale_once)
EK_DENSE_OFFSET(EK(fully_connected_offset_int8_twice), int8_t, weight_int8, ek_rescale_twice)

/* tensors: input float [rows][depth], weights float [outputs][depth], bias float [outputs], output
 * float [rows][outputs]. */
void ek_fully_connected_offset_float32(const int32_t *params, void *const *tensors)
{
    FullyConnectedComputed layer;
    memcpy(&layer, params, sizeof layer);
    const float *input = (const float *)tensors[0], *bias = (const float *)tensors[2];
    float *output = (float *)tensors[3];

    for (int32_t row = 0; row < layer.rows; row++, input += layer.depth) {
        const float *weights = (const float *)tensors[1];
        for (int32_t o = 0; o < layer.outputs; o++, weights += layer.depth) {
            float sum = 0;
            for (int32_t k = 0; k < layer.depth; k++)
                sum += input[k] * weights[k];
            *output++ =
                ek_clamp_float32(sum + ek_flash_float(&bias[o]), layer.lowest, layer.highest);
        }
    }
}
