/* TRANSPOSE_CONV; the meaning is defined in transpose_conv.py.
 * tensors: input [batches][height][width][channels], weights
 * [outputs][window_height][window_width][channels], bias [outputs], ... */
#define EK_ROLLED
#include "kernel.h"

#include "activation.h"
#include "fixed_point.h"
#include "flash.h"
#include "float_bits.h"
#include "transpose_conv.h"

/* Defines a kernel without its calling convention: each output is the sum over those pixels of the
 * input whose windows reach it, in their order.
 *
 * product(p, x, weight): of an input and where a weight lies, of the type Sum.
 * store(p, sum, tensors, o): output number o of a sum. */
#define EK_TRANSPOSED(name, type, weight, Sum, product, store)                                     \
    static inline Sum name##_sum(const TransposeConv p, const type *image, const weight *window,   \
                                 int32_t row, int32_t column)                                      \
    {                                                                                              \
        const int32_t channels = p.channels;                                                       \
        const int32_t end_y = ek_end_reaching(row, p.stride_h, p.height);                          \
        const int32_t end_x = ek_end_reaching(column, p.stride_w, p.width);                        \
        Sum sum = 0;                                                                               \
        int32_t y = ek_first_reaching(row, p.window_height, p.stride_h);                           \
        for (; y < end_y; y++) {                                                                   \
            int32_t x = ek_first_reaching(column, p.window_width, p.stride_w);                     \
            for (; x < end_x; x++) {                                                               \
                const int32_t i = row - y * p.stride_h, j = column - x * p.stride_w;               \
                const type *from = image + (y * p.width + x) * channels;                           \
                const weight *tap = window + (i * p.window_width + j) * channels;                  \
                for (int32_t c = 0; c < channels; c++)                                             \
                    sum += product(p, from[c], &tap[c]);                                           \
            }                                                                                      \
        }                                                                                          \
        return sum;                                                                                \
    }                                                                                              \
    static inline void name(const TransposeConv p, void *const *tensors, type *output)             \
    {                                                                                              \
        const type *image = (const type *)tensors[0];                                              \
        const int32_t size = p.window_height * p.window_width * p.channels;                        \
        for (int32_t batch = 0; batch < p.batches; batch++) {                                      \
            for (int32_t at = 0; at < p.output_height * p.output_width; at++) {                    \
                const int32_t row = at / p.output_width + p.top;                                   \
                const int32_t column = at % p.output_width + p.left;                               \
                const weight *window = (const weight *)tensors[1];                                 \
                for (int32_t o = 0; o < p.outputs; o++, window += size)                            \
                    *output++ = (type)store(p, name##_sum(p, image, window, row, column), tensors, \
                                            o);                                                    \
            }                                                                                      \
            image += p.height * p.width * p.channels;                                              \
        }                                                                                          \
    }

/* The output of a sum with its bias, rescaled. */
static inline int32_t store_twice(TransposeConv p, uint32_t sum, void *const *tensors,
                                  int32_t output)
{
    const int32_t bias = ek_flash_int32((const int32_t *)tensors[2] + output);
    const int32_t total = ek_add((int32_t)sum, bias);
    const int32_t multiplier = ek_flash_int32((const int32_t *)tensors[3] + output);
    const int32_t shift = ek_flash_int32((const int32_t *)tensors[4] + output);
    const int32_t scaled = ek_rescale_twice(total, multiplier, shift);
    return ek_clamp(ek_add(scaled, p.output_zero_point), p.lowest, p.highest);
}

static inline uint32_t product_int8(TransposeConv p, int8_t x, const int8_t *weight)
{
    return (uint32_t)((x - p.input_zero_point) * ek_flash_int8(weight));
}

static inline int32_t store_float(TransposeConv p, uint32_t sum, void *const *tensors,
                                  int32_t output)
{
    const float lowest = (float)(p.lowest - p.output_zero_point);
    const float highest = (float)(p.highest - p.output_zero_point);
    const int32_t bias = ek_flash_int32((const int32_t *)tensors[2] + output);
    const int32_t total = ek_add((int32_t)sum, bias);
    const float value = (float)total * ek_flash_float((const float *)tensors[3] + output);
    return ek_nearest_even(ek_clamp_float32(value, lowest, highest)) + p.output_zero_point;
}

static inline uint32_t product_uint8(TransposeConv p, uint8_t x, const uint8_t *weight)
{
    const int32_t w = ek_flash_uint8(weight) - p.weights_zero_point;
    return (uint32_t)((x - p.input_zero_point) * w);
}

static inline int64_t product_int16(TransposeConv p, int16_t x, const int8_t *weight)
{
    (void)p;
    return (int32_t)x * ek_flash_int8(weight);
}

static inline int32_t store_once(TransposeConv p, int64_t sum, void *const *tensors, int32_t output)
{
    const int64_t bias = ek_flash_int64((const int64_t *)tensors[2] + output);
    const int32_t multiplier = ek_flash_int32((const int32_t *)tensors[3] + output);
    const int32_t shift = ek_flash_int32((const int32_t *)tensors[4] + output);
    const int64_t total = (int64_t)((uint64_t)sum + (uint64_t)bias);
    return ek_clamp(ek_rescale_reduced(total, multiplier, shift), p.lowest, p.highest);
}

static inline uint32_t product_narrow(TransposeConv p, int16_t x, const int8_t *weight)
{
    (void)p;
    return (uint32_t)((int32_t)x * ek_flash_int8(weight));
}

static inline float product_float32(TransposeConv p, float x, const float *weight)
{
    (void)p;
    return x * ek_flash_float(weight);
}

static inline float store_float32(TransposeConv p, float sum, void *const *tensors, int32_t output)
{
    const float total = sum + ek_flash_float((const float *)tensors[2] + output);
    return ek_clamp_float32(total, ek_float(&p.lowest), ek_float(&p.highest));
}

EK_TRANSPOSED(int8_twice, int8_t, int8_t, uint32_t, product_int8, store_twice)
EK_TRANSPOSED(int8_float, int8_t, int8_t, uint32_t, product_int8, store_float)
EK_TRANSPOSED(uint8_twice, uint8_t, uint8_t, uint32_t, product_uint8, store_twice)
EK_TRANSPOSED(int16_once, int16_t, int8_t, int64_t, product_int16, store_once)
EK_TRANSPOSED(int16_narrow, int16_t, int8_t, uint32_t, product_narrow, store_twice)
EK_TRANSPOSED(float32, float, float, float, product_float32, store_float32)

/* tensors: ... bias int32, multiplier and shift int32 [outputs], output. */
void ek_transpose_conv_int8_twice(const int32_t *params, void *const *tensors)
{
    int8_twice(*(const TransposeConv *)params, tensors, (int8_t *)tensors[5]);
}

/* tensors: ... bias int32, scale float [outputs], output. */
void ek_transpose_conv_int8_float(const int32_t *params, void *const *tensors)
{
    int8_float(*(const TransposeConv *)params, tensors, (int8_t *)tensors[4]);
}

/* tensors: ... bias int32, multiplier and shift int32 [outputs], output. */
void ek_transpose_conv_uint8_twice(const int32_t *params, void *const *tensors)
{
    uint8_twice(*(const TransposeConv *)params, tensors, (uint8_t *)tensors[5]);
}

/* tensors: ... bias int64, multiplier and shift int32 [outputs], output. */
void ek_transpose_conv_int16_once(const int32_t *params, void *const *tensors)
{
    int16_once(*(const TransposeConv *)params, tensors, (int16_t *)tensors[5]);
}

/* tensors: ... bias int32, multiplier and shift int32 [outputs], output. */
void ek_transpose_conv_int16_narrow_twice(const int32_t *params, void *const *tensors)
{
    int16_narrow(*(const TransposeConv *)params, tensors, (int16_t *)tensors[5]);
}

/* tensors: ... bias float, output. */
void ek_transpose_conv_float32(const int32_t *params, void *const *tensors)
{
    float32(*(const TransposeConv *)params, tensors, (float *)tensors[3]);
}
