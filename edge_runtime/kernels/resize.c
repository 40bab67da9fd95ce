/* RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR; the meaning is defined in resize.py. */
#define EK_ROLLED
#include "kernel.h"

#include <string.h>

#include "resize.h"

static inline int32_t nearest(const Resize *p, int32_t size, int32_t output, int32_t position)
{
    const float half = p->half_pixel_centers ? 0.5f : 0.0f;
    const float at = ((float)position + half) * ek_resize_step(p, size, output);
    const int32_t whole = (int32_t)at;
    return ek_up_to(whole + (p->align_corners && at - (float)whole >= 0.5f), size - 1);
}

/* tensors: image [batches][rows][columns] and output [batches][output_rows][output_columns], of
 * channels bytes each. */
void ek_resize_nearest(const int32_t *params, void *const *tensors)
{
    const Resize *p = (const Resize *)params;
    const size_t size = (size_t)p->channels, row = (size_t)p->columns * size;
    const size_t output_row = (size_t)p->output_columns * size;
    const char *image = (const char *)tensors[0];
    char *output = (char *)tensors[1];

    for (int32_t batch = 0; batch < p->batches; batch++, image += row * (size_t)p->rows) {
        int32_t before = -1;
        for (int32_t y = 0; y < p->output_rows; y++, output += output_row) {
            const int32_t from = nearest(p, p->rows, p->output_rows, y);
            if (from == before) {
                memcpy(output, output - output_row, output_row);
                continue;
            }
            for (int32_t x = 0; x < p->output_columns; x++) {
                const int32_t column = nearest(p, p->columns, p->output_columns, x);
                const char *pixel = image + (size_t)from * row + (size_t)column * size;
                memcpy(output + (size_t)x * size, pixel, size);
            }
            before = from;
        }
    }
}

/* a is above b, on the left; c is above d. */
static inline float mixed_float32(float a, float b, float c, float d, float down, float right)
{
    const float up = 1 - down, left = 1 - right;
    return a * up * left + b * down * left + c * up * right + d * down * right + 0.0f;
}

static inline uint8_t mixed_uint8(uint8_t a, uint8_t b, uint8_t c, uint8_t d, float down,
                                  float right)
{
    return (uint8_t)(int32_t)(mixed_float32(a, b, c, d, down, right) + 0.5f);
}

/* A sum in 2^-20ths, rounded, halves away from zero. */
static inline int8_t mixed_int8(int8_t a, int8_t b, int8_t c, int8_t d, int32_t down, int32_t right)
{
    const int32_t up = 1024 - down, left = 1024 - right;
    const int32_t total = (a * up + b * down) * left + (c * up + d * down) * right;
    return (int8_t)((total + ((int32_t)1 << 19) - (total < 0)) >> 20);
}

/* The same sum in two parts that fit int32: above * 2^10 + below. */
static inline int16_t mixed_int16(int16_t a, int16_t b, int16_t c, int16_t d, int32_t down,
                                  int32_t right)
{
    const int32_t up = 1024 - down, first = a * up + b * down;
    const int32_t more = c * up + d * down - first;
    const int32_t above = first + (more >> 10) * right, below = (more & 1023) * right;
    const int32_t negative = above + (below >> 10) < 0;
    return (int16_t)((above + ((below + ((int32_t)1 << 19) - negative) >> 10)) >> 10);
}

/* Defines a kernel by two taps of each row and column, and by what mixes four pixels. tensors:
 * image [batches][rows][columns][channels], output
 * [batches][output_rows][output_columns][channels]. */
#define EK_BILINEAR(kernel, type, Pair, pair, mixed)                                               \
    void kernel(const int32_t *params, void *const *tensors)                                       \
    {                                                                                              \
        const Resize *p = (const Resize *)params;                                                  \
        const int32_t channels = p->channels;                                                      \
        const size_t size = (size_t)channels, row = (size_t)p->columns * size;                     \
        const type *image = (const type *)tensors[0];                                              \
        type *output = (type *)tensors[1];                                                         \
                                                                                                   \
        for (int32_t batch = 0; batch < p->batches; batch++, image += row * (size_t)p->rows)       \
            for (int32_t y = 0; y < p->output_rows; y++) {                                         \
                const Pair rows = pair(p, p->rows, p->output_rows, y);                             \
                const type *above = image + (size_t)rows.first * row;                              \
                const type *below = image + (size_t)rows.second * row;                             \
                for (int32_t x = 0; x < p->output_columns; x++, output += channels) {              \
                    const Pair columns = pair(p, p->columns, p->output_columns, x);                \
                    const size_t left = (size_t)columns.first * size;                              \
                    const size_t right = (size_t)columns.second * size;                            \
                    const type *a = above + left, *b = below + left;                               \
                    const type *c = above + right, *d = below + right;                             \
                    for (int32_t i = 0; i < channels; i++)                                         \
                        output[i] = mixed(a[i], b[i], c[i], d[i], rows.weight, columns.weight);    \
                }                                                                                  \
            }                                                                                      \
    }

EK_BILINEAR(EK(resize_bilinear_int8_once), int8_t, EkTapsInteger, ek_taps_integer, mixed_int8)
EK_BILINEAR(EK(resize_bilinear_int16_once), int16_t, EkTapsInteger, ek_taps_integer, mixed_int16)
EK_BILINEAR(EK(resize_bilinear_uint8_float), uint8_t, EkTapsFloat, ek_taps_float, mixed_uint8)
EK_BILINEAR(EK(resize_bilinear_float32), float, EkTapsFloat, ek_taps_float, mixed_float32)
