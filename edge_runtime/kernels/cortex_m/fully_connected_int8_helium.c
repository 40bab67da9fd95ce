/* FULLY_CONNECTED of int8 for Cortex-M cores with Helium; see gemm_int8_helium.h. */
#include "kernel.h"

#ifdef EK_HELIUM
#include <string.h>

#include "fully_connected.h"
#include "gemm_int8_helium.h"

/* As ek_rescale_once for shifts up to -2, which are 1 more here: the product's high word is
 * shifted. */
static inline int32x4_t rescale_once(int32x4_t sums, int32x4_t multiplier, int32x4_t shift)
{
    return vrshlq_s32(vmulhq_s32(sums, multiplier), shift);
}

/* tensors: input int8 [rows][depth], weights packed, bias, multiplier, shift int32 [outputs, padded],
 * output int8 [rows][outputs], scratch: a row, if its depth is no multiple of 16. */
void ek_fully_connected_int8_once_helium(const int32_t *params, void *const *tensors)
{
    FullyConnectedInt8 p; /* a copy, because an int8 output could be params to the compiler */
    memcpy(&p, params, sizeof p);
    const EkHeliumLayer layer = {(const int32_t *)tensors[2],
                                 (const int32_t *)tensors[3],
                                 (const int32_t *)tensors[4],
                                 p.outputs,
                                 p.output_zero_point,
                                 p.lowest,
                                 p.highest,
                                 0};
    const int8_t *input = (const int8_t *)tensors[0];
    int8_t *output = (int8_t *)tensors[5];
    for (int32_t rows = p.rows; rows > 0; rows -= 2) {
        const int8_t *x = input, *y = rows > 1 ? input + p.depth : input;
        const int8_t *weights = (const int8_t *)tensors[1];
        if (p.depth % 16) {
            int8_t *const padded = (int8_t *)tensors[6];
            const int32_t stride = (p.depth + 15) / 16 * 16;
            memcpy(padded, x, (size_t)p.depth);
            memcpy(padded + stride, y, (size_t)p.depth);
            x = padded;
            y = padded + stride;
        }
        for (int32_t o = 0; o < p.outputs; o += 4) {
            int32x4_t of_x, of_y;
            weights = ek_helium_tile(x, y, weights, layer.bias + o, (p.depth + 15) / 16, &of_x,
                                     &of_y);
            const int32x4_t multiplier = vldrwq_s32(layer.multiplier + o);
            const int32x4_t shift = vldrwq_s32(layer.shift + o);
            const int32_t left = p.outputs - o;
            ek_helium_store(&layer, output + o, left, rescale_once(of_x, multiplier, shift));
            if (rows > 1)
                ek_helium_store(&layer, output + o + p.outputs, left,
                                rescale_once(of_y, multiplier, shift));
        }
        input += 2 * p.depth;
        output += 2 * p.outputs;
    }
}
#endif
