/* DEPTHWISE_CONV_2D of int8 for RISC-V cores with vectors; see int8_rvv.h. */
#include "kernel.h"

#ifdef EK_RVV
#include <string.h>

#include "depthwise_conv_2d.h"
#include "int8_rvv.h"
#include "window.h"

/* The sums of up to 16 channels of the window whose first tap is at row y and column x. */
static inline void sum_channels(const DepthwiseInt8 *p, const int8_t *image, int32_t y, int32_t x,
                                const int8_t *weights, int32_t count, int32_t *sums)
{
    const int32_t first_row = ek_first_tap(y, p->dilation_h);
    const int32_t end_row = ek_taps_end(y, p->height, p->window_height, p->dilation_h);
    const int32_t first_column = ek_first_tap(x, p->dilation_w);
    const int32_t end_column = ek_taps_end(x, p->width, p->window_width, p->dilation_w);
    for (int32_t done = 0; done < count;) {
        const size_t n = __riscv_vsetvl_e8m1((size_t)(count - done));
        vint32m4_t total = __riscv_vmv_v_x_i32m4(0, n);
        for (int32_t i = first_row; i < end_row; i++)
            for (int32_t j = first_column; j < end_column; j++) {
                const int32_t row = y + i * p->dilation_h, column = x + j * p->dilation_w;
                const int8_t *from = image + (row * p->width + column) * p->channels + done;
                const int8_t *w = weights + (i * p->window_width + j) * p->channels + done;
                const vint16m2_t input = __riscv_vwsub_vx_i16m2(
                    __riscv_vle8_v_i8m1(from, n), (int8_t)p->input_zero_point, n);
                total = __riscv_vwmacc_vv_i32m4(
                    total, input, __riscv_vsext_vf2_i16m2(__riscv_vle8_v_i8m1(w, n), n), n);
            }
        __riscv_vse32_v_i32m4(sums + done, total, n);
        done += (int32_t)n;
    }
}

/* tensors: those of ek_depthwise_conv_2d_int8_twice. */
void ek_depthwise_conv_2d_int8_twice_rvv(const int32_t *params, void *const *tensors)
{
    DepthwiseInt8 layer; /* a copy, because an int8 output could be params to the compiler */
    memcpy(&layer, params, sizeof layer);
    const DepthwiseInt8 *const p = &layer;
    const int8_t *image = (const int8_t *)tensors[0];
    int8_t *output = (int8_t *)tensors[5];
    for (int32_t batch = 0; batch < p->batches; batch++) {
        for (int32_t row = 0; row < p->output_height; row++)
            for (int32_t column = 0; column < p->output_width; column++) {
                const int32_t y = row * p->stride_h - p->top, x = column * p->stride_w - p->left;
                for (int32_t c = 0, many; c < p->channels; c += many, output += many) {
                    int32_t sums[EK_RVV_BLOCK];
                    const int32_t left = p->channels - c;
                    many = left < EK_RVV_BLOCK ? left : (int32_t)EK_RVV_BLOCK;
                    sum_channels(p, image + c, y, x, (const int8_t *)tensors[1] + c, many, sums);
                    ek_rvv_finish_twice(sums, many, tensors, c, p->output_zero_point, p->lowest,
                                        p->highest, output);
                }
            }
        image += p->height * p->width * p->channels;
    }
}
#endif
