/* Dense weights for the kernels of FULLY_CONNECTED on x86. */
#include <string.h>

#include "bias.h"
#include "fully_connected.h"
#include "gemm.h"
#include "table.h"

/* Heads are the bias for inputs that have 128 added, the multiplier and 30 - shift. */
static inline int pack_int8(Layout layout, const int32_t *params, void *const *tensors,
                            ek_packing *packing)
{
    const FullyConnectedInt8 *const layer = (const FullyConnectedInt8 *)params;
    const size_t depth = (size_t)layer->depth, outputs = (size_t)layer->outputs;
    const int8_t *const weights = tensors[1];
    const int32_t *const bias = tensors[2], *const multiplier = tensors[3];
    const int32_t *const shift = tensors[4];
    char *const packed = packing->tensors[1];
    if (!weights || !bias || !multiplier || !shift)
        return 0;
    packing->sizes[1] = packed_size(layout, depth, outputs);
    if (!packed)
        return 1;
    put_weights(layout, depth, outputs, weights, packed);
    for (size_t o = 0; o < outputs; o++) {
        int32_t *const head = head_of(layout, depth, o, packed);
        head[0] = ek_shifted_bias(bias[o], -128, weights + o * depth, depth);
        head[WIDTH] = multiplier[o];
        head[2 * WIDTH] = 30 - shift[o];
    }
    return 1;
}

int ek_pack_gemm_int8_avx512(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    const Layout layout = {.columns = 3, .round = 2, .chunk = 64, .parts = 1, .element = 1};
    return pack_int8(layout, params, tensors, packing);
}

int ek_pack_gemm_int8_avxvnni(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    const Layout layout = {.columns = 3, .round = WIDTH, .chunk = 4, .parts = 1, .element = 1};
    return pack_int8(layout, params, tensors, packing);
}

int ek_pack_gemm_int8_avx2(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    const Layout layout = {.columns = 3, .round = WIDTH, .chunk = 4, .parts = 2, .element = 2};
    return pack_int8(layout, params, tensors, packing);
}
