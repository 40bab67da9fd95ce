/* How packers for Helium write the weights and the numbers of outputs; see gemm_int8_helium.h. */
#ifndef EK_PACKING_HELIUM_H
#define EK_PACKING_HELIUM_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "bias.h"

enum { EK_TILE = 4, EK_LANES = 16 };

static inline size_t ek_rounded_up(size_t count, size_t unit)
{
    return (count + unit - 1) / unit * unit;
}

/* Bytes of the weights of a layer. */
static inline size_t ek_tiles_size(size_t depth, size_t outputs)
{
    return ek_rounded_up(outputs, EK_TILE) * ek_rounded_up(depth, EK_LANES);
}

/* Writes weights [outputs][depth] in tiles. */
static inline void ek_put_tiles(const int8_t *weights, size_t depth, size_t outputs, int8_t *to)
{
    for (size_t first = 0; first < outputs; first += EK_TILE)
        for (size_t k = 0; k < depth; k += EK_LANES)
            for (size_t o = first; o < first + EK_TILE; o++, to += EK_LANES) {
                const size_t left = depth - k, count = left < EK_LANES ? left : EK_LANES;
                memset(to, 0, EK_LANES);
                if (o < outputs)
                    memcpy(to, weights + o * depth + k, count);
            }
}

/* Writes a number of each output, with zeros behind them. */
static inline void ek_put_padded(const int32_t *numbers, int32_t added, size_t outputs,
                                 int32_t *to)
{
    for (size_t o = 0; o < ek_rounded_up(outputs, EK_TILE); o++)
        to[o] = o < outputs ? numbers[o] + added : 0;
}

/* Writes the bias and factor times the sum of the weights of each output, with zeros behind them. */
static inline void ek_put_bias(const int32_t *bias, int32_t factor, const int8_t *weights,
                               size_t depth, size_t outputs, int32_t *to)
{
    for (size_t o = 0; o < ek_rounded_up(outputs, EK_TILE); o++)
        to[o] = o < outputs ? ek_shifted_bias(bias[o], factor, weights + o * depth, depth) : 0;
}

/* Sums whose outputs neither wrap nor saturate. */
enum { EK_MOST_SUM = 1 << 30 };

/* Whether the kernels rescale the sums of all outputs, of so many products, as ek_rescale_twice
 * does: to the right, and far from the bounds of int32. */
static inline int ek_rescales_right(size_t outputs, size_t products, void *const *tensors)
{
    const int32_t *const bias = tensors[2], *const multiplier = tensors[3];
    const int32_t *const shift = tensors[4];
    if (products > EK_MOST_SUM / 2 / (128 * 255))
        return 0;
    for (size_t o = 0; o < outputs; o++)
        if (shift[o] > 0 || shift[o] < -31 || multiplier[o] == INT32_MIN ||
            bias[o] > EK_MOST_SUM / 2 || bias[o] < -EK_MOST_SUM / 2)
            return 0;
    return 1;
}

#endif
