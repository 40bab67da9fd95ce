/* Dense weights for the kernels of float32 FULLY_CONNECTED on x86. */
#include <string.h>

#include "fully_connected.h"
#include "gemm.h"
#include "table.h"

/* Heads are the bias. */
int ek_pack_gemm_float32_avx512(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    const Layout layout = {.columns = 1, .round = 2, .chunk = 16, .parts = 1, .element = 4};
    FullyConnectedFloat32 layer;
    memcpy(&layer, params, sizeof layer);
    const size_t depth = (size_t)layer.depth, outputs = (size_t)layer.outputs;
    const float *const bias = tensors[2];
    char *const packed = packing->tensors[1];
    if (!tensors[1] || !bias)
        return 0;
    packing->sizes[1] = packed_size(layout, depth, outputs);
    if (!packed)
        return 1;
    put_weights(layout, depth, outputs, tensors[1], packed);
    for (size_t o = 0; o < outputs; o++)
        memcpy(head_of(layout, depth, o, packed), &bias[o], sizeof *bias);
    return 1;
}
