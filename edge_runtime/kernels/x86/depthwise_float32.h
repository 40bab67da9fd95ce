/* DEPTHWISE_CONV_2D of float32 in vectors; the same bytes as the portable kernel. The file that
 * includes this defines what gemm_float32.h lists, and the name DEPTHWISE.
 *
 * Each lane is an output, whose products are added one after another. Blocks of 16 outputs are packed by
 * packing/float32.c. */
#include <string.h>

#include "depthwise_conv_2d_float32.h"

#define INLINE TARGET __attribute__((always_inline)) static inline
#define UNROLL _Pragma("GCC unroll 8")

enum { WIDTH = EK_DEPTHWISE_WIDTH, HIGH = 8 }; /* most positions at once */

/* Positions of an output row whose inputs lie step apart, and the outputs of a vector. */
typedef struct {
    const float *const *rows; /* of the image, as many as the window has */
    int32_t row_count, column_count;
    ptrdiff_t column, step, outputs; /* from a tap to the next, and from a position to the next */
    const float *bias, *weights;
    int32_t lanes; /* outputs that are left */
    float lowest, highest;
} Job;

INLINE void tile(const int32_t high, const Job *job, ptrdiff_t at, float *output)
{
    const float *weights = job->weights;
    const ptrdiff_t step = job->step;
    Vector sums[HIGH], bias;
    UNROLL
    for (int32_t i = 0; i < high; i++)
        sums[i] = (Vector){0};
    for (int32_t row = 0; row < job->row_count; row++) {
        const float *x = job->rows[row] + at;
        for (int32_t k = job->column_count; k; k--, x += job->column, weights += WIDTH) {
            Vector w;
            memcpy(&w, weights, sizeof w);
            UNROLL
            for (int32_t i = 0; i < high; i++) {
                Vector input;
                memcpy(&input, x + i * step, sizeof input);
                sums[i] = FUSED(input, w, sums[i]);
            }
        }
    }
    const Vector lowest = SPLAT(job->lowest), highest = SPLAT(job->highest);
    memcpy(&bias, job->bias, sizeof bias);
    UNROLL
    for (int32_t i = 0; i < high; i++)
        STORE(output + i * job->outputs, CLAMPED(sums[i] + bias, lowest, highest), job->lanes);
}

/* A function for each height, so that the sums stay in registers. */
#define TILER(high)                                                                                \
    TARGET static void tile_##high(const Job *job, ptrdiff_t at, float *output)                    \
    {                                                                                              \
        tile(high, job, at, output);                                                               \
    }
#define NAME(high) tile_##high,
#define HEIGHTS(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8)
HEIGHTS(TILER)
typedef void tiler(const Job *job, ptrdiff_t at, float *output);
static tiler *const TILES[HIGH] = {HEIGHTS(NAME)};

/* A row of outputs. */
TARGET static void row_of(Job job, int32_t positions, const float *packed, float *output)
{
    const int32_t tiles = (positions + HIGH - 1) / HIGH;
    const ptrdiff_t block = (ptrdiff_t)(job.row_count * job.column_count + 1) * WIDTH;
    for (int32_t o = 0; o < job.outputs; o += LANES) {
        job.bias = packed + o / WIDTH * block + o % WIDTH;
        job.weights = job.bias + WIDTH;
        job.lanes = (int32_t)job.outputs - o;
        for (int32_t i = 0, done = 0, high; i < tiles; i++, done += high) {
            high = (positions - done) / (tiles - i);
            TILES[high - 1](&job, done * job.step + o, output + done * job.outputs + o);
        }
    }
}

/* tensors: input, packed weights, bias, output, scratch. */
TARGET void DEPTHWISE(const int32_t *params, void *const *tensors)
{
    DepthwiseFloat32 layer;
    memcpy(&layer, params, sizeof layer);
    const EkWindow window = ek_depthwise_window(&layer);
    const ptrdiff_t outputs = (ptrdiff_t)layer.channels * layer.multiplier;
    const float **const rows = tensors[4], *input = tensors[0];
    float *const scratch = (float *)(rows + window.window_height), *output = tensors[3];
    const Job job = {.rows = rows,
                     .row_count = window.window_height,
                     .column_count = window.window_width,
                     .column = window.dilation_w * outputs,
                     .step = window.stride_w * outputs,
                     .outputs = outputs,
                     .lowest = layer.lowest,
                     .highest = layer.highest};

    for (int32_t batch = 0; batch < layer.batches; batch++) {
        EkRows image = ek_rows_of(&window, input, scratch);
        for (int32_t row = 0; row < window.output_height; row++) {
            const int32_t y = row * window.stride_h - window.top;
            for (int32_t i = 0; i < window.window_height; i++)
                rows[i] = ek_row_at(&image, y + i * window.dilation_h);
            row_of(job, window.output_width, tensors[1], output);
            output += window.output_width * outputs;
        }
        input += (ptrdiff_t)layer.height * layer.width * layer.channels;
    }
}
