/* CUMSUM; the meaning is defined in cumsum.py. */
#define EK_ROLLED
#include "kernel.h"

typedef struct {
    int32_t outer, depth, inner, exclusive, reverse;
} Cumsum;

/* tensors: input and output of the type [outer][depth][inner]. Each row of sums is that before it
 * plus a row of the input: that of the same place or, exclusive, that before it. */
#define CUMSUM(type, wrapping)                                                                     \
    const Cumsum p = *(const Cumsum *)params;                                                      \
    const int32_t step = p.reverse ? -p.inner : p.inner;                                           \
    const int32_t start = p.reverse ? (p.depth - 1) * p.inner : 0;                                 \
    for (int32_t row = 0; row < p.outer; row++) {                                                  \
        const int32_t first = row * p.depth * p.inner + start;                                     \
        const type *input = (const type *)tensors[0] + first;                                      \
        type *output = (type *)tensors[1] + first;                                                 \
        for (int32_t i = 0; i < p.inner; i++)                                                      \
            output[i] = p.exclusive ? 0 : 0 + input[i];                                            \
        for (int32_t k = 1; k < p.depth; k++) {                                                    \
            const type *added = p.exclusive ? input : input + step;                                \
            for (int32_t i = 0; i < p.inner; i++)                                                  \
                output[step + i] = (type)((wrapping)output[i] + (wrapping)added[i]);               \
            input += step;                                                                         \
            output += step;                                                                        \
        }                                                                                          \
    }

void ek_cumsum_float32(const int32_t *params, void *const *tensors)
{
    CUMSUM(float, float)
}

void ek_cumsum_int32(const int32_t *params, void *const *tensors)
{
    CUMSUM(int32_t, uint32_t)
}

void ek_cumsum_int64(const int32_t *params, void *const *tensors)
{
    CUMSUM(int64_t, uint64_t)
}
