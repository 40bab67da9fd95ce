/* CONV_2D of int8 for RISC-V cores with vectors; see int8_rvv.h. */
#include "kernel.h"

#ifdef EK_RVV
#include <string.h>

#include "conv_2d.h"
#include "int8_rvv.h"

/* tensors: those of ek_conv_2d_int8_twice. */
void ek_conv_2d_int8_twice_rvv(const int32_t *params, void *const *tensors)
{
    Conv2D layer; /* a copy, because an int8 output could be params to the compiler */
    memcpy(&layer, params, sizeof layer);
    const Conv2D *const p = &layer;
    const ptrdiff_t window = (ptrdiff_t)p->window_height * p->window_width * p->depth;
    const int8_t *image = (const int8_t *)tensors[0];
    int8_t *output = (int8_t *)tensors[5];
    for (int32_t at = 0, row = 0, column = 0; at < p->batches;) {
        const EkTaps taps = ek_taps_at(p, row, column);
        const int8_t *weights = (const int8_t *)tensors[1] + taps.weights;
        for (int32_t o = 0, many; o < p->outputs; o += many, output += many) {
            int32_t sums[EK_RVV_BLOCK] = {0};
            many = p->outputs - o < EK_RVV_BLOCK ? p->outputs - o : (int32_t)EK_RVV_BLOCK;
            for (int32_t i = 0; i < many; i += 4, weights += 4 * window) {
                const int8_t *x = image + taps.input, *w = weights;
                for (int32_t y = 0; y < taps.rows; y++) {
                    for (int32_t j = 0; j < taps.runs; j++)
                        ek_rvv_add(x + j * taps.input_run, p->input_zero_point,
                                   w + j * taps.weights_run, window, taps.count, many - i, sums + i);
                    x += taps.input_row;
                    w += taps.weights_row;
                }
            }
            ek_rvv_finish_twice(sums, many, tensors, o, p->output_zero_point, p->lowest, p->highest,
                                output);
        }
        if (++column == p->output_width) {
            column = 0;
            row++;
        }
        if (row == p->output_height) {
            row = 0;
            at++;
            image += (ptrdiff_t)p->height * p->width * p->channels;
        }
    }
}
#endif
