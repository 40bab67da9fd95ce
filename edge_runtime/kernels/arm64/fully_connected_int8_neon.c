/* FULLY_CONNECTED of int8 for any aarch64; the same bytes as the portable kernel. */
#include "kernel.h"

#ifdef EK_ARM64
#define TARGET
#include "gemm_int8_neon.h"

INLINE int32x4_t dot(int32x4_t sums, int8x16_t x, int8x16_t w, int narrow)
{
    const int16x8_t low = vmull_s8(vget_low_s8(x), vget_low_s8(w));
    /* Of two products, only 2 * -128 * -128 leaves int16. */
    if (narrow)
        return vpadalq_s16(sums, vmlal_high_s8(low, x, w));
    return vpadalq_s16(vpadalq_s16(sums, low), vmull_high_s8(x, w));
}

void ek_fully_connected_int8_once_neon(const int32_t *params, void *const *tensors)
{
    const FullyConnectedInt8 *const layer = (const FullyConnectedInt8 *)params;
    const int8_t *weights = tensors[1];
    if (weights[layer->outputs * padded(layer->depth)])
        fully_connected_int8_once(1, params, tensors);
    else
        fully_connected_int8_once(0, params, tensors);
}
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
