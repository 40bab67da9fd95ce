/* BATCH_MATMUL; the meaning is defined in batch_matmul.py. */
#define EK_ROLLED
#include "kernel.h"

#include <string.h>

#include "fixed_point.h"

typedef struct {
    int32_t outer, middle, inner, x_outer, x_middle, x_inner, y_outer, y_middle, y_inner;
    int32_t rows, depth, columns, x_row, x_step, transposed;
    int32_t x_zero_point, y_zero_point, multiplier, shift, zero_point;
} Matmul;

/* Sums of a row, behind them a second matrix whose rows and columns are exchanged. */
static inline size_t matmul_scratch(const int32_t *params, size_t sum, size_t element)
{
    const Matmul *const p = (const Matmul *)params;
    const size_t columns = (size_t)p->columns;
    return columns * sum + (p->transposed ? columns * (size_t)p->depth * element : 0);
}

size_t ek_batch_matmul_scratch_float32(const int32_t *params)
{
    return matmul_scratch(params, sizeof(float), sizeof(float));
}

size_t ek_batch_matmul_scratch_int8(const int32_t *params)
{
    return matmul_scratch(params, sizeof(uint32_t), sizeof(int8_t));
}

size_t ek_batch_matmul_scratch_int16(const int32_t *params)
{
    return matmul_scratch(params, sizeof(uint64_t), sizeof(int16_t));
}

static inline float times(Matmul p, float x, float y)
{
    (void)p;
    return x * y;
}

static inline uint32_t times8(Matmul p, int8_t x, int8_t y)
{
    const int16_t a = (int16_t)(x - p.x_zero_point), b = (int16_t)(y - p.y_zero_point);
    return (uint32_t)((int32_t)a * b);
}

static inline uint64_t times16(Matmul p, int16_t x, int16_t y)
{
    (void)p;
    return (uint64_t)((int64_t)((int32_t)x * y));
}

static inline float to_float32(Matmul p, float sum)
{
    (void)p;
    return sum;
}

static inline int32_t to_int32(Matmul p, uint32_t sum)
{
    (void)p;
    return (int32_t)sum;
}

static inline int32_t to_int8(Matmul p, uint32_t sum)
{
    const int32_t scaled = ek_rescale_twice((int32_t)sum, p.multiplier, p.shift);
    const uint32_t moved = (uint32_t)scaled + (uint32_t)p.zero_point;
    return ek_clamp((int32_t)moved, INT8_MIN, INT8_MAX);
}

static inline int32_t to_int16(Matmul p, uint64_t sum)
{
    const int32_t scaled = ek_rescale_reduced((int64_t)sum, p.multiplier, p.shift);
    return ek_clamp(scaled, INT16_MIN, INT16_MAX);
}

/* Defines a kernel by the types of x, y, sums, which may wrap, and output, by product(Matmul, x, y)
 * and by element(Matmul, sum), which fits the output. A sum's products are added one after another.
 * tensors: x, y, output [outer][middle][inner][rows][columns], scratch. */
#define EK_MATMUL(kernel, x_type, y_type, sum_type, type, product, element)                        \
    EK_TARGET void kernel(const int32_t *params, void *const *tensors)                             \
    {                                                                                              \
        Matmul p;                                                                                  \
        memcpy(&p, params, sizeof p);                                                              \
        const int32_t rows = p.rows, depth = p.depth, columns = p.columns;                         \
        type *output = (type *)tensors[2];                                                         \
        sum_type *sums = (sum_type *)tensors[3];                                                   \
        y_type *turned = (y_type *)(sums + columns);                                               \
        for (int32_t batch = 0; batch < p.outer * p.middle * p.inner; batch++) {                   \
            const int32_t inner = batch % p.inner, rest = batch / p.inner;                         \
            const int32_t middle = rest % p.middle, outer = rest / p.middle;                       \
            const x_type *x = (const x_type *)tensors[0] + outer * p.x_outer;                      \
            const y_type *y = (const y_type *)tensors[1] + outer * p.y_outer;                      \
            x += middle * p.x_middle + inner * p.x_inner;                                          \
            y += middle * p.y_middle + inner * p.y_inner;                                          \
            if (p.transposed) {                                                                    \
                for (int32_t k = 0; k < depth; k++)                                                \
                    for (int32_t c = 0; c < columns; c++)                                          \
                        turned[k * columns + c] = y[c * depth + k];                                \
                y = turned;                                                                        \
            }                                                                                      \
            for (int32_t row = 0; row < rows; row++, x += p.x_row, output += columns) {            \
                const y_type *factors = y;                                                         \
                memset(sums, 0, (size_t)columns * sizeof *sums);                                   \
                for (int32_t k = 0; k < depth; k++, factors += columns) {                          \
                    const x_type factor = x[k * p.x_step];                                         \
                    for (int32_t c = 0; c < columns; c++)                                          \
                        sums[c] += product(p, factor, factors[c]);                                 \
                }                                                                                  \
                for (int32_t c = 0; c < columns; c++)                                              \
                    output[c] = (type)element(p, sums[c]);                                         \
            }                                                                                      \
        }                                                                                          \
    }

EK_MATMUL(EK(batch_matmul_float32), float, float, float, float, times, to_float32)
EK_MATMUL(EK(batch_matmul_int8_twice), int8_t, int8_t, uint32_t, int8_t, times8, to_int8)
EK_MATMUL(EK(batch_matmul_int8_int32), int8_t, int8_t, uint32_t, int32_t, times8, to_int32)
EK_MATMUL(EK(batch_matmul_int16_once), int16_t, int16_t, uint64_t, int16_t, times16, to_int16)
EK_MATMUL(EK(batch_matmul_int16_int8_once), int16_t, int8_t, uint64_t, int16_t, times16, to_int16)
