/* FULLY_CONNECTED of int8 for RISC-V cores with vectors; see int8_rvv.h. */
#include "kernel.h"

#ifdef EK_RVV
#include <string.h>

#include "fixed_point.h"
#include "fully_connected.h"
#include "int8_rvv.h"

/* tensors: those of ek_fully_connected_int8_once. */
void ek_fully_connected_int8_once_rvv(const int32_t *params, void *const *tensors)
{
    FullyConnectedInt8 p; /* a copy, because an int8 output could be params to the compiler */
    memcpy(&p, params, sizeof p);
    const int32_t *const multiplier = (const int32_t *)tensors[3];
    const int32_t *const shift = (const int32_t *)tensors[4];
    const int8_t *input = (const int8_t *)tensors[0];
    int8_t *output = (int8_t *)tensors[5];
    for (int32_t rows = p.rows; rows > 0; rows--, input += p.depth) {
        const int8_t *weights = (const int8_t *)tensors[1];
        for (int32_t o = 0; o < p.outputs; o += 4, weights += 4 * (ptrdiff_t)p.depth) {
            const int32_t *bias = (const int32_t *)tensors[2] + o;
            const int32_t many = p.outputs - o < 4 ? p.outputs - o : 4;
            int32_t sums[4] = {0};
            ek_rvv_add(input, 0, weights, p.depth, p.depth, many, sums);
            for (int32_t i = 0; i < many; i++) {
                const int32_t total = ek_add(sums[i], bias[i]);
                const int32_t scaled = ek_rescale_once(total, multiplier[o + i], shift[o + i]);
                *output++ =
                    (int8_t)ek_clamp(ek_add(scaled, p.output_zero_point), p.lowest, p.highest);
            }
        }
    }
}
#endif
