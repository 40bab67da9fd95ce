/* Pools; the meaning is defined in pool.py. */
#define EK_ROLLED
#include "kernel.h"

#include "activation.h"
#include "fixed_point.h"
#include "float_bits.h"
#include "pool.h"
#include "square_root.h"

enum { EK_POOL_BLOCK = 32 }; /* channels at a time */

/* tensors: input [batches][height][width][channels], output [batches][output_height][output_width]
 * [channels], both of the type. The taps of a window are joined to an initial number, and finished
 * by how many they are. */
#define POOL(type, total_type, initial, join, finish)                                              \
    const Pool p = *(const Pool *)params;                                                          \
    const type *input = (const type *)tensors[0];                                                  \
    type *output = (type *)tensors[1];                                                             \
    const int32_t row = p.width * p.channels, most = EK_POOL_BLOCK;                                \
    for (int32_t batch = 0; batch < p.batches; batch++, input += p.height * row) {                 \
        for (int32_t y = 0; y < p.output_height; y++) {                                            \
            const EkSpan rows = ek_span_of(y * p.stride_h - p.top, p.height, p.window_height);     \
            for (int32_t x = 0; x < p.output_width; x++) {                                         \
                const EkSpan columns =                                                             \
                    ek_span_of(x * p.stride_w - p.left, p.width, p.window_width);                  \
                const type *first = input + rows.start * row + columns.start * p.channels;         \
                const int32_t count = rows.count * columns.count;                                  \
                for (int32_t channel = 0; channel < p.channels; channel += most) {                 \
                    const int32_t rest = p.channels - channel;                                     \
                    const int32_t block = rest < most ? rest : most;                               \
                    total_type totals[EK_POOL_BLOCK];                                              \
                    for (int32_t i = 0; i < block; i++)                                            \
                        totals[i] = initial;                                                       \
                    for (int32_t j = 0; j < rows.count; j++) {                                     \
                        const type *tap = first + j * row + channel;                               \
                        for (int32_t k = 0; k < columns.count; k++, tap += p.channels)             \
                            for (int32_t i = 0; i < block; i++)                                    \
                                totals[i] = join(totals[i], tap[i]);                               \
                    }                                                                              \
                    for (int32_t i = 0; i < block; i++)                                            \
                        output[i] = (type)finish(p, totals[i], count);                             \
                    output += block;                                                               \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }

#define LARGER(a, b) ((b) > (a) ? (b) : (a))
#define SUM(a, b) ((a) + (b))
#define SUM_OF_SQUARES(a, b) ((a) + (b) * (b))

static inline int32_t bounded(Pool p, int32_t value, int32_t count)
{
    (void)count;
    return ek_clamp(value, p.lowest, p.highest);
}

static inline float bounded_float32(Pool p, float value, int32_t count)
{
    (void)count;
    return ek_clamp_float32(value, ek_float(&p.lowest), ek_float(&p.highest));
}

/* Rounded, halves away from zero. */
static inline int32_t average(Pool p, int32_t total, int32_t count)
{
    const int32_t half = total > 0 ? count / 2 : -(count / 2);
    return ek_clamp((total + half) / count, p.lowest, p.highest);
}

static inline float average_float32(Pool p, float total, int32_t count)
{
    return bounded_float32(p, total / (float)count, count);
}

static inline float root_float32(Pool p, float total, int32_t count)
{
    return bounded_float32(p, ek_square_root(total / (float)count), count);
}

void ek_pool_max_int8(const int32_t *params, void *const *tensors)
{
    POOL(int8_t, int8_t, INT8_MIN, LARGER, bounded)
}

void ek_pool_max_uint8(const int32_t *params, void *const *tensors)
{
    POOL(uint8_t, uint8_t, 0, LARGER, bounded)
}

void ek_pool_max_int16(const int32_t *params, void *const *tensors)
{
    POOL(int16_t, int16_t, INT16_MIN, LARGER, bounded)
}

void ek_pool_max_float32(const int32_t *params, void *const *tensors)
{
    POOL(float, float, -3.402823466e38f, LARGER, bounded_float32)
}

void ek_pool_average_int8_once(const int32_t *params, void *const *tensors)
{
    POOL(int8_t, int32_t, 0, SUM, average)
}

void ek_pool_average_uint8_once(const int32_t *params, void *const *tensors)
{
    POOL(uint8_t, int32_t, 0, SUM, average)
}

void ek_pool_average_int16_once(const int32_t *params, void *const *tensors)
{
    POOL(int16_t, int32_t, 0, SUM, average)
}

void ek_pool_average_float32(const int32_t *params, void *const *tensors)
{
    POOL(float, float, 0, SUM, average_float32)
}

void ek_pool_l2_float32(const int32_t *params, void *const *tensors)
{
    POOL(float, float, 0, SUM_OF_SQUARES, root_float32)
}

/* The average of all rows of an image, of which each call adds one; the last one finishes. */
typedef struct {
    Pool pool;
    int32_t row;
} PoolRow;

/* tensors: a row of the input, output, and sums int32 [output_width][channels], which are kept from
 * one row to the next. */
void ek_pool_average_row_int8_once(const int32_t *params, void *const *tensors)
{
    const PoolRow own = *(const PoolRow *)params;
    const Pool p = own.pool;
    const int8_t *row = (const int8_t *)tensors[0];
    int8_t *output = (int8_t *)tensors[1];
    int32_t *sums = (int32_t *)tensors[2];
    for (int32_t x = 0; x < p.output_width; x++) {
        const EkSpan columns = ek_span_of(x * p.stride_w - p.left, p.width, p.window_width);
        const int8_t *first = row + columns.start * p.channels;
        for (int32_t channel = 0; channel < p.channels; channel++) {
            const int8_t *tap = first + channel;
            int32_t total = own.row ? *sums : 0;
            for (int32_t k = 0; k < columns.count; k++, tap += p.channels)
                total += *tap;
            *sums++ = total;
            if (own.row == p.height - 1)
                *output++ = (int8_t)average(p, total, p.height * columns.count);
        }
    }
}
