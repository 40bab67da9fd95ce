/* Which layers the kernels for RISC-V's vectors calculate; they read the portable kernels' constants. */
#define EK_SMALL
#include "kernel.h"

#include "conv_2d.h"
#include "depthwise_conv_2d.h"
#include "table.h"

/* Whether no multiplier saturates where ek_rescale_twice wraps. */
static int all_fit(const int32_t *multipliers, int32_t count)
{
    for (int32_t o = 0; o < count; o++)
        if (multipliers[o] == INT32_MIN)
            return 0;
    return 1;
}

/* Refuses groups. */
int ek_pack_conv_2d_rvv(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    const Conv2D *const p = (const Conv2D *)params;
    (void)packing;
    return p->channels == p->depth && tensors[3] && all_fit(tensors[3], p->outputs);
}

/* Refuses several outputs a channel. */
int ek_pack_dw_rvv(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    const DepthwiseInt8 *const p = (const DepthwiseInt8 *)params;
    (void)packing;
    return p->multiplier == 1 && tensors[3] && all_fit(tensors[3], p->channels);
}
