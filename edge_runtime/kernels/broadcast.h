/* Kernels of broadcast tensors; the loops are defined in ops/broadcast.py. */
#ifndef EK_BROADCAST_H
#define EK_BROADCAST_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "strides.h"

enum { EK_LOOPS = 6 };

/* Parameters of kernels that need none but their loops. */
typedef struct {
    int32_t count;
} Elements;

/* Rows of the innermost loop. */
static inline int32_t ek_rows(const int32_t *sizes)
{
    return ek_runs(sizes, EK_LOOPS - 1);
}

/* Where a row of an input starts. */
static inline ptrdiff_t ek_row(const int32_t *sizes, const int32_t *strides, int32_t row)
{
    return ek_strided(sizes, strides, EK_LOOPS - 1, row);
}

/* Defines a kernel by element(Params, a, b), whose value fits the output's type. tensors: inputs a
 * and b, loops int32 [3][EK_LOOPS], output. The output may lie where an input lies that is not
 * broadcast and has elements of its size. */
#define EK_ELEMENTWISE(kernel, type, Output, Params, element)                                      \
    EK_TARGET void kernel(const int32_t *params, void *const *tensors)                             \
    {                                                                                              \
        const int32_t *sizes = (const int32_t *)tensors[2], *a_strides = sizes + EK_LOOPS;         \
        const int32_t *b_strides = a_strides + EK_LOOPS;                                           \
        const int32_t count = ek_flash_int32(&sizes[EK_LOOPS - 1]), rows = ek_rows(sizes);         \
        const int32_t a_moves = ek_flash_int32(&a_strides[EK_LOOPS - 1]);                          \
        const int32_t b_moves = ek_flash_int32(&b_strides[EK_LOOPS - 1]);                          \
        Output *output = (Output *)tensors[3];                                                     \
        Params p; /* a copy, because an int8 output could be params to the compiler */             \
        memcpy(&p, params, sizeof p);                                                              \
        (void)p; /* some need none */                                                              \
        for (int32_t row = 0; row < rows; row++, output += count) {                                \
            const type *a = (const type *)tensors[0] + ek_row(sizes, a_strides, row);              \
            const type *b = (const type *)tensors[1] + ek_row(sizes, b_strides, row);              \
            if (a_moves && b_moves) {                                                              \
                for (int32_t i = 0; i < count; i++)                                                \
                    output[i] = (Output)element(p, a[i], b[i]);                                    \
            } else if (a_moves) {                                                                  \
                const type same = *b;                                                              \
                for (int32_t i = 0; i < count; i++)                                                \
                    output[i] = (Output)element(p, a[i], same);                                    \
            } else {                                                                               \
                const type same = *a;                                                              \
                for (int32_t i = 0; i < count; i++)                                                \
                    output[i] = (Output)element(p, same, b[i]);                                    \
            }                                                                                      \
        }                                                                                          \
    }

/* The same in a third of the code, for what compilers do not put into vectors or seldom runs. */
#define EK_ELEMENTWISE_SMALL(kernel, type, Output, Params, element)                                \
    EK_TARGET void kernel(const int32_t *params, void *const *tensors)                             \
    {                                                                                              \
        const int32_t *sizes = (const int32_t *)tensors[2], *a_strides = sizes + EK_LOOPS;         \
        const int32_t *b_strides = a_strides + EK_LOOPS;                                           \
        const int32_t count = ek_flash_int32(&sizes[EK_LOOPS - 1]), rows = ek_rows(sizes);         \
        const int32_t a_moves = ek_flash_int32(&a_strides[EK_LOOPS - 1]);                          \
        const int32_t b_moves = ek_flash_int32(&b_strides[EK_LOOPS - 1]);                          \
        Output *output = (Output *)tensors[3];                                                     \
        Params p;                                                                                  \
        memcpy(&p, params, sizeof p);                                                              \
        (void)p; /* some need none */                                                              \
        for (int32_t row = 0; row < rows; row++) {                                                 \
            const type *a = (const type *)tensors[0] + ek_row(sizes, a_strides, row);              \
            const type *b = (const type *)tensors[1] + ek_row(sizes, b_strides, row);              \
            for (int32_t i = 0; i < count; i++, a += a_moves, b += b_moves)                        \
                *output++ = (Output)element(p, *a, *b);                                            \
        }                                                                                          \
    }

#endif
