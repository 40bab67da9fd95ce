/* Dense int8 weights for aarch64: blocks of 8 outputs, then of 4, 2 and 1, so that all
 * calculated outputs are used; a block is [ceil(depth / STEP)][outputs][STEP], padded with zeros.
 * The last byte is 1 if no weight is -128. */
#define EK_SMALL
#include "kernel.h"

#include <string.h>

#include "fully_connected.h"
#include "table.h"

enum { STEP = 16 };

int ek_pack_gemm_int8_neon(const int32_t *params, void *const *tensors, ek_packing *packing)
{
    const FullyConnectedInt8 *const layer = (const FullyConnectedInt8 *)params;
    const size_t depth = (size_t)layer->depth, outputs = (size_t)layer->outputs;
    const size_t stride = (depth + STEP - 1) / STEP * STEP;
    const int8_t *from = tensors[1];
    int8_t *to = packing->tensors[1], narrow = 1;
    if (!from)
        return 0;
    packing->sizes[1] = outputs * stride + 1;
    if (!to)
        return 1;
    memset(to, 0, outputs * stride);
    for (size_t left = outputs, width; left; left -= width, to += width * stride) {
        width = left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
        for (size_t i = 0; i < width; i++)
            for (size_t k = 0; k < depth; k++, from++) {
                to[(k / STEP * width + i) * STEP + k % STEP] = *from;
                narrow = narrow && *from != -128;
            }
    }
    *to = narrow;
    return 1;
}
