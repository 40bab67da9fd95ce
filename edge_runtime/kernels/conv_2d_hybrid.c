/* CONV_2D of float32 with int8 weights; the meaning is defined in conv_2d.py. */
#define EK_ROLLED
#include "kernel.h"

#include <string.h>

#include "activation.h"
#include "conv_2d.h"
#include "flash.h"
#include "float_bits.h"
#include "hybrid.h"

/* Bytes of scratch memory: an image, quantised. */
size_t ek_conv_2d_hybrid_scratch(const int32_t *params)
{
    const Conv2D *const p = (const Conv2D *)params;
    return (size_t)p->height * (size_t)p->width * (size_t)p->channels * sizeof(int16_t);
}

static inline int32_t sum_of_taps(const EkTaps *taps, const int16_t *x, const int8_t *w)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < taps->rows; i++, x += taps->input_row, w += taps->weights_row) {
        const int16_t *input = x;
        const int8_t *weights = w;
        for (int32_t j = 0; j < taps->runs; j++) {
            for (int32_t k = 0; k < taps->count; k++)
                sum += (int32_t)input[k] * ek_flash_int8(&weights[k]);
            input += taps->input_run;
            weights += taps->weights_run;
        }
    }
    return sum;
}

static inline void conv_2d_hybrid(const int32_t *params, void *const *tensors, int32_t asymmetric)
{
    Conv2D p;
    memcpy(&p, params, sizeof p);
    const int32_t each = p.outputs / (p.channels / p.depth);
    const int32_t image = p.height * p.width * p.channels;
    const ptrdiff_t depth = (ptrdiff_t)p.depth;
    const ptrdiff_t window = (ptrdiff_t)p.window_height * (ptrdiff_t)p.window_width * depth;
    const float lowest = ek_float(&p.lowest), highest = ek_float(&p.highest);
    const float *input = (const float *)tensors[0];
    const float *bias = (const float *)tensors[2], *scale = (const float *)tensors[3];
    float *output = (float *)tensors[4];
    int16_t *quantized = (int16_t *)tensors[5];

    for (int32_t batch = 0; batch < p.batches; batch++, input += image) {
        const float step = ek_quantize_hybrid(input, image, asymmetric, quantized);
        for (int32_t row = 0; row < p.output_height; row++) {
            for (int32_t column = 0; column < p.output_width; column++) {
                const EkTaps taps = ek_taps_at(&p, row, column);
                const int8_t *weights = (const int8_t *)tensors[1] + taps.weights;
                for (int32_t o = 0; o < p.outputs; o++, weights += window) {
                    const int16_t *x = quantized + taps.input + (ptrdiff_t)(o / each) * depth;
                    const float sum = (float)sum_of_taps(&taps, x, weights);
                    const float factor = ek_flash_float(&scale[o]);
                    const float value = asymmetric ? sum * factor * step : sum * (step * factor);
                    *output++ = ek_clamp_float32(value + ek_flash_float(&bias[o]), lowest, highest);
                }
            }
        }
    }
}

/* tensors: input float [batches][height][width][channels], weights int8
 * [outputs][window_height][window_width][depth], bias, scale float [outputs], output float
 * [batches][output_height][output_width][outputs], scratch int16 [height][width][channels]. */
void ek_conv_2d_hybrid_symmetric(const int32_t *params, void *const *tensors)
{
    conv_2d_hybrid(params, tensors, 0);
}

void ek_conv_2d_hybrid_asymmetric(const int32_t *params, void *const *tensors)
{
    conv_2d_hybrid(params, tensors, 1);
}
