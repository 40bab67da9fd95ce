/* Dense int8 weights for the kernel that skips inputs that are zero: [depth][outputs], and a
 * bias without the input's zero point. */
#define EK_SMALL
#include "kernel.h"

#include <string.h>

#include "bias.h"
#include "fully_connected.h"
#include "table.h"

int ek_pack_gemm_int8_skip(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    const FullyConnectedInt8Skip *const layer = (const FullyConnectedInt8Skip *)params;
    const size_t depth = (size_t)layer->depth, outputs = (size_t)layer->outputs;
    const int8_t *const weights = tensors[1];
    const int32_t *const bias = tensors[2];
    int8_t *const to = packing->tensors[1];
    int32_t *const unfolded = packing->tensors[2];
    if (!weights || !bias)
        return 0;
    memcpy(packing->params, layer, sizeof *layer);
    packing->count = sizeof *layer / sizeof(int32_t);
    packing->sizes[1] = outputs * depth;
    packing->sizes[2] = outputs * sizeof *bias;
    if (!to)
        return 1;
    for (size_t o = 0; o < outputs; o++) {
        const int8_t *const from = weights + o * depth;
        for (size_t k = 0; k < depth; k++)
            to[k * outputs + o] = from[k];
        unfolded[o] = ek_shifted_bias(bias[o], layer->input_zero_point, from, depth);
    }
    return 1;
}
