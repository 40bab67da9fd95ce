/* CONV_2D of int8 in vectors: what the packers and the kernels of all instruction sets share.
 *
 * A band of the image is copied to scratch memory, with zero points around it where windows leave
 * the image. A window then is a list of chunks, 4 bytes that are multiplied at once, at the same
 * offsets from each window's first tap: where columns are not dilated, those of a row of the
 * window, whose numbers lie side by side; otherwise those of one tap. Weights for what is beyond
 * are zeros. */
#ifndef EK_CONV_2D_BANDS_H
#define EK_CONV_2D_BANDS_H

#include "conv_2d.h"
#include "rescaling.h"
#include "x86/tiles.h"

enum { EK_FLIP = 2 }; /* where a packed layer has the flip of its bands, int32 */
/* Where parameters of hybrid rows, behind those of CONV_2D, have whether zero points are chosen. */
enum { EK_ASYMMETRIC = sizeof(Conv2D) / sizeof(int32_t) };
enum { EK_CHUNK = 4, EK_SLACK = 64, EK_BAND = 24 << 10 };

/* A layer as bands see it. */
typedef struct {
    int32_t height, columns;           /* of the image: rows, and what a row copies */
    int32_t output_height, output_width;
    int32_t stride_h, top, rows;       /* rows that a window covers */
    int32_t before, after;             /* columns of zero points */
    int32_t band;                      /* rows of the output that are calculated at once */
    int32_t flip;                      /* 128 where bytes are uint8, which are flipped to int8; or 0 */
    ptrdiff_t from;                    /* offset of the first column that is copied, in numbers */
    ptrdiff_t row, pitch, step;        /* of the image, the band, from window to window; numbers */
} EkBands;

static inline int32_t ek_most(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

static inline int32_t ek_least(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static inline EkBands ek_bands_of(const Conv2D *p)
{
    EkBands b;
    const int32_t wide = (p->output_width - 1) * p->stride_w +
                         (p->window_width - 1) * p->dilation_w + 1;
    const int32_t first = ek_most(-p->left, 0), end = ek_least(wide - p->left, p->width);
    b.height = p->height;
    b.columns = ek_most(end - first, 0);
    b.output_height = p->output_height;
    b.output_width = p->output_width;
    b.stride_h = p->stride_h;
    b.top = p->top;
    b.rows = (p->window_height - 1) * p->dilation_h + 1;
    b.before = ek_least(p->left, wide);
    b.after = wide - b.before - b.columns;
    b.from = (ptrdiff_t)first * p->channels;
    b.row = (ptrdiff_t)p->width * p->channels;
    b.pitch = (ptrdiff_t)wide * p->channels;
    b.step = (ptrdiff_t)p->stride_w * p->channels;
    b.band = b.flip = 0;
    return b;
}

/* With as many rows of outputs in a band as stay in the first cache. element: bytes of a number in
 * the band. */
static inline EkBands ek_fitted(EkBands b, int32_t element)
{
    const ptrdiff_t fit = EK_BAND / (b.pitch * element), more = fit - b.rows;
    const int32_t band = more > 0 ? 1 + (int32_t)(more / b.stride_h) : 1;
    b.band = ek_least(band, b.output_height);
    return b;
}

static inline EkBands ek_bands(const Conv2D *p, int32_t element)
{
    EkBands b = ek_bands_of(p);
    if (ek_is_pointwise(p)) { /* rows of one position, so that bands can be of any length */
        b.height = b.output_height = p->height * p->width;
        b.columns = b.output_width = 1;
        b.row = b.pitch = b.step = p->channels;
    }
    return ek_fitted(b, element);
}

/* Bytes of a band. */
static inline size_t ek_band_size(const EkBands *b, int32_t element)
{
    const ptrdiff_t rows = (ptrdiff_t)(b->band - 1) * b->stride_h + b->rows;
    return (size_t)(rows * b->pitch * element) + EK_SLACK;
}

/* Taps of a window that lie side by side, and how many such runs there are in a row of it. */
static inline int32_t ek_run(const Conv2D *p)
{
    return p->dilation_w == 1 ? p->window_width : 1;
}

/* Tiles have 64 bytes of 16 windows that are equally far apart. Where a row has that many windows
 * they are read from the band, a run of taps at a time; otherwise windows are copied one behind
 * the other, in pieces: of the 64 bytes at an offset from the window's first tap those of the
 * mask, and with the last piece a tile's row is whole. */
typedef struct {
    uint64_t mask;
    int32_t offset, last;
} EkPiece;

/* A window in tiles. */
typedef struct {
    int32_t in_band;
    size_t steps, pieces; /* tiles, and pieces, of a window; none in the band */
} EkTiles;

static inline EkTiles ek_tiles(const Conv2D *p)
{
    const size_t run = (size_t)ek_run(p) * (size_t)p->channels, line = EK_TILE_BYTES;
    const size_t runs = (size_t)(p->window_height * (p->window_width / ek_run(p)));
    const size_t apart = (run + EK_CHUNK - 1) / EK_CHUNK * EK_CHUNK;
    EkTiles tiles = {1, runs * ((run + line - 1) / line), 0};
    if (p->output_width >= EK_TILE_ROWS || ek_is_pointwise(p))
        return tiles;
    tiles.in_band = 0;
    tiles.steps = (runs * apart + line - 1) / line;
    for (size_t i = 0; i < runs; i++)
        tiles.pieces += (i * apart + run - 1) / line - i * apart / line + 1;
    return tiles;
}

/* A packed layer: int32 [16], of which the first is how sums are rescaled and the second the
 * number of chunks; the places: an offset in the band for each chunk, int32, or one for each tile
 * and the pieces behind them; for each vector of outputs the numbers of rescaling.h; the weights
 * of the first two vectors of outputs, [chunks][2][lanes][EK_CHUNK bytes], and so on; of one
 * vector where an odd one is left. Each part is a multiple of 64 bytes. */
static inline size_t ek_rounded(size_t size)
{
    return (size + 63) / 64 * 64;
}

/* Bytes of the places of a window in tiles, of which the pieces are the last. */
static inline size_t ek_tile_places(EkTiles tiles)
{
    return ek_rounded(tiles.steps * sizeof(int32_t)) + tiles.pieces * sizeof(EkPiece);
}

/* places: their bytes. */
static inline size_t ek_heads_start(size_t places)
{
    return 64 + ek_rounded(places);
}

/* lanes: outputs of a vector. */
static inline size_t ek_weights_start(size_t places, size_t outputs, size_t lanes)
{
    const size_t vectors = (outputs + lanes - 1) / lanes;
    return ek_heads_start(places) + ek_rounded(vectors * EK_COLUMNS * lanes * 4);
}

/* Where an output of a vector, or of two, lies, so that packing lanes of 128 bits gives them in
 * order: of lanes 4 * i and following of vector j of two, that is output 8 * i + 4 * j. */
static inline size_t ek_lane(size_t output, size_t vectors)
{
    return vectors == 1 ? output : output / 8 * 4 + output % 4;
}

static inline size_t ek_vector(size_t output, size_t vectors)
{
    return vectors == 1 ? 0 : output / 4 % 2;
}

#endif
