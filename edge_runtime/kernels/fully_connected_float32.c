/* FULLY_CONNECTED of float32; the meaning is defined in fully_connected.py. */
#define EK_ROLLED
#include "kernel.h"

#include <string.h>

#include "activation.h"
#include "flash.h"
#include "fully_connected.h"
#include "fused.h"

/* tensors: input float [rows][depth], weights float [outputs][depth], bias float [outputs],
 * output float [rows][outputs]. */
void ek_fully_connected_float32(const int32_t *params, void *const *tensors)
{
    FullyConnectedFloat32 layer;
    memcpy(&layer, params, sizeof layer);
    const float *input = (const float *)tensors[0], *bias = (const float *)tensors[2];
    float *output = (float *)tensors[3];

    for (int32_t row = 0; row < layer.rows; row++, input += layer.depth) {
        const float *weights = (const float *)tensors[1];
        for (int32_t o = 0; o < layer.outputs; o++) {
            float total = 0;
            for (int32_t k = 0; k < layer.depth;) {
                const int32_t start = k, left = layer.depth - k;
                const int32_t end = k + (left < EK_PART ? left : EK_PART);
                float part = 0;
                for (; k < end; k++)
                    part = ek_fused(input[k], ek_flash_float(weights++), part);
                total = start ? total + part : part;
            }
            *output++ = ek_clamp_float32(total + ek_flash_float(&bias[o]), layer.lowest,
                                         layer.highest);
        }
    }
}
