/* What kernels of float32 DEPTHWISE_CONV_2D for instruction sets accept. */
#include "depthwise_conv_2d.h"
#include "table.h"

enum { FEWEST = 8 };

/* Nothing is packed; these are the parameters that the variants run: 8 outputs at least, which have
 * an input channel each, or one that all read. */
int ek_pack_depthwise_float32(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    const DepthwiseFloat32 *const p = (const DepthwiseFloat32 *)params;
    (void)tensors;
    (void)packing;
    return p->multiplier == 1 ? p->channels >= FEWEST : p->channels == 1 && p->multiplier >= FEWEST;
}
