/* FULLY_CONNECTED for aarch64 with the dot products of Armv8.2; the same bytes as the portable
 * kernel. */
#include "kernel.h"

#ifdef EK_ARM64
#include "dotprod.h"

#include "gemm_int8_neon.h"

INLINE int32x4_t dot(int32x4_t sums, int8x16_t x, int8x16_t w, int narrow)
{
    (void)narrow; /* SDOT's sums have 32 bits */
    return vdotq_s32(sums, x, w);
}

TARGET void ek_fully_connected_int8_once_dotprod(const int32_t *params, void *const *tensors)
{
    fully_connected_int8_once(0, params, tensors);
}
#else
typedef int ek_nothing_here; /* C99 wants a declaration in every file */
#endif
