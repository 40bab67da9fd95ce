/* DEPTHWISE_CONV_2D of float32 in vectors; the same bytes as the portable kernel. The file that
 * includes this defines what gemm_float32.h lists, and the name DEPTHWISE.
 *
 * Each lane is an output, whose products are added one after another. The last vector has the last
 * outputs, some of which may be the previous one's; of fewer than a vector has, some lanes are none. */
#include <string.h>

#include "depthwise_conv_2d_float32.h"
#include "window.h"

#define INLINE TARGET __attribute__((always_inline)) static inline
#define UNROLL _Pragma("GCC unroll 9")

enum { HIGH = 4 }; /* positions at once */

/* Positions of an output row whose inputs lie step apart. */
typedef struct {
    const float *const *rows; /* of the image, as many as the window has */
    int32_t row_count, column_count; /* of the window */
    ptrdiff_t column, step, outputs; /* from a tap to the next, and from a position to the next */
    ptrdiff_t pitch;                 /* of weights, from a tap to the next */
    int32_t lanes;                   /* that are outputs */
    float lowest, highest;
} Job;

/* The products of ``high`` positions and a tap. */
INLINE void grow(const int32_t high, const Job *job, const float *x, Vector weight, Vector *sums)
{
    UNROLL
    for (int32_t i = 0; i < high; i++) {
        Vector input;
        memcpy(&input, x + i * job->step, sizeof input);
        sums[i] = FUSED(input, weight, sums[i]);
    }
}

INLINE Vector loaded(const float *from)
{
    Vector values;
    memcpy(&values, from, sizeof values);
    return values;
}

/* The outputs of ``high`` positions in a vector, of whose windows the columns from first to end are in
 * the image. A window is known to be one of 3 x 3, whose weights are in registers if there are enough,
 * or any. */
INLINE void tile(const int32_t high, const int32_t is_3_x_3, const int32_t first, const int32_t end,
                 const Job *job, const float *packed, const Vector *weights, ptrdiff_t at,
                 float *output)
{
    const Vector lowest = SPLAT(job->lowest), highest = SPLAT(job->highest);
    Vector sums[HIGH];
    UNROLL
    for (int32_t i = 0; i < high; i++)
        sums[i] = (Vector){0};
    UNROLL
    for (int32_t row = 0; is_3_x_3 && row < 3; row++) {
        const float *x = job->rows[row] + at, *w = packed + (3 * row + 1) * job->pitch;
        UNROLL
        for (int32_t i = 0; i < high; i++, x += job->step) {
            __asm__("" : "+r"(x)); /* or it would share offsets of rows, more than there is room for */
            UNROLL
            for (int32_t k = first; k < end; k++) {
                const Vector weight =
                    REGISTERS == 32 ? weights[3 * row + k] : loaded(w + k * job->pitch);
                sums[i] = FUSED(loaded(x + k * job->column), weight, sums[i]);
            }
        }
    }
    const float *start = packed + (first + 1) * job->pitch; /* of a row's weights */
    for (int32_t row = 0; !is_3_x_3 && row < job->row_count; row++) {
        const float *x = job->rows[row] + at + first * job->column, *w = start;
        for (int32_t k = first; k < end; k++, x += job->column, w += job->pitch)
            grow(high, job, x, loaded(w), sums);
        start += job->column_count * job->pitch;
    }
    const Vector bias = loaded(packed);
    UNROLL
    for (int32_t i = 0; i < high; i++)
        STORE(output + i * job->outputs, CLAMPED(sums[i] + bias, lowest, highest), job->lanes);
}

/* A position whose window is clipped. */
INLINE void clipped(const int32_t is_3_x_3, const EkWindow *w, const Job *job, int32_t position,
                    const float *packed, const Vector *weights, ptrdiff_t at, float *output)
{
    const int32_t x = position * w->stride_w - w->left;
    const int32_t first = ek_first_tap(x, w->dilation_w);
    const int32_t end = ek_taps_end(x, w->width, w->window_width, w->dilation_w);
    if (is_3_x_3 && first == 1 && end == 3)
        tile(1, 1, 1, 3, job, packed, weights, at, output);
    else if (is_3_x_3 && first == 0 && end == 2)
        tile(1, 1, 0, 2, job, packed, weights, at, output);
    else
        tile(1, 0, first, end, job, packed, weights, at, output);
}

/* A vector of all outputs of a row; windows from positions first to end are not clipped. */
INLINE void vector_of(const int32_t is_3_x_3, const EkWindow *w, const Job *job, int32_t first,
                      int32_t end, const float *packed, ptrdiff_t at, float *output)
{
    const int32_t columns = is_3_x_3 ? 3 : job->column_count;
    Vector weights[9];
    UNROLL
    for (int32_t i = 0; is_3_x_3 && REGISTERS == 32 && i < 9; i++)
        weights[i] = loaded(packed + (i + 1) * job->pitch);
    for (int32_t i = first ? 0 : end; i < w->output_width; i = i + 1 == first ? end : i + 1)
        clipped(is_3_x_3, w, job, i, packed, weights, at + i * job->step,
                output + i * job->outputs);
    at += first * job->step;
    output += first * job->outputs;
    for (; end - first >= HIGH; first += HIGH) {
        tile(HIGH, is_3_x_3, 0, columns, job, packed, weights, at, output);
        at += HIGH * job->step;
        output += HIGH * job->outputs;
    }
    for (; first < end; first++) {
        tile(1, is_3_x_3, 0, columns, job, packed, weights, at, output);
        at += job->step;
        output += job->outputs;
    }
}

/* A row of outputs. */
TARGET static void row_of(const EkWindow *window, const Job *job, int32_t first, int32_t end,
                          const float *packed, float *output)
{
    const ptrdiff_t last = job->outputs - job->lanes;
    for (ptrdiff_t o = 0; o < job->outputs; o += LANES) {
        o = o < last ? o : last;
        const ptrdiff_t at = o - (ek_is_copied(window) ? 0 : window->left * job->outputs);
        if (job->row_count == 3 && job->column_count == 3)
            vector_of(1, window, job, first, end, packed + o, at, output + o);
        else
            vector_of(0, window, job, first, end, packed + o, at, output + o);
    }
}

/* tensors: input, packed weights, bias, output, scratch. */
TARGET void DEPTHWISE(const int32_t *params, void *const *tensors)
{
    const DepthwiseFloat32 *const layer = (const DepthwiseFloat32 *)params;
    const EkWindow window = ek_depthwise_window(layer);
    const ptrdiff_t outputs = (ptrdiff_t)layer->channels * layer->multiplier;
    const float *input = tensors[0];
    float *const scratch = tensors[4], *output = tensors[3];
    const float **const rows = ek_behind_rows(&window, scratch);
    const Job job = {.rows = rows,
                     .row_count = window.window_height,
                     .column_count = window.window_width,
                     .column = window.dilation_w * outputs,
                     .step = window.stride_w * outputs,
                     .outputs = outputs,
                     .pitch = ek_depthwise_pitch(layer),
                     .lanes = outputs < LANES ? (int32_t)outputs : LANES,
                     .lowest = layer->lowest,
                     .highest = layer->highest};

    int32_t first = 0, end = window.output_width;
    if (!ek_is_copied(&window)) {
        const int32_t span = (window.window_width - 1) * window.dilation_w + 1;
        const int32_t room = window.width - span + window.left;
        first = (window.left + window.stride_w - 1) / window.stride_w;
        first = first < end ? first : end;
        end = room < 0 ? first : room / window.stride_w + 1 < end ? room / window.stride_w + 1 : end;
        end = end < first ? first : end;
    }
    for (int32_t batch = 0; batch < layer->batches; batch++) {
        EkRows image = ek_rows_of(&window, input, scratch);
        for (int32_t row = 0; row < window.output_height; row++) {
            const int32_t y = row * window.stride_h - window.top;
            for (int32_t i = 0; i < window.window_height; i++)
                rows[i] = ek_row_at(&image, y + i * window.dilation_h);
            row_of(&window, &job, first, end, tensors[1], output);
            output += window.output_width * outputs;
        }
        input += (ptrdiff_t)layer->height * layer->width * layer->channels;
    }
}
