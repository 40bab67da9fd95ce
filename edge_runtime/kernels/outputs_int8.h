/* How int8 layers with a multiplier for each output make their outputs of sums of products. */
#ifndef EK_OUTPUTS_INT8_H
#define EK_OUTPUTS_INT8_H

#include <stdint.h>

#include "fixed_point.h"
#include "flash.h"
#include "outline.h"

/* What outputs are moved by and clamped to. */
typedef struct {
    int32_t zero_point, lowest, highest;
} EkOutputs;

/* Writes "count" outputs, of which "first" is the first of the layer's. tensors: ..., at 2 bias,
 * multiplier, shift int32 [outputs]. */
static EK_OUTLINE void ek_outputs_int8(EkOutputs p, const int32_t *sums, void *const *tensors,
                                       int32_t first, int32_t count, int8_t *output)
{
    const int32_t *bias = (const int32_t *)tensors[2] + first;
    const int32_t *multiplier = (const int32_t *)tensors[3] + first;
    const int32_t *shift = (const int32_t *)tensors[4] + first;
    for (int32_t c = 0; c < count; c++) {
        const int32_t total = ek_add(sums[c], ek_flash_int32(&bias[c]));
        const int32_t factor = ek_flash_int32(&multiplier[c]), left = ek_flash_int32(&shift[c]);
        const int32_t moved = ek_add(ek_rescale_twice(total, factor, left), p.zero_point);
        output[c] = (int8_t)ek_clamp(moved, p.lowest, p.highest);
    }
}

#endif
