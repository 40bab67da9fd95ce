/* UNIDIRECTIONAL_SEQUENCE_RNN; the meaning is defined in rnn.py. */
#define EK_ROLLED
#include "kernel.h"

#include <string.h>

#include "activation.h"
#include "dense_float32.h"
#include "flash.h"
#include "lstm.h"
#include "sigmoid_float32.h"

typedef struct {
    int32_t batches, times, inputs, units, time_major, tanh;
    float lowest, highest;
} Rnn;

/* tensors: input float, weights float [units][inputs], recurrent float [units][units], bias float
 * [units], state float [batches][units], output float. */
void ek_rnn_float32(const int32_t *params, void *const *tensors)
{
    Rnn p;
    memcpy(&p, params, sizeof p);
    const float *weights = (const float *)tensors[1], *recurrent = (const float *)tensors[2];
    const float *bias = (const float *)tensors[3];
    const size_t units = (size_t)p.units;

    for (int32_t batch = 0; batch < p.batches; batch++) {
        float *state = (float *)tensors[4] + (size_t)batch * units;
        for (int32_t time = 0; time < p.times; time++) {
            const size_t row =
                (size_t)ek_lstm_row(batch, time, p.batches, p.times, p.time_major);
            const float *input = (const float *)tensors[0] + row * (size_t)p.inputs;
            float *output = (float *)tensors[5] + row * units;
            for (int32_t unit = 0; unit < p.units; unit++)
                output[unit] = ek_flash_float(&bias[unit]);
            ek_add_product(weights, input, p.units, p.inputs, output);
            ek_add_product(recurrent, state, p.units, p.units, output);
            for (int32_t unit = 0; unit < p.units; unit++) {
                const float value = p.tanh ? ek_tanh_of(output[unit]) : output[unit];
                output[unit] = ek_clamp_float32(value, p.lowest, p.highest);
            }
            memcpy(state, output, sizeof *state * units);
        }
    }
}
