/* Weights of CONV_2D for the kernels of x86 and aarch64, which multiply them with the windows of
 * several positions at a time. */
#include <string.h>

#include "bias.h"
#include "conv_2d.h"
#include "gemm.h"
#include "table.h"

static inline size_t window_size(const Conv2D *layer)
{
    return (size_t)layer->window_height * (size_t)layer->window_width * (size_t)layer->depth;
}

enum { TWICE = 4, FLOAT = 2 }; /* columns of a head, by how sums are rounded */

/* Heads are the bias for inputs to which so much is added, and for the twice rounded the
 * multiplier, the shift to the left and that to the right, for others the scale. */
static inline int pack_int8(Layout layout, int32_t added, const int32_t *params,
                            void *const *tensors, ek_packing *packing)
{
    const int twice = layout.columns == TWICE;
    const Conv2D *const layer = (const Conv2D *)params;
    const size_t depth = window_size(layer), outputs = (size_t)layer->outputs;
    const int8_t *const weights = tensors[1];
    const int32_t *const bias = tensors[2], *const factor = tensors[3];
    const int32_t *const shift = twice ? tensors[4] : factor;
    char *const packed = packing->tensors[1];
    if (layer->channels != layer->depth || !weights || !bias || !factor || !shift)
        return 0;
    packing->sizes[1] = packed_size(layout, depth, outputs);
    if (!packed)
        return 1;
    put_weights(layout, depth, outputs, weights, packed);
    for (size_t o = 0; o < outputs; o++) {
        int32_t *const head = head_of(layout, depth, o, packed);
        const int32_t moved = -added - layer->input_zero_point;
        head[0] = ek_shifted_bias(bias[o], moved, weights + o * depth, depth);
        head[WIDTH] = factor[o];
        if (twice) {
            head[2 * WIDTH] = shift[o] > 0 ? shift[o] : 0;
            head[3 * WIDTH] = shift[o] > 0 ? 0 : -shift[o];
        }
    }
    return 1;
}

int ek_pack_conv_2d_int8_twice(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    const Layout layout = {
        .columns = TWICE, .round = WIDTH, .chunk = 4, .parts = 1, .element = 1};
    return pack_int8(layout, 128, params, tensors, packing);
}

int ek_pack_conv_2d_int8_float(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    const Layout layout = {
        .columns = FLOAT, .round = WIDTH, .chunk = 4, .parts = 1, .element = 1};
    return pack_int8(layout, 128, params, tensors, packing);
}

int ek_pack_conv_2d_int8_twice_avx2(const int32_t *params, void *const *tensors,
                                    ek_packing *packing)
{
    const Layout layout = {
        .columns = TWICE, .round = WIDTH, .chunk = 4, .parts = 2, .element = 2};
    return pack_int8(layout, 128, params, tensors, packing);
}

int ek_pack_conv_2d_int8_float_avx2(const int32_t *params, void *const *tensors,
                                    ek_packing *packing)
{
    const Layout layout = {
        .columns = FLOAT, .round = WIDTH, .chunk = 4, .parts = 2, .element = 2};
    return pack_int8(layout, 128, params, tensors, packing);
}

int ek_pack_conv_2d_int8_twice_dotprod(const int32_t *params, void *const *tensors,
                                      ek_packing *packing)
{
    const Layout layout = {
        .columns = TWICE, .round = WIDTH, .chunk = 4, .parts = 1, .element = 1};
    return pack_int8(layout, 0, params, tensors, packing);
}

int ek_pack_conv_2d_int8_float_dotprod(const int32_t *params, void *const *tensors,
                                      ek_packing *packing)
{
    const Layout layout = {
        .columns = FLOAT, .round = WIDTH, .chunk = 4, .parts = 1, .element = 1};
    return pack_int8(layout, 0, params, tensors, packing);
}

/* The windows of EK_TILE positions, each a multiple of four bytes. */
size_t ek_scratch_conv_int8(const int32_t *params)
{
    return EK_TILE * ((window_size((const Conv2D *)params) + 3) / 4 * 4);
}
