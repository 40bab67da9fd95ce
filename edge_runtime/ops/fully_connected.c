/* FULLY_CONNECTED; the meaning is defined in fully_connected.py. */
#include "kernels.h"

#include <string.h>

#include "fixed_point.h"

/* tensors: input int8 [rows][depth], weights int8 [outputs][depth], bias, multiplier and shift
 * int32 [outputs], output int8 [rows][outputs]. */
void ek_fully_connected_int8(const int32_t *params, void *const *tensors)
{
    const int32_t rows = params[0], depth = params[1], outputs = params[2];
    const int32_t zero_point = params[3], lowest = params[4], highest = params[5];
    const int8_t *input = tensors[0];
    const int32_t *bias = tensors[2], *multiplier = tensors[3], *shift = tensors[4];
    int8_t *output = tensors[5];

    for (int32_t row = 0; row < rows; row++, input += depth) {
        const int8_t *weights = tensors[1];
        for (int32_t o = 0; o < outputs; o++, weights += depth) {
            int32_t sum = 0;
            for (int32_t k = 0; k < depth; k++)
                sum += input[k] * weights[k];
            /* Unsigned, because a damaged bias may wrap. */
            sum = (int32_t)((uint32_t)sum + (uint32_t)bias[o]);
            sum = (int32_t)((uint32_t)ek_rescale(sum, multiplier[o], shift[o]) +
                            (uint32_t)zero_point);
            *output++ = (int8_t)ek_clamp(sum, lowest, highest);
        }
    }
}

/* tensors: input float [rows][depth], weights float [outputs][depth], bias float [outputs],
 * output float [rows][outputs]. */
void ek_fully_connected_float32(const int32_t *params, void *const *tensors)
{
    enum { LANES = 16 };
    const int32_t rows = params[0], depth = params[1], outputs = params[2];
    const float *input = tensors[0], *bias = tensors[2];
    float *output = tensors[3], lowest, highest;
    memcpy(&lowest, &params[3], sizeof lowest);
    memcpy(&highest, &params[4], sizeof highest);

    for (int32_t row = 0; row < rows; row++, input += depth) {
        const float *weights = tensors[1];
        for (int32_t o = 0; o < outputs; o++, weights += depth) {
            float lanes[LANES] = {0};
            int32_t k = 0;
            for (; k + LANES <= depth; k += LANES)
                for (int32_t lane = 0; lane < LANES; lane++)
                    lanes[lane] += input[k + lane] * weights[k + lane];
            for (int32_t lane = 0; k < depth; k++, lane++)
                lanes[lane] += input[k] * weights[k];
            for (int32_t half = LANES / 2; half; half /= 2)
                for (int32_t lane = 0; lane < half; lane++)
                    lanes[lane] += lanes[lane + half];
            float sum = lanes[0] + bias[o];
            sum = sum < lowest ? lowest : sum;
            *output++ = sum > highest ? highest : sum;
        }
    }
}
