/* CONV_2D and FULLY_CONNECTED of float32 in vectors; the same bytes as the portable kernels. The file
 * that includes this defines TARGET, LANES of a vector, MOST of the sums that the registers hold,
 * Vector, FUSED(a, b, c), which is ek_fused of vectors, and the names CONV_2D and FULLY_CONNECTED.
 *
 * Each lane is an output, whose products are added one after another. Blocks of 16 outputs are packed by
 * packing/float32.c. */
#include <string.h>

#include "conv_2d_float32.h"
#include "float_bits.h"
#include "fully_connected.h"

#define INLINE TARGET __attribute__((always_inline)) static inline
#define UNROLL _Pragma("GCC unroll 32")

enum { WIDTH = 16, HIGH = 12, WIDE = 8 }; /* most positions, and vectors, of a tile */

/* Positions whose inputs lie step apart, and the blocks of outputs that come next. */
typedef struct {
    const float *const *runs; /* of inputs, one after another beside the weights */
    int32_t run_count, count; /* and the numbers of a run */
    ptrdiff_t step, outputs;  /* from a position to the next, at the input and at the output */
    const float *block;       /* the bias of the first output */
    const float *weights;     /* of the first run */
    ptrdiff_t block_size;
    int32_t lanes; /* outputs that are left */
    float lowest, highest;
    Vector *totals;          /* sums of the parts before, and from now on; NULL: there are no parts */
    int32_t is_first, is_last; /* of the parts */
} Job;

/* The outputs of ``high`` positions in ``wide`` vectors. */
INLINE void tile(const int32_t high, const int32_t wide, const Job *job, ptrdiff_t at, float *output)
{
    Vector sums[HIGH * WIDE];
    const float *weights = job->weights;
    const ptrdiff_t step = job->step, block_size = job->block_size;
    UNROLL
    for (int32_t i = 0; i < high * wide; i++)
        sums[i] = (Vector){0};
    for (int32_t run = 0; run < job->run_count; run++) {
        const float *x = job->runs[run] + at;
        for (int32_t k = job->count; k; k--, x++, weights += WIDTH) {
            Vector w[WIDE];
            UNROLL
            for (int32_t v = 0; v < wide; v++)
                memcpy(&w[v], weights + v * LANES / WIDTH * block_size + v * LANES % WIDTH,
                       sizeof *w);
            UNROLL
            for (int32_t i = 0; i < high; i++) {
                const Vector input = SPLAT(x[i * step]);
                UNROLL
                for (int32_t v = 0; v < wide; v++)
                    sums[i * wide + v] = FUSED(input, w[v], sums[i * wide + v]);
            }
        }
    }
    if (job->totals) {
        UNROLL
        for (int32_t i = 0; i < high * wide; i++) {
            if (!job->is_first)
                sums[i] = job->totals[i] + sums[i];
            job->totals[i] = sums[i];
        }
        if (!job->is_last)
            return;
    }
    const Vector lowest = SPLAT(job->lowest), highest = SPLAT(job->highest);
    UNROLL
    for (int32_t v = 0; v < wide; v++) {
        const int32_t lanes = job->lanes - v * LANES;
        Vector bias;
        memcpy(&bias, job->block + v * LANES / WIDTH * block_size + v * LANES % WIDTH,
               sizeof bias);
        UNROLL
        for (int32_t i = 0; i < high; i++) {
            const Vector values = CLAMPED(sums[i * wide + v] + bias, lowest, highest);
            STORE(output + i * job->outputs + v * LANES, values, lanes);
        }
    }
}

/* A function for each size, so that the sums stay in registers. */
#define NAME(high, wide) tile_##high##_##wide,
#define TILER(high, wide)                                                                          \
    TARGET static void tile_##high##_##wide(const Job *job, ptrdiff_t at, float *output)           \
    {                                                                                              \
        tile(high, wide, job, at, output);                                                         \
    }
#define UP_TO_1(X, wide) X(1, wide)
#define UP_TO_3(X, wide) UP_TO_1(X, wide) X(2, wide) X(3, wide)
#define UP_TO_6(X, wide) UP_TO_3(X, wide) X(4, wide) X(5, wide) X(6, wide)
#define UP_TO_12(X, wide)                                                                          \
    UP_TO_6(X, wide) X(7, wide) X(8, wide) X(9, wide) X(10, wide) X(11, wide) X(12, wide)
HIGHS_1(TILER, 1)
HIGHS_2(TILER, 2)
HIGHS_4(TILER, 4)
HIGHS_8(TILER, 8)
typedef void tiler(const Job *job, ptrdiff_t at, float *output);
static tiler *const TILES[4][HIGH] = {
    {HIGHS_1(NAME, 1)}, {HIGHS_2(NAME, 2)}, {HIGHS_4(NAME, 4)}, {HIGHS_8(NAME, 8)}};
#define COUNTED(high, wide) +1
static const int32_t HIGHEST[4] = {HIGHS_1(COUNTED, 1), HIGHS_2(COUNTED, 2), HIGHS_4(COUNTED, 4),
                                   HIGHS_8(COUNTED, 8)};

/* A tile whose sums have parts: the only run is cut. */
TARGET static void parts_of(Job job, tiler *run, ptrdiff_t at, float *output)
{
    Vector totals[HIGH * WIDE];
    const float *part = job.runs[0];
    int32_t left = job.count;
    job.runs = &part;
    job.totals = totals;
    for (job.is_first = 1; left > 0; job.is_first = 0, left -= EK_PART) {
        job.is_last = left <= EK_PART;
        job.count = job.is_last ? left : EK_PART;
        run(&job, at, output);
        part += EK_PART;
        job.weights += EK_PART * WIDTH;
    }
}

/* All outputs of a few positions. Where they are too few to fill a tile's height, it is wider. */
TARGET static void outputs_of(Job job, int32_t in_parts, int32_t first, int32_t positions,
                              int32_t outputs, const float *packed, float *output)
{
    for (int32_t o = 0, wide = 3; o < outputs; o += LANES << wide) {
        const int32_t vectors = (outputs - o + LANES - 1) / LANES;
        while (wide && (1 << wide > vectors || (wide > 1 && positions > HIGHEST[wide])))
            wide--;
        const int32_t tiles = (positions + HIGHEST[wide] - 1) / HIGHEST[wide];
        job.block = packed + o / WIDTH * job.block_size + o % WIDTH;
        job.weights = job.block + WIDTH;
        job.lanes = outputs - o;
        for (int32_t i = 0, done = 0, high; i < tiles; i++, done += high) {
            high = (positions - done) / (tiles - i);
            tiler *const run = TILES[wide][high - 1];
            const ptrdiff_t at = (first + done) * job.step;
            float *const to = output + (first + done) * job.outputs + o;
            if (in_parts)
                parts_of(job, run, at, to);
            else
                run(&job, at, to);
        }
    }
}

enum { PANEL = 4 * HIGH }; /* positions whose inputs stay in the nearest cache for all outputs */

TARGET static void row_of(const Job *job, int32_t in_parts, int32_t positions, int32_t outputs,
                          const float *packed, float *output)
{
    const int32_t panels = (positions + PANEL - 1) / PANEL;
    for (int32_t i = 0, first = 0, count; i < panels; i++, first += count) {
        count = (positions - first) / (panels - i);
        outputs_of(*job, in_parts, first, count, outputs, packed, output);
    }
}

/* tensors: input, packed weights, bias, output, scratch. */
TARGET void CONV_2D(const int32_t *params, void *const *tensors)
{
    Conv2D layer; /* a copy, because bytes of scratch could be params to the compiler */
    memcpy(&layer, params, sizeof layer);
    const Conv2D *const p = &layer;
    const EkWindow window = ek_conv_window(p);
    const int32_t pointwise = ek_is_pointwise(p), rows_are_runs = ek_rows_are_runs(p, &window);
    const int32_t groups = p->channels / p->depth, each = p->outputs / groups;
    const int32_t depth = p->window_height * p->window_width * p->depth;
    const int32_t taps = rows_are_runs ? 1 : window.window_width; /* runs of a row */
    const int32_t batches = pointwise ? 1 : p->batches;
    const int32_t height = pointwise ? 1 : window.output_height;
    const int32_t positions = pointwise ? p->batches * p->height * p->width : window.output_width;
    const ptrdiff_t block_size = ((ptrdiff_t)depth + 1) * WIDTH;
    const float **const runs = tensors[4], *input = tensors[0];
    float *const scratch = (float *)(runs + ek_conv_runs(p, &window)), *output = tensors[3];
    const Job job = {.runs = runs,
                     .run_count = window.window_height * taps,
                     .count = rows_are_runs ? window.window_width * p->channels : p->depth,
                     .step = (ptrdiff_t)window.stride_w * p->channels,
                     .outputs = p->outputs,
                     .block_size = block_size,
                     .lowest = ek_float(&p->lowest),
                     .highest = ek_float(&p->highest)};

    for (int32_t batch = 0; batch < batches; batch++) {
        EkRows rows = {0};
        if (!pointwise)
            rows = ek_rows_of(&window, input, scratch);
        for (int32_t row = 0; row < height; row++, output += (ptrdiff_t)positions * p->outputs) {
            const float *packed = tensors[1];
            for (int32_t i = 0; i < job.run_count; i++) {
                const int32_t y = row * window.stride_h - window.top + i / taps * window.dilation_h;
                const float *const from = pointwise ? input : ek_row_at(&rows, y);
                runs[i] = from + (ptrdiff_t)(i % taps) * window.dilation_w * p->channels;
            }
            for (int32_t group = 0; group < groups; group++) {
                row_of(&job, 0, positions, each, packed, output + group * each);
                packed += (each + WIDTH - 1) / WIDTH * block_size;
                for (int32_t i = 0; groups > 1 && i < job.run_count; i++)
                    runs[i] += p->depth;
            }
        }
        input += (ptrdiff_t)p->height * p->width * p->channels;
    }
}

/* tensors: input, packed weights, bias, output. */
TARGET void FULLY_CONNECTED(const int32_t *params, void *const *tensors)
{
    FullyConnectedFloat32 layer;
    memcpy(&layer, params, sizeof layer);
    const float *const input = tensors[0];
    const Job job = {.runs = &input,
                     .run_count = 1,
                     .count = layer.depth,
                     .step = layer.depth,
                     .outputs = layer.outputs,
                     .block_size = ((ptrdiff_t)layer.depth + 1) * WIDTH,
                     .lowest = layer.lowest,
                     .highest = layer.highest};
    row_of(&job, layer.depth > EK_PART, layer.rows, layer.outputs, tensors[1], tensors[3]);
}
