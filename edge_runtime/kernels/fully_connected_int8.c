/* FULLY_CONNECTED of int8; the meaning is defined in fully_connected.py.
 * tensors: input [rows][depth], weights [outputs][depth], bias int32 [outputs], ... */
#include "kernel.h"

#include <string.h>

#include "fixed_point.h"
#include "flash.h"
#include "fully_connected.h"

typedef int32_t rescaler(int32_t total, int32_t multiplier, int32_t shift);

static inline int32_t dot_int8(const int8_t *input, const int8_t *weights, int32_t depth)
{
    int32_t sum = 0;
    for (int32_t k = 0; k < depth; k++)
        sum += input[k] * ek_flash_int8(&weights[k]);
    return sum;
}

static inline void dense_int8(const int32_t *params, void *const *tensors, rescaler *rescale)
{
    const FullyConnectedInt8 *const layer = (const FullyConnectedInt8 *)params;
    const int32_t rows = layer->rows, depth = layer->depth, outputs = layer->outputs;
    const int32_t zero_point = layer->output_zero_point;
    const int32_t lowest = layer->lowest, highest = layer->highest;
    const int8_t *input = (const int8_t *)tensors[0];
    const int32_t *bias = (const int32_t *)tensors[2];
    const int32_t *multiplier = (const int32_t *)tensors[3], *shift = (const int32_t *)tensors[4];
    int8_t *output = (int8_t *)tensors[5];

    for (int32_t row = 0; row < rows; row++, input += depth) {
        const int8_t *weights = (const int8_t *)tensors[1];
        for (int32_t o = 0; o < outputs; o++, weights += depth) {
            const int32_t total = ek_add(dot_int8(input, weights, depth), ek_flash_int32(&bias[o]));
            const int32_t factor = ek_flash_int32(&multiplier[o]), left = ek_flash_int32(&shift[o]);
            const int32_t scaled = ek_add(rescale(total, factor, left), zero_point);
            *output++ = (int8_t)ek_clamp(scaled, lowest, highest);
        }
    }
}

/* tensors: input, weights, bias, multiplier int32 [outputs], shift int32 [outputs], output int8
 * [rows][outputs]. */
void ek_fully_connected_int8_once(const int32_t *params, void *const *tensors)
{
    dense_int8(params, tensors, ek_rescale_once);
}

void ek_fully_connected_int8_twice(const int32_t *params, void *const *tensors)
{
    dense_int8(params, tensors, ek_rescale_twice);
}

/* To the nearest, halves to the even one, of a number below 2^22: past 1.5 * 2^23 a float has no
 * bits left for a fraction. */
static inline int32_t nearest(float value)
{
    const float magic = 12582912.0f;
    const float moved = value + magic;
    int32_t bits, base;
    memcpy(&bits, &moved, sizeof bits);
    memcpy(&base, &magic, sizeof base);
    return bits - base;
}

/* tensors: input, weights, bias, scale float [outputs], output int8 [rows][outputs]. */
void ek_fully_connected_int8_float(const int32_t *params, void *const *tensors)
{
    const FullyConnectedInt8 *const layer = (const FullyConnectedInt8 *)params;
    const int32_t rows = layer->rows, depth = layer->depth, outputs = layer->outputs;
    const int32_t zero_point = layer->output_zero_point;
    const float lowest = (float)(layer->lowest - zero_point);
    const float highest = (float)(layer->highest - zero_point);
    const int8_t *input = (const int8_t *)tensors[0];
    const int32_t *bias = (const int32_t *)tensors[2];
    const float *scale = (const float *)tensors[3];
    int8_t *output = (int8_t *)tensors[4];

    for (int32_t row = 0; row < rows; row++, input += depth) {
        const int8_t *weights = (const int8_t *)tensors[1];
        for (int32_t o = 0; o < outputs; o++, weights += depth) {
            const int32_t total = ek_add(dot_int8(input, weights, depth), ek_flash_int32(&bias[o]));
            float value = (float)total * ek_flash_float(&scale[o]);
            value = value < lowest ? lowest : value;
            value = value > highest ? highest : value;
            *output++ = (int8_t)(nearest(value) + zero_point);
        }
    }
}
