/* How the variants of DEPTHWISE_CONV_2D of float32 read images: with as many channels as there are
 * outputs, or a few more. */
#ifndef EK_DEPTHWISE_CONV_2D_FLOAT32_H
#define EK_DEPTHWISE_CONV_2D_FLOAT32_H

#include "depthwise_conv_2d.h"
#include "padded_rows.h"

enum { EK_DEPTHWISE_FEWEST = 8 }; /* outputs that there are in memory, whose vectors have no more */

/* Packed are the bias and the weights of each tap, so many numbers. */
static inline int32_t ek_depthwise_pitch(const DepthwiseFloat32 *p)
{
    const int32_t outputs = p->channels * p->multiplier;
    return outputs < EK_DEPTHWISE_FEWEST ? EK_DEPTHWISE_FEWEST : outputs;
}

/* With strides, copies of rows cost more than what to do with the few windows that leave the image. */
static inline EkWindow ek_depthwise_window(const DepthwiseFloat32 *p)
{
    const EkWindow window = {EK_WINDOW_OF(p),
                             .copies = p->multiplier,
                             .beyond = ek_depthwise_pitch(p) - p->channels * p->multiplier,
                             .clips = p->stride_w > 1};
    return ek_turned(window);
}

#endif
