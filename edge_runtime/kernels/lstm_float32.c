/* UNIDIRECTIONAL_SEQUENCE_LSTM of float32; the meaning is defined in lstm_float32.py. */
#define EK_ROLLED
#include "kernel.h"

#include <string.h>

#include "dense_float32.h"
#include "flash.h"
#include "lstm.h"
#include "sigmoid_float32.h"

typedef struct {
    int32_t batches, times, inputs, cells, outputs, time_major;
    int32_t coupled, peephole, projection, layer_norm, projection_bias;
    float cell_clip, projection_clip;
} LstmFloat32;

/* matrix [rows][depth] times a vector, added to sums. */
static inline void add_product(const float *matrix, const float *vector, int32_t rows,
                               int32_t depth, float *sums)
{
    for (int32_t row = 0; row < rows; row++, matrix += depth)
        sums[row] = ek_dot_portable(vector, matrix, depth) + sums[row];
}

/* 1 / sqrt(x) of a positive number; each step doubles the right digits of a first guess. */
static inline double inverse_root(double x)
{
    uint64_t bits;
    double root;
    memcpy(&bits, &x, sizeof bits);
    bits = 0x5fe6eb50c7b537a9 - (bits >> 1);
    memcpy(&root, &bits, sizeof root);
    for (int step = 0; step < 5; step++)
        root = root * (1.5 - 0.5 * x * root * root);
    return root;
}

static inline void normalise(float *values, int32_t count)
{
    float sum = 0, squares = 0;
    for (int32_t i = 0; i < count; i++)
        sum += values[i];
    const float mean = sum / (float)count;
    for (int32_t i = 0; i < count; i++)
        squares += (values[i] - mean) * (values[i] - mean);
    const float factor = (float)inverse_root((double)(squares / (float)count + 1e-8f));
    for (int32_t i = 0; i < count; i++)
        values[i] = (values[i] - mean) * factor;
}

static inline void calculate_gate(const LstmFloat32 *p, int32_t gate, void *const *tensors,
                                  const float *input, const float *previous, const float *cell,
                                  float *values)
{
    const float *bias = (const float *)tensors[LSTM_BIASES + gate];
    const float *peephole = (const float *)tensors[ek_peephole(gate)];
    const float *norm = (const float *)tensors[LSTM_NORMS + gate];
    const float *weights = (const float *)tensors[LSTM_WEIGHTS + gate];
    const float *recurrent = (const float *)tensors[LSTM_RECURRENT + gate];

    for (int32_t c = 0; c < p->cells; c++)
        values[c] = p->layer_norm ? 0 : ek_flash_float(&bias[c]);
    add_product(weights, input, p->cells, p->inputs, values);
    add_product(recurrent, previous, p->cells, p->outputs, values);
    if (p->peephole && gate != CELL_GATE)
        for (int32_t c = 0; c < p->cells; c++)
            values[c] += ek_flash_float(&peephole[c]) * cell[c];
    if (p->layer_norm) {
        normalise(values, p->cells);
        for (int32_t c = 0; c < p->cells; c++)
            values[c] = values[c] * ek_flash_float(&norm[c]) + ek_flash_float(&bias[c]);
    }
    for (int32_t c = 0; c < p->cells; c++)
        values[c] = gate == CELL_GATE ? ek_tanh_of(values[c]) : ek_logistic_of(values[c]);
}

static inline float clipped(float value, float clip)
{
    if (clip > 0) {
        value = value < -clip ? -clip : value;
        value = value > clip ? clip : value;
    }
    return value;
}

/* Bytes of scratch memory: the gates of one batch. */
size_t ek_lstm_float32_scratch(const int32_t *params)
{
    const LstmFloat32 *p = (const LstmFloat32 *)params;
    return GATES * sizeof(float) * (size_t)p->cells;
}

/* tensors: the op's inputs, output float, scratch float [GATES][cells]. */
void ek_lstm_float32(const int32_t *params, void *const *tensors)
{
    LstmFloat32 p;
    memcpy(&p, params, sizeof p);
    const float *projection = (const float *)tensors[LSTM_PROJECTION];
    const float *projection_bias = (const float *)tensors[LSTM_PROJECTION_BIAS];
    float *gates[GATES];
    for (int32_t gate = 0; gate < GATES; gate++)
        gates[gate] = (float *)tensors[LSTM_OPERANDS + 1] + (size_t)gate * (size_t)p.cells;

    for (int32_t batch = 0; batch < p.batches; batch++) {
        float *state = (float *)tensors[LSTM_OUTPUT_STATE] + (size_t)batch * (size_t)p.outputs;
        float *cell = (float *)tensors[LSTM_CELL_STATE] + (size_t)batch * (size_t)p.cells;
        for (int32_t time = 0; time < p.times; time++) {
            const size_t row =
                (size_t)ek_lstm_row(batch, time, p.batches, p.times, p.time_major);
            const float *input = (const float *)tensors[0] + row * (size_t)p.inputs;
            float *output = (float *)tensors[LSTM_OPERANDS] + row * (size_t)p.outputs;

            for (int32_t gate = INPUT_GATE + p.coupled; gate <= CELL_GATE; gate++)
                calculate_gate(&p, gate, tensors, input, state, cell, gates[gate]);
            for (int32_t c = 0; c < p.cells; c++) {
                const float forget = gates[FORGET_GATE][c];
                const float in = p.coupled ? 1 - forget : gates[INPUT_GATE][c];
                cell[c] = clipped(forget * cell[c] + gates[CELL_GATE][c] * in, p.cell_clip);
            }
            calculate_gate(&p, OUTPUT_GATE, tensors, input, state, cell, gates[OUTPUT_GATE]);
            float *hidden = p.projection ? gates[CELL_GATE] : state;
            for (int32_t c = 0; c < p.cells; c++)
                hidden[c] = gates[OUTPUT_GATE][c] * ek_tanh_of(cell[c]);
            if (p.projection) {
                for (int32_t o = 0; o < p.outputs; o++)
                    state[o] = p.projection_bias ? ek_flash_float(&projection_bias[o]) : 0;
                add_product(projection, hidden, p.outputs, p.cells, state);
                for (int32_t o = 0; o < p.outputs; o++)
                    state[o] = clipped(state[o], p.projection_clip);
            }
            memcpy(output, state, sizeof(float) * (size_t)p.outputs);
        }
    }
}
