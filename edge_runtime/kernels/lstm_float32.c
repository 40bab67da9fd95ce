/* UNIDIRECTIONAL_SEQUENCE_LSTM of float32, with weights of float32 or int8; the meaning
 * is defined in lstm_float32.py. */
#define EK_ROLLED
#include "kernel.h"

#include <string.h>

#include "dense_float32.h"
#include "flash.h"
#include "hybrid.h"
#include "lstm.h"
#include "sigmoid_float32.h"
#include "square_root.h"

/* int8 [rows][depth] times a quantised vector, scaled and added to sums. */
static inline void add_hybrid(const int8_t *matrix, const int16_t *vector, float scale,
                              int32_t rows, int32_t depth, float *sums)
{
    for (int32_t row = 0; row < rows; row++, matrix += depth) {
        int32_t sum = 0;
        for (int32_t k = 0; k < depth; k++)
            sum += (int32_t)vector[k] * ek_flash_int8(&matrix[k]);
        sums[row] += (float)sum * scale;
    }
}

static inline void normalise(float *values, int32_t count)
{
    float sum = 0, squares = 0;
    for (int32_t i = 0; i < count; i++)
        sum += values[i];
    const float mean = sum / (float)count;
    for (int32_t i = 0; i < count; i++)
        squares += (values[i] - mean) * (values[i] - mean);
    const float factor = 1 / ek_square_root(squares / (float)count + 1e-8f);
    for (int32_t i = 0; i < count; i++)
        values[i] = (values[i] - mean) * factor;
}

/* The scale of an input of the op, of int8. */
static inline float weight_scale(void *const *tensors, int32_t position)
{
    return ek_flash_float((const float *)tensors[LSTM_OPERANDS] + position - 1);
}

/* What a step multiplies with the weights: floats, or int8 numbers less their zero point. */
typedef struct {
    const float *input, *state;
    int16_t *quantized_input, *quantized_state;
    float input_scale, state_scale;
} Vectors;

static inline void calculate_gate(const LstmFloat32 *p, int32_t gate, void *const *tensors,
                                  const Vectors *v, const float *cell, float *values,
                                  int32_t hybrid, ek_lstm_product *add_product,
                                  ek_lstm_each *activate)
{
    const int32_t looking = ek_peephole(gate);
    const void *weights = tensors[LSTM_WEIGHTS + gate];
    const void *recurrent = tensors[LSTM_RECURRENT + gate];
    const float *bias = (const float *)tensors[LSTM_BIASES + gate];
    const float *norm = (const float *)tensors[LSTM_NORMS + gate];

    for (int32_t c = 0; c < p->cells; c++)
        values[c] = p->layer_norm ? 0 : ek_flash_float(&bias[c]);
    if (hybrid) {
        const float input = v->input_scale * weight_scale(tensors, LSTM_WEIGHTS + gate);
        const float state = v->state_scale * weight_scale(tensors, LSTM_RECURRENT + gate);
        add_hybrid((const int8_t *)weights, v->quantized_input, input, p->cells, p->inputs, values);
        add_hybrid((const int8_t *)recurrent, v->quantized_state, state, p->cells, p->outputs,
                   values);
    } else {
        add_product((const float *)weights, v->input, p->cells, p->inputs, values);
        add_product((const float *)recurrent, v->state, p->cells, p->outputs, values);
    }
    if (p->peephole && gate != CELL_GATE)
        for (int32_t c = 0; c < p->cells; c++) {
            float weight;
            if (hybrid)
                weight = weight_scale(tensors, looking) *
                         (float)ek_flash_int8((const int8_t *)tensors[looking] + c);
            else
                weight = ek_flash_float((const float *)tensors[looking] + c);
            values[c] += weight * cell[c];
        }
    if (p->layer_norm) {
        normalise(values, p->cells);
        for (int32_t c = 0; c < p->cells; c++)
            values[c] = values[c] * ek_flash_float(&norm[c]) + ek_flash_float(&bias[c]);
    }
    activate(p->cells, values, values);
}

static inline float clipped(float value, float clip)
{
    if (clip > 0) {
        value = value < -clip ? -clip : value;
        value = value > clip ? clip : value;
    }
    return value;
}

/* The output state from the hidden vector. */
static inline void project(const LstmFloat32 *p, void *const *tensors, const float *hidden,
                           int16_t *quantized, float *state, int32_t hybrid,
                           ek_lstm_product *add_product)
{
    const void *matrix = tensors[LSTM_PROJECTION];
    const float *bias = (const float *)tensors[LSTM_PROJECTION_BIAS];

    for (int32_t o = 0; o < p->outputs; o++)
        state[o] = p->projection_bias ? ek_flash_float(&bias[o]) : 0;
    if (hybrid) {
        const float scale = ek_quantize_hybrid(hidden, p->cells, p->asymmetric, quantized);
        add_hybrid((const int8_t *)matrix, quantized,
                   scale * weight_scale(tensors, LSTM_PROJECTION), p->outputs, p->cells, state);
    } else {
        add_product((const float *)matrix, hidden, p->outputs, p->cells, state);
    }
    for (int32_t o = 0; o < p->outputs; o++)
        state[o] = clipped(state[o], p->projection_clip);
}

/* Variants of the kernel call it with functions of theirs. */
void ek_run_lstm(const int32_t *params, void *const *tensors, int32_t hybrid,
                 ek_lstm_product *add_product, ek_lstm_each *tanhs, ek_lstm_each *logistics)
{
    LstmFloat32 p;
    memcpy(&p, params, sizeof p);
    void *const *rest = tensors + LSTM_OPERANDS + hybrid; /* output and scratch */
    const size_t inputs = (size_t)p.inputs, outputs = (size_t)p.outputs, cells = (size_t)p.cells;
    float *gates[GATES];
    for (int32_t gate = 0; gate < GATES; gate++)
        gates[gate] = (float *)rest[1] + (size_t)gate * cells;
    int16_t *quantized = (int16_t *)(gates[OUTPUT_GATE] + cells);

    for (int32_t batch = 0; batch < p.batches; batch++) {
        float *state = (float *)tensors[LSTM_OUTPUT_STATE] + (size_t)batch * outputs;
        float *cell = (float *)tensors[LSTM_CELL_STATE] + (size_t)batch * cells;
        for (int32_t time = 0; time < p.times; time++) {
            const size_t row =
                (size_t)ek_lstm_row(batch, time, p.batches, p.times, p.time_major);
            Vectors v = {(const float *)tensors[0] + row * inputs, state, quantized, NULL, 0, 0};
            v.quantized_state = quantized + inputs;
            if (hybrid) {
                v.input_scale =
                    ek_quantize_hybrid(v.input, p.inputs, p.asymmetric, v.quantized_input);
                v.state_scale =
                    ek_quantize_hybrid(state, p.outputs, p.asymmetric, v.quantized_state);
            }

            for (int32_t gate = INPUT_GATE + p.coupled; gate <= OUTPUT_GATE; gate++) {
                for (int32_t c = 0; gate == OUTPUT_GATE && c < p.cells; c++) {
                    const float forget = gates[FORGET_GATE][c];
                    const float in = p.coupled ? 1 - forget : gates[INPUT_GATE][c];
                    const float value = forget * cell[c] + gates[CELL_GATE][c] * in;
                    cell[c] = clipped(value, p.cell_clip);
                }
                calculate_gate(&p, gate, tensors, &v, cell, gates[gate], hybrid, add_product,
                               gate == CELL_GATE ? tanhs : logistics);
            }
            float *hidden = p.projection ? gates[CELL_GATE] : state;
            tanhs(p.cells, cell, hidden);
            for (int32_t c = 0; c < p.cells; c++)
                hidden[c] = gates[OUTPUT_GATE][c] * hidden[c];
            if (p.projection)
                project(&p, tensors, hidden, quantized + inputs + outputs, state, hybrid,
                        add_product);
            memcpy((float *)rest[0] + row * outputs, state, sizeof(float) * outputs);
        }
    }
}

static void tanh_each(int32_t count, const float *input, float *output)
{
    for (int32_t i = 0; i < count; i++)
        output[i] = ek_tanh_of(input[i]);
}

static void logistic_each(int32_t count, const float *input, float *output)
{
    for (int32_t i = 0; i < count; i++)
        output[i] = ek_logistic_of(input[i]);
}

/* Bytes of scratch memory: the gates of one batch. */
size_t ek_lstm_float32_scratch(const int32_t *params)
{
    const LstmFloat32 *p = (const LstmFloat32 *)params;
    return GATES * sizeof(float) * (size_t)p->cells;
}

/* tensors: the op's inputs, output float, scratch. */
void ek_lstm_float32(const int32_t *params, void *const *tensors)
{
    ek_run_lstm(params, tensors, 0, ek_add_product, tanh_each, logistic_each);
}

/* And of three vectors in int16. */
size_t ek_lstm_float32_hybrid_scratch(const int32_t *params)
{
    const LstmFloat32 *p = (const LstmFloat32 *)params;
    const size_t cells = (size_t)p->cells, others = (size_t)p->inputs + (size_t)p->outputs;
    return GATES * sizeof(float) * cells + sizeof(int16_t) * (cells + others);
}

/* tensors: the op's inputs, scales float of its inputs from 1 on, output float, scratch. */
void ek_lstm_float32_hybrid(const int32_t *params, void *const *tensors)
{
    ek_run_lstm(params, tensors, 1, ek_add_product, tanh_each, logistic_each);
}
