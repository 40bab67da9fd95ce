/* The rows of two broadcast tensors. */
#define EK_ROLLED
#include "kernel.h"

#ifdef EK_X86
#include "broadcast.h"
#include "x86/broadcast_rows.h"

enum { PERIOD = 2048, VECTOR = 64 }; /* bytes that are repeated along a tensor; of a vector */

/* Where the rows of the innermost loop start; advanced row by row. */
typedef struct {
    int32_t index[EK_LOOPS - 1];
    ptrdiff_t a, b;
} Rows;

static void next_row(Rows *rows, const int32_t *sizes, const int32_t *a_strides,
                     const int32_t *b_strides)
{
    for (int32_t loop = EK_LOOPS - 2; loop >= 0; loop--) {
        const int32_t size = sizes[loop];
        if (++rows->index[loop] < size) {
            rows->a += a_strides[loop];
            rows->b += b_strides[loop];
            return;
        }
        rows->index[loop] = 0;
        rows->a -= (ptrdiff_t)a_strides[loop] * (size - 1);
        rows->b -= (ptrdiff_t)b_strides[loop] * (size - 1);
    }
}

/* Whether b is one row that all rows of a repeat, one after another, and fits the period. */
static int repeats(const int32_t *sizes, const int32_t *a_strides, const int32_t *b_strides,
                   int32_t size)
{
    const int32_t count = sizes[EK_LOOPS - 1];
    ptrdiff_t step = count;
    if (!a_strides[EK_LOOPS - 1] || !b_strides[EK_LOOPS - 1] || count > PERIOD / size)
        return 0;
    for (int32_t loop = EK_LOOPS - 2; loop >= 0; step *= sizes[loop], loop--)
        if (sizes[loop] > 1 && (a_strides[loop] != step || b_strides[loop]))
            return 0;
    return step > count;
}

/* Repeats a row until whole ones fill a vector, which are the period, and a vector more. Returns the
 * bytes of the period: a vector behind its last byte begins in the next one, so one is subtracted. */
static int32_t repeat(const char *row, int32_t bytes, char *repeated)
{
    const int32_t period = (VECTOR + bytes - 1) / bytes * bytes;
    memcpy(repeated, row, (size_t)bytes);
    for (int32_t filled = bytes; filled < period + VECTOR;) {
        const int32_t left = period + VECTOR - filled, next = left < filled ? left : filled;
        memcpy(repeated + filled, repeated, (size_t)next);
        filled += next;
    }
    return period;
}

void ek_run_rows(ek_row_kernel *kernel, const void *prepared, int32_t size, void *const *tensors)
{
    const int32_t *sizes = tensors[2], *a_strides = sizes + EK_LOOPS;
    const int32_t *b_strides = a_strides + EK_LOOPS;
    const char *a = tensors[0], *b = tensors[1];
    char *output = tensors[3], repeated[PERIOD + VECTOR];
    EkRow row = {a, b, output, sizes[EK_LOOPS - 1], a_strides[EK_LOOPS - 1],
                 b_strides[EK_LOOPS - 1], INT32_MAX};
    int32_t rows = ek_rows(sizes);
    Rows at = {{0}, 0, 0};
    if (repeats(sizes, a_strides, b_strides, size)) {
        row.b = repeated;
        row.period = repeat(b, row.count * size, repeated) / size;
        row.count *= rows;
        kernel(prepared, &row);
        return;
    }
    for (; rows > 0; rows--, output += (ptrdiff_t)row.count * size) {
        row.a = a + at.a * size;
        row.b = b + at.b * size;
        row.output = output;
        kernel(prepared, &row);
        next_row(&at, sizes, a_strides, b_strides);
    }
}
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
