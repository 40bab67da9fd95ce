/* How the variants of DEPTHWISE_CONV_2D of float32 read images: with as many channels as there are
 * outputs, and up to whole vectors. */
#ifndef EK_DEPTHWISE_CONV_2D_FLOAT32_H
#define EK_DEPTHWISE_CONV_2D_FLOAT32_H

#include "depthwise_conv_2d.h"
#include "padded_rows.h"

enum { EK_DEPTHWISE_WIDTH = 16 }; /* outputs of a packed block */

static inline EkWindow ek_depthwise_window(const DepthwiseFloat32 *p)
{
    const int32_t over = p->channels * p->multiplier % EK_DEPTHWISE_WIDTH;
    const EkWindow window = {.height = p->height,
                             .width = p->width,
                             .channels = p->channels,
                             .output_height = p->output_height,
                             .output_width = p->output_width,
                             .window_height = p->window_height,
                             .window_width = p->window_width,
                             .stride_h = p->stride_h,
                             .stride_w = p->stride_w,
                             .dilation_h = p->dilation_h,
                             .dilation_w = p->dilation_w,
                             .top = p->top,
                             .left = p->left,
                             .copies = p->multiplier,
                             .beyond = over ? EK_DEPTHWISE_WIDTH - over : 0};
    return ek_turned(window);
}

#endif
