/* Rows of an image with zeros on both sides, for the windows of float32 kernels: so all taps of
 * all positions are there, and those outside of the image change no sum, because packers refuse
 * weights that are not finite.
 *
 * A row lies where the image has it, if nothing has to be beside it. Otherwise it is copied to a
 * ring of as many rows as a window spans, once, when a window first reaches it. */
#ifndef EK_PADDED_ROWS_H
#define EK_PADDED_ROWS_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    int32_t height, width, channels, output_height, output_width;
    int32_t window_height, window_width, stride_h, stride_w, dilation_h, dilation_w, top, left;
    int32_t copies; /* of each channel, beside each other; 1 of a convolution */
    int32_t beyond; /* numbers that may be read behind the last channel of a row */
    int32_t clips;  /* whether windows are clipped to the columns of the image */
    int32_t whole;  /* whether all rows lie in the ring, and zeros above and below the image */
} EkWindow;

/* The initialisers of what layers with windows have by the same names. */
#define EK_WINDOW_OF(layer)                                                                        \
    .height = (layer)->height, .width = (layer)->width, .channels = (layer)->channels,             \
    .output_height = (layer)->output_height, .output_width = (layer)->output_width,                \
    .window_height = (layer)->window_height, .window_width = (layer)->window_width,                \
    .stride_h = (layer)->stride_h, .stride_w = (layer)->stride_w,                                  \
    .dilation_h = (layer)->dilation_h, .dilation_w = (layer)->dilation_w,                          \
    .top = (layer)->top, .left = (layer)->left

/* What moves along a single column moves along a row: so all positions of a signal lie in one
 * row. */
static inline EkWindow ek_turned(EkWindow w)
{
    EkWindow turned = w;
    if (w.width > 1 || w.window_width > 1 || w.output_width > 1 || w.left)
        return w;
    turned.width = w.height;
    turned.window_width = w.window_height;
    turned.stride_w = w.stride_h;
    turned.dilation_w = w.dilation_h;
    turned.left = w.top;
    turned.output_width = w.output_height;
    turned.height = turned.window_height = turned.dilation_h = turned.output_height = 1;
    turned.top = 0;
    return turned;
}

/* Columns that the windows of a row reach. */
static inline size_t ek_reach(const EkWindow *w)
{
    return (size_t)(w->output_width - 1) * (size_t)w->stride_w +
           (size_t)(w->window_width - 1) * (size_t)w->dilation_w + 1;
}

static inline int ek_is_copied(const EkWindow *w)
{
    const int is_padded = w->left || ek_reach(w) > (size_t)w->width;
    return (is_padded && !w->clips) || w->copies > 1 || w->beyond || w->whole;
}

/* Numbers of a row, and the rows of the ring. */
static inline size_t ek_row_size(const EkWindow *w)
{
    return (ek_is_copied(w) ? ek_reach(w) : (size_t)w->width) * (size_t)w->channels *
               (size_t)w->copies +
           (size_t)w->beyond;
}

static inline size_t ek_ring_rows(const EkWindow *w)
{
    const size_t span = (size_t)(w->window_height - 1) * (size_t)w->dilation_h + 1;
    if (w->whole)
        return (size_t)(w->output_height - 1) * (size_t)w->stride_h + span;
    return ek_is_copied(w) ? span : 0;
}

/* Floats of scratch memory, an even number: a row of zeros and the ring. */
static inline size_t ek_rows_scratch(const EkWindow *w)
{
    return ((ek_ring_rows(w) + 1) * ek_row_size(w) + 1) / 2 * 2;
}

/* Where pointers may lie in scratch memory: the rows come first, because that is aligned to
 * vectors. */
static inline void *ek_behind_rows(const EkWindow *w, float *scratch)
{
    return scratch + ek_rows_scratch(w);
}

typedef struct {
    const EkWindow *window;
    const float *image;
    float *zeros, *ring;
    size_t row_size;
    int32_t ring_rows, next; /* the first row that is not in the ring yet */
    int32_t turn;            /* a row that lies first in the ring, so that places need no division */
} EkRows;

/* Begins with an image. */
static inline EkRows ek_rows_of(const EkWindow *window, const float *image, float *scratch)
{
    const size_t size = ek_row_size(window);
    const EkRows rows = {
        window, image, scratch, scratch + size, size, (int32_t)ek_ring_rows(window), 0, 0};
    memset(scratch, 0, ek_rows_scratch(window) * sizeof *scratch);
    return rows;
}

/* Where a row lies in the ring. */
static inline float *ek_place(EkRows *rows, int32_t y)
{
    while (y < rows->turn)
        rows->turn -= rows->ring_rows;
    while (y >= rows->turn + rows->ring_rows)
        rows->turn += rows->ring_rows;
    return rows->ring + (size_t)(y - rows->turn) * rows->row_size;
}

static inline void ek_copy_row(EkRows *rows, int32_t y)
{
    const EkWindow *const w = rows->window;
    const size_t reach = ek_reach(w), left = (size_t)w->left, pitch = (size_t)w->width;
    const size_t channels = (size_t)w->channels, copies = (size_t)w->copies;
    const size_t columns = left >= reach ? 0 : reach - left < pitch ? reach - left : pitch;
    const float *from = rows->image + (size_t)y * pitch * channels;
    float *to = ek_place(rows, y) + left * channels * copies;
    if (copies == 1) {
        memcpy(to, from, columns * channels * sizeof *to);
        return;
    }
    for (size_t i = 0; i < columns * channels; i++, to += copies)
        for (size_t j = 0; j < copies; j++)
            to[j] = from[i];
}

/* The row of a window whose first row is y, from its column 0 on. Rows are asked for from the
 * first of the first window to the last of the last one. */
static inline const float *ek_row_at(EkRows *rows, int32_t y)
{
    const EkWindow *const w = rows->window;
    if (y < 0 || y >= w->height)
        return rows->zeros;
    if (!rows->ring_rows)
        return rows->image + (size_t)y * rows->row_size;
    if (rows->next <= y - rows->ring_rows) /* rows between windows are skipped */
        rows->next = y - rows->ring_rows + 1;
    for (; rows->next <= y; rows->next++)
        ek_copy_row(rows, rows->next);
    return ek_place(rows, y);
}

/* Of a whole window: copies all rows that windows reach, and returns the first of the first window. */
static inline const float *ek_all_rows(EkRows *rows)
{
    const int32_t top = rows->window->top, end = rows->ring_rows - top;
    rows->turn = -top;
    for (int32_t y = top < 0 ? -top : 0; y < rows->window->height && y < end; y++)
        ek_copy_row(rows, y);
    return rows->ring;
}

#endif
