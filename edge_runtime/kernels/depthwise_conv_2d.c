/* DEPTHWISE_CONV_2D; the meaning is defined in depthwise_conv_2d.py.
 * tensors: input [batches][height][width][channels], weights
 * [window_height][window_width][outputs], bias [outputs], ... where there are channels * multiplier
 * outputs. */
#define EK_ROLLED
#include "kernel.h"

#include "activation.h"
#include "depthwise_conv_2d.h"
#include "depthwise_thumb1.h"
#include "fixed_point.h"
#include "flash.h"
#include "float_bits.h"
#include "fused.h"
#include "outputs_int8.h"
#include "window.h"

typedef struct {
    int32_t batches, height, width, channels, multiplier, output_height, output_width;
    int32_t window_height, window_width, stride_h, stride_w, dilation_h, dilation_w, top, left;
    int32_t input_zero_point, weights_zero_point, output_zero_point, lowest, highest;
} Uint8;

typedef struct {
    int32_t batches, height, width, channels, multiplier, output_height, output_width;
    int32_t window_height, window_width, stride_h, stride_w, dilation_h, dilation_w, top, left;
    int32_t lowest, highest;
} Int16;

/* Where tap 0 of a window lies, and its taps that lie inside of the image. */
typedef struct {
    int32_t y, x, first_row, end_row, first_column, end_column;
} Taps;

enum { BLOCK = 16 }; /* outputs whose sums are calculated at once */

/* Defines what adds up the taps of a block of outputs: these read neighbouring channels, a step of 1,
 * or all the same one, where a channel has several outputs.
 *
 * grow(p, sum, x, weight): the sum and the product of an input and the weight that lies there. */
#if UINTPTR_MAX > 0xffffffff
/* Outputs innermost, which compilers calculate in vectors. */
#define EK_DEPTHWISE_BLOCK(name, Params, type, weight, Sum, grow)                                  \
    static inline void name(const Params p, Taps t, const type *input, const weight *w, Sum *sums, \
                            int32_t count, int32_t step)                                           \
    {                                                                                              \
        const int32_t outputs = p.channels * p.multiplier;                                         \
        for (int32_t c = 0; c < count; c++)                                                        \
            sums[c] = 0;                                                                           \
        for (int32_t i = t.first_row; i < t.end_row; i++) {                                        \
            for (int32_t j = t.first_column; j < t.end_column; j++) {                              \
                const int32_t y = t.y + i * p.dilation_h, x = t.x + j * p.dilation_w;              \
                const type *from = input + (y * p.width + x) * p.channels;                         \
                const weight *tap = w + (i * p.window_width + j) * outputs;                        \
                for (int32_t c = 0; c < count; c++)                                                \
                    sums[c] = grow(p, sums[c], from[c * step], &tap[c]);                           \
            }                                                                                      \
        }                                                                                          \
    }
#else
/* Two outputs at a time, whose sums stay in registers; an odd one twice. */
#define EK_DEPTHWISE_BLOCK(name, Params, type, weight, Sum, grow)                                  \
    static inline void name(const Params p, Taps t, const type *input, const weight *w, Sum *sums, \
                            int32_t count, int32_t step)                                           \
    {                                                                                              \
        const int32_t outputs = p.channels * p.multiplier, run = p.dilation_w * p.channels;        \
        const int32_t taps = t.end_column - t.first_column;                                        \
        const type *rows = input + ((t.y + t.first_row * p.dilation_h) * p.width +                 \
                                    t.x + t.first_column * p.dilation_w) * p.channels;             \
        const weight *weights = w + (t.first_row * p.window_width + t.first_column) * outputs;     \
        for (int32_t c = 0; c < count; c += 2) {                                                   \
            const int32_t other = c + 1 < count ? 1 : 0;                                           \
            const type *row = rows + c * step;                                                     \
            const weight *tap_row = weights + c;                                                   \
            Sum first = 0, second = 0;                                                             \
            for (int32_t i = t.first_row; i < t.end_row; i++) {                                    \
                const type *from = row, *from_other = row + other * step;                          \
                const weight *tap = tap_row;                                                       \
                for (int32_t j = taps; j > 0; j--) {                                               \
                    first = grow(p, first, *from, tap);                                            \
                    second = grow(p, second, *from_other, tap + other);                            \
                    from += run;                                                                   \
                    from_other += run;                                                             \
                    tap += outputs;                                                                \
                }                                                                                  \
                row += p.dilation_h * p.width * p.channels;                                        \
                tap_row += p.window_width * outputs;                                               \
            }                                                                                      \
            sums[c + other] = second;                                                              \
            sums[c] = first;                                                                       \
        }                                                                                          \
    }
#endif

/* The same for each kind of block, of which compilers make code of its own. */
#define EK_DEPTHWISE_SUMS(name, Params, type, weight, Sum, grow)                                   \
    EK_DEPTHWISE_BLOCK(name##_of, Params, type, weight, Sum, grow)                                 \
    static inline void name(const Params p, Taps t, const type *input, const weight *w, Sum *sums, \
                            int32_t count, int32_t step)                                           \
    {                                                                                              \
        if (step == 0)                                                                             \
            name##_of(p, t, input, w, sums, count, 0);                                             \
        else if (count == BLOCK)                                                                   \
            name##_of(p, t, input, w, sums, BLOCK, 1);                                             \
        else                                                                                       \
            name##_of(p, t, input, w, sums, count, 1);                                             \
    }

/* Defines a kernel without its calling convention.
 *
 * add(p, taps, input, weights, sums, count, step): see EK_DEPTHWISE_SUMS.
 * store(p, sums, tensors, first, count, output): writes outputs, of which "first" is the first. */
#define EK_DEPTHWISE(name, Params, type, weight, Sum, add, store)                                  \
    static inline void name(const Params p, void *const *tensors, type *output)                    \
    {                                                                                              \
        const type *image = (const type *)tensors[0];                                              \
        const int32_t outputs = p.channels * p.multiplier, many = p.multiplier > 1;                \
        const int32_t run = many ? p.multiplier : p.channels, block = BLOCK;                       \
        for (int32_t batch = 0; batch < p.batches; batch++) {                                      \
            for (int32_t row = 0; row < p.output_height; row++) {                                  \
                const int32_t y = row * p.stride_h - p.top;                                        \
                for (int32_t column = 0; column < p.output_width; column++) {                      \
                    const int32_t x = column * p.stride_w - p.left;                                \
                    const Taps t = {y,                                                             \
                                    x,                                                             \
                                    ek_first_tap(y, p.dilation_h),                                 \
                                    ek_taps_end(y, p.height, p.window_height, p.dilation_h),       \
                                    ek_first_tap(x, p.dilation_w),                                 \
                                    ek_taps_end(x, p.width, p.window_width, p.dilation_w)};        \
                    const type *input = image;                                                     \
                    int32_t count = 0, left = run;                                                 \
                    for (int32_t first = 0; first < outputs; first += count, output += count) {    \
                        const weight *w = (const weight *)tensors[1] + first;                      \
                        Sum sums[BLOCK];                                                           \
                        count = left < block ? left : block;                                       \
                        add(p, t, input, w, sums, count, !many);                                   \
                        store(p, sums, tensors, first, count, output);                             \
                        left = left > count ? left - count : run;                                  \
                        input += !many ? count : left == run;                                      \
                    }                                                                              \
                }                                                                                  \
            }                                                                                      \
            image += p.height * p.width * p.channels;                                              \
        }                                                                                          \
    }

static inline uint32_t grow_int8(DepthwiseInt8 p, uint32_t sum, int8_t x, const int8_t *weight)
{
    return sum + (uint32_t)((EK_FACTOR)(x - p.input_zero_point) * (EK_FACTOR)ek_flash_int8(weight));
}

#if defined(__thumb__) && !defined(__thumb2__) && __ARM_ARCH_PROFILE == 'M'
EK_DEPTHWISE_BLOCK(add_few_int8, DepthwiseInt8, int8_t, int8_t, uint32_t, grow_int8)

static inline void add_int8(const DepthwiseInt8 p, Taps t, const int8_t *input, const int8_t *w,
                            uint32_t *sums, int32_t count, int32_t step)
{
    const int32_t rows = t.end_row - t.first_row, taps = t.end_column - t.first_column;
    int32_t c = 0;
    if (step == 1 && p.dilation_w == 1 && rows > 0 && taps > 0) {
        const int32_t tap = p.channels, row = taps * tap, y = t.y + t.first_row * p.dilation_h;
        const int8_t *x = input + (y * p.width + t.x + t.first_column) * tap;
        const int8_t *weights = w + (t.first_row * p.window_width + t.first_column) * tap;
        EkFourChannels four = {x, weights, tap, row, p.dilation_h * p.width * tap - row,
                               p.window_width * tap - row, -p.input_zero_point, rows, sums};
        for (; count - c >= 4; c += 4) {
            four.input = x + c;
            four.weights = weights + c;
            four.rows = rows;
            four.sums = sums + c;
            ek_four_channels(&four);
        }
    }
    add_few_int8(p, t, input + c * step, w + c, sums + c, count - c, step);
}
#else
EK_DEPTHWISE_SUMS(add_int8, DepthwiseInt8, int8_t, int8_t, uint32_t, grow_int8)
#endif

static inline void store_int8_twice(DepthwiseInt8 p, const uint32_t *sums, void *const *tensors,
                                    int32_t first, int32_t count, int8_t *output)
{
    const EkOutputs outputs = {p.output_zero_point, p.lowest, p.highest};
    ek_outputs_int8(outputs, (const int32_t *)sums, tensors, first, count, output);
}

static inline void store_int8_float(DepthwiseInt8 p, const uint32_t *sums, void *const *tensors,
                                    int32_t first, int32_t count, int8_t *output)
{
    const float lowest = (float)(p.lowest - p.output_zero_point);
    const float highest = (float)(p.highest - p.output_zero_point);
    const int32_t *bias = (const int32_t *)tensors[2] + first;
    const float *scale = (const float *)tensors[3] + first;
    for (int32_t c = 0; c < count; c++) {
        const int32_t total = ek_add((int32_t)sums[c], ek_flash_int32(&bias[c]));
        const float value = (float)total * ek_flash_float(&scale[c]);
        const int32_t nearest = ek_nearest_even(ek_clamp_float32(value, lowest, highest));
        output[c] = (int8_t)(nearest + p.output_zero_point);
    }
}

static inline uint32_t grow_uint8(Uint8 p, uint32_t sum, uint8_t x, const uint8_t *weight)
{
    const int32_t w = ek_flash_uint8(weight) - p.weights_zero_point;
    return sum + (uint32_t)((x - p.input_zero_point) * w);
}

static inline void store_uint8_twice(Uint8 p, const uint32_t *sums, void *const *tensors,
                                     int32_t first, int32_t count, uint8_t *output)
{
    const int32_t *bias = (const int32_t *)tensors[2] + first;
    const int32_t *multiplier = (const int32_t *)tensors[3] + first;
    const int32_t *shift = (const int32_t *)tensors[4] + first;
    for (int32_t c = 0; c < count; c++) {
        const int32_t total = ek_add((int32_t)sums[c], ek_flash_int32(&bias[c]));
        const int32_t factor = ek_flash_int32(&multiplier[c]), left = ek_flash_int32(&shift[c]);
        const int32_t scaled = ek_rescale_twice(total, factor, left);
        const int32_t moved = ek_add(scaled, p.output_zero_point);
        output[c] = (uint8_t)ek_clamp(moved, p.lowest, p.highest);
    }
}

static inline int64_t grow_int16(Int16 p, int64_t sum, int16_t x, const int8_t *weight)
{
    (void)p;
    return sum + (int32_t)x * ek_flash_int8(weight);
}

static inline void store_int16_once(Int16 p, const int64_t *sums, void *const *tensors,
                                    int32_t first, int32_t count, int16_t *output)
{
    const int64_t *bias = (const int64_t *)tensors[2] + first;
    const int32_t *multiplier = (const int32_t *)tensors[3] + first;
    const int32_t *shift = (const int32_t *)tensors[4] + first;
    for (int32_t c = 0; c < count; c++) {
        const uint64_t total = (uint64_t)sums[c] + (uint64_t)ek_flash_int64(&bias[c]);
        const int32_t factor = ek_flash_int32(&multiplier[c]), left = ek_flash_int32(&shift[c]);
        const int32_t scaled = ek_rescale_reduced((int64_t)total, factor, left);
        output[c] = (int16_t)ek_clamp(scaled, p.lowest, p.highest);
    }
}

static inline float grow_float32(DepthwiseFloat32 p, float sum, float x, const float *weight)
{
    (void)p;
    return ek_fused(x, ek_flash_float(weight), sum);
}

static inline void store_float32(DepthwiseFloat32 p, const float *sums, void *const *tensors,
                                 int32_t first, int32_t count, float *output)
{
    const float *bias = (const float *)tensors[2] + first;
    for (int32_t c = 0; c < count; c++)
        output[c] = ek_clamp_float32(sums[c] + ek_flash_float(&bias[c]), p.lowest, p.highest);
}

EK_DEPTHWISE_SUMS(add_uint8, Uint8, uint8_t, uint8_t, uint32_t, grow_uint8)
EK_DEPTHWISE_SUMS(add_int16, Int16, int16_t, int8_t, int64_t, grow_int16)
EK_DEPTHWISE_SUMS(add_float32, DepthwiseFloat32, float, float, float, grow_float32)

EK_DEPTHWISE(int8_twice, DepthwiseInt8, int8_t, int8_t, uint32_t, add_int8, store_int8_twice)
EK_DEPTHWISE(int8_float, DepthwiseInt8, int8_t, int8_t, uint32_t, add_int8, store_int8_float)
EK_DEPTHWISE(uint8_twice, Uint8, uint8_t, uint8_t, uint32_t, add_uint8, store_uint8_twice)
EK_DEPTHWISE(int16_once, Int16, int16_t, int8_t, int64_t, add_int16, store_int16_once)
EK_DEPTHWISE(float32, DepthwiseFloat32, float, float, float, add_float32, store_float32)

/* tensors: ... bias int32, multiplier and shift int32 [outputs], output. */
EK_TARGET void EK(depthwise_conv_2d_int8_twice)(const int32_t *params, void *const *tensors)
{
    int8_twice(*(const DepthwiseInt8 *)params, tensors, (int8_t *)tensors[5]);
}

/* tensors: ... bias int32, scale float [outputs], output. */
EK_TARGET void EK(depthwise_conv_2d_int8_float)(const int32_t *params, void *const *tensors)
{
    int8_float(*(const DepthwiseInt8 *)params, tensors, (int8_t *)tensors[4]);
}

/* tensors: ... bias int32, multiplier and shift int32 [outputs], output. */
EK_TARGET void EK(depthwise_conv_2d_uint8_twice)(const int32_t *params, void *const *tensors)
{
    uint8_twice(*(const Uint8 *)params, tensors, (uint8_t *)tensors[5]);
}

/* tensors: ... bias int64, multiplier and shift int32 [outputs], output. */
EK_TARGET void EK(depthwise_conv_2d_int16_once)(const int32_t *params, void *const *tensors)
{
    int16_once(*(const Int16 *)params, tensors, (int16_t *)tensors[5]);
}

/* tensors: ... bias float, output. */
EK_TARGET void EK(depthwise_conv_2d_float32)(const int32_t *params, void *const *tensors)
{
    float32(*(const DepthwiseFloat32 *)params, tensors, (float *)tensors[3]);
}
