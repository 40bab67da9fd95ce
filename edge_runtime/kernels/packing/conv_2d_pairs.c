/* Weights of CONV_2D of uint8, and of float32 with int8 weights, for the kernels of x86 that
 * multiply and add pairs of int16. A block of 16 outputs is a head, [4][16] numbers of 4 bytes, and the
 * weights [ceil(depth / 2)][16][2], less their zero point, padded with zeros. */
#include <string.h>

#include "conv_2d.h"
#include "table.h"

enum { WIDTH = 16, HEADS = 4 };

static size_t pairs_of(const Conv2D *p)
{
    return ((size_t)p->window_height * (size_t)p->window_width * (size_t)p->depth + 1) / 2;
}

/* Writes the weights of all blocks, and zeros for the heads. */
static void put_pairs(const Conv2D *p, const uint8_t *weights, int is_signed, char *packed)
{
    const size_t pairs = pairs_of(p), size = WIDTH * (HEADS * 4 + pairs * 4);
    const size_t depth = (size_t)p->window_height * (size_t)p->window_width * (size_t)p->depth;
    memset(packed, 0, ((size_t)p->outputs + WIDTH - 1) / WIDTH * size);
    for (size_t o = 0; o < (size_t)p->outputs; o++) {
        char *const to = packed + o / WIDTH * size + (HEADS * WIDTH + o % WIDTH) * 4;
        for (size_t k = 0; k < depth; k++, weights++) {
            const int32_t weight = is_signed ? (int8_t)*weights : *weights - p->weights_zero_point;
            const int16_t wide = (int16_t)weight;
            memcpy(to + k / 2 * WIDTH * 4 + k % 2 * 2, &wide, sizeof wide);
        }
    }
}

/* Packs weights and heads: so many tensors from the bias on, of which the third are shifts. */
static int pack(const int32_t *params, void *const *tensors, int is_signed, int heads,
                ek_packing *packing)
{
    const Conv2D *const p = (const Conv2D *)params;
    const size_t size = WIDTH * (HEADS * 4 + pairs_of(p) * 4);
    if (p->channels != p->depth)
        return 0;
    for (int i = 1; i < 2 + heads; i++)
        if (!tensors[i])
            return 0;
    packing->sizes[1] = ((size_t)p->outputs + WIDTH - 1) / WIDTH * size;
    if (!packing->tensors[1])
        return 1;
    put_pairs(p, tensors[1], is_signed, packing->tensors[1]);
    for (size_t o = 0; o < (size_t)p->outputs; o++)
        for (int i = 0; i < heads; i++) {
            int32_t number;
            char *to = (char *)packing->tensors[1] + o / WIDTH * size + o % WIDTH * 4;
            memcpy(&number, (const char *)tensors[2 + i] + o * 4, sizeof number);
            if (i == 2) { /* shifts */
                const int32_t right = number > 0 ? 0 : -number;
                memcpy(to + 3 * WIDTH * 4, &right, sizeof right);
                number = number > 0 ? number : 0;
            }
            memcpy(to + (size_t)i * WIDTH * 4, &number, sizeof number);
        }
    return 1;
}

/* Heads are bias, multiplier, shift to the left and to the right. */
int ek_pack_conv_2d_uint8(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    return pack(params, tensors, 0, 3, packing);
}

/* Heads are bias and scale, both float. */
int ek_pack_conv_2d_hybrid(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    return pack(params, tensors, 1, 2, packing);
}

/* The windows of EK_TILE positions in int16. */
size_t ek_scratch_conv_2d_uint8(const int32_t *params)
{
    return EK_TILE * pairs_of((const Conv2D *)params) * 4;
}

/* And an image, quantised. */
size_t ek_scratch_conv_2d_hybrid(const int32_t *params)
{
    return ek_scratch_conv_2d_uint8(params) + ek_conv_2d_hybrid_scratch(params);
}
