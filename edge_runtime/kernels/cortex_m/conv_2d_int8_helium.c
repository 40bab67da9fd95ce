/* CONV_2D of int8 for Cortex-M cores with Helium; see gemm_int8_helium.h. */
#include "kernel.h"

#ifdef EK_HELIUM
#include <string.h>

#include "conv_2d.h"
#include "gemm_int8_helium.h"
#include "window_helium.h"

/* tensors: input int8 [batches][height][width][channels], weights packed, bias without the input's
 * zero point, multiplier, shift int32 [outputs, padded], output int8 [batches][output_height]
 * [output_width][outputs], scratch: two windows, so that no input is read behind an output of its
 * position or a later one. */
void ek_conv_2d_int8_twice_helium(const int32_t *params, void *const *tensors)
{
    Conv2DHelium layer; /* a copy, because an int8 output could be params to the compiler */
    memcpy(&layer, params, sizeof layer);
    const Conv2D *const p = &layer.conv;
    const EkHeliumLayer numbers = {(const int32_t *)tensors[2],
                                   (const int32_t *)tensors[3],
                                   (const int32_t *)tensors[4],
                                   p->outputs,
                                   p->output_zero_point,
                                   p->lowest,
                                   p->highest,
                                   layer.ties};
    const EkHeliumWindow window = {p->height,    p->width,      p->channels,   p->window_height,
                                   p->window_width, p->dilation_h, p->dilation_w,
                                   p->input_zero_point};
    const int32_t steps = (p->window_height * p->window_width * p->channels + 15) / 16;
    const int8_t *image = (const int8_t *)tensors[0];
    int8_t *output = (int8_t *)tensors[5];
    int8_t *const first = (int8_t *)tensors[6], *const second = first + 16 * steps;
    for (int32_t batch = 0; batch < p->batches; batch++) {
        int32_t row = 0, column = 0;
        for (int32_t left = p->output_height * p->output_width; left > 0; left -= 2) {
            for (int32_t i = 0; i < 2 && row < p->output_height; i++) {
                ek_helium_gather(&window, image, row * p->stride_h - p->top,
                                 column * p->stride_w - p->left, i ? second : first);
                if (++column == p->output_width) {
                    column = 0;
                    row++;
                }
            }
            ek_helium_rows(&numbers, first, second, (const int8_t *)tensors[1], steps, left > 1,
                           output);
            output += (left > 1 ? 2 : 1) * p->outputs;
        }
        image += p->height * p->width * p->channels;
    }
}
#endif
