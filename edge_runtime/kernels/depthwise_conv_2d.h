/* Parameters of those kernels of DEPTHWISE_CONV_2D that several files have: records of
 * depthwise_conv_2d.py. */
#ifndef EK_DEPTHWISE_CONV_2D_H
#define EK_DEPTHWISE_CONV_2D_H

#include <stdint.h>

typedef struct {
    int32_t batches, height, width, channels, multiplier, output_height, output_width;
    int32_t window_height, window_width, stride_h, stride_w, dilation_h, dilation_w, top, left;
    int32_t input_zero_point, output_zero_point, lowest, highest;
} DepthwiseInt8;

/* What the packers for Cortex-M cores with Helium append. */
typedef struct {
    DepthwiseInt8 layer;
    int32_t ties; /* whether halves below zero are to be rounded away from it */
} DepthwiseInt8Helium;

typedef struct {
    int32_t batches, height, width, channels, multiplier, output_height, output_width;
    int32_t window_height, window_width, stride_h, stride_w, dilation_h, dilation_w, top, left;
    float lowest, highest;
} DepthwiseFloat32;

#endif
