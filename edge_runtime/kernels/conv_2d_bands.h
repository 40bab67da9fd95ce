/* CONV_2D of int8 in vectors: what the packers and the kernels of all instruction sets share.
 *
 * A band of the image is copied to scratch memory, with zero points around it where windows leave the
 * image. A window then is a list of chunks, 4 bytes that are multiplied at once, at the same offsets
 * from each window's first tap: where columns are not dilated, those of a row of the window, whose
 * numbers lie side by side; otherwise those of one tap. Weights for what is beyond are zeros. */
#ifndef EK_CONV_2D_BANDS_H
#define EK_CONV_2D_BANDS_H

#include "conv_2d.h"
#include "rescaling.h"

enum { EK_CHUNK = 4, EK_SLACK = 64, EK_BAND = 24 << 10 };

/* A layer as bands see it. */
typedef struct {
    int32_t height, columns;           /* of the image: rows, and what a row copies */
    int32_t output_height, output_width;
    int32_t stride_h, top, rows;       /* rows that a window covers */
    int32_t before, after;             /* columns of zero points */
    int32_t band;                      /* rows of the output that are calculated at once */
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
    b.band = 0;
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

/* A packed layer: int32 [16], of which the first is how sums are rescaled and the second the number
 * of chunks; an offset in the band for each chunk, int32; for each vector of outputs the numbers of rescaling.h; the weights of the first
 * two vectors of outputs, [chunks][2][lanes][EK_CHUNK bytes], and so on; of one vector where an odd
 * one is left. Each part is a multiple of 64 bytes. */
static inline size_t ek_rounded(size_t size)
{
    return (size + 63) / 64 * 64;
}

static inline size_t ek_heads_start(size_t chunks)
{
    return 64 + ek_rounded(chunks * 4);
}

/* lanes: outputs of a vector. */
static inline size_t ek_weights_start(size_t chunks, size_t outputs, size_t lanes)
{
    const size_t vectors = (outputs + lanes - 1) / lanes;
    return ek_heads_start(chunks) + ek_rounded(vectors * EK_COLUMNS * lanes * 4);
}

/* Where an output of a vector, or of two, lies, so that packing lanes of 128 bits gives them in order:
 * of lanes 4 * i and following of vector j of two, that is output 8 * i + 4 * j. */
static inline size_t ek_lane(size_t output, size_t vectors)
{
    return vectors == 1 ? output : output / 8 * 4 + output % 4;
}

static inline size_t ek_vector(size_t output, size_t vectors)
{
    return vectors == 1 ? 0 : output / 4 % 2;
}

#endif
