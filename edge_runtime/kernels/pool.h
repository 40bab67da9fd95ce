/* Parameters of pools, the record of pool.py, and the taps of a window. */
#ifndef EK_POOL_H
#define EK_POOL_H

#include <stdint.h>

#include "window.h"

/* The bounds of floats are the bits of floats. */
typedef struct {
    int32_t batches, height, width, channels, output_height, output_width;
    int32_t window_height, window_width, stride_h, stride_w, top, left, lowest, highest;
} Pool;

/* The part of a dimension that a window covers. */
typedef struct {
    int32_t start, count;
} EkSpan;

static inline EkSpan ek_span_of(int32_t start, int32_t size, int32_t taps)
{
    const int32_t first = ek_first_tap(start, 1);
    const EkSpan span = {start + first, ek_taps_end(start, size, taps, 1) - first};
    return span;
}

#endif
