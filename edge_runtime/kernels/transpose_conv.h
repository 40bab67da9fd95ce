/* Parameters of TRANSPOSE_CONV, a record of transpose_conv.py, and what its windows reach. */
#ifndef EK_TRANSPOSE_CONV_H
#define EK_TRANSPOSE_CONV_H

#include <stdint.h>

typedef struct {
    int32_t batches, height, width, channels, output_height, output_width, outputs;
    int32_t window_height, window_width, stride_h, stride_w, top, left;
    int32_t input_zero_point, weights_zero_point, output_zero_point, lowest, highest;
} TransposeConv;

/* The first position of a window of so many taps that reaches a place, and the end of all that do:
 * the last tap of the first, and tap 0 of the last, lie there or before. */
static inline int32_t ek_first_reaching(int32_t place, int32_t taps, int32_t stride)
{
    return place < taps ? 0 : (place - taps) / stride + 1;
}

static inline int32_t ek_end_reaching(int32_t place, int32_t stride, int32_t size)
{
    return place / stride < size ? place / stride + 1 : size;
}

/* Columns that windows reach, beginning with the first, or that the output ends with. */
static inline int32_t ek_reached_columns(const TransposeConv *p)
{
    const int32_t reached = (p->width - 1) * p->stride_w + p->window_width;
    const int32_t end = p->left + p->output_width;
    return reached > end ? reached : end;
}

#endif
