/* FULLY_CONNECTED of int8 whose weights are stored without their zeros; they are packed by
 * packing/gemm_int8_sparse.c. */
#define EK_SMALL
#include "kernel.h"

#include "fixed_point.h"
#include "flash.h"
#include "fully_connected.h"

static inline uint32_t byte_at(const int8_t *from)
{
    return (uint8_t)ek_flash_int8(from);
}

/* The products of the next two weights, each with an input that is so far from the one before. */
#define SPARSE_TWO(pair)                                                                           \
    distances = (int)byte_at(&group[pair]);                                                        \
    input += distances & 15;                                                                       \
    sum += (uint32_t)(int32_t)(*input * ek_flash_int8(&group[4 + 2 * (pair)]));                    \
    input += distances >> 4;                                                                       \
    sum += (uint32_t)(int32_t)(*input * ek_flash_int8(&group[5 + 2 * (pair)]))

/* tensors: input int8 [rows][depth], weights packed, bias, multiplier, shift int32 [outputs],
 * output int8 [rows][outputs]. */
void ek_fully_connected_int8_once_sparse(const int32_t *params, void *const *tensors)
{
    const FullyConnectedInt8 *const layer = (const FullyConnectedInt8 *)params;
    const int32_t rows = layer->rows, depth = layer->depth, outputs = layer->outputs;
    const int32_t zero_point = layer->output_zero_point;
    const int32_t lowest = layer->lowest, highest = layer->highest;
    const int32_t *bias = (const int32_t *)tensors[2];
    const int32_t *multiplier = (const int32_t *)tensors[3], *shift = (const int32_t *)tensors[4];
    int8_t *output = (int8_t *)tensors[5];

    for (int32_t row = 0; row < rows; row++) {
        const int8_t *group = (const int8_t *)tensors[1];
        for (int32_t o = 0; o < outputs; o++) {
            const int8_t *input = (const int8_t *)tensors[0] + row * depth;
            uint32_t sum = (uint32_t)ek_flash_int32(&bias[o]); /* may wrap */
            uint32_t left = byte_at(group) | byte_at(group + 1) << 8 | byte_at(group + 2) << 16 |
                            byte_at(group + 3) << 24;
            for (group += 4; left; left--, group += 12) {
                int distances;
                SPARSE_TWO(0);
                SPARSE_TWO(1);
                SPARSE_TWO(2);
                SPARSE_TWO(3);
            }
            const int32_t factor = ek_flash_int32(&multiplier[o]);
            const int32_t scaled = ek_rescale_once((int32_t)sum, factor, ek_flash_int32(&shift[o]));
            const int32_t moved = (int32_t)((uint32_t)scaled + (uint32_t)zero_point);
            *output++ = (int8_t)ek_clamp(moved, lowest, highest);
        }
    }
}
