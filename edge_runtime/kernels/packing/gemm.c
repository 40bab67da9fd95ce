/* Dense weights for the kernels that calculate outputs in blocks of 16: those of x86. A packed
 * block is a head, numbers of each output, [columns][WIDTH], and the weights
 * [ceil(depth / chunk)][outputs][chunk], padded with zeros. */
#include <string.h>

#include "bias.h"
#include "fully_connected.h"
#include "table.h"

enum { WIDTH = 16 };

typedef struct {
    size_t columns; /* of the head, each 4 bytes */
    size_t round;   /* the last block has the outputs that are left, rounded up to a multiple */
    size_t chunk;   /* depths of an output that lie side by side */
    size_t parts;   /* 8 outputs' chunks are split into depths with the same k % parts */
    size_t element; /* bytes of a weight: 1 or 2, of int8, or 4, of float */
} Layout;

static inline size_t rounded(size_t value, size_t step)
{
    return (value + step - 1) / step * step;
}

/* Bytes of the weights of one output. */
static inline size_t row_size(Layout layout, size_t depth)
{
    return rounded(depth, layout.chunk) * layout.element;
}

static inline size_t head_size(Layout layout)
{
    return layout.columns * WIDTH * 4;
}

/* Offset of the block of an output, in bytes. */
static inline size_t block_start(Layout layout, size_t depth, size_t output)
{
    return output / WIDTH * (head_size(layout) + WIDTH * row_size(layout, depth));
}

static inline size_t packed_size(Layout layout, size_t depth, size_t outputs)
{
    const size_t left = rounded(outputs % WIDTH, layout.round);
    const size_t last = left ? head_size(layout) + left * row_size(layout, depth) : 0;
    return block_start(layout, depth, outputs) + last;
}

static inline void put_weight(Layout layout, const void *weights, size_t at, char *to)
{
    if (layout.element == 4) {
        memcpy(to, (const float *)weights + at, 4);
    } else {
        const int16_t wide = ((const int8_t *)weights)[at];
        if (layout.element == 2)
            memcpy(to, &wide, 2);
        else
            *to = (char)wide;
    }
}

static inline void put_weights(Layout layout, size_t depth, size_t outputs, const void *weights,
                               char *packed)
{
    const size_t chunk = layout.chunk, parts = layout.parts;
    memset(packed, 0, packed_size(layout, depth, outputs));
    for (size_t o = 0; o < outputs; o++) {
        const size_t lane = o % WIDTH, left = outputs - (o - lane);
        const size_t wide = left < WIDTH ? rounded(left, layout.round) : WIDTH;
        char *const to = packed + block_start(layout, depth, o) + head_size(layout);
        for (size_t k = 0; k < depth; k++) {
            const size_t within = k % chunk;
            const size_t row = k / chunk * wide + lane / 8 * 8;
            const size_t part = within % parts * 8 + lane % 8;
            const size_t at = row * chunk + part * (chunk / parts) + within / parts;
            put_weight(layout, weights, o * depth + k, to + at * layout.element);
        }
    }
}

static inline int32_t *head_of(Layout layout, size_t depth, size_t output, char *packed)
{
    return (int32_t *)(void *)(packed + block_start(layout, depth, output)) + output % WIDTH;
}

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
