/* DEPTHWISE_CONV_2D of int8 in vectors: what the packers and the kernels of all instruction sets
 * share.
 *
 * As for CONV_2D, a band of the image is copied to scratch memory, with zero points around it,
 * and an input channel once for each of its outputs. The rows that a row of outputs reads are
 * then interleaved: of each number, the taps of a column of the window that are below one another
 * lie side by side, in chunks of 4 bytes, which are multiplied at once. Rows that are left over
 * in the last chunk serve further rows of outputs, whose weights begin as many taps later. All
 * other weights are zeros. Where instructions multiply a single tap, the chunk is a number, and
 * rows stay as they are in the band.
 *
 * A vector has neighbouring outputs of a position. Where these are few, divide a vector and
 * columns follow one another, it has those of several positions. */
#ifndef EK_DEPTHWISE_BANDS_H
#define EK_DEPTHWISE_BANDS_H

#include "conv_2d_bands.h"
#include "depthwise_conv_2d.h"

typedef struct {
    EkBands bands;
    int32_t outputs;           /* of a position, or of as many as fill a vector */
    int32_t positions, rest;   /* of a row, and outputs behind the last of these */
    int32_t groups, columns;   /* of taps below one another, a chunk each; of the window */
    int32_t served;            /* rows of outputs that the same interleaved rows serve */
    ptrdiff_t group, column;   /* from a chunk of the window to those below and beside, in numbers */
    ptrdiff_t step, pitch;     /* from position to position; of a row of outputs, in numbers */
} EkDepthwise;

/* Numbers of a row of interleaved taps, of which vectors may read and write beyond the last. */
static inline size_t ek_interleaved(const EkDepthwise *d)
{
    return ((size_t)d->bands.pitch + 63) / 64 * 64 + 64 + 4 * (size_t)d->step;
}

/* lanes: outputs of a vector; element, chunk: bytes of a number in the band, and of what is
 * multiplied at once. */
static inline EkDepthwise ek_depthwise(const DepthwiseInt8 *p, int32_t lanes, int32_t element,
                                       int32_t chunk)
{
    const int32_t outputs = p->channels * p->multiplier, taps = chunk / element;
    const Conv2D layer = {.height = p->height, .width = p->width, .channels = outputs,
                          .output_height = p->output_height, .output_width = p->output_width,
                          .window_height = p->window_height, .window_width = p->window_width,
                          .stride_h = p->stride_h, .stride_w = p->stride_w,
                          .dilation_h = p->dilation_h, .dilation_w = p->dilation_w,
                          .top = p->top, .left = p->left};
    EkDepthwise d;
    d.bands = ek_fitted(ek_bands_of(&layer), element);
    d.outputs = outputs;
    d.positions = p->output_width;
    d.rest = 0;
    d.groups = (p->window_height + taps - 1) / taps;
    d.columns = p->window_width;
    d.served = p->dilation_h == 1 ? 1 + (d.groups * taps - p->window_height) / p->stride_h : 1;
    d.column = (ptrdiff_t)p->dilation_w * outputs;
    d.step = d.bands.step;
    d.pitch = (ptrdiff_t)p->output_width * outputs;
    if (p->stride_w == 1 && outputs < lanes && lanes % outputs == 0) {
        d.outputs = lanes;
        d.step = lanes;
        d.positions = (int32_t)(d.pitch / lanes);
        d.rest = (int32_t)(d.pitch % lanes);
    }
    d.group = taps > 1 ? (ptrdiff_t)ek_interleaved(&d) : d.bands.pitch * p->dilation_h;
    return d;
}

/* A packed layer: int32 [16], of which the first is how sums are rescaled; for each vector of
 * outputs the numbers of rescaling.h; for each row served, and each vector, the weights,
 * [groups][columns][lanes][bytes of a chunk]. */
static inline size_t ek_depthwise_weights_start(const EkDepthwise *d, size_t lanes)
{
    const size_t vectors = ((size_t)d->outputs + lanes - 1) / lanes;
    return 64 + ek_rounded(vectors * EK_COLUMNS * lanes * 4);
}

#endif
