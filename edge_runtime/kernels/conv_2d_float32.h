/* How the variants of CONV_2D of float32 read images, for the kernels and their scratch memory. */
#ifndef EK_CONV_2D_FLOAT32_H
#define EK_CONV_2D_FLOAT32_H

#include "conv_2d.h"
#include "padded_rows.h"

enum { EK_NARROW = 6, EK_WHOLE = 1 << 14 }; /* columns; numbers of an image and its zeros */

/* Positions of a narrow output are taken along its columns, which fill tiles; all rows are there
 * then. */
static inline EkWindow ek_conv_window(const Conv2D *p)
{
    const EkWindow window = {EK_WINDOW_OF(p), .copies = 1};
    EkWindow turned = ek_turned(window);
    const int32_t narrow = turned.output_width <= EK_NARROW &&
                           turned.output_height >= 4 * turned.output_width;
    turned.whole = narrow && !ek_is_pointwise(p);
    turned.whole = turned.whole && ek_ring_rows(&turned) * ek_row_size(&turned) <= EK_WHOLE;
    return turned;
}

/* Whether the taps of a window's row lie side by side; else the channels of a tap do. */
static inline int ek_rows_are_runs(const Conv2D *p, const EkWindow *w)
{
    return (w->dilation_w == 1 || w->window_width == 1) && p->depth == p->channels;
}

static inline int32_t ek_conv_runs(const Conv2D *p, const EkWindow *w)
{
    return w->window_height * (ek_rows_are_runs(p, w) ? 1 : w->window_width);
}

#endif
