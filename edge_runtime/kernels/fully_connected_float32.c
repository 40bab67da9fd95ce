/* FULLY_CONNECTED of float32; the meaning is defined in fully_connected.py. */
#define EK_ROLLED
#include "kernel.h"

#include "dense_float32.h"
#include "flash.h"

static inline float dot_portable(const float *input, const float *weights, int32_t depth)
{
    float lanes[EK_LANES] = {0};
    const float *const end = input + depth;
    for (; end - input >= EK_LANES; input += EK_LANES, weights += EK_LANES)
        for (int32_t lane = 0; lane < EK_LANES; lane++)
            lanes[lane] += input[lane] * ek_flash_float(&weights[lane]);
    for (int32_t lane = 0; input + lane < end; lane++)
        lanes[lane] += input[lane] * ek_flash_float(&weights[lane]);
    for (int32_t half = EK_LANES / 2; half; half /= 2)
        for (int32_t lane = 0; lane < half; lane++)
            lanes[lane] += lanes[lane + half];
    return lanes[0];
}

void ek_fully_connected_float32(const int32_t *params, void *const *tensors)
{
    ek_dense_float32(params, tensors, dot_portable);
}
