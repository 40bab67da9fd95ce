/* FULLY_CONNECTED of int8 for Helium. */
#define EK_SMALL
#include "kernel.h"

#include "fully_connected.h"
#include "helium.h"
#include "table.h"

/* Two rows, padded, where they are no multiple of a vector. */
size_t ek_scratch_dense_helium(const int32_t *params)
{
    const FullyConnectedInt8 *const layer = (const FullyConnectedInt8 *)params;
    const size_t depth = (size_t)layer->depth;
    return depth % EK_LANES ? 2 * ek_rounded_up(depth, EK_LANES) : 0;
}

/* Refuses layers that are not rescaled by the product's high word alone. */
int ek_pack_gemm_int8_helium(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    const FullyConnectedInt8 *const layer = (const FullyConnectedInt8 *)params;
    const size_t depth = (size_t)layer->depth, outputs = (size_t)layer->outputs;
    const int32_t *const shift = tensors[4];
    if (!tensors[1] || !tensors[2] || !tensors[3] || !shift)
        return 0;
    for (size_t o = 0; o < outputs; o++)
        if (shift[o] > -2)
            return 0;
    memcpy(packing->params, layer, sizeof *layer);
    ((FullyConnectedInt8Helium *)packing->params)->ties = 0;
    packing->count = sizeof(FullyConnectedInt8Helium) / sizeof(int32_t);
    packing->sizes[1] = ek_tiles_size(depth, outputs);
    packing->sizes[2] = packing->sizes[3] = packing->sizes[4] =
        ek_rounded_up(outputs, EK_TILE) * sizeof(int32_t);
    if (!packing->tensors[1])
        return 1;
    ek_put_tiles(tensors[1], depth, outputs, packing->tensors[1]);
    ek_put_padded(tensors[2], 0, outputs, packing->tensors[2]);
    ek_put_padded(tensors[3], 0, outputs, packing->tensors[3]);
    ek_put_padded(shift, 1, outputs, packing->tensors[4]);
    return 1;
}
