/* CONV_2D and FULLY_CONNECTED of float32 in vectors; the same bytes as the portable kernels. The
 * file that includes this defines TARGET, LANES of a vector, MOST of the sums that the registers
 * hold, Vector, FUSED(a, b, c), which is ek_fused of vectors, and the names CONV_2D and
 * FULLY_CONNECTED.
 *
 * Each lane is an output, whose products are added one after another. Blocks of 16 outputs are
 * packed by packing/float32.c. */
#include <string.h>

#include "conv_2d_float32.h"
#include "float_bits.h"
#include "fully_connected.h"

#define INLINE TARGET __attribute__((always_inline)) static inline
#define UNROLL _Pragma("GCC unroll 32")

enum { WIDTH = 16, HIGH = 12, WIDE = 8 }; /* most positions, and vectors, of a tile */

/* Positions whose inputs lie step apart. */
typedef struct {
    const float *const *runs; /* of inputs, one after another beside the weights */
    int32_t run_count, count; /* and the numbers of a run */
    ptrdiff_t step, outputs;  /* from a position to the next, at the input and at the output */
    ptrdiff_t block_size;
    float lowest, highest;
    int32_t in_parts; /* whether sums have parts of EK_PART products; there is a single run then */
    Vector *sums;     /* where to leave sums [positions][vectors]; NULL: they become outputs */
    const float *end; /* of all outputs, where those of a position are written before those behind */
} Job;

/* The outputs of ``high`` positions in ``wide`` vectors. block: the first output's bias; weights: those
 * of its first run. */
INLINE void tile(const int32_t high, const int32_t wide, const Job *job, const float *block,
                 const float *weights, ptrdiff_t at, float *output)
{
    Vector sums[HIGH * WIDE];
    const ptrdiff_t step = job->step * (ptrdiff_t)sizeof(float), step_3 = 3 * step;
    const ptrdiff_t block_size = job->block_size;
    UNROLL
    for (int32_t i = 0; i < high * wide; i++)
        sums[i] = (Vector){0};
    for (int32_t run = 0; run < job->run_count; run++) {
        const char *x[HIGH / 4]; /* every fourth position: an address is one of them and a step */
        UNROLL
        for (int32_t i = 0; i < high; i += 4)
            x[i / 4] = (const char *)(job->runs[run] + at) + i * step;
        for (int32_t k = job->count; k; k--, weights += WIDTH) {
            Vector w[WIDE];
            UNROLL
            for (int32_t v = 0; v < wide; v++)
                memcpy(&w[v], weights + v * LANES / WIDTH * block_size + v * LANES % WIDTH,
                       sizeof *w);
            UNROLL
            for (int32_t i = 0; i < high; i++) {
                const ptrdiff_t steps = i % 4 == 3 ? step_3 : i % 4 * step;
                const Vector input = SPLAT(*(const float *)(const void *)(x[i / 4] + steps));
                UNROLL
                for (int32_t v = 0; v < wide; v++)
                    sums[i * wide + v] = FUSED(input, w[v], sums[i * wide + v]);
            }
            UNROLL
            for (int32_t i = 0; i < high; i += 4)
                x[i / 4] += sizeof(float);
        }
    }
    if (job->sums) {
        UNROLL
        for (int32_t i = 0; i < high * wide; i++)
            job->sums[i] = sums[i];
        return;
    }
    const Vector lowest = SPLAT(job->lowest), highest = SPLAT(job->highest);
    const ptrdiff_t outputs = job->outputs; /* stores could change the job, to the compiler */
    UNROLL
    for (int32_t i = 0; i < high; i++, output += outputs) { /* those behind overwrite what is beyond */
        UNROLL
        for (int32_t v = 0; v < wide; v++) {
            Vector values;
            memcpy(&values, block + v * LANES / WIDTH * block_size + v * LANES % WIDTH,
                   sizeof values);
            values = CLAMPED(sums[i * wide + v] + values, lowest, highest);
            memcpy(output + v * LANES, &values, sizeof values);
        }
    }
}

/* A function for each size, so that the sums stay in registers. */
#define NAME(high, wide) tile_##high##_##wide,
#define TILER(high, wide)                                                                          \
    TARGET static void tile_##high##_##wide(const Job *job, const float *block,                    \
                                            const float *weights, ptrdiff_t at, float *output)     \
    {                                                                                              \
        tile(high, wide, job, block, weights, at, output);                                         \
    }
#define UP_TO_1(X, wide) X(1, wide)
#define UP_TO_3(X, wide) UP_TO_1(X, wide) X(2, wide) X(3, wide)
#define UP_TO_4(X, wide) UP_TO_3(X, wide) X(4, wide)
#define UP_TO_6(X, wide) UP_TO_4(X, wide) X(5, wide) X(6, wide)
#define UP_TO_8(X, wide) UP_TO_6(X, wide) X(7, wide) X(8, wide)
#define UP_TO_12(X, wide) UP_TO_8(X, wide) X(9, wide) X(10, wide) X(11, wide) X(12, wide)
HIGHS_1(TILER, 1)
HIGHS_2(TILER, 2)
HIGHS_4(TILER, 4)
HIGHS_8(TILER, 8)
typedef void tiler(const Job *job, const float *block, const float *weights, ptrdiff_t at,
                   float *output);
static tiler *const TILES[4][HIGH] = {
    {HIGHS_1(NAME, 1)}, {HIGHS_2(NAME, 2)}, {HIGHS_4(NAME, 4)}, {HIGHS_8(NAME, 8)}};
#define COUNTED(high, wide) +1
static const int32_t HIGHEST[4] = {HIGHS_1(COUNTED, 1), HIGHS_2(COUNTED, 2), HIGHS_4(COUNTED, 4),
                                   HIGHS_8(COUNTED, 8)};

/* Stores outputs that begin at o of a block's, some lanes of which may be none. left: those from the
 * block on. */
TARGET static void store_some(const Job *job, const float *block, int32_t left, int32_t o,
                              Vector sums, float *output)
{
    const int32_t lanes = left - o;
    Vector values;
    memcpy(&values, block + o / WIDTH * job->block_size + o % WIDTH, sizeof values);
    values = CLAMPED(sums + values, SPLAT(job->lowest), SPLAT(job->highest));
    store(output + o, values, lanes < LANES ? lanes : LANES);
}

/* A tile whose sums have parts, so that its only run is cut, or whose last vectors are not full. */
TARGET static void tile_in_steps(Job job, int32_t high, int32_t wide, tiler *run,
                                 const float *block, int32_t left, ptrdiff_t at, float *output)
{
    const float *weights = block + WIDTH;
    Vector parts[HIGH * WIDE], totals[HIGH * WIDE];
    const float *part = job.runs[0];
    int32_t numbers = job.count;
    if (job.in_parts)
        job.runs = &part;
    for (job.sums = totals; numbers > 0; job.sums = parts, numbers -= job.count) {
        job.count = job.in_parts && numbers > EK_PART ? EK_PART : numbers;
        run(&job, block, weights, at, output);
        for (int32_t i = 0; job.sums == parts && i < high * wide; i++)
            totals[i] += parts[i];
        part += EK_PART;
        weights += EK_PART * WIDTH;
    }
    for (int32_t i = 0; i < high * wide; i++)
        store_some(&job, block, left, i % wide * LANES, totals[i],
                   output + i / wide * job.outputs);
}

/* Several parts of the sums of a vector at once: where one position has few outputs, there is
 * nothing else to do until a product is added. */
INLINE void parts_of(const int32_t many, const float *x, const float *weights, int32_t count,
                     Vector *parts)
{
    Vector sums[WIDE];
    UNROLL
    for (int32_t i = 0; i < many; i++)
        sums[i] = (Vector){0};
    for (int32_t k = 0; k < count; k++, weights += WIDTH) {
        UNROLL
        for (int32_t i = 0; i < many; i++) {
            Vector w;
            memcpy(&w, weights + i * EK_PART * WIDTH, sizeof w);
            sums[i] = FUSED(SPLAT(x[i * EK_PART + k]), w, sums[i]);
        }
    }
    UNROLL
    for (int32_t i = 0; i < many; i++)
        parts[i] = sums[i];
}

TARGET static void vector_of_parts(const Job *job, const float *block, int32_t outputs,
                                   const float *x, float *output)
{
    const float *weights = block + WIDTH;
    Vector total = SPLAT(-0.0f), parts[WIDE]; /* to which the first part is added as it is */
    for (int32_t left = job->count, many; left > 0; left -= many * EK_PART) {
        const int32_t count = left < EK_PART ? left : EK_PART, whole = left / EK_PART;
        many = whole >= WIDE ? WIDE : whole >= 6 ? 6 : whole >= 4 ? 4 : whole >= 2 ? 2 : 1;
        switch (many) {
        case 1: parts_of(1, x, weights, count, parts); break;
        case 2: parts_of(2, x, weights, count, parts); break;
        case 4: parts_of(4, x, weights, count, parts); break;
        case 6: parts_of(6, x, weights, count, parts); break;
        default: parts_of(WIDE, x, weights, count, parts);
        }
        for (int32_t i = 0; i < many; i++)
            total += parts[i];
        x += many * EK_PART;
        weights += many * EK_PART * WIDTH;
    }
    store_some(job, block, outputs, 0, total, output);
}

/* All outputs of a few positions. Where they are too few to fill a tile's height, it is wider. */
TARGET static void outputs_of(const Job *job, int32_t first, int32_t positions, int32_t outputs,
                              const float *packed, float *output)
{
    for (int32_t o = 0, wide = 3; o < outputs; o += LANES << wide) {
        const int32_t vectors = (outputs - o + LANES - 1) / LANES;
        while (wide && (1 << wide > vectors || (wide > 1 && positions > HIGHEST[wide])))
            wide--;
        const int32_t tiles = (positions + HIGHEST[wide] - 1) / HIGHEST[wide];
        const float *const block = packed + o / WIDTH * job->block_size + o % WIDTH;
        if (job->in_parts && positions == 1 && vectors < WIDE) {
            wide = 0;
            vector_of_parts(job, block, outputs - o, job->runs[0] + first * job->step,
                            output + first * job->outputs + o);
            continue;
        }
        for (int32_t i = 0, done = 0, high; i < tiles; i++, done += high) {
            high = (positions - done) / (tiles - i);
            tiler *const run = TILES[wide][high - 1];
            const ptrdiff_t at = (first + done) * job->step;
            float *const to = output + (first + done) * job->outputs + o;
            const ptrdiff_t stored = (high - 1) * job->outputs + (LANES << wide);
            const int full = outputs - o >= LANES << wide || (!o && stored <= job->end - to);
            if (job->in_parts || !full)
                tile_in_steps(*job, high, 1 << wide, run, block, outputs - o, at, to);
            else
                run(job, block, block + WIDTH, at, to);
        }
    }
}

enum { PANEL = 1 << 13 }; /* numbers of inputs that stay in the nearest cache for all outputs */

TARGET static void row_of(const Job *job, int32_t positions, int32_t outputs, const float *packed,
                          float *output)
{
    const ptrdiff_t most = PANEL / job->step;
    const int32_t high = most > 4 * HIGH ? 4 * HIGH : most > HIGH ? (int32_t)most / HIGH * HIGH : HIGH;
    const int32_t panels = (positions + high - 1) / high;
    for (int32_t i = 0, first = 0, count; i < panels; i++, first += count) {
        count = (positions - first) / (panels - i);
        outputs_of(job, first, count, outputs, packed, output);
    }
}

/* tensors: input, packed weights, bias, output, scratch. */
TARGET void CONV_2D(const int32_t *params, void *const *tensors)
{
    const Conv2D *const p = (const Conv2D *)params;
    const EkWindow window = ek_conv_window(p);
    const int32_t pointwise = ek_is_pointwise(p), rows_are_runs = ek_rows_are_runs(p, &window);
    const int32_t groups = p->channels / p->depth, each = p->outputs / groups;
    const int32_t depth = p->window_height * p->window_width * p->depth;
    const int32_t taps = rows_are_runs ? 1 : window.window_width; /* runs of a row */
    const int32_t batches = pointwise ? 1 : p->batches;
    const int32_t upright = window.whole; /* lines of positions are columns, not rows */
    const int32_t lines = pointwise ? 1 : upright ? window.output_width : window.output_height;
    const int32_t positions = pointwise ? p->batches * p->height * p->width
                              : upright ? window.output_height
                                        : window.output_width;
    const ptrdiff_t column = (ptrdiff_t)window.stride_w * p->channels;
    const ptrdiff_t row_size = (ptrdiff_t)ek_row_size(&window);
    const ptrdiff_t block_size = ((ptrdiff_t)depth + 1) * WIDTH;
    const ptrdiff_t all = (ptrdiff_t)p->batches * p->output_height * p->output_width * p->outputs;
    const float *input = tensors[0];
    float *const scratch = tensors[4], *output = tensors[3];
    const float **const runs = ek_behind_rows(&window, scratch);
    const Job job = {.runs = runs,
                     .run_count = window.window_height * taps,
                     .count = rows_are_runs ? window.window_width * p->channels : p->depth,
                     .step = upright ? window.stride_h * row_size : column,
                     .outputs = (ptrdiff_t)(upright ? lines : 1) * p->outputs,
                     .block_size = block_size,
                     .lowest = ek_float(&p->lowest),
                     .highest = ek_float(&p->highest),
                     .end = output + (groups > 1 || upright ? 0 : all)};

    for (int32_t batch = 0; batch < batches; batch++) {
        EkRows rows = {0};
        if (!pointwise)
            rows = ek_rows_of(&window, input, scratch);
        const float *const first = upright ? ek_all_rows(&rows) : input;
        for (int32_t line = 0; line < lines; line++) {
            const float *packed = tensors[1];
            float *const to = output + line * (upright ? 1 : (ptrdiff_t)positions) * p->outputs;
            int32_t y = upright ? 0 : line * window.stride_h - window.top;
            for (int32_t i = 0; i < job.run_count; i += taps) {
                const float *const from = pointwise ? input
                                          : upright ? first + y * row_size + line * column
                                                    : ek_row_at(&rows, y);
                for (int32_t j = 0; j < taps; j++)
                    runs[i + j] = from + (ptrdiff_t)j * window.dilation_w * p->channels;
                y += window.dilation_h;
            }
            for (int32_t group = 0; group < groups; group++) {
                row_of(&job, positions, each, packed, to + group * each);
                packed += (each + WIDTH - 1) / WIDTH * block_size;
                for (int32_t i = 0; groups > 1 && i < job.run_count; i++)
                    runs[i] += p->depth;
            }
        }
        input += (ptrdiff_t)p->height * p->width * p->channels;
        output += all / batches;
    }
}

/* tensors: input, packed weights, bias, output. */
TARGET void FULLY_CONNECTED(const int32_t *params, void *const *tensors)
{
    const FullyConnectedFloat32 *const layer = (const FullyConnectedFloat32 *)params;
    const float *const input = tensors[0];
    const Job job = {.runs = &input,
                     .run_count = 1,
                     .count = layer->depth,
                     .step = layer->depth,
                     .outputs = layer->outputs,
                     .block_size = ((ptrdiff_t)layer->depth + 1) * WIDTH,
                     .lowest = layer->lowest,
                     .highest = layer->highest,
                     .end = (float *)tensors[3] + (ptrdiff_t)layer->rows * layer->outputs,
                     .in_parts = layer->depth > EK_PART};
    row_of(&job, layer->rows, layer->outputs, tensors[1], tensors[3]);
}
