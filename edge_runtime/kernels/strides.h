/* Nested loops over a tensor whose steps are not those of its layout; see ops/strides.py. */
#ifndef EK_STRIDES_H
#define EK_STRIDES_H

#include <stddef.h>
#include <stdint.h>

#include "flash.h"

/* How often the innermost of some nested loops runs in all. */
static inline int32_t ek_runs(const int32_t *sizes, int32_t loops)
{
    int32_t runs = 1;
    for (int32_t loop = 0; loop < loops; loop++)
        runs *= ek_flash_int32(&sizes[loop]);
    return runs;
}

/* Where the loops are in their run of that number. */
static inline ptrdiff_t ek_strided(const int32_t *sizes, const int32_t *strides, int32_t loops,
                                   int32_t run)
{
    ptrdiff_t at = 0;
    for (int32_t loop = loops - 1; loop >= 0; loop--) {
        const int32_t size = ek_flash_int32(&sizes[loop]);
        if (size == 1)
            continue;
        at += (ptrdiff_t)(run % size) * (ptrdiff_t)ek_flash_int32(&strides[loop]);
        run /= size;
    }
    return at;
}

#endif
