/* Weights of float32 CONV_2D for the kernels of x86 and aarch64, which multiply them with the windows
 * of several positions at a time. */
#include <string.h>

#include "conv_2d.h"
#include "gemm.h"
#include "table.h"

static inline size_t window_size(const Conv2D *layer)
{
    return (size_t)layer->window_height * (size_t)layer->window_width * (size_t)layer->depth;
}

/* Heads are the bias. Refuses weights that are not finite, whose product with the zeros around an
 * image is not zero. */
int ek_pack_conv_2d_float32(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    const Layout layout = {.columns = 1, .round = WIDTH, .chunk = 1, .parts = 1, .element = 4};
    const Conv2D *const layer = (const Conv2D *)params;
    const size_t depth = window_size(layer), outputs = (size_t)layer->outputs;
    const float *const weights = tensors[1], *const bias = tensors[2];
    char *const packed = packing->tensors[1];
    if (layer->channels != layer->depth || !weights || !bias)
        return 0;
    for (size_t i = 0; i < depth * outputs; i++)
        if (weights[i] - weights[i] != 0)
            return 0;
    packing->sizes[1] = packed_size(layout, depth, outputs);
    if (!packed)
        return 1;
    put_weights(layout, depth, outputs, weights, packed);
    for (size_t o = 0; o < outputs; o++)
        memcpy(head_of(layout, depth, o, packed), &bias[o], sizeof *bias);
    return 1;
}

/* The windows of EK_TILE positions. */
size_t ek_scratch_conv_float32(const int32_t *params)
{
    return EK_TILE * window_size((const Conv2D *)params) * sizeof(float);
}
