/* CONV_2D of int8 with AMX: tiles of 16 windows by 64 bytes times 64 bytes by 16 outputs.
 *
 * A tile has rows that are equally far apart. Where 16 windows lie so in a row of the band, tiles are
 * loaded from there, a run of taps at a time; otherwise windows are copied one behind the other. Sums
 * are rescaled as conv_2d_int8_avx512.c does it. */
#include "kernel.h"

#ifdef EK_X86
enum { ADDED = 0 };
#include "int8_zmm.h"

#define KERNEL(rounding) ek_conv_2d_int8_##rounding##_amx
#define HYBRID(order) ek_conv_2d_hybrid_##order##_amx
#define QUANTIZE ek_quantize_bytes_avx512
#define ONES ek_rescalers_one_avx512
#define WIDES ek_rescalers_two_avx512
#define WIDE 2
/* Tiles of whole lines that no window is missing from end where the image does. */
#define IN_PLACE(p, rows)                                                                          \
    (ek_is_pointwise(p) && (p)->channels % EK_TILE_BYTES == 0 && (rows) >= EK_TILE_ROWS)
#include "int8_rescale.h"
#include "conv_2d_int8_band.h"

enum { HIGH = EK_TILE_ROWS, DEEP = EK_TILE_BYTES / EK_CHUNK };

/* Instructions of their own, because GCC 12 takes the intrinsics to read no memory. */
#define LOAD_TILE(n, from, apart)                                                                  \
    __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #n : : "r"(from), "r"(apart) : "memory")
#define STORE_TILE(n, to, apart)                                                                   \
    __asm__ volatile("tilestored %%tmm" #n ", (%0,%1,1)" : : "r"(to), "r"(apart) : "memory")
#define MULTIPLY(sums, windows, weights)                                                           \
    __asm__ volatile("tdpbssd %%tmm" #weights ", %%tmm" #windows ", %%tmm" #sums : : : "memory")

/* 16 windows, of which "count" are there, and where their outputs go. */
typedef struct {
    const uint8_t *windows;
    int8_t *output;
    int32_t count;
} Job;

/* A packed layer. */
typedef struct {
    const int32_t *offsets;
    const EkPiece *pieces;
    size_t steps;
    int32_t count, outputs; /* of pieces; of a window */
    ptrdiff_t apart, size;  /* from window to window; bytes of an output */
    const char *heads, *weights;
    int32_t mode; /* of rescaling */
    const Bounds *bounds;
} Layer;

/* The sums of two jobs, or of one where the second has no windows, of one vector of outputs. */
TARGET static void sums_of_one(const Layer *layer, const Job *jobs, const char *head,
                               const char *weights, Vector *totals)
{
    const int32_t both = jobs[1].count > 0;
    LOAD_TILE(0, head, (ptrdiff_t)0);
    LOAD_TILE(2, head, (ptrdiff_t)0);
    for (size_t k = 0; k < layer->steps; k++, weights += DEEP * 64) {
        LOAD_TILE(6, weights, (ptrdiff_t)64);
        LOAD_TILE(4, jobs[0].windows + layer->offsets[k], layer->apart);
        MULTIPLY(0, 4, 6);
        if (both) {
            LOAD_TILE(5, jobs[1].windows + layer->offsets[k], layer->apart);
            MULTIPLY(2, 5, 6);
        }
    }
    STORE_TILE(0, totals, (ptrdiff_t)64);
    if (both)
        STORE_TILE(2, totals + HIGH, (ptrdiff_t)64);
}

/* The same of two vectors, side by side. */
TARGET static void sums_of_two(const Layer *layer, const Job *jobs, const char *head,
                               const char *weights, Vector *totals)
{
    const char *const second = head + EK_COLUMNS * 4 * LANES;
    const int32_t both = jobs[1].count > 0;
    LOAD_TILE(0, head, (ptrdiff_t)0);
    LOAD_TILE(1, second, (ptrdiff_t)0);
    LOAD_TILE(2, head, (ptrdiff_t)0);
    LOAD_TILE(3, second, (ptrdiff_t)0);
    for (size_t k = 0; k < layer->steps; k++, weights += DEEP * 128) {
        LOAD_TILE(4, jobs[0].windows + layer->offsets[k], layer->apart);
        LOAD_TILE(6, weights, (ptrdiff_t)128);
        MULTIPLY(0, 4, 6);
        LOAD_TILE(7, weights + 64, (ptrdiff_t)128);
        MULTIPLY(1, 4, 7);
        if (both) {
            LOAD_TILE(5, jobs[1].windows + layer->offsets[k], layer->apart);
            MULTIPLY(2, 5, 6);
            MULTIPLY(3, 5, 7);
        }
    }
    STORE_TILE(0, totals, (ptrdiff_t)128);
    STORE_TILE(1, totals + 1, (ptrdiff_t)128);
    if (both) {
        STORE_TILE(2, totals + 2 * HIGH, (ptrdiff_t)128);
        STORE_TILE(3, totals + 2 * HIGH + 1, (ptrdiff_t)128);
    }
}

/* The outputs of two jobs. */
TARGET static void finish(const Layer *layer, const Job *jobs)
{
    const ptrdiff_t block = (ptrdiff_t)layer->steps * DEEP * LANES * EK_CHUNK;
    Vector totals[4 * HIGH];
    for (int32_t o = 0; o < layer->outputs; o += 2 * LANES) {
        const int32_t left = layer->outputs - o, wide = left > LANES;
        const char *const head = layer->heads + o * EK_COLUMNS * 4;
        (wide ? sums_of_two : sums_of_one)(layer, jobs, head, layer->weights + o / LANES * block,
                                           totals);
        for (int32_t n = 0; n < 2; n++)
            rescaler_of(layer->mode, wide)(totals + n * (wide + 1) * HIGH, jobs[n].count, head,
                                           left, layer->bounds, jobs[n].output + o * layer->size,
                                           layer->outputs);
    }
}

/* Does two jobs, or one that no further one follows. Returns how many are left. */
TARGET static int32_t do_jobs(const Layer *layer, Job *jobs, int32_t count, int32_t last)
{
    if (count == 1 && !last)
        return 1;
    if (count == 1) {
        jobs[1] = jobs[0];
        jobs[1].count = 0;
    }
    finish(layer, jobs);
    return 0;
}

/* Windows that lie in rows of the band: where a row ends, some belong to two jobs. */
TARGET static void outputs_in_band(const Layer *layer, const EkBands *b, const uint8_t *band,
                                   int32_t rows, int8_t *output)
{
    const int32_t single = b->output_width == 1; /* windows of all rows follow one another */
    const int32_t width = single ? rows : b->output_width, lines = single ? 1 : rows;
    const ptrdiff_t outputs = layer->outputs * layer->size;
    Job jobs[2];
    int32_t count = 0;
    for (int32_t row = 0; row < lines; row++) {
        for (int32_t column = 0; column < width; column += HIGH) {
            const int32_t first = ek_most(ek_least(column, width - HIGH), 0);
            const Job job = {band + first * b->step, output + first * outputs,
                             ek_least(width, HIGH)};
            jobs[count++] = job;
            count = do_jobs(layer, jobs, count, row == lines - 1 && column + HIGH >= width);
        }
        band += b->pitch * b->stride_h;
        output += width * outputs;
    }
}

/* Copies 16 windows; zeros of the weights stand for what belongs to none. */
TARGET static void gather(const Layer *layer, const uint8_t *const *windows, uint8_t *to)
{
    for (int32_t n = 0; n < HIGH; n++) {
        __m512i row = _mm512_setzero_si512();
        for (const EkPiece *piece = layer->pieces; piece < layer->pieces + layer->count; piece++) {
            row = _mm512_mask_loadu_epi8(row, piece->mask, windows[n] + piece->offset);
            if (piece->last) {
                _mm512_storeu_si512(to, row);
                to += EK_TILE_BYTES;
            }
        }
    }
}

/* Windows that are copied, to where there is room for those of two jobs. */
TARGET static void outputs_of_copies(const Layer *layer, const EkBands *b, const uint8_t *band,
                                     int32_t rows, uint8_t *copies, int8_t *output)
{
    const int32_t windows = rows * b->output_width;
    Place at = {band, band, 0};
    Job jobs[2];
    int32_t count = 0;
    for (int32_t done = 0; done < windows; done += HIGH) {
        const uint8_t *places[HIGH];
        const Job job = {copies + count * HIGH * layer->apart, output,
                         ek_least(windows - done, HIGH)};
        at = places_from(at, b, job.count, places);
        for (int32_t i = job.count; i < HIGH; i++)
            places[i] = places[0];
        gather(layer, places, copies + count * HIGH * layer->apart);
        jobs[count++] = job;
        count = do_jobs(layer, jobs, count, done + HIGH >= windows);
        output += HIGH * layer->outputs * layer->size;
    }
}

TARGET static void band_outputs(const Conv2D *p, const EkBands *b, const Bounds *bounds,
                                const char *packed, uint8_t *band, int32_t rows, int8_t *output)
{
    const EkTiles form = ek_tiles(p);
    const size_t places = ek_tile_places(form);
    const int32_t mode = *(const int32_t *)(const void *)packed;
    const char *const offsets = packed + 64, *pieces = offsets + ek_rounded(form.steps * 4);
    const uintptr_t behind = (uintptr_t)band + ek_band_size(b, ELEMENT);
    const Layer layer = {
        .offsets = (const int32_t *)(const void *)offsets,
        .pieces = (const EkPiece *)(const void *)pieces,
        .steps = form.steps,
        .count = (int32_t)form.pieces,
        .outputs = p->outputs,
        .apart = form.in_band ? b->step : (ptrdiff_t)form.steps * EK_TILE_BYTES,
        .size = size_of(mode),
        .heads = packed + ek_heads_start(places),
        .weights = packed + ek_weights_start(places, (size_t)p->outputs, LANES),
        .mode = mode,
        .bounds = bounds,
    };
    const EkTileShapes tiles = ek_full_tiles();
    __asm__ volatile("ldtilecfg %0" : : "m"(tiles));
    if (form.in_band)
        outputs_in_band(&layer, b, band, rows, output);
    else /* rows of tiles are lines of the cache */
        outputs_of_copies(&layer, b, band, rows, (uint8_t *)((behind + 63) / 64 * 64), output);
    __asm__ volatile("tilerelease");
}

/* A row to which 128 are added. */
INLINE void prepare(uint8_t *row, const int8_t *input, int32_t depth, size_t chunks)
{
    const __m512i flip = _mm512_set1_epi8(-128);
    copy(row, input, depth);
    for (size_t k = 0; k < chunks * EK_CHUNK; k += EK_TILE_BYTES)
        _mm512_storeu_si512(row + k, _mm512_xor_si512(load(row + k), flip));
}

#include "fully_connected_int8.h"

void ek_fully_connected_int8_once_amx(const int32_t *params, void *const *tensors)
{
    const Conv2D *const p = (const Conv2D *)params;
    const EkTiles form = ek_tiles(p);
    const size_t places = ek_tile_places(form), outputs = (size_t)p->outputs;
    const char *const packed = tensors[1];
    const char *const weights = packed + ek_weights_start(places, outputs, LANES);
    const char *const biases =
        weights + (outputs + LANES - 1) / LANES * form.steps * DEEP * LANES * EK_CHUNK;
    const Rows rows = {
        .mode = *(const int32_t *)(const void *)packed,
        .outputs = p->outputs,
        .chunks = form.steps * DEEP,
        .heads = packed + ek_heads_start(places),
        .biases = biases,
        .weights = weights,
        .apart = 4 * LANES,
    };
    if (p->height >= MANY_ROWS)
        convolve(params, tensors, tensors[5], tensors[6]);
    else
        few_rows(p, &rows, tensors[0], tensors[6], tensors[5]);
}
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
