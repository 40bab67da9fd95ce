/* DEPTHWISE_CONV_2D of float32 with int8 weights; the meaning is defined in depthwise_conv_2d.py. */
#include "kernel.h"

#include <string.h>

#include "activation.h"
#include "depthwise_conv_2d.h"
#include "flash.h"
#include "hybrid.h"
#include "window.h"

enum { HYBRID_BLOCK = 16 }; /* outputs whose sums are calculated at once */

/* Bytes of scratch memory: an image, quantised. */
size_t ek_depthwise_conv_2d_hybrid_scratch(const int32_t *params)
{
    const DepthwiseFloat32 *const p = (const DepthwiseFloat32 *)params;
    return (size_t)p->height * (size_t)p->width * (size_t)p->channels * sizeof(int16_t);
}

/* Adds up the taps of neighbouring outputs, which read neighbouring channels, or all the same one,
 * with a step of 0. */
static inline void sum_block(const DepthwiseFloat32 *p, int32_t y, int32_t x, const int16_t *image,
                             const int8_t *weights, int32_t *sums, int32_t count, int32_t step)
{
    const int32_t outputs = p->channels * p->multiplier;
    const int32_t end_row = ek_taps_end(y, p->height, p->window_height, p->dilation_h);
    const int32_t end_column = ek_taps_end(x, p->width, p->window_width, p->dilation_w);
    for (int32_t c = 0; c < count; c++)
        sums[c] = 0;
    for (int32_t i = ek_first_tap(y, p->dilation_h); i < end_row; i++) {
        for (int32_t j = ek_first_tap(x, p->dilation_w); j < end_column; j++) {
            const int32_t at = (y + i * p->dilation_h) * p->width + x + j * p->dilation_w;
            const int16_t *from = image + at * p->channels;
            const int8_t *tap = weights + (i * p->window_width + j) * outputs;
            for (int32_t c = 0; c < count; c++)
                sums[c] += (int32_t)from[c * step] * ek_flash_int8(&tap[c]);
        }
    }
}

/* tensors: input float [batches][height][width][channels], weights int8
 * [window_height][window_width][outputs], bias, scale float [outputs], output float
 * [batches][output_height][output_width][outputs], scratch int16 [height][width][channels], where
 * there are channels * multiplier outputs. */
void ek_depthwise_conv_2d_hybrid(const int32_t *params, void *const *tensors)
{
    DepthwiseFloat32 p;
    memcpy(&p, params, sizeof p);
    const int32_t outputs = p.channels * p.multiplier, image = p.height * p.width * p.channels;
    const int32_t run = p.multiplier > 1 ? p.multiplier : p.channels, most = HYBRID_BLOCK;
    const float *input = (const float *)tensors[0];
    const float *bias = (const float *)tensors[2], *scale = (const float *)tensors[3];
    float *output = (float *)tensors[4];
    int16_t *quantized = (int16_t *)tensors[5];

    for (int32_t batch = 0; batch < p.batches; batch++, input += image) {
        const float step = ek_quantize_hybrid(input, image, 1, quantized);
        for (int32_t at = 0; at < p.output_height * p.output_width; at++) {
            const int32_t y = at / p.output_width * p.stride_h - p.top;
            const int32_t x = at % p.output_width * p.stride_w - p.left;
            int32_t count = 0;
            for (int32_t first = 0; first < outputs; first += count) {
                const int32_t left = run - first % run;
                const int16_t *from = quantized + first / p.multiplier;
                const int8_t *weights = (const int8_t *)tensors[1] + first;
                int32_t sums[HYBRID_BLOCK];
                count = left < most ? left : most;
                if (p.multiplier > 1)
                    sum_block(&p, y, x, from, weights, sums, count, 0);
                else if (count == HYBRID_BLOCK)
                    sum_block(&p, y, x, from, weights, sums, HYBRID_BLOCK, 1);
                else
                    sum_block(&p, y, x, from, weights, sums, count, 1);
                for (int32_t c = 0; c < count; c++) {
                    const float factor = ek_flash_float(&scale[first + c]) * step;
                    const float value = (float)sums[c] * factor + ek_flash_float(&bias[first + c]);
                    *output++ = ek_clamp_float32(value, p.lowest, p.highest);
                }
            }
        }
    }
}
