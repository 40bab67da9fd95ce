/* DEPTHWISE_CONV_2D of float32 in vectors; the same bytes as the portable kernel. The file that
 * includes this defines TARGET, KERNEL and LANES of a vector.
 *
 * Each lane is an output, whose products are added one after another, as the portable kernel adds
 * them. The weights are those of the portable kernel: neighbouring outputs lie side by side. */
#include <string.h>

#include "depthwise_conv_2d.h"
#include "float_bits.h"
#include "window.h"

#define INLINE TARGET __attribute__((always_inline)) static inline
#define UNROLL _Pragma("GCC unroll 8")

enum { WIDE = 4 }; /* vectors at once, so that additions need not wait for each other */

typedef float Vector __attribute__((vector_size(4 * LANES)));
typedef int32_t Mask __attribute__((vector_size(4 * LANES)));
typedef DepthwiseFloat32 Layer;

/* The taps of a window that lie inside of the image. */
typedef struct {
    int32_t rows, columns;
    const float *input, *weights;          /* of the first tap */
    ptrdiff_t row, column;                 /* from a tap of the input to the next */
    ptrdiff_t weights_row, weights_column; /* and of the weights */
} Taps;

INLINE Vector chosen(Mask mask, Vector a, Vector b)
{
    return (Vector)((mask & (Mask)a) | (~mask & (Mask)b));
}

/* ek_clamp_float32. */
INLINE Vector clamped(Vector values, float lowest, float highest)
{
    const Vector zero = {0}, low = lowest - zero, high = highest - zero;
    values = chosen(values < low, low, values);
    return chosen(values > high, high, values);
}

/* So many vectors of outputs, from one on; many: they all read the one channel. */
INLINE void block(const int32_t wide, const int32_t many, const Layer *p, Taps t, ptrdiff_t first,
                  const float *bias, float *output)
{
    Vector sums[WIDE];
    UNROLL
    for (int32_t v = 0; v < wide; v++)
        sums[v] = (Vector){0};
    for (int32_t i = 0; i < t.rows; i++) {
        const float *x = t.input + i * t.row + (many ? 0 : first);
        const float *w = t.weights + i * t.weights_row + first;
        for (int32_t j = 0; j < t.columns; j++, x += t.column, w += t.weights_column) {
            UNROLL
            for (int32_t v = 0; v < wide; v++) {
                Vector input, weights;
                memcpy(&weights, w + v * LANES, sizeof weights);
                if (many) {
                    sums[v] += *x * weights;
                } else {
                    memcpy(&input, x + v * LANES, sizeof input);
                    sums[v] += input * weights;
                }
            }
        }
    }
    UNROLL
    for (int32_t v = 0; v < wide; v++) {
        Vector values;
        memcpy(&values, bias + first + v * LANES, sizeof values);
        values = clamped(sums[v] + values, p->lowest, p->highest);
        memcpy(output + first + v * LANES, &values, sizeof values);
    }
}

INLINE void pixel(const int32_t many, const Layer *p, Taps t, const float *bias, float *output)
{
    const ptrdiff_t outputs = t.weights_column, step = WIDE * LANES;
    ptrdiff_t first = 0;
    for (; first + step <= outputs; first += step)
        block(WIDE, many, p, t, first, bias, output);
    for (; first + LANES <= outputs; first += LANES)
        block(1, many, p, t, first, bias, output);
    if (first < outputs) /* some of these once more */
        block(1, many, p, t, outputs - LANES, bias, output);
}

/* tensors: input, weights, bias, output, as those of the portable kernel. */
TARGET void KERNEL(const int32_t *params, void *const *tensors)
{
    Layer layer;
    memcpy(&layer, params, sizeof layer);
    const Layer *const p = &layer;
    const ptrdiff_t channels = p->channels, outputs = channels * p->multiplier;
    const ptrdiff_t pitch = p->width * channels;
    const float *image = tensors[0], *const weights = tensors[1], *const bias = tensors[2];
    float *output = tensors[3];
    Taps t;
    t.row = p->dilation_h * pitch;
    t.column = p->dilation_w * channels;
    t.weights_row = p->window_width * outputs;
    t.weights_column = outputs;
    for (int32_t batch = 0; batch < p->batches; batch++, image += p->height * pitch)
        for (int32_t row = 0; row < p->output_height; row++) {
            const int32_t y = row * p->stride_h - p->top;
            const int32_t first_row = ek_first_tap(y, p->dilation_h);
            t.rows = ek_taps_end(y, p->height, p->window_height, p->dilation_h) - first_row;
            for (int32_t column = 0; column < p->output_width; column++, output += outputs) {
                const int32_t x = column * p->stride_w - p->left;
                const int32_t first = ek_first_tap(x, p->dilation_w);
                t.columns = ek_taps_end(x, p->width, p->window_width, p->dilation_w) - first;
                t.input = image + y * pitch + x * channels + first_row * t.row + first * t.column;
                t.weights = weights + first_row * t.weights_row + first * outputs;
                if (p->multiplier > 1)
                    pixel(1, p, t, bias, output);
                else
                    pixel(0, p, t, bias, output);
            }
        }
}
