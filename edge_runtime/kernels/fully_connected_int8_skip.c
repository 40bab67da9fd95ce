/* FULLY_CONNECTED of int8 that skips inputs that are zero; weights are packed by
 * packing/gemm_int8_skip.c. */
#define EK_SMALL
#include "kernel.h"

#include "fixed_point.h"
#include "flash.h"
#include "fully_connected.h"

enum { SKIP_BLOCK = 16 }; /* outputs that are summed up at once */

/* tensors: input int8 [rows][depth], weights int8 [depth][outputs], bias without the input's zero
 * point, multiplier, shift int32 [outputs], output int8 [rows][outputs]. */
void ek_fully_connected_int8_once_skip(const int32_t *params, void *const *tensors)
{
    const FullyConnectedInt8Skip *const layer = (const FullyConnectedInt8Skip *)params;
    const int32_t rows = layer->rows, depth = layer->depth, outputs = layer->outputs;
    const int32_t zero_point = layer->output_zero_point;
    const int32_t lowest = layer->lowest, highest = layer->highest;
    const int input_zero_point = (int)layer->input_zero_point;
    const int8_t *input = (const int8_t *)tensors[0];
    int8_t *output = (int8_t *)tensors[5];

    for (int32_t row = 0; row < rows; row++, input += depth) {
        for (int32_t start = 0; start < outputs; start += SKIP_BLOCK) {
            const int32_t left = outputs - start;
            const int count = left < SKIP_BLOCK ? (int)left : SKIP_BLOCK;
            const int8_t *weights = (const int8_t *)tensors[1] + start;
            const int32_t *bias = (const int32_t *)tensors[2] + start;
            const int32_t *multiplier = (const int32_t *)tensors[3] + start;
            const int32_t *shift = (const int32_t *)tensors[4] + start;
            uint32_t sums[SKIP_BLOCK]; /* which may wrap */

            for (int o = 0; o < count; o++)
                sums[o] = (uint32_t)ek_flash_int32(&bias[o]);
            for (int32_t k = 0; k < depth; k++, weights += outputs) {
                const int value = input[k] - input_zero_point;
                if (value)
                    for (int o = 0; o < count; o++) /* products fit into 16 bits */
                        sums[o] += (uint32_t)(int32_t)(value * ek_flash_int8(&weights[o]));
            }
            for (int o = 0; o < count; o++) {
                const int32_t total = (int32_t)sums[o];
                const int32_t factor = ek_flash_int32(&multiplier[o]);
                const int32_t scaled = ek_rescale_once(total, factor, ek_flash_int32(&shift[o]));
                const int32_t moved = (int32_t)((uint32_t)scaled + (uint32_t)zero_point);
                *output++ = (int8_t)ek_clamp(moved, lowest, highest);
            }
        }
    }
}
