/* CONV_2D of int8 in vectors; the same bytes as the portable kernels. The file that includes this
 * defines KERNEL(rounding), MOST: how many windows' sums the registers hold for two vectors of outputs,
 * and what int8_zmm.h does. The forms of weights and bands are in conv_2d_bands.h. */
#include <string.h>

#define WIDE 2
#include "int8_rescale.h"
#include "conv_2d_int8_band.h"

enum { STRIP = 4 * MOST };

#ifndef TILE_IS_OF_THE_LEVEL
/* The sums of a tile: "high" windows, each in "wide" vectors. */
INLINE void tile(const int32_t high, const int32_t wide, const uint8_t *const *windows,
                 const int32_t *offsets, size_t chunks, const char *head, const char *weights,
                 Vector *totals)
{
    const uint8_t *at[MOST];
    Vector sums[2 * MOST];
    UNROLL
    for (int32_t i = 0; i < high; i++)
        at[i] = windows[i];
    UNROLL
    for (int32_t i = 0; i < high * wide; i++)
        sums[i] = load(head + i % wide * EK_COLUMNS * 4 * LANES);
    if (wide == 1) { /* two sums of each, because a product waits for the one before */
        Vector second[MOST];
        UNROLL
        for (int32_t i = 0; i < high; i++)
            second[i] = zero();
        for (; chunks > 1; chunks -= 2, offsets += 2, weights += 2 * LANES * EK_CHUNK) {
            const ptrdiff_t offset = offsets[0], next = offsets[1];
            UNROLL
            for (int32_t i = 0; i < high; i++)
                sums[i] = dot(sums[i], chunk_at(at[i] + offset), weights);
            UNROLL
            for (int32_t i = 0; i < high; i++)
                second[i] = dot(second[i], chunk_at(at[i] + next), weights + LANES * EK_CHUNK);
        }
        UNROLL
        for (int32_t i = 0; i < high; i++)
            sums[i] = sum_of(sums[i], second[i]);
    }
    for (; chunks > 0; chunks--, offsets++, weights += wide * LANES * EK_CHUNK) {
        const ptrdiff_t offset = *offsets;
        UNROLL
        for (int32_t i = 0; i < high; i++) {
            const Chunk chunk = chunk_at(at[i] + offset);
            UNROLL
            for (int32_t v = 0; v < wide; v++)
                sums[i * wide + v] = dot(sums[i * wide + v], chunk, weights + v * LANES * EK_CHUNK);
        }
    }
    UNROLL
    for (int32_t i = 0; i < high * wide; i++)
        totals[i] = sums[i];
}
#endif

typedef void tiler(const uint8_t *const *windows, const int32_t *offsets, size_t chunks,
                   const char *head, const char *weights, Vector *totals);

/* A function for each size, so that the sums stay in registers. */
#define TILER(high, wide)                                                                          \
    TARGET static void tile_##high##_##wide(const uint8_t *const *windows, const int32_t *offsets, \
                                            size_t chunks, const char *head, const char *weights,  \
                                            Vector *totals)                                        \
    {                                                                                              \
        tile(high, wide, windows, offsets, chunks, head, weights, totals);                         \
    }
#define TILERS_OF(high) TILER(high, 1) TILER(high, 2)
#define BOTH(high) {tile_##high##_1, tile_##high##_2}
TILERS_OF(1)
TILERS_OF(2)
TILERS_OF(3)
TILERS_OF(4)
#if MOST_IS_4
static tiler *const TILERS[][2] = {BOTH(1), BOTH(2), BOTH(3), BOTH(4)};
#elif MOST_IS_8
TILERS_OF(5)
TILERS_OF(6)
TILERS_OF(8)
static tiler *const TILERS[][2] = {BOTH(1), BOTH(2), BOTH(3), BOTH(4),
                                   BOTH(5), BOTH(6), BOTH(8), BOTH(8)};
#else
TILERS_OF(6)
static tiler *const TILERS[][2] = {BOTH(1), BOTH(2), BOTH(3), BOTH(4), BOTH(6), BOTH(6)};
#endif

/* The outputs of a band, so many windows at a time that their sums are rescaled without a break. */
TARGET static void band_outputs(const Conv2D *p, const EkBands *b, const Bounds *bounds,
                                const char *packed, uint8_t *band, int32_t rows, int8_t *output)
{
    const int32_t *const start = (const int32_t *)(const void *)packed;
    const size_t chunks = (size_t)start[1], block = chunks * LANES * EK_CHUNK;
    const int32_t *const offsets = (const int32_t *)(const void *)(packed + 64);
    const int32_t outputs = p->outputs, count = rows * b->output_width;
    const ptrdiff_t size = size_of(start[0]);
    const char *const weights = packed + ek_weights_start(chunks * 4, (size_t)outputs, LANES);
    Place at = {band, band, 0};
    Vector totals[2 * STRIP];
    memset(totals, 0, sizeof totals);
    for (int32_t done = 0, strip; done < count; done += strip) {
        const uint8_t *windows[STRIP];
        strip = ek_least(count - done, STRIP);
        at = places_from(at, b, strip, windows);
        for (int32_t i = strip; i < STRIP; i++) /* what a tile may read, being higher than it need be */
            windows[i] = windows[strip - 1];
        for (int32_t o = 0; o < outputs; o += 2 * LANES) {
            const int32_t left = outputs - o, wide = left > LANES;
            const char *const head = packed + ek_heads_start(chunks * 4) + o * EK_COLUMNS * 4;
            const char *const from = weights + o / LANES * (ptrdiff_t)block;
            const int32_t tiles = (strip + MOST - 1) / MOST;
            for (int32_t tile = 0, i = 0, high; tile < tiles; tile++, i += high) {
                high = (strip - i + tiles - tile - 1) / (tiles - tile);
                TILERS[high - 1][wide](windows + i, offsets, chunks, head, from,
                                       totals + i * (wide + 1));
            }
            rescaler_of(start[0], wide)(totals, strip, head, left, bounds, output + o * size,
                                        outputs);
        }
        output += (ptrdiff_t)strip * outputs * size;
    }
}

#ifdef ROWS_KERNEL
INLINE void prepare(uint8_t *row, const int8_t *input, int32_t depth, size_t chunks)
{
    (void)chunks; /* what follows the row is multiplied by zeros */
    COPY(row, input, depth, 0);
}

#include "fully_connected_int8.h"

static inline Rows rows_of(const Conv2D *p, const char *packed)
{
    const int32_t *const start = (const int32_t *)(const void *)packed;
    const size_t chunks = (size_t)start[1], places = chunks * sizeof(int32_t);
    const char *const heads = packed + ek_heads_start(places);
    const Rows rows = {
        .mode = start[0],
        .outputs = p->outputs,
        .chunks = chunks,
        .heads = heads,
        .biases = heads,
        .weights = packed + ek_weights_start(places, (size_t)p->outputs, LANES),
        .apart = EK_COLUMNS * 4 * LANES,
    };
    return rows;
}

void ROWS_KERNEL(int8_once)(const int32_t *params, void *const *tensors)
{
    const Conv2D *const p = (const Conv2D *)params;
    const Rows rows = rows_of(p, tensors[1]);
    if (p->height >= MANY_ROWS)
        convolve(params, tensors, tensors[5], tensors[6]);
    else
        few_rows(p, &rows, tensors[0], tensors[6], tensors[5]);
}

/* Each row is an image, which has a scale of its own. */
TARGET void ROWS_KERNEL(hybrid)(const int32_t *params, void *const *tensors)
{
    const Conv2D *const p = (const Conv2D *)params;
    const Rows rows = rows_of(p, tensors[1]);
    const float *input = tensors[0];
    int8_t *const bytes = tensors[5], *output = tensors[4];
    uint8_t *const row = (uint8_t *)bytes + ek_rounded((size_t)p->channels);
    for (int32_t n = 0; n < p->batches; n++, input += p->channels) {
        const EkQuantized quantized = QUANTIZE(input, p->channels, params[EK_ASYMMETRIC], bytes);
        const Bounds bounds = hybrid_bounds(quantized, 1, &p->lowest, &p->highest);
        prepare(row, bytes, p->channels, rows.chunks);
        row_outputs(&rows, &bounds, row, output);
        output += p->outputs * size_of(rows.mode);
    }
}
#endif
