/* DEPTHWISE_CONV_2D of int8 in vectors; the same bytes as the portable kernels. The file that
 * includes this defines KERNEL(rounding) and what int8_zmm.h defines, and interleave(), which writes
 * a vector of each row of chunks for STRIDE numbers; or SINGLE, if chunks are numbers of the band. It
 * defines LOADS_COUNT if products have no operands in memory, and chunks_at() if load() does not load
 * chunks. The forms of weights and bands are in depthwise_bands.h. */
#include <string.h>

#include "depthwise_bands.h"
#define WIDE 4
#include "int8_rescale.h"

#ifdef SINGLE
enum { CHUNK = ELEMENT };
#else
enum { CHUNK = EK_CHUNK };
#endif
#ifndef chunks_at
#define chunks_at load
#endif
enum { TAPS = CHUNK / ELEMENT, THREE = (3 + TAPS - 1) / TAPS, VECTORS = 64 };

/* Copies a row, each number as many times as a channel has outputs. */
TARGET static void copy_row(const DepthwiseInt8 *p, const EkBands *b, const int8_t *image, int32_t y,
                            uint8_t *to)
{
    const ptrdiff_t outputs = (ptrdiff_t)p->channels * p->multiplier;
    const int8_t *from = image + (ptrdiff_t)y * p->width * p->channels + b->from / p->multiplier;
    fill(to, p->input_zero_point, b->before * outputs);
    to += b->before * outputs * ELEMENT;
    if (p->multiplier == 1)
        COPY(to, from, b->columns * outputs, b->flip);
    else
        for (ptrdiff_t i = 0; i < (ptrdiff_t)b->columns * p->channels; i++)
            fill(to + i * p->multiplier * ELEMENT, (int8_t)(from[i] ^ b->flip), p->multiplier);
    fill(to + b->columns * outputs * ELEMENT, p->input_zero_point, b->after * outputs);
}

#ifndef SINGLE
/* The chunks of rows from "from" on, of which "rows" exist. */
TARGET __attribute__((noinline)) static void interleave_rows(const EkDepthwise *d,
                                                             const uint8_t *from, ptrdiff_t next,
                                                             int32_t rows, uint8_t *chunks)
{
    const ptrdiff_t size = (ptrdiff_t)ek_interleaved(d) * CHUNK;
    for (int32_t g = 0; g < d->groups; g++, chunks += size) {
        const uint8_t *taps[TAPS];
        for (int32_t i = 0; i < TAPS; i++)
            taps[i] = from + ek_least(g * TAPS + i, rows - 1) * next;
        for (ptrdiff_t i = 0; i < d->bands.pitch; i += STRIDE)
            interleave(taps, i * ELEMENT, chunks + i * CHUNK);
    }
}
#endif

/* The sums of "count" times four vectors: of four vectors of a position, whose weights are "size"
 * bytes apart, or of one of four positions, "step" bytes of chunks apart, as columns are if
 * "adjacent". */
INLINE void products(const int32_t wide, const int32_t groups, const int32_t columns,
                     const int32_t adjacent, const EkDepthwise *d, const uint8_t *chunks,
                     const char *weights, ptrdiff_t size, const char *head, int32_t count,
                     Vector *totals)
{
    const ptrdiff_t group = d->group * CHUNK, column = d->column * CHUNK;
    const ptrdiff_t step = d->step * CHUNK;
    const ptrdiff_t apart = wide ? LANES * CHUNK : step, next = wide ? step : 4 * step;
    Vector biases[4];
    UNROLL
    for (int32_t i = 0; i < 4; i++)
        biases[i] = load(head + (wide ? i * EK_COLUMNS * 4 * LANES : 0));
    for (int32_t n = 0; n < count; n++, chunks += next) {
        const char *from = weights;
        Vector sums[4];
        UNROLL
        for (int32_t i = 0; i < 4; i++)
            sums[i] = biases[i];
        for (int32_t g = 0; g < groups; g++)
            for (int32_t j = 0; j < columns; j++, from += LANES * CHUNK) {
                const uint8_t *const at = chunks + g * group;
                UNROLL
                for (int32_t i = 0; i < 4; i++) {
                    const ptrdiff_t offset = adjacent ? (i + j) * column : j * column + i * apart;
                    sums[i] = dot(sums[i], chunks_at(at + offset), from + (wide ? i * size : 0));
                }
            }
        UNROLL
        for (int32_t i = 0; i < 4; i++)
            *totals++ = sums[i];
    }
}

typedef void producer(const EkDepthwise *d, const uint8_t *chunks, const char *weights,
                      ptrdiff_t size, const char *head, int32_t count, Vector *totals);

#define PRODUCER(name, wide, groups, columns, adjacent)                                            \
    TARGET __attribute__((noinline)) static void name(                                             \
        const EkDepthwise *d, const uint8_t *chunks, const char *weights, ptrdiff_t size,          \
        const char *head, int32_t count, Vector *totals)                                           \
    {                                                                                              \
        products(wide, groups, columns, adjacent, d, chunks, weights, size, head, count, totals);  \
    }
PRODUCER(any_one, 0, d->groups, d->columns, 0)
PRODUCER(any_wide, 1, d->groups, d->columns, 0)
PRODUCER(three_by_three_one, 0, THREE, 3, 0)
PRODUCER(three_by_three_wide, 1, THREE, 3, 0)
#ifdef LOADS_COUNT
PRODUCER(three_by_three_adjacent, 0, THREE, 3, 1)
#else
#define three_by_three_adjacent three_by_three_one
#endif
static producer *const PRODUCERS[][2] = {{any_one, any_wide},
                                         {three_by_three_one, three_by_three_wide},
                                         {three_by_three_adjacent, three_by_three_wide}};

/* Whether to calculate vectors of one position at once, as far as there are four. The weights of
 * one vector stay in registers, and windows side by side share chunks, but four positions are
 * calculated where there are fewer. */
static inline int32_t is_wide(const EkDepthwise *d)
{
#ifdef LOADS_COUNT
    return d->positions < 8;
#else
    (void)d;
    return 1;
#endif
}

/* The outputs of a row: four vectors of a position at once, then one of four positions. */
TARGET static void row_outputs(const EkDepthwise *d, const Bounds *bounds, const char *packed,
                               const char *weights, const uint8_t *chunks, int8_t *output)
{
    const ptrdiff_t size = (ptrdiff_t)d->groups * d->columns * LANES * CHUNK;
    const ptrdiff_t step = d->step * CHUNK, outputs = d->outputs;
    const int32_t mode = *(const int32_t *)(const void *)packed;
    const ptrdiff_t bytes = size_of(mode);
    const int32_t usual = d->groups == THREE && d->columns == 3;
    producer *const *const producers = PRODUCERS[usual + (usual && d->step == d->column)];
    const int32_t all = d->positions + (d->rest > 0);
    Vector totals[VECTORS];
    for (int32_t o = 0, wide; o < outputs; o += wide ? 4 * LANES : LANES) {
        const ptrdiff_t vector = o / LANES;
        const char *const head = packed + 64 + vector * EK_COLUMNS * 4 * LANES;
        wide = is_wide(d) && o + 4 * LANES <= outputs;
        const int32_t most = wide ? VECTORS / 4 : VECTORS;
        for (int32_t i = 0; i < all; i += most) {
            const int32_t count = ek_least(all - i, most);
            const int32_t whole = ek_least(d->positions - i, count);
            int8_t *const to = output + (i * outputs + o) * bytes;
            producers[wide](d, chunks + i * step + o * CHUNK, weights + vector * size, size, head,
                            wide ? count : (count + 3) / 4, totals);
            rescaler *const rescale = rescaler_of(mode, wide);
            rescale(totals, whole, head, d->outputs - o, bounds, to, outputs);
            if (whole < count)
                rescale(totals + whole, 1, head, d->rest, bounds, to + whole * outputs * bytes,
                        outputs);
        }
    }
}

/* The outputs of an image; returns where those of the next one begin. */
TARGET static int8_t *convolve_image(const DepthwiseInt8 *p, const EkDepthwise *d,
                                     const Bounds *bounds, const int8_t *input, const char *packed,
                                     int8_t *output, uint8_t *scratch)
{
    const EkBands *const b = &d->bands;
    const ptrdiff_t pitch = b->pitch * ELEMENT, vectors = (d->outputs + LANES - 1) / LANES;
    const ptrdiff_t block = vectors * d->groups * d->columns * LANES * CHUNK;
    const ptrdiff_t size = size_of(*(const int32_t *)(const void *)packed);
    uint8_t *const band = scratch;
#ifndef SINGLE
    uint8_t *const chunks = scratch + ek_rounded(ek_band_size(b, ELEMENT));
#endif
    for (int32_t row = 0; row < b->output_height; row += b->band) {
        const int32_t rows = ek_least(b->band, b->output_height - row);
        const int32_t first = row * b->stride_h - b->top;
        const int32_t copied = (rows - 1) * b->stride_h + b->rows;
        for (int32_t i = 0; i < copied; i++)
            if (first + i < 0 || first + i >= b->height)
                fill(band + i * pitch, p->input_zero_point, b->pitch);
            else
                copy_row(p, b, input, first + i, band + i * pitch);
        for (int32_t i = 0; i < rows; i++, output += d->pitch * size) {
            const int32_t start = i / d->served * d->served * b->stride_h;
#ifdef SINGLE
            const uint8_t *const chunks = band + start * pitch;
#else
            if (i % d->served == 0)
                interleave_rows(d, band + start * pitch, p->dilation_h * pitch,
                                (copied - start + p->dilation_h - 1) / p->dilation_h, chunks);
#endif
            row_outputs(d, bounds, packed,
                        packed + ek_depthwise_weights_start(d, LANES) + i % d->served * block,
                        chunks, output);
        }
    }
    return output;
}

TARGET static void convolve(const int32_t *params, void *const *tensors, int8_t *output,
                            uint8_t *scratch)
{
    const DepthwiseInt8 *const given = (const DepthwiseInt8 *)params; /* as in CONV_2D */
    EkDepthwise d = ek_depthwise(given, LANES, ELEMENT, CHUNK);
    Bounds bounds = bounds_of(given->lowest, given->highest, given->output_zero_point);
    const DepthwiseInt8 layer = *given, *const p = &layer;
    const ptrdiff_t image = (ptrdiff_t)p->height * p->width * p->channels;
    const int8_t *input = tensors[0];
#ifdef FLIPS
    d.bands.flip = ((const int32_t *)tensors[1])[EK_FLIP];
    bounds = flipped(bounds, d.bands.flip);
#endif
    for (int32_t batch = 0; batch < p->batches; batch++, input += image)
        output = convolve_image(p, &d, &bounds, input, tensors[1], output, scratch);
}

void KERNEL(twice)(const int32_t *params, void *const *tensors)
{
    convolve(params, tensors, tensors[5], tensors[6]);
}

void KERNEL(float)(const int32_t *params, void *const *tensors)
{
    convolve(params, tensors, tensors[4], tensors[5]);
}

#ifdef HYBRID
/* Images quantised to bytes, one after another, as in conv_2d_int8_band.h. */
TARGET void HYBRID(const int32_t *params, void *const *tensors)
{
    const DepthwiseInt8 *const p = (const DepthwiseInt8 *)params;
    const EkDepthwise d = ek_depthwise(p, LANES, ELEMENT, CHUNK);
    const ptrdiff_t image = (ptrdiff_t)p->height * p->width * p->channels;
    DepthwiseInt8 layer = *p;
    const float *input = tensors[0];
    int8_t *const bytes = tensors[5], *output = tensors[4];
    uint8_t *const scratch = (uint8_t *)bytes + ek_rounded((size_t)image);
    for (int32_t batch = 0; batch < p->batches; batch++, input += image) {
        const EkQuantized quantized = QUANTIZE(input, image, 1, bytes);
        const Bounds bounds = hybrid_bounds(quantized, 1, &p->lowest, &p->highest);
        layer.input_zero_point = quantized.zero_point;
        output = convolve_image(&layer, &d, &bounds, bytes, tensors[1], output, scratch);
    }
}
#endif
