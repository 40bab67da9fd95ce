/* Scratch memory of the variants of SOFTMAX of float32. */
#include "kernel.h"

#include "softmax_float32.h"

/* Twice a double for each number of the rows that are calculated together, and a vector. */
size_t ek_scratch_softmax_float32(const int32_t *params)
{
    const SoftmaxFloat32 *p = (const SoftmaxFloat32 *)params;
    const size_t most = p->depth > EK_SOFTMAX_BLOCK ? (size_t)p->depth : EK_SOFTMAX_BLOCK;
    return 2 * (most + 8) * sizeof(double);
}
