/* Weights of CONV_2D of float32 with int8 weights, for the kernels of x86 that multiply and add pairs
 * of int16. A block of 16 outputs is a head, bias and scale, float [16], and the weights
 * [ceil(depth / 2)][16][2], padded with zeros. */
#include <string.h>

#include "conv_2d.h"
#include "table.h"

enum { WIDTH = 16, HEADS = 2 };

static size_t pairs_of(const Conv2D *p)
{
    return ((size_t)p->window_height * (size_t)p->window_width * (size_t)p->depth + 1) / 2;
}

/* Writes the weights of all blocks, and zeros for the heads. */
static void put_pairs(const Conv2D *p, const int8_t *weights, char *packed)
{
    const size_t pairs = pairs_of(p), size = WIDTH * (HEADS * 4 + pairs * 4);
    const size_t depth = (size_t)p->window_height * (size_t)p->window_width * (size_t)p->depth;
    memset(packed, 0, ((size_t)p->outputs + WIDTH - 1) / WIDTH * size);
    for (size_t o = 0; o < (size_t)p->outputs; o++) {
        char *const to = packed + o / WIDTH * size + (HEADS * WIDTH + o % WIDTH) * 4;
        for (size_t k = 0; k < depth; k++, weights++) {
            const int16_t weight = *weights;
            memcpy(to + k / 2 * WIDTH * 4 + k % 2 * 2, &weight, sizeof weight);
        }
    }
}

int ek_pack_conv_2d_hybrid(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    const Conv2D *const p = (const Conv2D *)params;
    const size_t size = WIDTH * (HEADS * 4 + pairs_of(p) * 4);
    char *const packed = packing->tensors[1];
    if (p->channels != p->depth || !tensors[1] || !tensors[2] || !tensors[3])
        return 0;
    packing->sizes[1] = ((size_t)p->outputs + WIDTH - 1) / WIDTH * size;
    if (!packed)
        return 1;
    put_pairs(p, tensors[1], packed);
    for (size_t o = 0; o < (size_t)p->outputs; o++)
        for (size_t i = 0; i < HEADS; i++)
            memcpy(packed + o / WIDTH * size + (i * WIDTH + o % WIDTH) * 4,
                   (const char *)tensors[2 + i] + o * 4, 4);
    return 1;
}

/* The windows of EK_TILE positions, and an image, quantised, in int16. */
size_t ek_scratch_conv_2d_hybrid(const int32_t *params)
{
    return EK_TILE * pairs_of((const Conv2D *)params) * 4 + ek_conv_2d_hybrid_scratch(params);
}
