/* Windows that move over the rows and columns of an image: which of their taps lie inside it. */
#ifndef EK_WINDOW_H
#define EK_WINDOW_H

#include <stdint.h>

/* First tap inside of an image, of a window whose tap 0 is at start; from there to ek_taps_end,
 * which may be less, all are. */
static inline int32_t ek_first_tap(int32_t start, int32_t dilation)
{
    return start < 0 ? (dilation - 1 - start) / dilation : 0;
}

static inline int32_t ek_taps_end(int32_t start, int32_t size, int32_t taps, int32_t dilation)
{
    if ((taps - 1) * dilation < size - start)
        return taps;
    const int32_t inside = size > start ? (size - start + dilation - 1) / dilation : 0;
    return inside < taps ? inside : taps;
}

#endif
