/* SVDF; the meaning is defined in svdf.py. */
#include "kernel.h"

#include <string.h>

#include "activation.h"
#include "dense_float32.h"
#include "fixed_point.h"
#include "flash.h"

typedef struct {
    int32_t batches, inputs, units, rank, memory;
    float lowest, highest;
} SvdfFloat32;

typedef struct {
    int32_t batches, inputs, units, rank, memory, input_zero_point;
    int32_t state_multiplier, state_shift, multiplier, shift, zero_point;
} SvdfInt8;

/* tensors: input float [batches][inputs], features float [units][rank][inputs], times float
 * [units][rank][memory], state float [batches][units][rank][memory], bias float [units], output
 * float [batches][units]. */
void ek_svdf_float32(const int32_t *params, void *const *tensors)
{
    SvdfFloat32 p;
    memcpy(&p, params, sizeof p);
    const int32_t filters = p.units * p.rank;
    const float *input = (const float *)tensors[0], *bias = (const float *)tensors[4];
    float *state = (float *)tensors[3], *output = (float *)tensors[5];

    for (int32_t batch = 0; batch < p.batches; batch++, input += p.inputs) {
        const float *features = (const float *)tensors[1], *times = (const float *)tensors[2];
        for (int32_t filter = 0; filter < filters; filter++) {
            for (int32_t i = 1; i < p.memory; i++)
                state[i - 1] = state[i];
            state[p.memory - 1] = ek_dot_portable(input, features, p.inputs);
            const float product = ek_dot_portable(state, times, p.memory);
            const int32_t unit = filter / p.rank, part = filter % p.rank;
            output[unit] = part ? output[unit] + product : product;
            features += p.inputs;
            times += p.memory;
            state += p.memory;
        }
        for (int32_t unit = 0; unit < p.units; unit++) {
            const float sum = output[unit] + ek_flash_float(&bias[unit]);
            output[unit] = ek_clamp_float32(sum, p.lowest, p.highest);
        }
        output += p.units;
    }
}

/* tensors: input int8 [batches][inputs], features int8 [units][rank][inputs], times int16
 * [units][rank][memory], state int16 [batches][units][rank][memory], bias int32 [units], output
 * int8 [batches][units]. Sums are unsigned, because they may wrap. */
void ek_svdf_int8_twice(const int32_t *params, void *const *tensors)
{
    SvdfInt8 p;
    memcpy(&p, params, sizeof p);
    const int8_t *input = (const int8_t *)tensors[0];
    const int32_t *bias = (const int32_t *)tensors[4];
    int16_t *state = (int16_t *)tensors[3];
    int8_t *output = (int8_t *)tensors[5];

    for (int32_t batch = 0; batch < p.batches; batch++, input += p.inputs) {
        const int8_t *features = (const int8_t *)tensors[1];
        const int16_t *times = (const int16_t *)tensors[2];
        for (int32_t unit = 0; unit < p.units; unit++) {
            uint32_t sum = (uint32_t)ek_flash_int32(&bias[unit]);
            for (int32_t part = 0; part < p.rank; part++) {
                uint32_t feature = 0;
                for (int32_t i = 0; i < p.inputs; i++) {
                    const int16_t x = (int16_t)(input[i] - p.input_zero_point);
                    feature += (uint32_t)((int32_t)x * ek_flash_int8(&features[i]));
                }
                const int32_t latest =
                    ek_rescale_twice((int32_t)feature, p.state_multiplier, p.state_shift);
                for (int32_t i = 1; i < p.memory; i++)
                    state[i - 1] = state[i];
                state[p.memory - 1] = (int16_t)ek_clamp(latest, INT16_MIN, INT16_MAX);
                for (int32_t i = 0; i < p.memory; i++)
                    sum += (uint32_t)((int32_t)state[i] * ek_flash_int16(&times[i]));
                features += p.inputs;
                times += p.memory;
                state += p.memory;
            }
            const int32_t scaled = ek_rescale_twice((int32_t)sum, p.multiplier, p.shift);
            const uint32_t moved = (uint32_t)scaled + (uint32_t)p.zero_point;
            *output++ = (int8_t)ek_clamp((int32_t)moved, INT8_MIN, INT8_MAX);
        }
    }
}
