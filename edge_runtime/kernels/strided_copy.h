/* What kernels that order a tensor's bytes anew share; the meaning is defined in strided_copy.py. */
#ifndef EK_STRIDED_COPY_H
#define EK_STRIDED_COPY_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "strides.h"

typedef struct {
    int32_t rows, input_bytes, size, offset, loops;
} StridedCopy;

/* The two innermost loops as they run here, and blocks of the inner one. */
typedef struct {
    int32_t outer, inner, block;
    ptrdiff_t outer_read, outer_write, inner_read, inner_write;
} EkPlane;

enum { EK_BLOCK = 16 };

static inline EkPlane ek_plane_of(const int32_t *table, int32_t loops, int32_t size)
{
    const int32_t rows = ek_flash_int32(&table[loops - 2]);
    const int32_t columns = ek_flash_int32(&table[loops - 1]);
    const ptrdiff_t row = (ptrdiff_t)ek_flash_int32(&table[2 * loops - 2]);
    const ptrdiff_t column = (ptrdiff_t)ek_flash_int32(&table[2 * loops - 1]);
    const ptrdiff_t write = (ptrdiff_t)size * (ptrdiff_t)columns;
    if (row == 0 || (row < 0 ? -row : row) >= (column < 0 ? -column : column)) {
        const EkPlane plane = {rows, columns, columns, row, write, column, (ptrdiff_t)size};
        return plane;
    }
    /* A transposition: a cache line that is read is used for a block of rows. */
    const EkPlane plane = {columns, rows, EK_BLOCK, column, (ptrdiff_t)size, row, write};
    return plane;
}

/* Copies a plane of runs; a constant size becomes loads and stores. */
#define EK_COPY_PLANE(size)                                                                        \
    for (int32_t first = 0; first < p.inner; first += p.block) {                                   \
        const int32_t rest = p.inner - first, count = rest < p.block ? rest : p.block;             \
        for (int32_t i = 0; i < p.outer; i++) {                                                    \
            const char *from = input + i * p.outer_read + first * p.inner_read;                    \
            char *to = output + i * p.outer_write + first * p.inner_write;                         \
            for (int32_t j = 0; j < count; j++)                                                    \
                memcpy(to + j * p.inner_write, from + j * p.inner_read, size);                     \
        }                                                                                          \
    }

static inline void ek_copy_plane(EkPlane p, const char *input, char *output, int32_t size)
{
    if (size == 1) {
        EK_COPY_PLANE(1)
    } else if (size == 2) {
        EK_COPY_PLANE(2)
    } else if (size == 4) {
        EK_COPY_PLANE(4)
    } else if (size == 8) {
        EK_COPY_PLANE(8)
    } else {
        EK_COPY_PLANE((size_t)size)
    }
}

/* Defines a kernel by what copies a plane: copy(plane, input, output, size of an element). tensors:
 * input, int32 [2][loops] sizes and strides in bytes, output. */
#define EK_STRIDED_COPY(kernel, copy)                                                              \
    EK_TARGET void kernel(const int32_t *params, void *const *tensors)                             \
    {                                                                                              \
        StridedCopy p; /* a copy, because the output could be params to the compiler */            \
        memcpy(&p, params, sizeof p);                                                              \
        const char *input = (const char *)tensors[0];                                              \
        const int32_t *table = (const int32_t *)tensors[1];                                        \
        char *output = (char *)tensors[2];                                                         \
        const EkPlane plane = ek_plane_of(table, p.loops, p.size);                                 \
        const int32_t planes = ek_runs(table, p.loops - 2);                                        \
        const size_t bytes = (size_t)p.size * (size_t)plane.outer * (size_t)plane.inner;           \
        for (int32_t row = 0; row < p.rows; row++, input += p.input_bytes)                         \
            for (int32_t i = 0; i < planes; i++, output += bytes) {                                \
                const ptrdiff_t loops =                                                            \
                    ek_strided(table, table + p.loops, p.loops - 2, i);                            \
                copy(plane, input + ((ptrdiff_t)p.offset + loops), output, p.size);                \
            }                                                                                      \
    }

#endif
