/* The rows of two broadcast tensors, for kernels of vectors. */
#ifndef EK_BROADCAST_ROWS_H
#define EK_BROADCAST_ROWS_H

#include <stdint.h>

/* A row of an output: count elements of a and b, each one after another or, where it does not move,
 * the same. After "period" elements b begins anew, which is there as far as a vector may reach. */
typedef struct {
    const void *a, *b;
    void *output;
    int32_t count, a_moves, b_moves, period;
} EkRow;

/* Calculates the row, with what the kernel has prepared. */
typedef void ek_row_kernel(const void *prepared, const EkRow *row);

/* Runs it for all rows of tensors: a, b, loops int32 [3][EK_LOOPS], output; with elements of so
 * many bytes. A row of b that all rows of a repeat is laid out so that there is one row in all. */
void ek_run_rows(ek_row_kernel *kernel, const void *prepared, int32_t size, void *const *tensors);

#endif
