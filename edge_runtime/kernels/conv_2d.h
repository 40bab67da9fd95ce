/* Parameters of CONV_2D, the record of conv_2d.py, and which products make up an output. */
#ifndef EK_CONV_2D_H
#define EK_CONV_2D_H

#include <stddef.h>
#include <stdint.h>

#include "window.h"

typedef struct {
    int32_t batches, height, width, channels, output_height, output_width, outputs, depth;
    int32_t window_height, window_width, stride_h, stride_w, dilation_h, dilation_w, top, left;
    int32_t input_zero_point, weights_zero_point, output_zero_point, lowest, highest;
} Conv2D;

/* What the packers for Cortex-M cores with Helium append. */
typedef struct {
    Conv2D conv;
    int32_t ties; /* whether halves below zero are to be rounded away from it */
} Conv2DHelium;

/* Whether windows are the positions of the input, one after another: no padding either. */
static inline int32_t ek_is_pointwise(const Conv2D *p)
{
    const int32_t single = p->window_height == 1 && p->window_width == 1;
    const int32_t whole = p->output_height == p->height && p->output_width == p->width;
    return single && whole && p->stride_h == 1 && p->stride_w == 1 && !p->top && !p->left;
}

/* The taps of a window that lie inside of an image: rows of runs, a run being as many numbers, at
 * the input and at the weights, as lie side by side. */
typedef struct {
    int32_t rows, runs, count;
    int32_t whole;                    /* whether all taps lie inside */
    ptrdiff_t input, weights;         /* offset of the first number */
    ptrdiff_t input_row, weights_row; /* from one row to the next */
    ptrdiff_t input_run, weights_run; /* from one run to the next */
} EkTaps;

static inline EkTaps ek_taps_at(const Conv2D *p, int32_t row, int32_t column)
{
    const int32_t y = row * p->stride_h - p->top, x = column * p->stride_w - p->left;
    const int32_t first_row = ek_first_tap(y, p->dilation_h);
    const int32_t first_column = ek_first_tap(x, p->dilation_w);
    const int32_t end_row = ek_taps_end(y, p->height, p->window_height, p->dilation_h);
    const int32_t end_column = ek_taps_end(x, p->width, p->window_width, p->dilation_w);
    const ptrdiff_t channels = (ptrdiff_t)p->channels, depth = (ptrdiff_t)p->depth;
    const ptrdiff_t pitch = (ptrdiff_t)p->width * channels;
    EkTaps taps;
    taps.rows = end_row - first_row;
    taps.runs = end_column - first_column;
    taps.count = p->depth;
    taps.whole = taps.rows == p->window_height && taps.runs == p->window_width;
    taps.input_run = (ptrdiff_t)p->dilation_w * channels;
    taps.weights_run = depth;
    taps.input_row = (ptrdiff_t)p->dilation_h * pitch;
    taps.weights_row = (ptrdiff_t)p->window_width * depth;
    taps.input = (ptrdiff_t)(y + first_row * p->dilation_h) * pitch +
                 (ptrdiff_t)(x + first_column * p->dilation_w) * channels;
    taps.weights = (ptrdiff_t)first_row * taps.weights_row + (ptrdiff_t)first_column * depth;
    if (taps.runs > 0 && taps.input_run == depth) { /* they lie side by side */
        taps.count *= taps.runs;
        taps.runs = 1;
    }
    return taps;
}

/* Defines how the products of windows are added up by runs: grow(p, sums, many, input, weights, window,
 * count) adds those of a run to the sums of as many outputs, whose windows follow one another. */
#define EK_CONV_2D_SUMS(add, Number, Weight, Sum, grow)                                            \
    static inline void add(const Conv2D *p, const EkTaps *taps, Sum *sums, int32_t many,           \
                           const Number *x, const Weight *w, ptrdiff_t window)                     \
    {                                                                                              \
        for (int32_t i = 0; i < many; i++)                                                         \
            sums[i] = 0;                                                                           \
        for (int32_t i = 0; i < taps->rows; i++) {                                                 \
            for (int32_t j = 0; j < taps->runs; j++)                                               \
                grow(p, sums, many, x + (ptrdiff_t)j * taps->input_run,                            \
                     w + (ptrdiff_t)j * taps->weights_run, window, taps->count);                   \
            x += taps->input_row;                                                                  \
            w += taps->weights_row;                                                                \
        }                                                                                          \
    }

/* Defines a kernel of which add(p, taps, sums, many, input, weights, window) makes the sums, of a
 * type, of up to at_once outputs. They are stored by store(p, sums, tensors, first, many, output).
 * tensors: input [batches][height][width][channels], weights
 * [outputs][window_height][window_width][depth], what store reads, and, at out, the output
 * [batches][output_height][output_width][outputs]. */
#define EK_CONV_2D(kernel, Number, Weight, Sum, at_once, add, store, out)                          \
    EK_TARGET void kernel(const int32_t *params, void *const *tensors)                             \
    {                                                                                              \
        Conv2D layer; /* a copy, because an int8 output could be params to the compiler */         \
        memcpy(&layer, params, sizeof layer);                                                      \
        const Conv2D *const p = &layer;                                                            \
        const int32_t groups = layer.channels / layer.depth, each = layer.outputs / groups;        \
        const ptrdiff_t depth = (ptrdiff_t)layer.depth;                                            \
        const ptrdiff_t image = (ptrdiff_t)layer.height * (ptrdiff_t)layer.width *                 \
                                (ptrdiff_t)layer.channels;                                         \
        const ptrdiff_t window =                                                                   \
            (ptrdiff_t)layer.window_height * (ptrdiff_t)layer.window_width * depth;                \
        const Number *input = (const Number *)tensors[0];                                          \
        Number *output = (Number *)tensors[out];                                                   \
        for (int32_t batch = 0; batch < layer.batches; batch++, input += image)                    \
            for (int32_t row = 0; row < layer.output_height; row++)                                \
                for (int32_t column = 0; column < layer.output_width; column++) {                  \
                    const EkTaps taps = ek_taps_at(p, row, column);                                \
                    const Weight *weights = (const Weight *)tensors[1] + taps.weights;             \
                    const Number *channel = input + taps.input;                                    \
                    for (int32_t o = 0, many, end = each; o < layer.outputs; o += many) {          \
                        Sum sums[at_once];                                                         \
                        sums[0] = 0; /* no compiler knows that many is at least 1 */               \
                        many = end - o < at_once ? end - o : (int32_t)at_once;                     \
                        add(p, &taps, sums, many, channel, weights, window);                       \
                        store(p, sums, tensors, o, many, output);                                  \
                        weights += (ptrdiff_t)many * window;                                       \
                        output += many;                                                            \
                        if (o + many == end) { /* the next group of outputs has other channels */  \
                            end += each;                                                           \
                            channel += depth;                                                      \
                        }                                                                          \
                    }                                                                              \
                }                                                                                  \
    }

#endif
