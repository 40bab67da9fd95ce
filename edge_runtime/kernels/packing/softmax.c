/* Scratch memory of the variants of SOFTMAX of float32. */
#include "kernel.h"

#include <string.h>

#include "softmax_float32.h"
#include "table.h"

/* Twice a double for each number of the rows that are calculated together, and a vector. */
size_t ek_scratch_softmax_float32(const int32_t *params)
{
    const SoftmaxFloat32 *p = (const SoftmaxFloat32 *)params;
    const size_t most = p->depth > EK_SOFTMAX_BLOCK ? (size_t)p->depth : EK_SOFTMAX_BLOCK;
    return 2 * (most + 8) * sizeof(double);
}

enum { FEW = 64 }; /* outputs of which calculating the exponentials is worth a table's kilobyte */

/* Leaves the table out. params: rows, depth, and the multiplier, shift and radius of exponents. */
int ek_pack_softmax_computed(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    const int32_t rows = params[0], depth = params[1];
    if (!tensors[1] || rows > FEW || depth > FEW || rows * depth > FEW)
        return 0;
    packing->count = 5;
    memcpy(packing->params, params, 5 * sizeof *params);
    packing->sizes[1] = sizeof(int32_t); /* nothing reads it */
    if (packing->tensors[1])
        memset(packing->tensors[1], 0, packing->sizes[1]);
    return 1;
}
