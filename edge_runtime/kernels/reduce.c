/* Reductions; the meaning is defined in reduce.py. */
#define EK_ROLLED
#include "kernel.h"

#include "fixed_point.h"
#include "flash.h"
#include "float_bits.h"

enum { EK_REDUCE_LOOPS = 4 };
enum { EK_REDUCE_BLOCK = 32 }; /* numbers of a row at a time */

/* Where an iteration of loops, their sizes and strides, starts. Loop 0, the outermost, has no
 * end. */
static inline ptrdiff_t offset_of(const int32_t *loops, int32_t index)
{
    const int32_t *strides = loops + EK_REDUCE_LOOPS;
    ptrdiff_t offset = 0;
    for (int loop = EK_REDUCE_LOOPS - 1; loop > 0; loop--) {
        const int32_t size = ek_flash_int32(&loops[loop]);
        if (size == 1)
            continue;
        offset += (ptrdiff_t)(index % size) * (ptrdiff_t)ek_flash_int32(&strides[loop]);
        index /= size;
    }
    return offset + (ptrdiff_t)index * (ptrdiff_t)ek_flash_int32(strides);
}

/* tensors: input of the type, loops int32 [2][2][EK_REDUCE_LOOPS], output of the type [outer]
 * [inner]. Numbers are loaded, joined to an initial one, and finished; p is the parameters. Where a
 * row is one number, the numbers of a run are neighbours. */
#define REDUCE(type, total_type, initial, load, join, finish)                                      \
    const type *input = (const type *)tensors[0];                                                  \
    const int32_t *kept = (const int32_t *)tensors[1], *reduced = kept + 2 * EK_REDUCE_LOOPS;      \
    type *output = (type *)tensors[2];                                                             \
    for (int32_t row = 0; row < p.outer; row++) {                                                  \
        const type *first = input + offset_of(kept, row);                                          \
        if (p.inner == 1) {                                                                        \
            total_type total = initial;                                                            \
            for (int32_t j = 0; j < p.depth; j++) {                                                \
                const type *tap = first + offset_of(reduced, j);                                   \
                for (int32_t k = 0; k < p.run; k++)                                                \
                    total = join(total, load(type, tap[k]));                                       \
            }                                                                                      \
            *output++ = (type)finish(p, total);                                                    \
            continue;                                                                              \
        }                                                                                          \
        const int32_t most = EK_REDUCE_BLOCK;                                                      \
        for (int32_t at = 0; at < p.inner; at += most) {                                           \
            const int32_t block = p.inner - at < most ? p.inner - at : most;                       \
            total_type totals[EK_REDUCE_BLOCK];                                                    \
            for (int32_t i = 0; i < block; i++)                                                    \
                totals[i] = initial;                                                               \
            for (int32_t j = 0; j < p.depth; j++) {                                                \
                const type *tap = first + offset_of(reduced, j) + at;                              \
                for (int32_t k = 0; k < p.run; k++, tap += p.stride)                               \
                    for (int32_t i = 0; i < block; i++)                                            \
                        totals[i] = join(totals[i], load(type, tap[i]));                           \
            }                                                                                      \
            for (int32_t i = 0; i < block; i++)                                                    \
                output[i] = (type)finish(p, totals[i]);                                            \
            output += block;                                                                       \
        }                                                                                          \
    }

#define AS_IT_IS(type, value) (value)
#define FLIPPED(type, value) ((type)((value) ^ flip))
#define FLIPPED_BACK(p, value) ((value) ^ flip)
#define LARGER(total, value) ((value) > (total) ? (value) : (total))

typedef struct {
    int32_t outer, inner, depth, run, stride, flip;
} Max;

void ek_reduce_max_int8(const int32_t *params, void *const *tensors)
{
    const Max p = *(const Max *)params;
    const int8_t flip = (int8_t)p.flip;
    REDUCE(int8_t, int8_t, INT8_MIN, FLIPPED, LARGER, FLIPPED_BACK)
}

void ek_reduce_max_int16(const int32_t *params, void *const *tensors)
{
    const Max p = *(const Max *)params;
    const int16_t flip = (int16_t)p.flip;
    REDUCE(int16_t, int16_t, INT16_MIN, FLIPPED, LARGER, FLIPPED_BACK)
}

void ek_reduce_max_int32(const int32_t *params, void *const *tensors)
{
    const Max p = *(const Max *)params;
    const int32_t flip = p.flip;
    REDUCE(int32_t, int32_t, INT32_MIN, FLIPPED, LARGER, FLIPPED_BACK)
}

void ek_reduce_max_int64(const int32_t *params, void *const *tensors)
{
    const Max p = *(const Max *)params;
    const int64_t flip = p.flip;
    REDUCE(int64_t, int64_t, INT64_MIN, FLIPPED, LARGER, FLIPPED_BACK)
}

/* The start is the bits of a float. */
typedef struct {
    int32_t outer, inner, depth, run, stride, sign, start;
} MaxFloat;

#define SIGNED(type, value) ((value)*sign)
#define SIGNED_BACK(p, value) ((value)*sign)

void ek_reduce_max_float32(const int32_t *params, void *const *tensors)
{
    const MaxFloat p = *(const MaxFloat *)params;
    const float sign = (float)p.sign, start = ek_float(&p.start);
    REDUCE(float, float, start, SIGNED, LARGER, SIGNED_BACK)
}

typedef struct {
    int32_t outer, inner, depth, run, stride, flip, offset, multiplier, shift, zero_point;
    int32_t lowest, highest;
} Rescaled;

static inline int32_t rescaled(Rescaled p, int32_t total)
{
    const int32_t moved = ek_rescale_twice(ek_add(total, p.offset), p.multiplier, p.shift);
    return ek_clamp(ek_add(moved, p.zero_point), p.lowest, p.highest);
}

void ek_reduce_sum_int8_twice(const int32_t *params, void *const *tensors)
{
    const Rescaled p = *(const Rescaled *)params;
    const int8_t flip = (int8_t)p.flip;
    REDUCE(int8_t, int32_t, 0, FLIPPED, ek_add, rescaled)
}

void ek_reduce_sum_int16_twice(const int32_t *params, void *const *tensors)
{
    const Rescaled p = *(const Rescaled *)params;
    REDUCE(int16_t, int32_t, 0, AS_IT_IS, ek_add, rescaled)
}

typedef struct {
    int32_t outer, inner, depth, run, stride, count;
} Sum;

#define SUM_64(total, value) ((total) + (uint64_t)(value))
#define QUOTIENT(p, total) ((int64_t)(total) / (p).count)
#define QUOTIENT_32(p, total) ((uint32_t)(uint64_t)QUOTIENT(p, total))

void ek_reduce_sum_int32(const int32_t *params, void *const *tensors)
{
    const Sum p = *(const Sum *)params;
    REDUCE(int32_t, uint64_t, 0, AS_IT_IS, SUM_64, QUOTIENT_32)
}

void ek_reduce_sum_int64(const int32_t *params, void *const *tensors)
{
    const Sum p = *(const Sum *)params;
    REDUCE(int64_t, uint64_t, 0, AS_IT_IS, SUM_64, QUOTIENT)
}

/* The start is the bits of a float. */
typedef struct {
    int32_t outer, inner, depth, run, stride, count, start;
} SumFloat;

#define SUM(total, value) ((total) + (value))
#define AVERAGE(p, total) ((total) / (float)(p).count)

void ek_reduce_sum_float32(const int32_t *params, void *const *tensors)
{
    const SumFloat p = *(const SumFloat *)params;
    const float start = ek_float(&p.start);
    REDUCE(float, float, start, AS_IT_IS, SUM, AVERAGE)
}

typedef struct {
    int32_t outer, inner, depth, run, stride;
} Loops;

#define PRODUCT(total, value) ((total) * (value))
#define PRODUCT_32(total, value) ((total) * (uint32_t)(value))
#define PRODUCT_64(total, value) ((total) * (uint64_t)(value))
#define WHOLE(p, total) (total)

void ek_reduce_prod_float32(const int32_t *params, void *const *tensors)
{
    const Loops p = *(const Loops *)params;
    REDUCE(float, float, 1, AS_IT_IS, PRODUCT, WHOLE)
}

void ek_reduce_prod_int32(const int32_t *params, void *const *tensors)
{
    const Loops p = *(const Loops *)params;
    REDUCE(int32_t, uint32_t, 1, AS_IT_IS, PRODUCT_32, WHOLE)
}

void ek_reduce_prod_int64(const int32_t *params, void *const *tensors)
{
    const Loops p = *(const Loops *)params;
    REDUCE(int64_t, uint64_t, 1, AS_IT_IS, PRODUCT_64, WHOLE)
}

typedef struct {
    int32_t outer, inner, depth, run, stride, input_zero_point, multiplier, shift, zero_point;
} Product;

static inline int32_t next_product(Product p, int32_t product, int32_t value)
{
    return ek_rescale_reduced((int64_t)product * value, p.multiplier, p.shift);
}

/* Each output by itself: tensors as of REDUCE. */
#define RESCALED_PRODUCT(type, lowest, highest)                                                    \
    const Product p = *(const Product *)params;                                                    \
    const type *input = (const type *)tensors[0];                                                  \
    const int32_t *kept = (const int32_t *)tensors[1], *reduced = kept + 2 * EK_REDUCE_LOOPS;      \
    type *output = (type *)tensors[2];                                                             \
    for (int32_t row = 0; row < p.outer; row++) {                                                  \
        const type *first = input + offset_of(kept, row);                                          \
        for (int32_t i = 0; i < p.inner; i++, first++) {                                           \
            int32_t product = *first - p.input_zero_point;                                         \
            for (int32_t j = 0; j < p.depth; j++) {                                                \
                const type *tap = first + offset_of(reduced, j);                                   \
                for (int32_t k = j ? 0 : 1; k < p.run; k++)                                        \
                    product = next_product(p, product, tap[k * p.stride] - p.input_zero_point);    \
            }                                                                                      \
            product = next_product(p, product, 1);                                                 \
            product = (int32_t)((uint32_t)product + (uint32_t)p.zero_point);                       \
            *output++ = (type)ek_clamp(product, lowest, highest);                                  \
        }                                                                                          \
    }

void ek_reduce_prod_int8_once(const int32_t *params, void *const *tensors)
{
    RESCALED_PRODUCT(int8_t, INT8_MIN, INT8_MAX)
}

void ek_reduce_prod_int16_once(const int32_t *params, void *const *tensors)
{
    RESCALED_PRODUCT(int16_t, INT16_MIN, INT16_MAX)
}
