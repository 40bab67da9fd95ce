/* The form of DEPTHWISE_CONV_2D of int8 for Cortex-M cores with the DSP extension, for packer and
 * kernel. */
#ifndef EK_DEPTHWISE_DSP_H
#define EK_DEPTHWISE_DSP_H

#include <stdint.h>

#include "depthwise_conv_2d.h"

enum { EK_DW_TAPS = 3 }; /* rows and columns of a window; smaller ones have weights of 0 */
enum { EK_DW_CHANNELS = 4 }; /* that one load of the image has, and a slot */
enum { EK_DW_RECORD = 18 }; /* bytes of a channel that are packed */
enum { EK_DW_SLOT = 8 }; /* words of scratch memory for a column of the image */

/* A channel for whose factor and sums rescale_dsp.h has no power: those of factors from 1/4 to below 1,
 * and the smallest. */
typedef struct {
    int32_t channel; /* in rising order; of the last one, which ends them, INT32_MAX */
    int32_t bias, factor; /* as those of the other channels */
    int32_t right;        /* shift, of 0 to 31 */
    int8_t weights[EK_DW_TAPS * EK_DW_TAPS + 3]; /* likewise, and padding */
} EkDwExact;

/* Columns of outputs that are calculated at once: their slots are all scratch memory there is. */
static inline int32_t ek_dw_block(const DepthwiseInt8 *p)
{
    const int32_t most = p->stride_w < 12 ? 12 / p->stride_w : 1;
    return p->output_width < most ? p->output_width : most;
}

/* Columns of the image that are under so many windows. */
static inline int32_t ek_dw_columns(const DepthwiseInt8 *p, int32_t windows)
{
    return (windows - 1) * p->stride_w + EK_DW_TAPS;
}

#endif
