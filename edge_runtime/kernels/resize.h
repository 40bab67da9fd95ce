/* Parameters of RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR, a record of resize.py, and between
 * which pixels of an image those of the output lie. */
#ifndef EK_RESIZE_H
#define EK_RESIZE_H

#include <stdint.h>

typedef struct {
    int32_t batches, rows, columns, channels, output_rows, output_columns;
    int32_t align_corners, half_pixel_centers;
} Resize;

/* Rows of the input that one row of the output is; of columns likewise. */
static inline float ek_resize_step(const Resize *p, int32_t size, int32_t output)
{
    const int32_t inner = p->align_corners && output > 1;
    return (float)(size - inner) / (float)(output - inner);
}

static inline int32_t ek_up_to(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

/* Two rows or columns of the input, and the weight of the second. */
typedef struct {
    int32_t first, second;
    float weight;
} EkTapsFloat;

static inline EkTapsFloat ek_taps_float(const Resize *p, int32_t size, int32_t output,
                                        int32_t position)
{
    const float half = p->half_pixel_centers ? 0.5f : 0.0f;
    const float at = ((float)position + half) * ek_resize_step(p, size, output) - half;
    const int32_t floor = at > 0 ? (int32_t)at : 0;
    EkTapsFloat taps = {ek_up_to(floor, size - 1), 0, 0};
    taps.second = ek_up_to(floor + (at > (float)floor), size - 1);
    taps.weight = at - (float)taps.first;
    return taps;
}

/* The weight is in 1024ths. */
typedef struct {
    int32_t first, second, weight;
} EkTapsInteger;

static inline EkTapsInteger ek_taps_integer(const Resize *p, int32_t size, int32_t output,
                                            int32_t position)
{
    const int32_t units = 1024, inner = p->align_corners && output > 1;
    const int32_t steps = output - inner;
    const int32_t step = (units * (size - inner) + steps / 2) / steps;
    const int32_t at = position * step + (p->half_pixel_centers ? step / 2 - units / 2 : 0);
    EkTapsInteger taps = {0, 0, 0};
    if (at > 0) {
        taps.first = ek_up_to(at / units, size - 1);
        taps.second = ek_up_to((at + units - 1) / units, size - 1);
    }
    if (taps.second > taps.first)
        taps.weight = at - units * taps.first;
    return taps;
}

#endif
